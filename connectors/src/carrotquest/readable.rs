//! A message as Carrot quest shows it: one text, with a quoted message in words, for a part cannot quote another.

use chatledger_projections::content::Content;

/// What goes out as the text, and what a probe looks for.
pub(super) fn readable(content: &Content) -> String {
    crate::readable::readable(content, |_| false)
}
