//! The engine is killed in the middle, and another finds in the log what it left undone.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::demo::script::cast::{ANNA, PETR};
use crate::demo::script::seeing::LOOK_EVERY;
use crate::demo::script::{Broken, Play, Status};
use crate::demo::stage::Fault;

/// How long the engine is missing.
const MISSING_FOR: Duration = Duration::from_millis(900);

impl Play<'_> {
    pub(super) async fn killed(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        let other = self.set.ends("claim");
        self.scene(
            &ends,
            "The engine is killed",
            "With SIGKILL, after the messenger took a message and before it could answer. Meanwhile a client writes at \
             the other messenger, which finds nobody and tries again. A new engine finds all of it in the log.",
        )?;
        let before = self.set.stage.exchanges(&ends.channel).len();
        self.set.stage.fault(&ends.channel, Fault::Swallowed)?;
        let written = "И захватите, пожалуйста, паспорт.";
        self.manager_begins(&ends, PETR, written, Status::Delivered)?;
        let at = ends.channel.clone();
        self.until("the messenger has taken the message, unanswered", move |stage| {
            stage.exchanges(&at).iter().skip(before).any(|exchange| exchange.swallowed)
        })
        .await?;
        if let Some(engine) = self.engine.take() {
            engine.kill().await.map_err(Broken::Unkillable)?;
        }
        self.news()?;
        self.direct("The engine is killed.")?;
        let meanwhile = "А в воскресенье?";
        self.client_begins(&other, ANNA, meanwhile)?;
        let missing_until = Instant::now() + MISSING_FOR;
        while Instant::now() < missing_until {
            self.news()?;
            sleep(LOOK_EVERY).await;
        }
        self.start().await?;
        self.manager_is_answered(&ends, PETR, written).await?;
        self.client_is_heard(&other, meanwhile).await?;
        self.tell_exchanges(&ends.channel, before)?;
        self.manager_writes(&other, ANNA, "В воскресенье отдыхаем.", Status::Delivered).await?;
        self.all_done().await?;
        self.client_reads(&ends, PETR).await?;
        self.all_done().await
    }
}
