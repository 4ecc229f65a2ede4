//! Which connection a path means. A request's path in, a connection's name and the rest out.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Where webhooks arrive.
const HOOKS: &str = "/hooks/";

/// Whether a path is one at which webhooks arrive, whatever follows.
pub(super) fn is_a_webhooks(path: &str) -> bool {
    path.starts_with(HOOKS)
}

/// What a path means: `/hooks/{connection}/{tail…}`.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Address<'a> {
    /// Which connection is meant, if there is one of this name.
    pub connection: Cow<'a, str>,
    /// What follows, without a slash at either end; may be empty.
    pub tail: Cow<'a, str>,
}

impl<'a> Address<'a> {
    /// Reads a path as it stands in the request. It is taken apart before it is decoded, so that an encoded slash in
    /// the name cannot move the border.
    pub fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix(HOOKS)?;
        let (connection, tail) = rest.split_once('/').unwrap_or((rest, ""));
        if connection.is_empty() {
            return None;
        }
        Some(Self { connection: decoded(connection)?, tail: decoded(tail.trim_matches('/'))? })
    }
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Option<(String, String)> {
        Address::of(path).map(|address| (address.connection.into_owned(), address.tail.into_owned()))
    }

    #[test]
    fn a_path_names_a_connection_and_what_follows() {
        for (path, connection, tail) in [
            ("/hooks/crm.main", "crm.main", ""),
            ("/hooks/crm.main/", "crm.main", ""),
            ("/hooks/crm.main/a_b", "crm.main", "a_b"),
            ("/hooks/crm.main/a/b/", "crm.main", "a/b"),
            ("/hooks/crm%2Emain/k%2Bv%20w", "crm.main", "k+v w"),
            ("/hooks/crm%2Fmain/x", "crm/main", "x"),
        ] {
            assert_eq!(read(path), Some((connection.to_owned(), tail.to_owned())), "{path}");
        }
    }

    #[test]
    fn other_paths_name_nothing() {
        for path in
            ["", "/", "/hooks", "/hooks/", "/hooks//x", "/Hooks/x", "/x/hooks/y", "*", "/hooks/%ff/x", "/hooks/x/%ff"]
        {
            assert_eq!(read(path), None, "{path}");
        }
    }
}
