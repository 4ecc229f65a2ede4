//! The accounts of the document: which connector reads each, with which settings and secrets.
//!
//! What a platform wants to know, its connector says; no platform is named here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chatledger_connectors::connector::{Connection, Connector, Secrets, Setting, SettingProblem};
use chatledger_projections::ids::ConnectionName;

use super::document::{Entry, Table, Value};
use super::problem::Problem;
use super::secrets::{self, SecretSource};
use super::section::path;

/// The longest name of a connection or a route.
const LONGEST_NAME: usize = 64;

/// One configured account at a platform, opened.
#[derive(Clone)]
pub struct Account {
    /// What is true of every account at this platform.
    pub connector: &'static dyn Connector,
    /// What is true of this one.
    pub connection: Arc<dyn Connection>,
    /// Its secrets.
    pub secrets: Secrets,
    /// Its settings, without secrets, as they go into the log.
    pub settings: serde_json::Value,
}

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the connection: what a connector keeps in it is its own affair.
        formatter
            .debug_struct("Account")
            .field("platform", &self.connector.platform())
            .field("settings", &self.settings)
            .field("secrets", &self.secrets)
            .finish()
    }
}

/// The accounts that could be opened, and the lines of all that were named.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// Those in order.
    pub opened: BTreeMap<ConnectionName, Account>,
    /// All names, with their lines.
    pub named: BTreeMap<ConnectionName, usize>,
}

/// Reads the section `connections`.
pub(super) fn read(
    section: Option<Entry>,
    connectors: &[&'static dyn Connector],
    source: &dyn SecretSource,
    problems: &mut Vec<Problem>,
) -> Connections {
    let mut connections = Connections::default();
    for (name, entry) in subsections("connections", section, problems) {
        let path = path("connections", &name);
        if let Some(problem) = problem_of_name(&name, &path, entry.line) {
            problems.push(problem);
            continue;
        }
        let name = ConnectionName::new(name);
        connections.named.insert(name.clone(), entry.line);
        let mut reading = Reading { name: &name, path, line: entry.line, source, problems };
        if let Some(account) = reading.account(entry, connectors) {
            connections.opened.insert(name, account);
        }
    }
    connections
}

/// The named tables within a section.
pub(super) fn subsections(section: &str, entry: Option<Entry>, problems: &mut Vec<Problem>) -> Table {
    match entry {
        None => Table::new(),
        Some(Entry { value: Value::Table(table), .. }) => table,
        Some(Entry { line, value }) => {
            problems.push(Problem {
                line: Some(line),
                key: section.to_owned(),
                value: None,
                reason: format!("it is {}, not a section", value.kind()),
                remedy: format!("write [{section}.NAME], and its settings below"),
            });
            Table::new()
        }
    }
}

/// What is wrong with the name of a connection or a route: it stands in addresses, ids and metrics.
pub(super) fn problem_of_name(name: &str, path: &str, line: usize) -> Option<Problem> {
    let is_sound = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        // In an address these two mean something else.
        && !matches!(name, "." | "..");
    (!is_sound).then(|| Problem {
        line: Some(line),
        key: path.to_owned(),
        value: None,
        reason: "this name cannot stand in an address".to_owned(),
        remedy: format!("use 1 to {LONGEST_NAME} letters, digits, dots, dashes and underscores"),
    })
}

struct Reading<'a> {
    name: &'a ConnectionName,
    path: String,
    line: usize,
    source: &'a dyn SecretSource,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    fn account(&mut self, entry: Entry, connectors: &[&'static dyn Connector]) -> Option<Account> {
        let before = self.problems.len();
        let Value::Table(mut given) = entry.value else {
            let remedy = format!("write [{}], and its settings below", self.path);
            self.problem("", Some(self.line), None, format!("it is {}, not a section", entry.value.kind()), remedy);
            return None;
        };
        let connector = self.connector(given.remove("platform"), connectors)?;
        let secrets = self.secrets(connector.secrets(), &mut given);
        let settings = self.settings(connector, &mut given);
        self.refuse_rest(connector, given);
        let connection = connector.connect(self.name, &settings);
        let found = match &connection {
            Ok(connection) => connection.problems_with(&secrets),
            Err(found) => found.clone(),
        };
        for problem in &found {
            self.add(problem, &settings, before);
        }
        match connection {
            Ok(connection) if self.problems.len() == before => {
                Some(Account { connector, connection: connection.into(), secrets, settings })
            }
            Ok(_) | Err(_) => None,
        }
    }

    fn connector(
        &mut self,
        entry: Option<Entry>,
        connectors: &[&'static dyn Connector],
    ) -> Option<&'static dyn Connector> {
        let known: Vec<_> = connectors.iter().map(|connector| format!("{:?}", connector.platform())).collect();
        let remedy = format!("write platform = one of {}", known.join(", "));
        let Some(entry) = entry else {
            self.problem("platform", Some(self.line), None, "it is missing", remedy);
            return None;
        };
        let found = match &entry.value {
            Value::Text(platform) => connectors.iter().copied().find(|connector| connector.platform() == platform),
            Value::Integer(_)
            | Value::Decimal(_)
            | Value::Boolean(_)
            | Value::Moment(_)
            | Value::List(_)
            | Value::Table(_) => None,
        };
        if found.is_none() {
            self.problem("platform", Some(entry.line), entry.value.shown(), "no connector has this name", remedy);
        }
        found
    }

    fn secrets(&mut self, wanted: &[Setting], given: &mut Table) -> Secrets {
        let mut secrets = Secrets::default();
        for secret in wanted {
            let path = path(&self.path, secret.key);
            match given.remove(secret.key) {
                Some(entry) => match secrets::look_up(&path, secret.key, &entry, self.source) {
                    Ok(found) => secrets.insert(secret.key, found),
                    Err(problem) => self.problems.push(problem),
                },
                None if secret.required => {
                    let remedy = format!("write {} = {{ env = \"VARIABLE\" }}: {}", secret.key, lower(secret.about));
                    self.problem(secret.key, Some(self.line), None, "it is missing", remedy);
                }
                None => {}
            }
        }
        secrets
    }

    fn settings(&mut self, connector: &dyn Connector, given: &mut Table) -> serde_json::Value {
        let mut settings = serde_json::Map::new();
        for setting in connector.settings() {
            match given.remove(setting.key) {
                Some(entry) => {
                    settings.insert(setting.key.to_owned(), entry.value.to_json());
                }
                None if setting.required => {
                    let remedy = format!("write {} = {}: {}", setting.key, setting.example, lower(setting.about));
                    self.problem(setting.key, Some(self.line), None, "it is missing", remedy);
                }
                None => {}
            }
        }
        settings.into()
    }

    /// Whatever the connector did not ask for. Values are not shown: one may be a secret whose key was misspelt.
    fn refuse_rest(&mut self, connector: &dyn Connector, given: Table) {
        let known = || connector.settings().iter().chain(connector.secrets()).map(|setting| setting.key);
        for (key, entry) in given {
            let known: Vec<_> = ["platform"].into_iter().chain(known()).collect();
            let remedy = format!("take it away, or correct it to one of: {}", known.join(", "));
            self.problem(&key, Some(entry.line), None, "there is no such setting", remedy);
        }
    }

    /// A problem that the connector found, unless we said so already.
    fn add(&mut self, problem: &SettingProblem, settings: &serde_json::Value, before: usize) {
        let key = if problem.key.is_empty() { self.path.clone() } else { path(&self.path, &problem.key) };
        if self.problems[before..].iter().any(|known| known.key == key) {
            return;
        }
        let value = settings.get(&problem.key).map(ToString::to_string);
        let (reason, remedy) = (problem.reason.clone(), problem.remedy.clone());
        self.problems.push(Problem { line: Some(self.line), key, value, reason, remedy });
    }

    fn problem(
        &mut self,
        key: &str,
        line: Option<usize>,
        value: Option<String>,
        reason: impl Into<String>,
        remedy: String,
    ) {
        let key = if key.is_empty() { self.path.clone() } else { path(&self.path, key) };
        self.problems.push(Problem { line, key, value, reason: reason.into(), remedy });
    }
}

/// A sentence as the rest of another.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut signs = sentence.chars();
    match signs.next() {
        // An abbreviation stays one.
        Some(first) if !signs.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(signs).collect()
        }
        Some(_) | None => sentence.to_owned(),
    }
}
