//! What a connector is: the questions that the engine asks a platform's connector, and the types of the answers.
//!
//! Nothing here does I/O and nothing knows the time. A connector turns bytes into facts and intents into requests;
//! who sends them, when, and how often is not its business.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use chatledger_projections::configuration::Traits;
use chatledger_projections::content::File;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{Fact, Failure, Remark, RemarkKind};
use chatledger_projections::files::{FileRules, Stored};
use chatledger_projections::ids::{ConnectionName, ConversationId, EventId, MessageId};
use chatledger_projections::intent::{Intent, SendMessage};
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::time::Timestamp;
use serde::Serialize;

use crate::administration::{Answer, Command, Given, Misuse};
use crate::errands::{Administration, History};
use crate::polling::Polling;
use crate::simulator::Simulator;

/// One platform: everything about it that needs no account.
pub trait Connector: Sync + fmt::Debug {
    /// The platform's name, as in configurations and in the log.
    fn platform(&self) -> &'static str;

    /// The settings that an account of it takes, for checks and for a commented configuration.
    fn settings(&self) -> &'static [Setting];

    /// The secrets that an account of it takes.
    fn secrets(&self) -> &'static [Setting];

    /// Opens an account: parses its settings (a JSON object without secrets), or names every problem with them.
    fn connect(
        &self,
        name: &ConnectionName,
        settings: &serde_json::Value,
    ) -> Result<Box<dyn Connection>, Vec<SettingProblem>>;

    /// Reads a webhook's body. Never refuses: what it cannot read it returns as a remark.
    fn decode(&self, webhook: &Webhook<'_>) -> Decoded;

    /// Reads a reply to one of our calls. Never refuses.
    fn learn(&self, call: &str, reply: &RecordedReply) -> Decoded;

    /// What a person can have done at an account of it, as commands.
    fn commands(&self) -> &'static [Command] {
        &[]
    }

    /// A pure model of the platform with one account, for demonstrations, tests and simulation.
    fn simulator(&self, account: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>>;
}

/// One account at a platform, with its settings parsed.
pub trait Connection: Send + Sync + fmt::Debug {
    /// What can be done here.
    fn traits(&self) -> Traits;

    /// Whether it answers clients itself, and so is neither a CRM nor a messenger.
    fn is_assistant(&self) -> bool {
        false
    }

    /// Whether it takes only whole numbers for our ids of dialogues.
    fn takes_only_numbers(&self) -> bool {
        false
    }

    /// Whether it may tell us of something by GET, with all that it says in the address.
    fn tells_by_get(&self) -> bool {
        false
    }

    /// Decides whether a request is the platform's, and if so what of it is recorded.
    fn verify(&self, request: &InboundRequest<'_>, secrets: &Secrets) -> Result<Verified, Rejection>;

    /// How the account wants files, and how it gives them.
    fn files(&self) -> FileRules {
        FileRules::default()
    }

    /// The call that gives the platform one file before the message in which it stands; only for
    /// [`Wants::Upload`](chatledger_projections::files::Wants) and `UploadByLink`. The file says how it goes.
    fn upload(&self, _message: &SendMessage, _file: &File) -> Result<Call, Unencodable> {
        Err(Unencodable { reason: "this platform takes no files before a message".to_owned() })
    }

    /// The credentials under which the platform's own files are fetched, where it wants any. They go to
    /// [`Connection::base_url`]'s host alone, and never along a redirect to another.
    fn file_credentials(&self, _secrets: &Secrets) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Turns an intent into a request without credentials, or says why this platform cannot show it. Its files say how
    /// they go. A platform can do nothing unless its connector says how.
    fn encode(&self, intent: &Intent) -> Result<Call, Unencodable> {
        Err(Unencodable::not_there("this platform", intent))
    }

    /// Adds the credentials: a token, or a signature that bears the time.
    fn authorise(&self, request: Request, secrets: &Secrets, now: Timestamp) -> Request;

    /// How a pass is got, at a platform whose calls carry one that runs out; `None` where the secrets themselves do.
    fn sign_in(&self) -> Option<&dyn SignIn> {
        None
    }

    /// How it is joined to the platform by calls; `None` where people do that in the platform's own windows.
    fn administration(&self) -> Option<&dyn Administration> {
        None
    }

    /// How past messages are listed; `None` where the platform does not.
    fn history(&self) -> Option<&dyn History> {
        None
    }

    /// Sorts a reply by what it proves. `now` is when it came, for replies that name a waiting time; `tried_for` is how
    /// long the intent has been tried, for replies that mean "not yet" at first and "never" later.
    fn classify(&self, call: &str, reply: Reply<'_>, now: Timestamp, tried_for: Duration) -> Outcome;

    /// What may be done when it is not known whether an attempt at this intent took effect.
    fn recourse(&self, intent: &Intent) -> Recourse;

    /// Within what time it tells by itself of what was done; only for [`Recourse::ListenFirst`].
    fn tells_within(&self) -> Duration {
        Duration::ZERO
    }

    /// The request that asks whether an uncertain attempt took effect: for [`Recourse::ProbeFirst`], and for
    /// [`Recourse::RetrySafely`] where the repetition was refused, perhaps because the first attempt was taken.
    fn probe(&self, intent: &Intent, known: &Known) -> Option<Call>;

    /// Reads the answer to a probe: `Accepted` if it is done, `Postponed` if it certainly is not (so that it may be
    /// tried again), `Uncertain` if there is more to ask, `Refused` if it can never be found out.
    fn judge(&self, intent: &Intent, known: &Known, call: &str, reply: Reply<'_>, now: Timestamp) -> Judgement;

    /// The class of call that an attempt falls under, before anything but the intent's label is known: an estimate,
    /// so that a queue need not load what it cannot send yet. [`Call::class`] decides.
    fn class_of(&self, intent: &'static str, kind: AttemptKind) -> &'static str;

    /// The class that a call of this name falls under, as its [`Call`] said: calls that were made before the engine
    /// started count, too. `None` if there is no such call any more.
    fn class_of_call(&self, call: &str) -> Option<&'static str>;

    /// The account's quotas, by class of call.
    fn limits(&self) -> Vec<Limit>;

    /// What is missing or wrong among the secrets, where that depends on the settings.
    fn problems_with(&self, _secrets: &Secrets) -> Vec<SettingProblem> {
        Vec::new()
    }

    /// How this account is asked for its news, from a mark on, or from the beginning that its settings name; `None` if
    /// it tells of them by itself.
    fn poll(&self, _through: Option<&str>) -> Option<Box<dyn Polling>> {
        None
    }

    /// The call that a person's command is, or why it cannot be asked; only for [`Connector::commands`].
    fn administer(&self, command: &Command, _given: &Given) -> Result<Call, Misuse> {
        Err(Misuse::new(format!("this platform has no command {} {}", command.noun, command.verb), "see --help"))
    }

    /// Reads the reply to a command's call that was classified as accepted; the error says what it lacks.
    fn answer(&self, call: &str, _reply: &RecordedReply) -> Result<Answer, String> {
        Err(format!("nothing is asked by {call}"))
    }

    /// Where requests go, such as `https://amojo.amocrm.ru`; without a slash at the end.
    fn base_url(&self) -> &str;
}

/// How a secret is exchanged for a pass that runs out.
///
/// Whoever sends asks for a pass when there is none that is still good, or when a call was answered with 401; puts it
/// among the secrets, where [`Connection::authorise`] finds it; and records nothing of the exchange, for it is all
/// credentials. The exchange is no attempt: until it is done, nothing has left the house for the intent.
pub trait SignIn: Send + Sync {
    /// Where the request goes, without a slash at the end; it may be another host than that of all other calls.
    fn host_url(&self) -> &str;

    /// The request for a pass, with its credentials.
    fn request(&self, secrets: &Secrets) -> Request;

    /// Reads the answer: a pass, or the outcome that an attempt has which cannot be made without one.
    fn pass(&self, reply: Reply<'_>, now: Timestamp) -> Result<Pass, Outcome>;
}

/// What calls carry instead of a secret, for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    /// Under which key it belongs among the secrets.
    pub key: &'static str,
    /// The pass itself.
    pub secret: Secret,
    /// From when on it is not good any more.
    pub until: Timestamp,
}

/// One setting or secret that an account takes.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key.
    pub key: &'static str,
    /// What it is and where it is found, in one sentence.
    pub about: &'static str,
    /// An example of its value, as TOML.
    pub example: &'static str,
    /// Whether an account without it is refused.
    pub required: bool,
}

/// What is wrong with one setting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[error("`{key}`: {reason}; {remedy}")]
pub struct SettingProblem {
    /// Which setting.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// A text that must not be seen. It has no `Serialize` and no `Display`; `Debug` prints a mark.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for signing and comparing only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Compares without telling by its duration how much was right.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_bytes(), candidate).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// An account's secrets by key.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<&'static str, Secret>);

impl Secrets {
    /// Adds a secret under the key that the connector asked for.
    pub fn insert(&mut self, key: &'static str, secret: Secret) {
        self.0.insert(key, secret);
    }

    /// Every secret, whatever its key.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        self.0.values()
    }

    /// The secret under a key, if the account has it.
    pub fn get(&self, key: &str) -> Option<&Secret> {
        self.0.get(key)
    }
}

/// A request that reached an account's address.
#[derive(Clone, Copy, Debug)]
pub struct InboundRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// What follows the connection's name in the path, without a slash at either end; may be empty.
    pub tail: &'a str,
    /// What follows the question mark, as it came; empty if there is none.
    pub query: &'a str,
    /// The headers, names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> InboundRequest<'a> {
    /// Whether it came to the unguessable address that only the platform was given: the secret under this key, and nothing
    /// else, follows the connection's name. For platforms that sign nothing.
    pub(crate) fn came_to_secret_address(&self, secrets: &Secrets, key: &str) -> Result<(), Rejection> {
        if self.method != "POST" {
            return Err(Rejection::WrongMethod);
        }
        let secret = secrets.get(key).filter(|_| !self.tail.is_empty()).ok_or(Rejection::Unproven)?;
        if secret.matches(self.tail.as_bytes()) { Ok(()) } else { Err(Rejection::Forged) }
    }

    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// A request that is certainly the platform's. Only a connector's `verify` can make one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    id: EventId,
    headers: Vec<(String, String)>,
    /// The body without its credential; absent if there was none in it.
    body: Option<Vec<u8>>,
    /// When it was said, if the proof covers the claim.
    said_at: Option<Timestamp>,
}

impl Verified {
    /// For connectors: `id` says which deliveries are the same delivery; `headers` are those worth keeping.
    pub(crate) const fn new(id: EventId, headers: Vec<(String, String)>) -> Self {
        Self { id, headers, body: None, said_at: None }
    }

    /// For connectors whose platform puts its proof into the body: `body` is recorded instead, the same but for the
    /// credential.
    pub(crate) fn recording(self, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..self }
    }

    /// For connectors whose platform proves a time along with the request.
    pub(crate) fn said_at_proven(self, said_at: Option<Timestamp>) -> Self {
        Self { said_at, ..self }
    }

    /// When the platform says that it sent it, if the proof covers that: nobody else can have altered it.
    pub const fn said_at(&self) -> Option<Timestamp> {
        self.said_at
    }

    /// The delivery's id: a second arrival has the same.
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// The body to record, given the one that came: the same, unless a credential stood in it.
    pub fn body(&self, came: Vec<u8>) -> Vec<u8> {
        self.body.clone().unwrap_or(came)
    }

    /// The headers to record.
    pub fn into_headers(self) -> Vec<(String, String)> {
        self.headers
    }
}

/// Why a request is not let in. What it was is never said to whoever sent it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// There is no proof in it.
    #[error("it carries no proof of where it comes from")]
    Unproven,
    /// The proof is wrong.
    #[error("its proof is wrong")]
    Forged,
    /// The proof is right, but for another account.
    #[error("it is meant for another account")]
    Misdirected,
    /// The platform never sends this method.
    #[error("the platform never sends this method")]
    WrongMethod,
}

impl Rejection {
    /// The reason as a word, for counters.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unproven => "unproven",
            Self::Forged => "forged",
            Self::Misdirected => "misdirected",
            Self::WrongMethod => "wrong_method",
        }
    }
}

/// A recorded webhook, as its decoder sees it.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// The content type, if one was recorded.
    pub content_type: Option<&'a str>,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// What a document means.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Decoded {
    /// What happened, in the document's order.
    pub facts: Vec<Fact>,
    /// What could not be read or was odd.
    pub remarks: Vec<Remark>,
}

impl Decoded {
    /// Adds a fact.
    pub fn fact(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// Adds a remark about what was found at a path.
    pub fn remark(&mut self, remark: RemarkKind, at: impl Into<String>, found: impl Into<String>) {
        self.remarks.push(Remark { remark, at: at.into(), found: found.into() });
    }
}

/// A request and what is to be known about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// Which of the platform's calls, such as `new_message`; the reply is read by it.
    pub name: &'static str,
    /// Which of the account's limits it falls under.
    pub class: &'static str,
    /// The request, without credentials.
    pub request: Request,
}

/// An outbound request.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, beginning with a slash, percent-encoded.
    pub path: String,
    /// The query, in order; encoded when sent.
    pub query: Vec<(String, String)>,
    /// The headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
    /// Fields and files that are sent as `multipart/form-data` instead of the body; empty if it is none.
    pub form: Vec<FormPart>,
}

/// The class of calls that fetch files: under nobody's limit, for they are not made to the platform's interface.
pub const FETCH: &str = "fetch";

/// One part of a form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FormPart {
    /// A short text.
    Field {
        /// Its name.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// A file that lies with us; whoever sends it takes it from there, piece by piece.
    File {
        /// The part's name.
        name: &'static str,
        /// Which file.
        stored: Stored,
        /// What it is called there.
        file_name: String,
    },
}

impl Request {
    /// A request with a JSON body, serialised once.
    pub fn json(method: &'static str, path: String, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("our own wire types always serialise");
        Self {
            method,
            path,
            query: Vec::new(),
            headers: vec![("content-type", "application/json".to_owned())],
            body,
            form: Vec::new(),
        }
    }

    /// A request without a body.
    pub const fn bare(method: &'static str, path: String, query: Vec<(String, String)>) -> Self {
        Self { method, path, query, headers: Vec::new(), body: Vec::new(), form: Vec::new() }
    }

    /// A request with a form that has files.
    pub const fn form(method: &'static str, path: String, form: Vec<FormPart>) -> Self {
        Self { method, path, query: Vec::new(), headers: Vec::new(), body: Vec::new(), form }
    }

    /// The files that lie with us and go along.
    pub fn files(&self) -> impl Iterator<Item = &Stored> {
        self.form.iter().filter_map(|part| match part {
            FormPart::File { stored, .. } => Some(stored),
            FormPart::Field { .. } => None,
        })
    }

    /// Path and query as they go over the wire.
    pub fn target(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        format!("{}?{}", self.path, query.finish())
    }
}

/// What came back from an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Reply<'a> {
    /// An answer.
    Answered(&'a RecordedReply),
    /// Certainly nothing reached the platform: no connection could be made.
    NotSent(&'a str),
    /// Something may have reached the platform, and nothing came back.
    NoAnswer(&'a str),
}

/// An intent that this platform cannot show.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Unencodable {
    /// Why, for people.
    pub reason: String,
}

impl Unencodable {
    /// That a platform has no call for an intent of this kind at all.
    pub fn not_there(platform: &str, intent: &Intent) -> Self {
        let what = match intent {
            Intent::SendMessage(_) => "takes no messages from us",
            Intent::OpenConversation(_) => "opens no conversation for us",
            Intent::FindClient(_) => "finds nobody by number or address for us",
            Intent::ClaimConversation(_) => "takes no conversation ids of ours",
            Intent::ReportDelivery(_) => "takes no delivery reports",
            Intent::LookUpConversation(_) => "does not tell of a conversation",
            Intent::SetReaction(_) => "takes no reactions from us",
            Intent::EditMessage(_) => "does not let us change a message that was sent",
            Intent::DeleteMessage(_) => "does not let us take a message back",
            Intent::ShowTyping(_) => "does not show that somebody is writing",
        };
        Self { reason: format!("{platform} {what}") }
    }
}

/// What the answer to a probe says.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// Whether it is done, as far as can be told.
    pub outcome: Outcome,
    /// What was learnt on the way, as the id of the message that was found.
    pub facts: Vec<Fact>,
    /// Where the question goes on, if the message may stand on a further page of a list: for [`Known::page`].
    pub page: Option<String>,
}

impl From<Outcome> for Judgement {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, facts: Vec::new(), page: None }
    }
}

impl From<(Outcome, Vec<Fact>)> for Judgement {
    fn from((outcome, facts): (Outcome, Vec<Fact>)) -> Self {
        Self { outcome, facts, page: None }
    }
}

/// What is known when an uncertain attempt is looked into.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// The conversation, if it has become known.
    pub conversation: Option<ConversationId>,
    /// Messages of ours in it that are accounted for, so that they are not taken for this one.
    pub accounted: Vec<MessageId>,
    /// Whether the platform has told of it by itself, as an assistant's feed repeats what it was given.
    pub heard: bool,
    /// When the first uncertain attempt was made.
    pub attempted_at: Timestamp,
    /// How the platform refused a repetition, if it did: the first attempt may be why.
    pub refusal: Option<Failure>,
    /// Which page of the list is to be asked for, where the pages before it were looked through in vain; see
    /// [`Judgement::page`].
    pub page: Option<String>,
}

/// The quotas of one class of calls; all of them hold at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limit {
    /// The class, as named by [`Call::class`].
    pub class: &'static str,
    /// Its quotas.
    pub quotas: Vec<Quota>,
}

/// How many calls may be made in a span of time, whichever span one looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    /// How many calls.
    pub calls: NonZeroU32,
    /// In how long.
    pub per: Duration,
    /// How many of them at once; never more than `calls`.
    pub burst: NonZeroU32,
}

impl Quota {
    /// `calls` in any span of `per`, of which at most `burst` at once.
    ///
    /// # Panics
    /// If a number is zero or the burst exceeds the calls: a constant of ours is wrong.
    pub const fn at_most(calls: u32, per: Duration, burst: u32) -> Self {
        assert!(burst <= calls, "a burst is part of the quota");
        match (NonZeroU32::new(calls), NonZeroU32::new(burst)) {
            (Some(calls), Some(burst)) => Self { calls, per, burst },
            _ => panic!("a quota allows at least one call"),
        }
    }
}

/// What a simulated account is made from.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedAccount<'a> {
    /// The connection's name; the simulator derives its ids from it.
    pub name: &'a ConnectionName,
    /// The account's settings, the same as the connection's.
    pub settings: &'a serde_json::Value,
    /// The account's secrets, the same as the connection's.
    pub secrets: &'a Secrets,
}
