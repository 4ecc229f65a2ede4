//! A message as Pact shows it: one text, with a quoted message in words unless Pact can be told its name.

use chatledger_projections::content::Content;

use super::ids;
use super::settings::Api;

/// What goes out as the text, and what a probe looks for. Only the second generation quotes by name (13).
pub(super) fn readable(api: Api, content: &Content) -> String {
    crate::readable::readable(content, |quote| match api {
        Api::V1 => false,
        Api::V2 => quote.theirs.as_ref().and_then(ids::replied_to).is_some(),
    })
}
