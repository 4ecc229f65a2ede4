//! What must be seen before the play goes on. Every wait is bounded.

use std::time::Duration;

use chatledger_connectors::simulator::{Line, LineAuthor};
use chatledger_projections::ids::ConnectionName;
use tokio::time::{Instant, sleep};

use super::{Broken, Play};
use crate::demo::set::Ends;
use crate::demo::stage::Stage;

/// How long anything may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// How often the screens are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How often in a row nothing must be left to do before all is taken to be done: what has just been recorded shows in
/// the engine's gauges a moment later.
const DONE_LOOKS: usize = 4;

impl Play<'_> {
    pub(in crate::demo::script) async fn until_shown(&mut self, at: &ConnectionName, text: &str) -> Result<(), Broken> {
        let awaited = format!("at {at}: a message {text:?}");
        self.until(&awaited, |stage| stage.transcript(at).iter().any(|line| line.text == text)).await
    }

    pub(in crate::demo::script) async fn until_status(
        &mut self,
        ends: &Ends,
        phone: &str,
        text: &str,
    ) -> Result<(), Broken> {
        let promised = self
            .promises
            .messages
            .iter()
            .find(|promise| promise.ends == *ends && promise.phone == phone && promise.text == text);
        let Some(status) = promised.and_then(|promise| promise.status) else { return Ok(()) };
        let awaited = format!("at {}: {text:?} stands at {:?}", ends.crm, status.word());
        let is_shown = |stage: &Stage| {
            let lines = stage.transcript(&ends.crm);
            let shown = lines.iter().find(|line| line.text == text).and_then(|line| line.status.as_deref());
            shown.is_some_and(|shown| status.is_shown_as(shown))
        };
        self.until(&awaited, is_shown).await
    }

    /// The bot has claimed one more chat.
    pub(in crate::demo::script) async fn claimed(&mut self, ends: &Ends) -> Result<(), Broken> {
        self.promises.claims.push(ends.crm.clone());
        let claims = self.promises.claims.iter().filter(|at| **at == ends.crm).count();
        let at = ends.crm.clone();
        self.until(&format!("at {at}: the bot's message that claims the chat"), |stage| {
            stage.transcript(&at).iter().filter(|line| line.author == LineAuthor::Bot).count() >= claims
        })
        .await
    }

    /// The bot has noted in the CRM something that begins so.
    pub(in crate::demo::script) async fn noted(&mut self, ends: &Ends, beginning: &str) -> Result<(), Broken> {
        let at = ends.crm.clone();
        self.promises.notes.push((at.clone(), beginning.to_owned()));
        let is_note = |line: &Line| line.author == LineAuthor::Bot && line.text.starts_with(beginning);
        self.until(&format!("at {at}: a note {beginning:?}"), |stage| stage.transcript(&at).iter().any(is_note)).await
    }

    /// Two messages stand in one chat of the CRM.
    pub(in crate::demo::script) fn same_chat(&mut self, ends: &Ends, one: &str, other: &str) -> Result<(), Broken> {
        let lines = self.set.stage.transcript(&ends.crm);
        let chat = |text: &str| lines.iter().find(|line| line.text == text).map(|line| line.chat_id.clone());
        match (chat(one), chat(other)) {
            (Some(one), Some(other)) if one == other => self.direct(&format!("All of it stands in one chat: {one}")),
            (one, other) => Err(Broken::NotInTime {
                awaited: format!("one chat at {} for both sides; they are in {one:?} and {other:?}", ends.crm),
            }),
        }
    }

    /// Nothing is left to do, neither for the platforms nor for the engine.
    pub(in crate::demo::script) async fn all_done(&mut self) -> Result<(), Broken> {
        let deadline = Instant::now() + SEEN_WITHIN;
        let mut looks = 0;
        loop {
            self.news()?;
            let left = match &self.engine {
                Some(engine) => engine.left_to_do().await,
                None => None,
            };
            let done = self.set.stage.is_quiet() && left == Some(0.0);
            looks = if done { looks + 1 } else { 0 };
            if looks >= DONE_LOOKS {
                return self.breathe().await;
            }
            if Instant::now() >= deadline {
                let left = left.map_or_else(|| "the engine does not say".to_owned(), |left| left.to_string());
                let awaited = format!("the end of everything that is to be done (left to the engine: {left})");
                return Err(Broken::NotInTime { awaited });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    pub(in crate::demo::script) async fn until(
        &mut self,
        awaited: &str,
        mut holds: impl FnMut(&Stage) -> bool,
    ) -> Result<(), Broken> {
        let deadline = Instant::now() + SEEN_WITHIN;
        loop {
            self.news()?;
            if holds(&self.set.stage) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Broken::NotInTime { awaited: awaited.to_owned() });
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
