//! What events mean and what follows from them. No runtime, no clock, no I/O.
//!
//! The vocabulary, in the order in which a webhook meets it:
//!
//! * [`event`]: what stands in the log; [`recorded`]: an event's place; [`ids`], [`time`], [`phone`],
//!   [`username`], [`content`]: its nouns;
//! * [`fact`]: what happened at a platform, in our words; [`configuration`]: which platforms belong together;
//! * [`state`]: what is so, folded from all of that by [`bindings`], [`threads`], [`contacts`], [`echoes`],
//!   [`assistance`], [`delivery`], [`alterations`], [`typing`], [`attempts`], [`held`] and [`duties`]; a fold tells what it
//!   changed as [`change`]s;
//! * [`files`]: how a file goes across;
//! * [`policy`]: which [`intent`]s follow from a change; [`outcome`]: how an attempt at one ended.

pub mod alterations;
pub mod assistance;
pub mod attempts;
pub mod bindings;
pub mod bytes;
pub mod change;
pub mod configuration;
pub mod contacts;
pub mod content;
pub mod delivery;
pub mod duties;
pub mod echoes;
pub mod event;
pub mod fact;
pub mod files;
pub mod held;
pub mod ids;
pub mod intent;
pub mod otherwise;
pub mod outcome;
pub mod phone;
pub mod policy;
pub mod projection;
pub mod recorded;
pub mod state;
pub mod threads;
pub mod time;
pub mod typing;
pub mod username;
