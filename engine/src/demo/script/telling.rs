//! What the audience is shown: the title of a scene, every message that is new on any screen, what was asked of whom.

use chatledger_projections::ids::ConnectionName;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::seeing::LOOK_EVERY;
use super::{Broken, Play};
use crate::demo::set::Ends;
use crate::demo::show::Screen;

impl Play<'_> {
    pub(in crate::demo::script) fn scene(&mut self, ends: &Ends, title: &str, shows: &str) -> Result<(), Broken> {
        self.scenes += 1;
        let head = |at: &ConnectionName| format!("{at} ({})", self.set.platform(at));
        let text = self.show.scene(self.scenes, title, shows, &head(&ends.crm), &head(&ends.channel));
        self.tell(&text)
    }

    /// Shows every message that is new on any screen, and every one that stands elsewhere now.
    pub(in crate::demo::script) fn news(&mut self) -> Result<(), Broken> {
        let mut told = String::new();
        for at in self.set.stage.names() {
            // It has no screen of its own here: what it hears and says stands on the other two.
            if self.set.is_assistant(at) {
                continue;
            }
            let screen = match self.set.config.connections.get(at) {
                Some(account) if account.connection.traits().wants_delivery => Screen::Crm,
                Some(_) | None => Screen::Messenger,
            };
            for line in self.set.stage.transcript(at) {
                let key = (screen, at.clone(), line.id.clone());
                match self.shown.get(&key) {
                    None => told.push_str(&self.show.line(screen, &line)),
                    Some(shown) if *shown == line.status => continue,
                    Some(_) => {
                        let status = line.status.as_deref().unwrap_or_default();
                        told.push_str(&self.show.status(screen, &line.text, status));
                    }
                }
                self.shown.insert(key, line.status);
            }
        }
        if told.is_empty() { Ok(()) } else { self.tell(&told) }
    }

    /// What a platform was asked since, and what it answered.
    pub(in crate::demo::script) fn tell_exchanges(&mut self, at: &ConnectionName, since: usize) -> Result<(), Broken> {
        let told: Vec<String> = self
            .set
            .stage
            .exchanges(at)
            .iter()
            .skip(since)
            .map(|exchange| {
                let answer =
                    if exchange.swallowed { "done, no answer".to_owned() } else { exchange.status.to_string() };
                format!("{} → {answer}", exchange.request.method)
            })
            .collect();
        self.direct(&format!("{at} was asked: {}", told.join(", ")))
    }

    /// Lays what was sent with this text beside what the note sent.
    pub(in crate::demo::script) fn compare(&mut self, ends: &Ends, text: &str, note: &[u8]) -> Result<(), Broken> {
        let exchanges = self.set.stage.exchanges(&ends.crm);
        let says_it = |body: &[u8]| String::from_utf8_lossy(body).contains(text);
        let sent = exchanges.iter().rev().map(|exchange| &exchange.request.body).find(|body| says_it(body));
        let read = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap_or_default();
        let Some(sent) = sent else {
            return Err(Broken::NotInTime { awaited: format!("at {}: a request that says {text:?}", ends.crm) });
        };
        let compared = self.show.comparison(("the note", &read(note)), ("the engine", &read(sent)));
        self.tell(&compared)
    }

    pub(in crate::demo::script) fn direct(&mut self, text: &str) -> Result<(), Broken> {
        let text = self.show.direction(text);
        self.tell(&text)
    }

    pub(in crate::demo::script) fn tell(&mut self, text: &str) -> Result<(), Broken> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    pub(in crate::demo::script) async fn breathe(&mut self) -> Result<(), Broken> {
        let until = Instant::now() + self.pace;
        loop {
            self.news()?;
            if Instant::now() >= until {
                return Ok(());
            }
            sleep(LOOK_EVERY.min(self.pace)).await;
        }
    }
}
