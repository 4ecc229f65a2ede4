//! What the engine reads of others' making: the configuration, exported lines, stored events, a story's folder; and whole
//! histories of webhooks, folded and decided as in life.

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use chatledger::config::{Config, SecretSource};
use chatledger::log::codec;
use chatledger::log::export::{from_line, to_line};
use chatledger::pipeline::Pipeline;
use chatledger::story;
use chatledger_projections::event::{Event, Transport, WebhookReceived};
use chatledger_projections::ids::{ConnectionName, EventId};
use chatledger_projections::recorded::{Position, Recorded, Revision, StreamName};
use chatledger_projections::time::Timestamp;

use super::targets::{Target, first_line};

/// Every target of this page.
pub const TARGETS: &[Target] = &[
    Target::new("configuration", configuration),
    Target::new("import", import),
    Target::new("history", history),
    Target::new("story", tell),
];

/// Stands wherever a secret is asked for.
const SECRET: &str = "kD83jf02mLq71xZa-secret-of-every-account";

struct Invented;

impl SecretSource for Invented {
    fn variable(&self, _: &str) -> Option<String> {
        Some(SECRET.to_owned())
    }

    fn file(&self, _: &Path) -> io::Result<String> {
        Ok(SECRET.to_owned())
    }
}

/// A configuration: text in, an account of it or its problems out. Neither shows a secret.
fn configuration(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let shown = match Config::parse(text, &Invented) {
        Ok(config) => format!("{config:?} {}", serde_json::to_string(&config.recorded()).expect("it can be written")),
        Err(invalid) => format!("{invalid} {invalid:?}"),
    };
    // Unless the document itself holds it.
    assert!(text.contains(SECRET) || !shown.contains(SECRET), "a secret is shown");
}

/// Exported lines, as an import takes them and a start reads them back: each is written as it was read, opened, and folded.
fn import(input: &[u8]) {
    let mut pipeline = Pipeline::default();
    for line in input.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
        let Ok(event) = from_line(line) else { continue };
        assert_eq!(from_line(&to_line(&event)).expect("what we write we can read"), event, "a line is kept as it is");
        let stored = event.into_stored();
        let _shown = codec::recorded_at(stored.as_ref());
        let Ok(recorded) = codec::open(stored) else { continue };
        pipeline.take(recorded);
    }
    let _digests = pipeline.state().digests();
    let _outstanding = pipeline.outstanding();
}

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    const TEXT: &str = include_str!("../../../fixtures/stories/config.toml");
    Config::parse(TEXT, &Invented).expect("the stories' configuration is sound")
});

/// A history: webhooks of the stories' connections, divided by lines of dashes; the first line of each says which
/// connection. Each is decoded, folded and decided upon, and what follows is written as the request that it becomes.
fn history(input: &[u8]) {
    let mut pipeline = Pipeline::default();
    let mut events = vec![Event::ConfigurationApplied(CONFIG.recorded())];
    let text = String::from_utf8_lossy(input);
    for webhook in text.split("\n----\n").take(64) {
        let (name, body) = first_line(webhook.as_bytes());
        let name = ConnectionName::new(name);
        let Some(account) = CONFIG.connections.get(&name) else { continue };
        events.push(Event::WebhookReceived(WebhookReceived {
            connection: name,
            platform: account.connector.platform().to_owned(),
            transport: Transport::Webhook,
            headers: Vec::new(),
            body: body.to_vec(),
        }));
    }
    for (place, event) in (0_u64..).zip(events) {
        let id = EventId::derived(&[&b"fuzz"[..], &place.to_be_bytes()]);
        let step = pipeline.take(Recorded {
            id,
            stream: StreamName::webhook(id),
            revision: Revision::FIRST,
            position: Position::new(place),
            recorded_at: Timestamp::from_millis(1_767_225_600_000),
            event,
        });
        for raised in &step.intents {
            if let Some(account) = CONFIG.connections.get(&raised.connection) {
                let _request = account.connection.encode(&raised.intent);
            }
        }
    }
    let _digests = pipeline.state().digests();
}

/// A story of one step: the first line is the file's name, the rest what it holds.
fn tell(input: &[u8]) {
    let (name, content) = first_line(input);
    let is_a_name = !name.is_empty()
        && name.len() < 100
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '.' | '_'))
        && name.starts_with(|sign: char| sign.is_ascii_digit());
    if !is_a_name {
        return;
    }
    // Several of them may be told at once.
    let who = format!("chatledger-fuzz-{}-{:?}", std::process::id(), std::thread::current().id());
    let folder = std::env::temp_dir().join(who);
    let _old = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("there is room");
    let config = include_str!("../../../fixtures/stories/config.toml");
    std::fs::write(folder.join("config.toml"), config).expect("there is room");
    std::fs::write(folder.join(name), content).expect("there is room");
    let _told = story::tell(&folder);
    std::fs::remove_dir_all(&folder).expect("it was there");
}
