//! Traces: one for each webhook, from its arrival to the calls that follow from it and to what became of them, in the form
//! that OpenTelemetry wants. Off unless the configuration names a collector, and then as good as absent.
//!
//! Takes the steps of the log in their order, gives [`Span`]s to a queue that never makes anybody wait. Ids are derived from
//! ids on record and nothing else, so that the next life of an engine, or another engine, continues the same trace
//! (decision 0031). Absent: what people wrote, who they are, and secrets; a span holds ids, labels and times.
//!
//! * [`span`]: what a span is, and how its ids are derived; [`follower`]: from steps to spans, pure;
//! * [`export`]: the queue and the way to the collector.

pub mod export;
pub mod follower;
pub mod span;

pub use export::{Exporter, Traces};
pub use follower::{Follower, Part};
pub use span::Span;
