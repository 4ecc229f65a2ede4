//! The configuration: a document in, every setting as its real type out, or everything that is wrong with it at once.
//!
//! `config.default.toml` explains each setting and is the default: its values are read first, and the given document
//! goes over them. Secrets never stand in the document; it says where they are. What of all this the folds depend on
//! goes into the log ([`Config::recorded`]), without secrets.
//!
//! * [`document`], [`section`] and [`value`] read any document of this kind; [`problem`] is what they find;
//! * [`connections`], [`routes`], [`assistants`] and [`secrets`] know ours; [`init`] writes one to begin with.

mod access;
mod assistants;
mod connections;
mod document;
mod init;
mod media;
mod problem;
mod reading;
mod routes;
mod secrets;
mod section;
mod spool;
mod telemetry;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use chatledger_connectors::connector::Connector;
use chatledger_projections::configuration::{self, Configuration};
use chatledger_projections::ids::{ConnectionName, RouteName};

use crate::log::address::NotALog;

pub use crate::log::address::LogAddress;
pub use connections::Account;
pub use init::{init, init_for};
pub use media::Media;
pub use problem::{Invalid, Problem};
pub use reading::Reading;
pub use secrets::{SecretSource, System};
pub use spool::Spool;
pub use telemetry::Telemetry;

use crate::api::access::TokenDigest;
use crate::dispatch::circuit::CircuitRules;
use document::{Entry, Table, Value};
use media::media;
use problem::Wrong;
use section::Section;
use value::{address, choice, count, duration, header_name, size, text};

/// The document that explains each setting and holds the defaults.
pub const DEFAULT: &str = include_str!("../../config.default.toml");

/// The largest body that may be configured: what fits into an event of any store, with room for what is said about it.
const LARGEST_BODY: usize = crate::log::LARGEST_EVENT - 256 * 1024;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything that can be configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the log is.
    pub log: LogAddress,
    /// How webhooks come in.
    pub server: Server,
    /// Where webhooks wait while the log does not take them; `None` if they do not.
    pub spool: Option<Spool>,
    /// How calls go out.
    pub dispatch: Dispatch,
    /// How several engines share one log.
    pub engines: Engines,
    /// How files come and where they lie.
    pub media: Media,
    /// What answers the questions of people.
    pub reading: Reading,
    /// The tokens of those who may ask at the private address, by name.
    pub tokens: BTreeMap<String, TokenDigest>,
    /// How the program tells what it does.
    pub logging: Logging,
    /// Who else wants to know.
    pub telemetry: Telemetry,
    /// The configured accounts.
    pub connections: BTreeMap<ConnectionName, Account>,
    /// What is joined to what.
    pub routes: BTreeMap<RouteName, configuration::Route>,
    /// What is odd, but can be.
    pub warnings: Vec<Problem>,
}

/// All configured accounts.
pub type Accounts = BTreeMap<ConnectionName, Account>;

/// How webhooks come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// Where webhooks arrive.
    pub listen: SocketAddr,
    /// Where health and metrics are shown.
    pub private: SocketAddr,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// How long one webhook may take.
    pub request_timeout: Duration,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
    /// How many webhooks are in hand at once.
    pub max_requests: usize,
    /// How many connections are open at once.
    pub max_connections: usize,
    /// How often in a minute one peer may be refused before it is distrusted.
    pub refusals_per_minute: NonZeroU32,
    /// The header in which a proxy says for whom it speaks; `None` if nobody is believed.
    pub peer_header: Option<String>,
    /// How old a webhook may be by the time that it proves; `None` if any age is taken.
    pub replay_window: Option<Duration>,
}

/// How calls go out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispatch {
    /// How many calls to one connection are under way at once.
    pub in_flight: usize,
    /// How long a call is tried again.
    pub give_up_after: Duration,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// The first wait between two tries.
    pub retry_first: Duration,
    /// The longest wait between two tries.
    pub retry_cap: Duration,
    /// When a platform that does not answer is left alone.
    pub circuit: CircuitRules,
    /// How long calls may take to finish at the end of the program.
    pub shutdown_grace: Duration,
}

/// How several engines share one log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Engines {
    /// After how long of an engine's silence others take over.
    pub lease: Duration,
}

/// How the program tells what it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Logging {
    /// For whom.
    pub format: LogFormat,
    /// How much.
    pub level: tracing::Level,
}

/// For whom the program tells what it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one object a line.
    Json,
}

impl Config {
    /// Reads a document from a file, with secrets from the environment and from files.
    pub fn load(path: &Path) -> Result<Self, Invalid> {
        let document = Some(path.display().to_string());
        let text = std::fs::read_to_string(path).map_err(|error| {
            let reason = format!("it cannot be read ({error})");
            let remedy = "name a configuration, or write one with `chatledger init`".to_owned();
            let problem = Problem { line: None, key: String::new(), value: None, reason, remedy };
            Invalid { document: document.clone(), problems: vec![problem] }
        })?;
        Self::parse(&text, &System).map_err(|invalid| Invalid { document, ..invalid })
    }

    /// Reads a document, with secrets from wherever `secrets` has them.
    pub fn parse(text: &str, secrets: &dyn SecretSource) -> Result<Self, Invalid> {
        Self::parse_for(chatledger_connectors::ALL, text, secrets)
    }

    /// The same for other connectors than all of ours.
    pub fn parse_for(
        connectors: &[&'static dyn Connector],
        text: &str,
        secrets: &dyn SecretSource,
    ) -> Result<Self, Invalid> {
        let invalid = |problems| Invalid { document: None, problems };
        let mut given = document::read(text).map_err(invalid)?;
        let mut defaults = document::read(DEFAULT).expect("config.default.toml is TOML; a test reads it");
        let mut problems = Vec::new();
        let mut warnings = Vec::new();

        let tokens = access::read(given.remove("access"), &mut problems);
        let private_line = line_within(&given, "server", "private");
        let server = server(&mut given, &mut defaults, &mut problems);
        let reading = (given.remove("reading"), defaults.remove("reading"));
        let spool = (given.remove("spool"), defaults.remove("spool"));
        let dispatch = dispatch(&mut given, &mut defaults, &mut problems);
        let engines = engines(&mut given, &mut defaults, &mut problems);
        let media = media(&mut given, &mut defaults, &mut problems);
        let logging = logging(&mut given, &mut defaults, &mut problems);
        let telemetry = telemetry::read(given.remove("telemetry"), defaults.remove("telemetry"), &mut problems);
        let connections = connections::read(given.remove("connections"), connectors, secrets, &mut problems);
        let routes = routes::read(given.remove("routes"), &connections, &mut problems, &mut warnings);
        let log = log(given, defaults, &mut problems);
        let spool = spool::read(spool, &log, server.request_timeout, &mut problems);
        let reading = reading::read(reading, &log, &mut problems);
        problems.extend(access::look(server.private, private_line, reading.place.is_some(), &tokens));
        if connections.named.is_empty() {
            warnings.push(Problem {
                line: None,
                key: "connections".to_owned(),
                value: None,
                reason: "there is none: no webhook will be let in".to_owned(),
                remedy: "write a section [connections.NAME] for each account".to_owned(),
            });
        }

        if problems.is_empty() {
            Ok(Self {
                log,
                server,
                spool,
                dispatch,
                engines,
                media,
                reading,
                tokens,
                logging,
                telemetry,
                connections: connections.opened,
                routes,
                warnings,
            })
        } else {
            // Missing things last: they stand nowhere.
            problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
            Err(invalid(problems))
        }
    }

    /// What of it goes into the log: all that folds and policies depend on, without secrets.
    pub fn recorded(&self) -> Configuration {
        let connection = |account: &Account| configuration::Connection {
            platform: account.connector.platform().to_owned(),
            traits: account.connection.traits(),
            files: account.connection.files(),
            settings: account.settings.clone(),
        };
        Configuration {
            connections: self.connections.iter().map(|(name, account)| (name.clone(), connection(account))).collect(),
            routes: self.routes.clone(),
        }
    }
}

fn server(given: &mut Table, defaults: &mut Table, problems: &mut Vec<Problem>) -> Server {
    let mut section =
        Section::of("server".to_owned(), given.remove("server"), problems).with_defaults(defaults.remove("server"));
    let private_line = section.line_of("private");
    let second = Duration::from_secs(1);
    let server = Server {
        listen: section.setting("listen", address),
        private: section.setting("private", address),
        max_body: section.setting("max_body", size(1..=LARGEST_BODY)),
        request_timeout: section.setting("request_timeout", duration(second / 10..=60 * second)),
        idle_timeout: section.setting("idle_timeout", duration(second..=DAY)),
        max_requests: section.setting("max_requests", count(1..=100_000)) as usize,
        max_connections: section.setting("max_connections", count(1..=100_000)) as usize,
        refusals_per_minute: NonZeroU32::new(section.setting("refusals_per_minute", count(1..=1_000_000)))
            .expect("the range begins with one"),
        peer_header: section.optional("peer_header", header_name),
        replay_window: section.optional("replay_window", duration(60 * second..=365 * DAY)),
    };
    // Port 0 means any that is free, so two of them differ.
    if server.listen == server.private && server.listen.port() != 0 {
        let key = section.path_of("private");
        section.problems().push(Problem {
            line: private_line,
            key,
            value: Some(format!("\"{}\"", server.private)),
            reason: "webhooks arrive at the same address".to_owned(),
            remedy: "give it another port".to_owned(),
        });
    }
    section.finish();
    server
}

fn dispatch(given: &mut Table, defaults: &mut Table, problems: &mut Vec<Problem>) -> Dispatch {
    let mut section = Section::of("dispatch".to_owned(), given.remove("dispatch"), problems)
        .with_defaults(defaults.remove("dispatch"));
    let (connect_line, retry_line) = (section.line_of("connect_timeout"), section.line_of("retry_first"));
    let circuit_line = section.line_of("circuit_first");
    let millisecond = Duration::from_millis(1);
    let minute = Duration::from_secs(60);
    let dispatch = Dispatch {
        in_flight: section.setting("in_flight", count(1..=1000)) as usize,
        give_up_after: section.setting("give_up_after", duration(millisecond..=365 * DAY)),
        connect_timeout: section.setting("connect_timeout", duration(millisecond..=5 * minute)),
        call_timeout: section.setting("call_timeout", duration(millisecond..=10 * minute)),
        retry_first: section.setting("retry_first", duration(millisecond..=DAY)),
        retry_cap: section.setting("retry_cap", duration(millisecond..=DAY)),
        circuit: CircuitRules {
            after: section.setting("circuit_after", count(1..=1_000_000)),
            first: section.setting("circuit_first", duration(millisecond..=DAY)),
            cap: section.setting("circuit_cap", duration(millisecond..=DAY)),
        },
        shutdown_grace: section.setting("shutdown_grace", duration(Duration::ZERO..=60 * minute)),
    };
    let mut refuse = |line, key, reason: &str, remedy: &str| {
        let key = section.path_of(key);
        let (reason, remedy) = (reason.to_owned(), remedy.to_owned());
        section.problems().push(Problem { line, key, value: None, reason, remedy });
    };
    if dispatch.connect_timeout > dispatch.call_timeout {
        refuse(connect_line, "connect_timeout", "it is longer than call_timeout", "make it part of call_timeout");
    }
    if dispatch.retry_first > dispatch.retry_cap {
        refuse(retry_line, "retry_first", "it is longer than retry_cap", "make retry_cap the longest wait");
    }
    if dispatch.circuit.first > dispatch.circuit.cap {
        refuse(circuit_line, "circuit_first", "it is longer than circuit_cap", "make circuit_cap the longest pause");
    }
    section.finish();
    dispatch
}

fn engines(given: &mut Table, defaults: &mut Table, problems: &mut Vec<Problem>) -> Engines {
    let mut section =
        Section::of("engines".to_owned(), given.remove("engines"), problems).with_defaults(defaults.remove("engines"));
    // Shorter, and a log that takes its time over one append costs an engine its duties.
    let lease = section.setting("lease", duration(Duration::from_secs(1)..=Duration::from_secs(600)));
    section.finish();
    Engines { lease }
}

fn logging(given: &mut Table, defaults: &mut Table, problems: &mut Vec<Problem>) -> Logging {
    use tracing::Level;
    let mut section =
        Section::of("logging".to_owned(), given.remove("logging"), problems).with_defaults(defaults.remove("logging"));
    let levels = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    let logging = Logging {
        format: section.setting("format", choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)])),
        level: section.setting("level", choice(&levels)),
    };
    section.finish();
    logging
}

/// The line of a setting within a section, or else of the section.
fn line_within(given: &Table, section: &str, key: &str) -> Option<usize> {
    let entry = given.get(section)?;
    match &entry.value {
        Value::Table(table) => Some(table.get(key).map_or(entry.line, |inner| inner.line)),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Boolean(_)
        | Value::Moment(_)
        | Value::List(_) => Some(entry.line),
    }
}

/// What is left at the top of the document.
fn log(mut given: Table, defaults: Table, problems: &mut Vec<Problem>) -> LogAddress {
    if let Some(Entry { value: Value::Text(text), line: _ }) = given.get_mut("log") {
        hide_password(text);
    }
    let whole = |table| Some(Entry { line: 1, value: Value::Table(table) });
    let mut section = Section::of(String::new(), whole(given), problems).with_defaults(whole(defaults));
    let log = section.setting("log", log_address);
    // They were read before; whoever misspells one is told its name.
    let sections = [
        "server",
        "spool",
        "dispatch",
        "engines",
        "media",
        "reading",
        "access",
        "logging",
        "telemetry",
        "connections",
        "routes",
    ];
    for known in sections {
        let _read = section.take(known);
    }
    section.finish();
    log
}

/// What stands before an `@` in an address is refused, and must not be shown when it is.
fn hide_password(address: &mut String) {
    if let (Some(begin), Some(end)) = (address.find("://"), address.rfind('@'))
        && begin + 3 < end
    {
        address.replace_range(begin + 3..end, "…");
    }
}

fn log_address(value: &Value) -> Result<LogAddress, Wrong> {
    text(value)?.parse().map_err(|NotALog { reason, remedy }| Wrong::new(reason, remedy))
}

#[cfg(test)]
mod tests;
