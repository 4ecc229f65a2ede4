//! One engine between a CRM and a messenger: what people do there, and what must be seen.
//!
//! Nothing is waited for without end, and whoever waits in vain says for what.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use chatledger::clock::SystemClock;
use chatledger::config::{Config, SecretSource};
use chatledger::demo::stage::{Manners, Place, Sent, Stage};
use chatledger_connectors::connector::SimulatedAccount;
use chatledger_connectors::simulator::{Gesture, Line, LineAuthor};
use chatledger_projections::ids::ConnectionName;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::door::Door;
use crate::engine::{Engine, program};

/// However busy the machine is.
const SEEN_WITHIN: Duration = Duration::from_secs(180);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often in a row nothing must be left to do: what was just recorded shows in the gauges a moment later.
const QUIET_LOOKS: usize = 6;

/// Messengers come again with what was not taken; the pause is a hundredth of a real one.
const MESSENGER: Manners = Manners { retries: 100, pause: Duration::from_millis(250) };

const WEBHOOK_SECRET: &str = "nobodyCanGuessThis1234";

/// What a house has of its own.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long a platform may take over one call.
    pub call_timeout: &'static str,
    /// How long calls that are under way may take at the end.
    pub grace: &'static str,
    /// The messenger's platform and what stands in its section.
    pub messenger: &'static str,
}

impl Plan {
    pub const USUAL: Self = Self { call_timeout: "1500ms", grace: "5s", messenger: HOOKED };

    /// Nothing tells us of the visitors of the site; we ask.
    pub const POLLED: Self = Self { messenger: POLLED, ..Self::USUAL };
}

/// One engine's folder, its platforms, and the doors to them.
#[derive(Debug)]
pub struct House {
    pub folder: TempDir,
    /// The log's address.
    pub log: String,
    pub stage: Stage,
    pub crm: Side,
    pub messenger: Side,
    /// Where webhooks arrive.
    pub listen: SocketAddr,
    /// Where health and metrics are shown, and operators are heard.
    pub private: SocketAddr,
}

/// The place of one of several engines.
#[derive(Debug)]
pub struct Post {
    pub config: String,
    pub listen: SocketAddr,
    pub private: SocketAddr,
}

/// A platform.
#[derive(Debug)]
pub struct Side {
    pub name: ConnectionName,
    pub door: Door,
}

impl House {
    /// Everything but a running engine.
    pub async fn build(plan: Plan) -> Self {
        Self::build_on(plan, "sqlite:chatledger.db").await
    }

    /// The same with another log.
    pub async fn build_on(plan: Plan, log: &str) -> Self {
        let folder = TempDir::new().expect("there is room for a folder");
        let (listen, private) = (free_address().await, free_address().await);
        let (crm_place, crm) = place("crm").await;
        let (messenger_place, messenger) = place("messenger").await;
        let text = configuration(plan, log, listen, private, &crm.door.base_url(), &messenger.door.base_url());
        std::fs::write(folder.path().join("chatledger.toml"), &text).expect("the folder can be written to");
        let config = Config::parse(&text, &Variables).unwrap_or_else(|invalid| panic!("{invalid}"));
        let mut stage = Stage::before(listen, Arc::new(SystemClock)).expect("webhooks can be sent");
        for (side, place, manners) in [(&crm, crm_place, Manners::ONCE), (&messenger, messenger_place, MESSENGER)] {
            let account = config.connections.get(&side.name).expect("it stands in the configuration");
            let simulated =
                SimulatedAccount { name: &side.name, settings: &account.settings, secrets: &account.secrets };
            let simulator = account.connector.simulator(&simulated).expect("the settings are right");
            stage.host(side.name.clone(), place, simulator, manners);
        }
        Self { folder, log: log.to_owned(), stage, crm, messenger, listen, private }
    }

    /// Makes room for one more engine on the same log, between the same platforms: with addresses and a spool of its own.
    pub async fn another(&self, nth: usize) -> Post {
        let (listen, private) = (free_address().await, free_address().await);
        let text = std::fs::read_to_string(self.folder.path().join("chatledger.toml")).expect("it was written");
        let text = text
            .replace(&format!("listen = \"{}\"", self.listen), &format!("listen = \"{listen}\""))
            .replace(&format!("private = \"{}\"", self.private), &format!("private = \"{private}\""));
        let name = format!("chatledger-{nth}.toml");
        let more = format!("{text}\n[engines]\nlease = \"2s\"\n\n[spool]\npath = \"spool-{nth}\"\n");
        std::fs::write(self.folder.path().join(&name), more).expect("the folder can be written to");
        Post { config: name, listen, private }
    }

    /// Starts one of several engines. They log into one file.
    pub async fn start_at(&self, post: &Post) -> Engine {
        let mut command = program(self.folder.path());
        with_secrets(command.args(["serve", "--config", &post.config]));
        Engine::start(command, self.engine_log(), post.private).await
    }

    /// The command that serves this house.
    pub fn serve(&self) -> Command {
        let mut command = program(self.folder.path());
        with_secrets(command.args(["serve", "--config", "chatledger.toml"]));
        command
    }

    /// Starts an engine and waits until it is ready.
    pub async fn start(&self) -> Engine {
        self.start_by(self.serve()).await
    }

    /// Starts an engine by another command.
    pub async fn start_by(&self, command: Command) -> Engine {
        Engine::start(command, self.engine_log(), self.private).await
    }

    pub fn engine_log(&self) -> std::path::PathBuf {
        self.folder.path().join("engine.log")
    }

    // ---- what people do ----

    /// A client writes at the messenger.
    pub fn client_writes(&self, phone: &str, text: &str) {
        let (phone, text) = (phone.to_owned(), text.to_owned());
        let gesture = Gesture::ClientWrites { name: format!("Client {phone}"), phone, text };
        self.stage.gesture(&self.messenger.name, &gesture).expect("clients may write");
    }

    /// A manager writes in the CRM.
    pub fn manager_writes(&self, phone: &str, text: &str) {
        let (phone, text) = (phone.to_owned(), text.to_owned());
        let gesture = Gesture::ManagerWrites { name: format!("Client {phone}"), phone, text };
        self.stage.gesture(&self.crm.name, &gesture).expect("managers may write");
    }

    /// A client writes, and the engine has taken it.
    pub async fn client_is_taken(&self, phone: &str, text: &str) {
        self.client_writes(phone, text);
        assert_eq!(self.answer_to(&self.messenger.name, text).await, Some(200), "{text:?} was not taken");
    }

    /// A client has written, and managers see it: from here on the dialogue is known on both sides.
    pub async fn acquainted(&self, phone: &str, text: &str) {
        self.client_writes(phone, text);
        self.until_shown(&self.crm.name, text).await;
        self.quiet().await;
    }

    // ---- what must be seen ----

    /// How the engine answered the webhook that tells of this text, when the platform is done with it.
    pub async fn answer_to(&self, at: &ConnectionName, text: &str) -> Option<u16> {
        let told = || self.told(at, text).filter(|sent| sent.done);
        self.until(&format!("at {at}: an end of the webhook that tells of {text:?}"), || told().is_some()).await;
        told().and_then(|sent| sent.status)
    }

    /// The first webhook that tells of a text.
    pub fn told(&self, at: &ConnectionName, text: &str) -> Option<Sent> {
        self.stage.sent(at).into_iter().find(|sent| holds(&sent.webhook.body, text))
    }

    /// A message is there.
    pub async fn until_shown(&self, at: &ConnectionName, text: &str) {
        self.until(&format!("at {at}: a message {text:?}"), || self.lines(at).iter().any(|line| line.text == text))
            .await;
    }

    /// A manager's message stands at this, in the CRM.
    pub async fn until_stands(&self, text: &str, status: &str) {
        self.until(&format!("in the CRM: {text:?} {status}"), || self.status(text).as_deref() == Some(status)).await;
    }

    /// Where a message stands in the CRM.
    pub fn status(&self, text: &str) -> Option<String> {
        self.lines(&self.crm.name).into_iter().find(|line| line.text == text)?.status
    }

    /// Waits until this holds.
    pub async fn until(&self, awaited: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + SEEN_WITHIN;
        while !holds() {
            assert!(Instant::now() < deadline, "in vain awaited: {awaited}\n{}", self.tail());
            sleep(LOOK_EVERY).await;
        }
    }

    /// No platform has a webhook left to send.
    pub async fn quiet(&self) {
        let done = || {
            let all = [&self.crm.name, &self.messenger.name];
            all.into_iter().all(|at| self.stage.sent(at).iter().all(|sent| sent.done))
        };
        self.until("an end of all webhooks", done).await;
    }

    /// Nothing is left to do, neither for the platforms nor for the engine. However much it was: it is in vain only when
    /// it does not become less.
    pub async fn settled(&self, engine: &Engine) {
        let mut deadline = Instant::now() + SEEN_WITHIN;
        let (mut looks, mut least) = (0, f64::INFINITY);
        while looks < QUIET_LOOKS {
            self.quiet().await;
            let left = engine.left_to_do().await;
            looks = if left == Some(0.0) { looks + 1 } else { 0 };
            if let Some(left) = left.filter(|left| *left < least) {
                (least, deadline) = (left, Instant::now() + SEEN_WITHIN);
            }
            assert!(
                Instant::now() < deadline,
                "in vain awaited: an end of everything that is to be done; left: {left:?}\n{}",
                self.tail()
            );
            sleep(LOOK_EVERY).await;
        }
    }

    /// Everything that people see at a platform.
    pub fn lines(&self, at: &ConnectionName) -> Vec<Line> {
        self.stage.transcript(at)
    }

    /// What clients have written into a dialogue, as managers see it.
    pub fn clients_lines(&self, phone: &str) -> Vec<String> {
        self.texts(&self.crm.name, phone, &[LineAuthor::Client])
    }

    /// What managers have written into a dialogue, as the client sees it.
    pub fn managers_lines(&self, phone: &str) -> Vec<String> {
        self.texts(&self.messenger.name, phone, &[LineAuthor::Company, LineAuthor::Bot])
    }

    fn texts(&self, at: &ConnectionName, phone: &str, authors: &[LineAuthor]) -> Vec<String> {
        let lines = self.lines(at).into_iter().filter(|line| line.chat == phone && authors.contains(&line.author));
        lines.map(|line| line.text).collect()
    }

    /// The path at which the messenger's webhooks arrive.
    pub fn messenger_path(&self) -> String {
        format!("/hooks/{}/{WEBHOOK_SECRET}", self.messenger.name)
    }

    /// What the engine logged last.
    pub fn tail(&self) -> String {
        let said = std::fs::read_to_string(self.engine_log()).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// Whether a body tells of a text. The texts of these tests stand in JSON as they are.
pub fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Gives a command the secrets that the configuration asks for.
pub fn with_secrets(command: &mut Command) -> &mut Command {
    command.envs(SECRETS)
}

/// A configuration that hurries: short patience, wide quotas.
fn configuration(plan: Plan, log: &str, listen: SocketAddr, private: SocketAddr, crm: &str, messenger: &str) -> String {
    let Plan { call_timeout, grace, messenger: section } = plan;
    format!(
        r#"
log = "{log}"

[server]
listen = "{listen}"
private = "{private}"
max_body = "64 KiB"

[dispatch]
connect_timeout = "500ms"
call_timeout = "{call_timeout}"
retry_first = "100ms"
retry_cap = "1s"
circuit_first = "200ms"
circuit_cap = "1s"
shutdown_grace = "{grace}"

[media]
public_url = "http://{listen}"
allow_private_addresses = ["127.0.0.1/32"]
patience = "1s"

[connections.crm]
platform = "amocrm"
scope_id = "7d0ab2a1-93c4-4b39-a1d8-55a6c5a6c7a3_b0e9be8c-26b6-4a2a-8cf5-19f1f2a60f11"
bot_id = "0c1d2f4e-3a7b-4b1c-9d7e-6f1a2b3c4d5e"
calls_per_second = 50
base_url = "{crm}"
channel_secret = {{ env = "CHANNEL_SECRET" }}

[connections.messenger]
base_url = "{messenger}"
{section}

[routes.main]
crm = "crm"
channel = "messenger"
manager_first = "remember"
"#
    )
}

/// A messenger that sends webhooks.
const HOOKED: &str = r#"
platform = "pact"
company_id = 52205
provider = "whatsapp"
api = "v2"
sends_per_second = 50
sends_per_minute = 3000
token = { env = "TOKEN" }
webhook_secret = { env = "WEBHOOK_SECRET" }
"#;

/// A site's chat that sends none, and bears five calls a second.
const POLLED: &str = r#"
platform = "carrotquest"
transport = "polling"
poll_every = "1s"
reads_per_second = 3
sends_per_second = 2
auth_token = { env = "TOKEN" }
"#;

const SECRETS: [(&str, &str); 3] = [
    ("CHANNEL_SECRET", "f2d7f8704eff95087ed45b23ba99c0b5aac8278e"),
    ("TOKEN", "a-token-that-nobody-can-guess-1234"),
    ("WEBHOOK_SECRET", WEBHOOK_SECRET),
];

struct Variables;

impl SecretSource for Variables {
    fn variable(&self, name: &str) -> Option<String> {
        SECRETS.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    fn file(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

async fn place(name: &str) -> (Place, Side) {
    let place = Place::reserve().await.expect("there is a free port");
    let platform = place.base_url().trim_start_matches("http://").parse().expect("a place is an address");
    let door = Door::at(free_address().await, platform).await.expect("the address is free");
    (place, Side { name: ConnectionName::new(name), door })
}

/// An address at which nobody listens. Not one of those that the system gives to whoever makes a connection: it has to
/// stay free while its owner is away.
pub async fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 200).expect("it is small") * 50;
    for _ in 0..500 {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if tokio::net::TcpListener::bind(address).await.is_ok() {
            return address;
        }
    }
    panic!("no port of this machine is free");
}

/// Chance that can be repeated: the same seed, the same numbers.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`. SplitMix64.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// So many milliseconds, or a part of them.
    pub const fn up_to_ms(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.below(most + 1))
    }
}
