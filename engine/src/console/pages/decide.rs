//! What an operator decides about held intents, one or many at once: each decision is an event with who, when and why.
//!
//! Takes the form of the page of what is held; puts instructions on record, and leads back with what became of each. Nothing
//! is sent here: the engine reads its log.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chatledger_projections::event::{Event, Instruction, IntentRaised, OperatorInstructed};
use chatledger_projections::fact::ConversationKey;
use chatledger_projections::ids::{ConversationId, IntentId};
use chatledger_projections::intent::Destination;
use chatledger_projections::phone::PhoneNumber;
use chatledger_projections::policy::held_intent_retried::at_another_place;
use chatledger_projections::recorded::{Revision, StreamName};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::console::Console;
use crate::console::frame::instead;
use crate::console::guard::is_our_own;
use crate::console::query::{LARGEST_FORM, Query, address};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::instructions::record;
use crate::live::chain;
use crate::log::codec;
use crate::reading::answer::HeldRow;
use crate::reading::{AsOf, HeldFilter, Wanted};

/// How many are decided at once at most; a page shows fewer.
const AT_ONCE: usize = 200;

/// The longest reason that is taken, in signs.
const LONGEST_REASON: usize = 500;

/// How long whoever decided waits to see it: until the engine has read its own log.
const SEEN_WITHIN: Duration = Duration::from_millis(1_500);

const LOOK_EVERY: Duration = Duration::from_millis(30);

/// What is to become of those that were chosen.
enum Wish {
    /// They are tried again, at another place if there is one.
    Again(Option<Destination>),
    /// They are left as they are.
    Skipped,
}

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
    let wish = match form.get("wish") {
        Some("retry") => Wish::Again(None),
        Some("elsewhere") => match receiver(&form) {
            Some(to) => Wish::Again(Some(to)),
            None => return back("to"),
        },
        Some("skip") => Wish::Skipped,
        Some(_) | None => return instead(&visit, Trouble::Misread),
    };
    let may_double = form.get("may_double").is_some();
    let (mut done, mut left) = (Vec::new(), Vec::new());
    for intent in chosen {
        match decide(&console, intent, &wish, may_double, &who.name, why).await {
            Ok(()) => done.push(intent),
            Err(reason) => left.push(reason),
        }
    }
    info!(who = who.name, decided = done.len(), left = left.len(), "an operator decided about held intents");
    until_seen(&console, &done).await;
    let count = |reason| left.iter().filter(|left| **left == reason).count().to_string();
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

async fn decide(
    console: &Console,
    intent: IntentId,
    wish: &Wish,
    may_double: bool,
    who: &str,
    why: &str,
) -> Result<(), Left> {
    let held = held(console, intent).await.ok_or(Left::Gone)?;
    let thread = held.thread;
    let instruction = match wish {
        Wish::Skipped => Instruction::SkipHeld { thread, intent },
        Wish::Again(_) if held.in_doubt && !may_double => return Err(Left::InDoubt),
        Wish::Again(Some(to)) => {
            let raised = raised(console, intent).await.ok_or(Left::Log)?;
            if at_another_place(&raised.intent, to).is_none() {
                return Err(Left::Elsewhere);
            }
            Instruction::RetryHeld { thread, intent, to: Some(to.clone()) }
        }
        Wish::Again(None) => Instruction::RetryHeld { thread, intent, to: None },
    };
    let (who, why) = (who.to_owned(), Some(why.to_owned()));
    let instructed = OperatorInstructed { who, said_at: console.clock.now(), why, instruction };
    match record(&*console.log, &*console.clock, instructed).await {
        Ok(_) => Ok(()),
        Err(error) => {
            warn!(error = %chain(&error), "what an operator decided could not be recorded");
            Err(Left::Log)
        }
    }
}

async fn held(console: &Console, intent: IntentId) -> Option<HeldRow> {
    let filter = HeldFilter { intent: Some(intent), ..HeldFilter::default() };
    let found = console.reader.held(filter, Wanted { cursor: None, limit: Some(1) }, AsOf::Now).await.ok()?;
    found.items.into_iter().next()
}

/// The intent as it was raised, from its own stream.
async fn raised(console: &Console, intent: IntentId) -> Option<IntentRaised> {
    let stored = console.log.read_stream(&StreamName::intent(intent), Revision::FIRST, 1).await.ok()?.pop()?;
    match codec::open(stored).ok()?.event {
        Event::IntentRaised(raised) => Some(raised),
        Event::WebhookReceived(_)
        | Event::AttemptStarted(_)
        | Event::AttemptSettled(_)
        | Event::ConfigurationApplied(_)
        | Event::OperatorInstructed(_)
        | Event::PolicyAdvanced(_)
        | Event::PollAdvanced(_)
        | Event::Arranged(_) => None,
    }
}

/// Waits until what was decided is held no more, so that the page to which the form leads does not show it again.
async fn until_seen(console: &Console, decided: &[IntentId]) {
    let deadline = Instant::now() + SEEN_WITHIN;
    for intent in decided {
        while held(console, *intent).await.is_some() && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
    }
}
