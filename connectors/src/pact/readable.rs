//! A message as Pact shows it: one text, with a quoted message in words unless Pact can be told its name.

use chatledger_projections::content::Content;

use super::ids;

/// What goes out as the text, and what a probe looks for.
pub(super) fn readable(content: &Content) -> String {
    crate::readable::readable(content, |quote| quote.theirs.as_ref().and_then(ids::replied_to).is_some())
}
