//! Chatledger's shell: the log, the way in, the way out. The only crate with a runtime.
//!
//! ```text
//! platform ──▶ ingress ──▶ log ──▶ pipeline: decode, evolve, decide ──▶ log ──▶ dispatch ──▶ platform
//! ```
//!
//! * [`log`]: the only truth there is;
//! * [`pipeline`]: from an event to what follows from it, pure; [`fold`]: a whole log through it;
//! * [`dispatch`]: which attempt is due, pure; [`http`]: the way out;
//! * [`live`]: both at work; it alone has hands.

pub mod clock;
pub mod config;
pub mod dispatch;
pub mod fold;
pub mod http;
pub mod ingress;
pub mod live;
pub mod log;
pub mod logging;
pub mod metrics;
pub mod pipeline;
pub mod story;
