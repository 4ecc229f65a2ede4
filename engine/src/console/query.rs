//! What stands behind the question mark of an address, and in a form: names and values, in order, some of them twice.
//!
//! Takes texts; gives pairs, and addresses made of them. What cannot be read is passed over: an address is typed by people.

use url::form_urlencoded;

/// The most that is read of a form; far more than any of ours has.
pub const LARGEST_FORM: usize = 256 * 1024;

/// Names and values in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query(pub Vec<(String, String)>);

impl Query {
    /// Reads an address's query or a form's body.
    pub fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first value of a name, without space around it, unless nothing is left of it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// All values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }
}

/// An address with these names and values behind its path.
pub fn address<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs = pairs.into_iter().peekable();
    if pairs.peek().is_none() {
        return path.to_owned();
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        query.append_pair(name, value);
    }
    format!("{path}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_reads_back_as_it_was_made_and_nonsense_is_empty() {
        let made = address("/console/log", [("q", "a&b=ж ?"), ("at", "17")]);
        let query = Query::read(made.split_once('?').expect("a query").1.as_bytes());
        assert_eq!((query.get("q"), query.get("at"), query.get("x")), (Some("a&b=ж ?"), Some("17"), None));
        assert_eq!(address("/console", []), "/console");
        assert_eq!(Query::read(b"&&=&%ff=%zz&q=%20").get("q"), None);
        let twice = Query::read(b"intent=a&intent=b");
        assert_eq!(twice.all("intent").collect::<Vec<_>>(), ["a", "b"]);
    }
}
