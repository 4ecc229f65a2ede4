//! The scenes and their order. To add one: a method of [`Play`] in a file of this folder, its line in [`Play::perform`],
//! and, if it needs accounts of its own, their section in the demonstration's `chatledger.toml`.
//!
//! A scene begins with its title ([`Play::scene`]), lets people do things and waits until they are seen, and ends when
//! nothing is left to do ([`Play::all_done`]). What people write is promised along with it, and proven at the end.

mod assistant;
mod beginnings;
mod killed;
mod note;
mod site;
mod troubles;

use tokio::time::Instant;

use super::{Broken, Play};

impl Play<'_> {
    /// All scenes in order.
    pub async fn perform(&mut self) -> Result<(), Broken> {
        self.start().await?;
        self.client_first().await?;
        self.manager_first_claim().await?;
        self.manager_first_remember().await?;
        self.note().await?;
        self.duplicates().await?;
        self.too_many_requests().await?;
        self.no_answer().await?;
        self.unknown_number().await?;
        self.assistant_hands_over().await?;
        self.visitor_of_a_site().await?;
        self.killed().await?;
        self.all_done().await
    }

    pub(in crate::demo::script) async fn start(&mut self) -> Result<(), Broken> {
        let began = Instant::now();
        self.engine = Some(self.set.program.start().await?);
        let took = began.elapsed().as_millis();
        self.direct(&format!("The engine is started, and ready after {took} ms."))
    }
}
