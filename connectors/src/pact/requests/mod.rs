//! Everything that can be asked of Pact, in both generations: parameters in, requests without credentials out.
//!
//! What a bridge means is said in `encode` and `probe`, what a person asks for in `commands`; both ask here. Absent are only
//! calls of which the contract does not say how they are made (the second step of Instagram, 4.3), and those that the
//! vendor has taken back (service messages, sign-in by SMS).

pub(super) mod body;
pub(super) mod v1;
pub(super) mod v2;

pub(super) use body::{Form, Upload};

/// Which part of a list of the first generation (5.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Stretch {
    /// The token of the page before; Pact answers a wrong one with the first page.
    pub(super) from: Option<String>,
    /// How many entries, 1 to 100.
    pub(super) per: Option<i64>,
    /// `asc` or `desc`.
    pub(super) sort_direction: Option<String>,
}

impl Stretch {
    fn into_query(self) -> Vec<(String, String)> {
        Form::default()
            .maybe("from", self.from)
            .maybe("per", self.per.map(|per| per.to_string()))
            .maybe("sort_direction", self.sort_direction)
            .into_pairs()
    }
}

/// Which page of a list of the second generation (8).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Page {
    /// Its number, from one.
    pub(super) page: Option<i64>,
    /// How many entries.
    pub(super) per_page: Option<i64>,
}

impl Page {
    fn add_to(self, form: Form) -> Form {
        form.maybe("page", self.page.map(|page| page.to_string()))
            .maybe("per_page", self.per_page.map(|per| per.to_string()))
    }
}

/// Where a file that is to be attached lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// Here.
    File(Upload),
    /// At an address.
    Url(String),
}

/// What else is said of a file (5.7, 9.3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Metadata {
    /// Whether a recording is shown as spoken into the messenger.
    pub(super) push_to_talk: Option<bool>,
    /// A picture's width in points.
    pub(super) width: Option<i64>,
    /// A picture's height in points.
    pub(super) height: Option<i64>,
}

/// Yes or no as both generations write it in forms (2.2).
fn flag(value: bool) -> String {
    value.to_string()
}
