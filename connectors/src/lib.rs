//! What platforms' bytes mean. Pure; imports only `projections`.
//!
//! To add a connector:
//!
//! 1. make a folder with the same files as its siblings: `mod ids wire verify decode encode classify limits simulate`;
//! 2. mirror the platform's documents in `wire.rs`, with [`loose`] fields, misspellings and all;
//! 3. say in `ids.rs`, in one sentence, which deliveries are the same delivery;
//! 4. in `verify.rs`, what proves that a request is the platform's;
//! 5. in `decode.rs`, what its documents mean; in `encode.rs`, the requests that intents become;
//! 6. in `classify.rs`, what its replies prove, and what may be done when nothing is proven;
//! 7. in `limits.rs`, its quotas with their source and date;
//! 8. in `simulate.rs`, a model of it: own ids, quotas, refusals, idempotency or its absence;
//! 9. add its `mod` line and its row in [`ALL`];
//! 10. if people shall be able to have things done there, offer commands as data ([`administration`]);
//! 11. put its documented pairs into `fixtures/contracts/<name>/`, and tell one story.

pub mod administration;
pub mod amocrm;
pub mod carrotquest;
pub mod connector;
pub mod errands;
#[cfg(feature = "fake")]
pub mod fake;
mod leafing;
pub mod loose;
pub mod pact;
pub mod polling;
mod readable;
pub mod selarti;
mod settings;
pub mod simulator;

use connector::Connector;

/// Every platform that we speak to.
pub const ALL: &[&dyn Connector] = &[&amocrm::AmoCrm, &pact::Pact, &selarti::Selarti, &carrotquest::CarrotQuest];

/// The connector of this name.
pub fn named(platform: &str) -> Option<&'static dyn Connector> {
    ALL.iter().copied().find(|connector| connector.platform() == platform)
}
