//! What an operator decides about held intents, one or many at once: each decision is an event with who, when and why.
//!
//! Takes the form of the page of what is held; puts instructions on record, and leads back with what became of each. Nothing
//! is sent here: the engine reads its log.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chatledger_projections::fact::ConversationKey;
use chatledger_projections::ids::{ConversationId, IntentId};
use chatledger_projections::intent::Destination;
use chatledger_projections::phone::PhoneNumber;
use tokio::time::{Instant, sleep};
use tracing::info;

use crate::acts::{Acts, NotActed, Said, Wish};
use crate::console::Console;
use crate::console::frame::instead;
use crate::console::guard::is_our_own;
use crate::console::query::{LARGEST_FORM, Query, address};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::reading::ReadingError;

/// How many are decided at once at most; a page shows fewer.
const AT_ONCE: usize = 200;

/// The longest reason that is taken, in signs.
const LONGEST_REASON: usize = 500;

/// How long whoever decided waits to see it: until the engine has read its own log.
const SEEN_WITHIN: Duration = Duration::from_millis(1_500);

const LOOK_EVERY: Duration = Duration::from_millis(30);

/// Why one of them was left alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
    /// It is no longer held.
    Gone,
    /// It may have been done, and nobody allowed for that.
    InDoubt,
    /// It has no receiver that could be another.
    Elsewhere,
    /// The log did not take it, or could not be read.
    Log,
}

/// Takes the form.
pub async fn take(State(console): State<Console>, visit: Visit, body: Body) -> Response {
    if !is_our_own(&visit.headers) {
        return instead(&visit, Trouble::Foreign);
    }
    let who = match console.access.who_acts(&visit.headers) {
        Ok(who) => who,
        Err(denied) => return instead(&visit, denied.into()),
    };
    let Ok(body) = axum::body::to_bytes(body, LARGEST_FORM).await else { return instead(&visit, Trouble::Misread) };
    let form = Query::read(&body);
    let chosen: Option<Vec<IntentId>> =
        form.all("intent").map(|id| id.parse().ok().map(IntentId::from_uuid)).take(AT_ONCE).collect();
    let Some(chosen) = chosen else { return instead(&visit, Trouble::Misread) };
    let back = |said: &str| Redirect::to(&address("/console/held", [("said", said)])).into_response();
    if chosen.is_empty() {
        return back("none");
    }
    let Some(why) = form.get("why").filter(|why| why.chars().nth(LONGEST_REASON).is_none()) else { return back("why") };
    let may_double = form.get("may_double").is_some();
    let wish = match form.get("wish") {
        Some("retry") => Wish::Again { to: None, may_double },
        Some("elsewhere") => match receiver(&form) {
            Some(to) => Wish::Again { to: Some(to), may_double },
            None => return back("to"),
        },
        Some("skip") => Wish::Skipped,
        Some(_) | None => return instead(&visit, Trouble::Misread),
    };
    let (mut done, mut alone) = (Vec::new(), Vec::new());
    let acts = Acts { reader: &console.reader, log: &*console.log, clock: &*console.clock };
    for intent in chosen {
        match acts.decide(Said { who: &who.name, why }, intent, &wish).await {
            Ok(_) => done.push(intent),
            Err(not_acted) => alone.push(left(&not_acted)),
        }
    }
    info!(who = who.name, decided = done.len(), left = alone.len(), "an operator decided about held intents");
    until_seen(acts, &done).await;
    let count = |reason| alone.iter().filter(|left| **left == reason).count().to_string();
    let pairs = [
        ("done", done.len().to_string()),
        ("gone", count(Left::Gone)),
        ("doubt", count(Left::InDoubt)),
        ("elsewhere", count(Left::Elsewhere)),
        ("log", count(Left::Log)),
    ];
    let pairs = pairs.iter().filter(|(_, count)| count != "0").map(|(name, count)| (*name, count.as_str()));
    Redirect::to(&address("/console/held", pairs)).into_response()
}

/// The other receiver: a number with its country code, else a conversation by the platform's id.
fn receiver(form: &Query) -> Option<Destination> {
    if let Some(phone) = form.get("phone") {
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        return PhoneNumber::international(&digits).map(Destination::Phone);
    }
    let theirs = form.get("conversation").map(ConversationId::new)?;
    Some(Destination::Conversation(ConversationKey::theirs(theirs)))
}

const fn left(not_acted: &NotActed) -> Left {
    match not_acted {
        NotActed::InDoubt => Left::InDoubt,
        NotActed::NoOtherPlace { .. } => Left::Elsewhere,
        NotActed::Reading(ReadingError::Log(_)) | NotActed::Why | NotActed::NotRecorded => Left::Log,
        NotActed::Reading(_) => Left::Gone,
    }
}

/// Waits until what was decided is held no more, so that the page to which the form leads does not show it again.
async fn until_seen(acts: Acts<'_>, decided: &[IntentId]) {
    let deadline = Instant::now() + SEEN_WITHIN;
    for intent in decided {
        while matches!(acts.held(*intent).await, Ok(Some(_))) && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
    }
}
