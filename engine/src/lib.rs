//! Chatledger's shell: the log, the way in, the way out. The only crate with a runtime.
//!
//! ```text
//! platform ──▶ ingress ──▶ log ──▶ pipeline: decode, evolve, decide ──▶ log ──▶ dispatch ──▶ platform
//! ```
//!
//! * [`log`]: the only truth there is;
//! * [`ingress`]: webhooks come in; beside them, what operators ask; [`instructions`]: what they say;
//! * [`spool`]: where webhooks wait while the log does not take them;
//! * [`pipeline`]: from an event to what follows from it, pure; [`fold`]: a whole log through it;
//! * [`dispatch`]: which attempt is due, pure; [`http`]: the way out; [`passes`]: what some calls
//!   must carry; [`poll`]: accounts that are asked for their news; [`places`]: how both keep to the limits;
//!   [`redaction`]: what no reply brings into the log;
//! * [`media`]: files on their way; from where they are fetched, where they lie, where they are shown;
//! * [`live`]: all of it at work, it alone has hands; [`replay`]: the pipeline alone, which has none;
//! * [`explain`]: where one message is and why, told from the log; [`reading`]: what people ask all day, answered at once;
//!   [`api`]: the same over HTTP, and who may ask; [`console`]: the same as pages for people; [`acts`]: what operators have done
//!   by either;
//! * [`errand`]: a call that a person asks for; [`backfill`]: messages whose webhooks never came;
//! * [`story`]: recorded traffic told through all of it, on a clock of its own;
//! * [`config`]: the document that says what there is; [`in_force`]: its way into the log;
//! * [`clock`]: the time of day; [`logging`] and [`metrics`]: how the program tells what it does; [`watch`]: what people
//!   want to be warned of; [`traces`]: the way from
//!   webhook to call, span by span; [`descriptors`]: how many
//!   files and connections the system lets it open.
//!
//! Nothing here prints. The binary's `cli` does, one file for each command.

pub mod acts;
pub mod api;
pub mod backfill;
pub mod clock;
pub mod config;
pub mod console;
pub mod demo;
pub mod descriptors;
pub mod dispatch;
pub mod duties;
pub mod errand;
pub mod explain;
pub mod fold;
pub mod heal;
pub mod http;
pub mod in_force;
pub mod ingress;
pub mod instructions;
pub mod live;
pub mod log;
pub mod logging;
pub mod media;
pub mod metrics;
pub mod passes;
pub mod pipeline;
pub mod places;
pub mod poll;
pub mod reading;
pub mod redaction;
pub mod replay;
pub mod spool;
pub mod story;
pub mod traces;
pub mod watch;
