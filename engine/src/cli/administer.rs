//! Commands that platforms offer: built from what connectors say, sent under the account's own quotas, shown.
//!
//! No platform is known here. A connector's commands become words of the command line ([`subcommands`]); what was typed goes
//! back to it and becomes a call; its reply becomes a table or a document. Nothing is recorded: these are no intents. The
//! quotas are kept within one start of the program; an engine at work beside it is not seen, so what the platform says
//! of waiting is obeyed, too.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use chatledger::clock::{Clock as _, SystemClock};
use chatledger::config::{Account, Config};
use chatledger::dispatch::limits::Limits;
use chatledger::http::{Http, NoReply};
use chatledger::redaction::without_secrets;
use chatledger_connectors as connectors;
use chatledger_connectors::administration::{Answer, Argument, Command, Given, Takes, Typed, Typing};
use chatledger_connectors::connector::{Call, Connector, Reply};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::FailureKind;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use comfy_table::{ContentArrangement, Table, presets};

use super::CONFIG;
use super::failure::Failure;
use super::output::{Output, plain};

/// How often one call is made at most.
const TRIES: u32 = 4;

/// No longer wait than this is sat out; whoever typed the command waits, too.
const LONGEST_WAIT: Duration = Duration::from_secs(150);

/// The largest file that is uploaded: more than any messenger takes.
const LARGEST_FILE: u64 = 100 * 1024 * 1024;

/// The longest reply that is read.
const LONGEST_REPLY: usize = 16 * 1024 * 1024;

/// The words of the command line under which platforms' commands stand, one for each platform that has any.
pub fn subcommands() -> impl Iterator<Item = clap::Command> {
    with_commands().map(|connector| {
        let platform = connector.platform();
        let mut words = clap::Command::new(platform)
            .about(format!("Have something done at an account of {platform}"))
            .after_help(format!("Example: chatledger {platform} {}", example(&connector.commands()[0])))
            .subcommand_required(true)
            .arg_required_else_help(true);
        let mut nouns: Vec<&str> = Vec::new();
        for command in connector.commands() {
            if !nouns.contains(&command.noun) {
                nouns.push(command.noun);
            }
        }
        for noun in nouns {
            let commands = || connector.commands().iter().filter(move |command| command.noun == noun);
            let verbs = commands().map(|command| command.verb).collect::<Vec<_>>().join(", ");
            words = words.subcommand(
                clap::Command::new(noun)
                    .about(format!("{noun}: {verbs}"))
                    .subcommand_required(true)
                    .arg_required_else_help(true)
                    .subcommands(commands().map(|command| verb(platform, command))),
            );
        }
        words
    })
}

/// What was typed, if it is a platform's command.
pub fn typed(matches: &ArgMatches) -> Option<Administer> {
    let (platform, matches) = matches.subcommand()?;
    let connector = with_commands().find(|connector| connector.platform() == platform)?;
    let (noun, matches) = matches.subcommand()?;
    let (verb, matches) = matches.subcommand()?;
    let command = connector.commands().iter().find(|command| command.noun == noun && command.verb == verb)?;
    Some(Administer { connector, command, matches: matches.clone() })
}

/// A platform's command, as it was typed.
pub struct Administer {
    connector: &'static dyn Connector,
    command: &'static Command,
    matches: ArgMatches,
}

impl Administer {
    pub async fn run(self) -> Result<(), Failure> {
        let file = self.matches.get_one::<PathBuf>("config").expect("it has a default");
        let config = Config::load(file).map_err(|invalid| Failure::usage(invalid.to_string()))?;
        let (name, account) = self.account(&config)?;
        let mut given = self.given()?;
        let http = Http::new(config.dispatch.connect_timeout, config.dispatch.call_timeout)
            .map_err(|error| Failure::because("the way out cannot be opened", &error))?
            .with_replies_up_to(LONGEST_REPLY);
        let mut way = Way { name, account, http, limits: Limits::new(&account.connection.limits()) };
        let (json, all) = (self.matches.get_flag("json"), self.goes_through_all());
        let mut seen = BTreeSet::new();
        loop {
            let asked = account.connection.administer(self.command, &given);
            let call = asked.map_err(|misuse| Failure::usage(misuse.to_string()))?;
            let reply = way.send(&call).await?;
            let answer = account.connection.answer(call.name, &reply).map_err(Failure::failed)?;
            show(&answer, json, all)?;
            match answer.next {
                // A page that was shown before would be shown for ever.
                Some((argument, next)) if all && seen.insert(words_of(&next)) => given.replace(argument, next),
                Some((argument, next)) if !all && !json => {
                    return tell_more(argument, &next);
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    fn goes_through_all(&self) -> bool {
        is_list(self.command) && self.matches.get_flag("all")
    }

    /// The account that is meant: the named one, or the only one of the platform.
    fn account<'a>(&self, config: &'a Config) -> Result<(&'a ConnectionName, &'a Account), Failure> {
        let platform = self.connector.platform();
        let of_platform = || config.connections.iter().filter(|(_, account)| account.connector.platform() == platform);
        let names = || of_platform().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let wanted = self.matches.get_one::<String>("connection");
        match wanted {
            Some(wanted) => of_platform().find(|(name, _)| name.as_str() == wanted).ok_or_else(|| {
                Failure::usage(format!(
                    "{wanted:?} is no {platform} connection of the configuration; it has: {}",
                    names()
                ))
            }),
            None => {
                let mut accounts = of_platform();
                match (accounts.next(), accounts.next()) {
                    (Some(only), None) => Ok(only),
                    (None, _) => Err(Failure::usage(format!(
                        "the configuration has no {platform} connection; write a section [connections.NAME] with platform = {platform:?}"
                    ))),
                    (Some(_), Some(_)) => Err(Failure::usage(format!(
                        "the configuration has several {platform} connections; name one with --connection: {}",
                        names()
                    ))),
                }
            }
        }
    }

    fn given(&self) -> Result<Given, Failure> {
        let mut given = Given::default();
        for argument in self.command.arguments {
            let name = argument.name;
            match argument.takes {
                Takes::Text | Takes::Choice(_) => {
                    for text in self.matches.get_many::<String>(name).into_iter().flatten() {
                        given.add(name, Typing::Text(text.clone()));
                    }
                }
                Takes::Whole(..) => {
                    for number in self.matches.get_many::<i64>(name).into_iter().flatten() {
                        given.add(name, Typing::Whole(*number));
                    }
                }
                Takes::File => {
                    for path in self.matches.get_many::<PathBuf>(name).into_iter().flatten() {
                        given.add(name, read(path)?);
                    }
                }
                Takes::Pair => {
                    for (key, value) in self.matches.get_many::<(String, String)>(name).into_iter().flatten() {
                        given.add(name, Typing::Pair(key.clone(), value.clone()));
                    }
                }
            }
        }
        Ok(given)
    }
}

/// The way to one account.
struct Way<'a> {
    name: &'a ConnectionName,
    account: &'a Account,
    http: Http,
    limits: Limits,
}

impl Way<'_> {
    /// Makes a call until it is answered for good; what may have been done already is never done again.
    async fn send(&mut self, call: &Call) -> Result<RecordedReply, Failure> {
        let connection = &self.account.connection;
        let mut tries = 1;
        loop {
            while let Err(open) = self.limits.permit(call.class, SystemClock.now()) {
                tokio::time::sleep(open.since(SystemClock.now())).await;
            }
            let request = connection.authorise(call.request.clone(), &self.account.secrets, SystemClock.now());
            let sent = self.http.send(connection.base_url(), request).await;
            let sent = sent.map(|reply| without_secrets(reply, &self.account.secrets));
            let now = SystemClock.now();
            let reply = match &sent {
                Ok(reply) => Reply::Answered(reply),
                Err(NoReply::NotSent(words)) => Reply::NotSent(words),
                Err(NoReply::NoAnswer(words)) => Reply::NoAnswer(words),
            };
            match connection.classify(call.name, reply, now, Duration::ZERO) {
                Outcome::Accepted => {
                    return sent.map_err(|_| Failure::failed(format!("{} did not answer; try again", self.name)));
                }
                Outcome::Refused { failure } => {
                    let remedy = remedy(failure.kind);
                    return Err(Failure::failed(format!("{} refused: {}; {remedy}", self.name, failure.reason)));
                }
                Outcome::Uncertain { reason, until: _ } => {
                    return Err(Failure::failed(format!(
                        "{}: it is not known whether this was done ({reason}); look before doing it again",
                        self.name
                    )));
                }
                Outcome::Postponed { until, reason } => {
                    let wait = wait(until, now, tries);
                    if tries == TRIES || wait > LONGEST_WAIT {
                        return Err(Failure::failed(format!(
                            "{} cannot do it now: {reason}; try again later",
                            self.name
                        )));
                    }
                    let seconds = wait.as_secs_f32();
                    tell(format_args!("{} asks for patience ({reason}); again in {seconds:.0} s", self.name));
                    tokio::time::sleep(wait).await;
                    tries += 1;
                }
            }
        }
    }
}

/// Says on standard error why nothing happens for a while. If nobody can be told, the waiting is the same.
fn tell(words: impl std::fmt::Display) {
    let _untold = writeln!(std::io::stderr(), "chatledger: {words}");
}

/// As long as the platform says, else a second, then two, then four.
fn wait(until: Option<Timestamp>, now: Timestamp, tries: u32) -> Duration {
    until.map_or_else(|| Duration::from_secs(1 << (tries - 1).min(6)), |until| until.since(now))
}

/// What to do about a refusal.
fn remedy(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::ConnectionOff => {
            "check the connection's secrets and settings, and whether the account is paid for"
        }
        FailureKind::CannotOpen => "check the number, the name or the id",
        FailureKind::ConversationDeleted => "the conversation is gone; list them to find another",
        FailureKind::Internal => "this is a mistake of ours; please tell us what you typed",
        FailureKind::TooLong => "say it in fewer words, or in two",
        FailureKind::Other => "correct what was asked for",
    }
}

fn show(answer: &Answer, json: bool, all: bool) -> Result<(), Failure> {
    let mut output = Output::standard();
    match (json, all) {
        (true, true) => output.line(&answer.document)?,
        (true, false) => output.document(&answer.document)?,
        (false, _) if answer.table.rows.is_empty() => output.line("nothing to show")?,
        (false, _) => {
            let mut table = Table::new();
            table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(&answer.table.columns);
            for row in &answer.table.rows {
                table.add_row(row.iter().map(|cell| plain(cell)));
            }
            output.line(table)?;
        }
    }
    output.flush()
}

fn tell_more(argument: &str, next: &Typing) -> Result<(), Failure> {
    super::output::print(format_args!("more: --{argument} {}", words_of(next)))
}

fn words_of(typing: &Typing) -> String {
    match typing {
        Typing::Text(text) => text.clone(),
        Typing::Whole(number) => number.to_string(),
        Typing::File { name, .. } => name.clone(),
        Typing::Pair(key, value) => format!("{key}={value}"),
    }
}

fn read(path: &PathBuf) -> Result<Typing, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("{} cannot be read ({error}); name a file of this machine", path.display()))
    };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > LARGEST_FILE {
        let most = LARGEST_FILE / 1024 / 1024;
        return Err(Failure::usage(format!("{} is no file of at most {most} MiB; name another", path.display())));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Typing::File { name, bytes })
}

fn with_commands() -> impl Iterator<Item = &'static dyn Connector> {
    connectors::ALL.iter().copied().filter(|connector| !connector.commands().is_empty())
}

fn example(command: &Command) -> String {
    format!("{} {} {}", command.noun, command.verb, command.example).trim_end().to_owned()
}

/// Whether it may have more than one page.
fn is_list(command: &Command) -> bool {
    command.arguments.iter().any(|argument| argument.name == "from")
}

fn verb(platform: &str, command: &'static Command) -> clap::Command {
    let mut words = clap::Command::new(command.verb)
        .about(command.about)
        .after_help(format!("Example: chatledger {platform} {}", example(command)))
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .default_value(CONFIG)
                .help("The configuration"),
        )
        .arg(
            Arg::new("connection")
                .long("connection")
                .value_name("NAME")
                .help(format!("The connection; needed only if the configuration has several of {platform}")),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"));
    if is_list(command) {
        let all = Arg::new("all").long("all").action(ArgAction::SetTrue);
        words = words.arg(all.help("Go on to the last page; with --json, one document a line for each page"));
    }
    words.args(command.arguments.iter().map(word))
}

/// An argument, in the words of the command line.
fn word(argument: &'static Argument) -> Arg {
    let word = Arg::new(argument.name).help(argument.about);
    let word = match argument.takes {
        Takes::Text => word.value_parser(clap::builder::NonEmptyStringValueParser::new()),
        Takes::Whole(least, most) => word.value_parser(value_parser!(i64).range(least..=most)),
        Takes::Choice(words) => word.value_parser(PossibleValuesParser::new(words)),
        Takes::File => word.value_parser(value_parser!(PathBuf)),
        Takes::Pair => word.value_parser(pair),
    };
    match argument.typed {
        Typed::Place => word.required(true),
        Typed::PlaceIfAny => word.required(false),
        Typed::Places => word.required(true).num_args(1..),
        Typed::Name => word.long(argument.name).required(true),
        Typed::NameIfAny => word.long(argument.name),
        Typed::Names => word.long(argument.name).action(ArgAction::Append),
    }
}

fn pair(typed: &str) -> Result<(String, String), String> {
    match typed.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write a key, an equals sign and a value, such as sync_period=week".to_owned()),
    }
}
