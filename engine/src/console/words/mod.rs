//! What the console says, in each language: one table, side by side, and the cases that numbers and our own kinds make.
//!
//! A text that is missing in one language does not compile. What platforms and people said is never translated: it is
//! shown as it is.

mod kinds;
mod numbers;
mod table;

pub use kinds::Tone;
pub use table::{ENGLISH, RUSSIAN, Words};

/// A language's names of the months, in the form that stands beside a day.
pub type Months = [&'static str; 12];
