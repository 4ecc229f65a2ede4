//! What happens in a world: what people do, and what goes wrong. Plain data, the same in every run.
//!
//! A script is generated (from a seed, or by proptest, which shrinks it) or written by hand. It prints itself as one
//! line for each thing that happens, so that a failed law can be read.

use std::collections::BTreeSet;
use std::fmt;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Everything that happens in a world.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// How the company has set things up.
    pub setting: Setting,
    /// What people do, in order.
    pub deeds: Vec<Deed>,
    /// What becomes of the first call, the second, and so on; all later ones go well.
    pub calls: Vec<Fate>,
    /// What becomes of the first webhook, the second, and so on; all later ones come as they should.
    pub webhooks: Vec<Luck>,
    /// How many milliseconds pass before the engine notices the first event in the log, the second, and so on.
    pub lags: Vec<u16>,
    /// The engine is killed right after these: appends and calls, counted together from zero.
    pub crashes: BTreeSet<u16>,
}

/// How the company has set things up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Which generation of the messenger's interface is spoken.
    pub second_generation: bool,
    /// Whether chats that a manager begins are claimed at once.
    pub claim: bool,
    /// What else the company has.
    pub town: Town,
}

/// What a company has beside its first CRM and its first messenger: an assistant, and further routes with accounts of
/// their own. The clients of the second route are those after the first route's, and so on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Town {
    /// Whether the first route has an assistant.
    pub assisted: bool,
    /// The further routes.
    pub further: [Option<House>; 3],
}

/// A further route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct House {
    /// Whether it leads into the first route's CRM; else into one of its own.
    pub shares_crm: bool,
    /// Whether its clients write on a website; else in a messenger.
    pub website: bool,
    /// Its assistant, if it has one.
    pub assistant: Option<Help>,
}

/// Which assistant helps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Help {
    /// The same as in the first route, if that has one.
    TheFirst,
    /// Another.
    TheSecond,
}

impl Town {
    /// How many routes there are.
    pub fn routes(&self) -> u8 {
        1 + self.further.iter().flatten().count() as u8
    }

    /// The further route of this number, from one.
    pub fn house(&self, route: u8) -> Option<House> {
        self.further.iter().flatten().nth(usize::from(route).checked_sub(1)?).copied()
    }

    /// Whether managers write to this client: where several routes lead into one CRM, a manager's window there does not
    /// say which of a number's chats is meant; and to a visitor of a website nobody can write first.
    pub fn managers_write_to(&self, client: u8) -> bool {
        match self.house(client / CLIENTS) {
            None => !self.further.iter().flatten().any(|house| house.shares_crm),
            Some(house) => !house.shares_crm && !house.website,
        }
    }
}

impl Default for Setting {
    fn default() -> Self {
        Self { second_generation: true, claim: true, town: Town::default() }
    }
}

/// What one person does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deed {
    /// How many milliseconds after the one before.
    pub after: u32,
    /// With or by which client.
    pub client: u8,
    /// What.
    pub what: What,
}

/// What a person can do. Messages say one of a few words, so that some are equal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// The client writes in the messenger.
    ClientWrites(u8),
    /// A manager writes in the CRM.
    ManagerWrites(u8),
    /// Somebody writes in the messenger's own app, past the CRM.
    AppWrites(u8),
    /// The client reads what has arrived.
    ClientReads,
    /// The client changes their newest message.
    ClientEdits(u8),
    /// The client takes their newest message back.
    ClientDeletes,
    /// The client reacts to the newest message of the company.
    ClientReacts,
    /// A manager reacts in the CRM to the client's newest message.
    ManagerReacts,
    /// A manager begins to write in the CRM.
    ManagerTypes,
    /// The CRM sends these bytes, with a good proof.
    CrmBabbles(Vec<u8>),
    /// The messenger sends these bytes, with a good proof.
    ChannelBabbles(Vec<u8>),
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fate {
    /// It is answered after so many milliseconds.
    #[default]
    Answered,
    /// It is answered late, after so many milliseconds.
    Slow(u16),
    /// It takes effect, and no answer comes.
    AnswerLost,
    /// It takes effect, and something on the way says that it broke.
    BrokenAfter,
    /// It gets lost on the way, and no answer comes.
    CallLost,
    /// Something on the way breaks before it takes effect.
    BrokenBefore,
    /// No connection can be made.
    NoConnection,
    /// The platform says that there were too many, whatever the quotas.
    TooMany,
}

/// What becomes of a webhook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Luck {
    /// It comes when it should.
    #[default]
    OnTime,
    /// It comes so many milliseconds late, perhaps behind others.
    Late(u16),
    /// It comes, and comes again so many milliseconds later.
    Twice(u16),
}

/// How clients react.
pub const CLIENTS_SIGN: &str = "👍";

/// How managers react.
pub const MANAGERS_SIGN: &str = "🔥";

/// How many clients there are. The last one's number is unknown in the messenger.
pub const CLIENTS: u8 = 4;

/// A client's number, international digits.
pub fn phone(client: u8) -> String {
    if is_reachable(client) { format!("7913529290{}", client % CLIENTS) } else { "79135292000".to_owned() }
}

/// Whether the messenger knows a client's number.
pub const fn is_reachable(client: u8) -> bool {
    client % CLIENTS != CLIENTS - 1
}

/// Which kinds of things go wrong in generated scripts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Troubles {
    /// Calls fail in every way.
    pub calls: bool,
    /// Webhooks come late and twice, and the engine is slow to notice.
    pub webhooks: bool,
    /// The engine is killed.
    pub crashes: bool,
    /// Webhooks say anything.
    pub babble: bool,
}

impl Troubles {
    /// Nothing goes wrong.
    pub const NONE: Self = Self { calls: false, webhooks: false, crashes: false, babble: false };
    /// Everything goes wrong that is no crash and no nonsense.
    pub const WEATHER: Self = Self { calls: true, webhooks: true, crashes: false, babble: false };
    /// Everything goes wrong.
    pub const ALL: Self = Self { calls: true, webhooks: true, crashes: true, babble: true };
}

impl Script {
    /// The script of a seed: the same number is always the same script.
    pub fn from_seed(seed: u64, troubles: Troubles) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        scripts(troubles).new_tree(&mut runner).expect("nothing is filtered").current()
    }
}

/// All scripts in which only such troubles come.
pub fn scripts(troubles: Troubles) -> impl Strategy<Value = Script> {
    let setting = (any::<bool>(), any::<bool>()).prop_map(|(second_generation, claim)| Setting {
        second_generation,
        claim,
        ..Setting::default()
    });
    let deeds = vec(deeds(troubles.babble), 1..14);
    let calls = vec(fates(), if troubles.calls { 0..24 } else { 0..1 });
    let webhooks = vec(lucks(), if troubles.webhooks { 0..24 } else { 0..1 });
    let lags = vec(0_u16..400, if troubles.webhooks { 0..48 } else { 0..1 });
    let crashes = btree_set(0_u16..120, if troubles.crashes { 0..8 } else { 0..1 });
    (setting, deeds, calls, webhooks, lags, crashes).prop_map(|(setting, deeds, calls, webhooks, lags, crashes)| {
        Script { setting, deeds, calls, webhooks, lags, crashes }
    })
}

fn deeds(babble: bool) -> impl Strategy<Value = Deed> {
    let pause = prop_oneof![2 => 0_u32..300, 3 => 300_u32..20_000, 1 => 20_000_u32..400_000];
    let said = prop_oneof![
        4 => (0_u8..3).prop_map(What::ClientWrites),
        4 => (0_u8..3).prop_map(What::ManagerWrites),
        2 => (0_u8..3).prop_map(What::AppWrites),
        2 => Just(What::ClientReads),
        1 => (0_u8..3).prop_map(What::ClientEdits),
        1 => Just(What::ClientDeletes),
        1 => Just(What::ClientReacts),
        1 => Just(What::ManagerReacts),
        1 => Just(What::ManagerTypes),
    ];
    let babbled = prop_oneof![
        vec(any::<u8>(), 0..80).prop_map(What::CrmBabbles),
        vec(any::<u8>(), 0..80).prop_map(What::ChannelBabbles),
    ];
    let what = if babble { prop_oneof![4 => said, 1 => babbled].boxed() } else { said.boxed() };
    (pause, 0..CLIENTS, what).prop_map(|(after, client, what)| Deed { after, client, what })
}

/// All scripts in towns of several accounts.
pub fn scripts_in_towns(troubles: Troubles) -> impl Strategy<Value = Script> {
    let help = prop_oneof![Just(None), Just(Some(Help::TheFirst)), Just(Some(Help::TheSecond))];
    let house = (any::<bool>(), any::<bool>(), help).prop_map(|(shares_crm, website, assistant)| House {
        shares_crm,
        website,
        assistant,
    });
    let further = proptest::array::uniform3(proptest::option::of(house));
    let towns = (any::<bool>(), further).prop_map(|(assisted, further)| Town { assisted, further });
    // More is said than in a script of two accounts, and a client's dialogue is long enough for a manager to come in.
    let deeds = vec((deeds(false), any::<u8>(), 0_u8..4), 4..28);
    (scripts(troubles), towns, deeds).prop_map(|(script, town, deeds)| {
        let clients = CLIENTS * town.routes();
        let deed = |(deed, client, word): (Deed, u8, u8)| {
            let what = match deed.what {
                What::ClientWrites(_) => What::ClientWrites(word),
                other => other,
            };
            Deed { client: client % clients, what, ..deed }
        };
        let deeds = deeds.into_iter().map(deed).collect();
        Script { setting: Setting { town, ..script.setting }, deeds, ..script }
    })
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Answered),
        2 => (500_u16..9_000).prop_map(Fate::Slow),
        2 => Just(Fate::AnswerLost),
        1 => Just(Fate::BrokenAfter),
        2 => Just(Fate::CallLost),
        1 => Just(Fate::BrokenBefore),
        1 => Just(Fate::NoConnection),
        1 => Just(Fate::TooMany),
    ]
}

fn lucks() -> impl Strategy<Value = Luck> {
    prop_oneof![
        4 => Just(Luck::OnTime),
        2 => (1_u16..30_000).prop_map(Luck::Late),
        1 => (0_u16..30_000).prop_map(Luck::Twice),
    ]
}

impl What {
    /// What is written, if anything is: who writes stands in it, so that it is found again on the other side.
    pub fn text(&self, client: u8) -> Option<String> {
        let (who, word) = match self {
            Self::ClientWrites(word) => ("client", word),
            Self::ManagerWrites(word) => ("manager", word),
            Self::AppWrites(word) => ("app", word),
            Self::ClientEdits(word) => ("client", word),
            Self::ClientReads
            | Self::ClientDeletes
            | Self::ClientReacts
            | Self::ManagerReacts
            | Self::ManagerTypes
            | Self::CrmBabbles(_)
            | Self::ChannelBabbles(_) => return None,
        };
        let word = ["hello", "yes", "thank you", "operator, please"][usize::from(word % 4)];
        Some(format!("{who} {client}: {word}"))
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, what, .. } = self;
        let text = what.text(*client).unwrap_or_default();
        match what {
            What::ClientWrites(_) => write!(formatter, "client {client} writes {text:?}"),
            What::ManagerWrites(_) => write!(formatter, "a manager writes {text:?}"),
            What::AppWrites(_) => write!(formatter, "somebody writes in the app {text:?}"),
            What::ClientReads => write!(formatter, "client {client} reads"),
            What::ClientEdits(_) => write!(formatter, "client {client} changes it into {text:?}"),
            What::ClientDeletes => write!(formatter, "client {client} takes it back"),
            What::ClientReacts => write!(formatter, "client {client} reacts"),
            What::ManagerReacts => write!(formatter, "a manager reacts"),
            What::ManagerTypes => write!(formatter, "a manager begins to write"),
            What::CrmBabbles(bytes) => write!(formatter, "the CRM says {:?}", String::from_utf8_lossy(bytes)),
            What::ChannelBabbles(bytes) => write!(formatter, "the messenger says {:?}", String::from_utf8_lossy(bytes)),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, deeds, calls, webhooks, lags, crashes } = self;
        writeln!(formatter, "\n  {setting:?}")?;
        for deed in deeds {
            writeln!(formatter, "  {} ms later {deed}", deed.after)?;
        }
        writeln!(formatter, "  calls: {calls:?}\n  webhooks: {webhooks:?}\n  lags: {lags:?}\n  crashes: {crashes:?}")
    }
}
