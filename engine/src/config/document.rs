//! A TOML document with the line of each value. Text in, a tree out, or what is wrong with its grammar.
//!
//! Our own tree, because a reader that stops at the first wrong value would show one problem at a time.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// A table's entries by key.
pub(super) type Table = BTreeMap<String, Entry>;

/// A value and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry {
    /// The line on which it begins, from one.
    pub line: usize,
    /// What stands there.
    pub value: Value,
}

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
    Moment(String),
    List(Vec<Entry>),
    Table(Table),
}

impl Value {
    /// What kind of value it is, for people.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Decimal(_) => "a number with a fraction",
            Self::Boolean(_) => "true or false",
            Self::Moment(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// The value as people wrote it, cut if it is long; lists and tables are not shown.
    pub fn shown(&self) -> Option<String> {
        const MOST: usize = 80;
        match self {
            Self::Text(text) if text.chars().count() > MOST => {
                Some(format!("{:?}…", text.chars().take(MOST).collect::<String>()))
            }
            Self::Text(text) => Some(format!("{text:?}")),
            Self::Integer(number) => Some(number.to_string()),
            Self::Decimal(number) => Some(number.to_string()),
            Self::Boolean(flag) => Some(flag.to_string()),
            Self::Moment(moment) => Some(moment.clone()),
            Self::List(_) | Self::Table(_) => None,
        }
    }

    /// The same value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) | Self::Moment(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
            Self::Decimal(number) => (*number).into(),
            Self::Boolean(flag) => (*flag).into(),
            Self::List(entries) => entries.iter().map(|entry| entry.value.to_json()).collect(),
            Self::Table(table) => table
                .iter()
                .map(|(key, entry)| (key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Reads a document. Its grammar's errors come without the text around them: a secret may stand there by mistake.
pub(super) fn read(text: &str) -> Result<Table, Vec<Problem>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<_> = errors
        .iter()
        .map(|error| Problem {
            line: error.span().map(|span| lines.at(span.start)),
            key: String::new(),
            value: None,
            reason: format!("this is not TOML ({})", error.message()),
            remedy: "write it as `key = \"text\"` under a [section]".to_owned(),
        })
        .collect();
    let table = lines.table(table.get_ref(), &mut problems);
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(table) } else { Err(problems) }
}

/// Where each line begins.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }

    fn table(&self, table: &DeTable<'_>, problems: &mut Vec<Problem>) -> Table {
        table
            .iter()
            .map(|(key, value)| {
                // The key's line: that of a long text's value may be its second.
                let line = self.at(key.span().start);
                (key.get_ref().to_string(), Entry { line, value: self.value(value, problems) })
            })
            .collect()
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Value {
        match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => {
                    problems.push(Problem {
                        line: Some(self.at(value.span().start)),
                        key: String::new(),
                        value: None,
                        reason: "this number is too large".to_owned(),
                        remedy: "write a smaller one, or a text in quotes".to_owned(),
                    });
                    Value::Integer(0)
                }
            },
            DeValue::Float(number) => Value::Decimal(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Datetime(moment) => Value::Moment(moment.to_string()),
            DeValue::Array(list) => Value::List(
                list.iter()
                    .map(|value| Entry { line: self.at(value.span().start), value: self.value(value, problems) })
                    .collect(),
            ),
            DeValue::Table(table) => Value::Table(self.table(table, problems)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let table = read("a = 1\n\n[b]\nc = 0xf\nd = [\n 1,\n 2]\n").unwrap_or_default();
        assert_eq!(table["a"], Entry { line: 1, value: Value::Integer(1) });
        let Value::Table(inner) = &table["b"].value else { panic!("b is a table") };
        assert_eq!(inner["d"].line, 5);
        let Value::List(list) = &inner["d"].value else { panic!("d is a list") };
        assert_eq!(list[1], Entry { line: 7, value: Value::Integer(2) });
    }

    #[test]
    fn errors_of_grammar_name_the_line_and_not_the_text() {
        let problems = read("a = 1\nsecret = hunter2hunter2\nb = \"x\"\na = 2\n").expect_err("it is broken twice");
        assert_eq!(problems[0].line, Some(2));
        assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
    }
}
