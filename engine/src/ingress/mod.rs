//! The way in: requests come from the world, `WebhookReceived` goes into the log.
//!
//! A request that is authentic and not too large is kept, byte for byte, whatever it says; 200 means that it is on disk,
//! nothing less. Nothing is interpreted here, and nobody waits for anything but the log: some platforms send a webhook
//! once and want their answer within seconds.
//!
//! * [`listener`] accepts connections and bounds them, [`guests`] says who leaves for a newcomer; [`door`] tells webhooks
//!   from everything else; [`address`] and [`body`] read a request within its limits;
//! * [`peers`] says who was refused so often that it is distrusted;
//! * [`receive`] is the path from a request to the log and the answer;
//! * [`private`] is the other listener's: health, [`readiness`] and metrics.

mod address;
mod body;
mod door;
mod guests;
mod listener;
mod peers;
mod private;
mod readiness;
mod receive;

pub use axum::Router;
pub use door::Door;
pub use listener::{Limits, serve};
pub use private::{Private, keep_folding};
pub use readiness::Readiness;
pub use receive::Ingress;
