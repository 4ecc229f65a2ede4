//! Who plays: the clients, as the messengers know them and as somebody typed them into the CRM.

/// A client as both sides know them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Client {
    /// International digits.
    pub(super) phone: &'static str,
    /// As somebody typed it into the CRM.
    pub(super) typed: &'static str,
    pub(super) name: &'static str,
}

pub(super) const ANNA: Client = Client { phone: "79161234501", typed: "79161234501", name: "Анна" };
pub(super) const OLGA: Client = Client { phone: "79161234502", typed: "8 (916) 123-45-02", name: "Ольга" };
pub(super) const PETR: Client = Client { phone: "79161234503", typed: "89161234503", name: "Пётр" };
pub(super) const IRINA: Client = Client { phone: "79161234504", typed: "8 916 123 45 04", name: "Ирина" };
/// The client of the note.
pub(super) const SERGEY: Client = Client { phone: "79135292926", typed: "89135292926", name: "Сергей" };
/// The visitor of the website.
pub(super) const VERA: Client = Client { phone: "79161234507", typed: "79161234507", name: "Вера" };
/// The simulated messenger knows no numbers with such an end.
pub(super) const NOBODY: Client = Client { phone: "79161234000", typed: "89161234000", name: "Игорь" };
