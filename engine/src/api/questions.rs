//! What may be read: one function for each address. Nothing is decided here but what a request means.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chatledger_projections::delivery::Origin;
use chatledger_projections::ids::{ConnectionName, EventId, IntentId, MessageId, RouteName, ThreadId};
use chatledger_projections::recorded::Position;
use chatledger_projections::time::Timestamp;

use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, Who};
use crate::reading::answer::schema::{ANOMALY_KINDS, EVENT_TYPES, REMARK_KINDS};
use crate::reading::answer::{
    Answer, Connections, Entry, EventDetail, EventRow, HeldRow, MessageDelivery, Overview, Page, Remarks, Standpoint,
    ThreadDetail, ThreadRow, ThreadState,
};
use crate::reading::{
    AsOf, EventAsked, EventFilter, HeldFilter, MessageAsked, Order, RemarkFilter, ThreadFilter, TimelineFilter, Wanted,
};

type Answered<T> = Result<Json<T>, Problem>;

const NEWEST_FIRST: &str = "newest_first";
const OLDEST_FIRST: &str = "oldest_first";

/// Where answers stand now
#[utoipa::path(get, path = "/standpoint", tag = "reading", responses(
    (status = 200, body = Standpoint), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn standpoint(State(api): State<Api>, RawQuery(query): RawQuery) -> Answered<Standpoint> {
    Parameters::of(query.as_deref())?.finish()?;
    Ok(Json(api.reader.standpoint().await?))
}

/// Who asks, and what they may
#[utoipa::path(get, path = "/me", tag = "reading", responses(
    (status = 200, body = Who), (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn me(
    State(api): State<Api>,
    headers: axum::http::HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered<Who> {
    Parameters::of(query.as_deref())?.finish()?;
    Ok(Json(api.access.who(&headers)?))
}

/// Dialogues: the last active first, or what a search finds
#[utoipa::path(get, path = "/threads", tag = "reading", params(
    ("search" = Option<String>, Query, description = "A phone number in any form, a name or the beginning of one, an id of any platform or of ours."),
    ("state" = Option<String>, Query, description = "held, failed, under_way, unanswered, answered or opened; several with commas between."),
    ("route" = Option<String>, Query, description = "On this route."),
    ("connection" = Option<String>, Query, description = "Shown at this connection."),
    ("quiet_since" = Option<String>, Query, description = "Nothing was said since this time, or for so long, such as 36h."),
    ("active_since" = Option<String>, Query, description = "Something was said since this time, or within so long."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many rows at most."),
    ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
), responses(
    (status = 200, body = Page<ThreadRow>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn threads(State(api): State<Api>, RawQuery(query): RawQuery) -> Answered<Page<ThreadRow>> {
    let mut parameters = Parameters::of(query.as_deref())?;
    let (as_of, wanted) = (parameters.as_of()?, parameters.wanted()?);
    let now = base(&api, as_of).await?;
    let labels: Vec<&str> = ThreadState::ALL.into_iter().map(ThreadState::label).collect();
    let filter = ThreadFilter {
        search: parameters.text("search")?,
        states: parameters.words("state", &labels)?,
        route: parameters.text("route")?.map(RouteName::new),
        connection: connection(&mut parameters)?,
        quiet_since: parameters.since("quiet_since", now)?,
        active_since: parameters.since("active_since", now)?,
    };
    parameters.finish()?;
    Ok(Json(api.reader.threads(filter, wanted, as_of).await?))
}

/// One dialogue
#[utoipa::path(get, path = "/threads/{thread}", tag = "reading", params(
    ("thread" = uuid::Uuid, Path, description = "The dialogue's id."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
), responses(
    (status = 200, body = Answer<ThreadDetail>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn thread(
    State(api): State<Api>,
    Path(thread): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered<Answer<ThreadDetail>> {
    let (thread, as_of) = (thread_id(&thread)?, only_as_of(query)?);
    Ok(Json(api.reader.thread(thread, as_of).await?))
}

/// What happened in a dialogue
#[utoipa::path(get, path = "/threads/{thread}/timeline", tag = "reading", params(
    ("thread" = uuid::Uuid, Path, description = "The dialogue's id."),
    ("order" = Option<String>, Query, description = "newest_first (as if left out) or oldest_first."),
    ("only_messages" = Option<bool>, Query, description = "Only what was said, with where it stands, and not each step."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many entries at most."),
    ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
), responses(
    (status = 200, body = Page<Entry>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn timeline(
    State(api): State<Api>,
    Path(thread): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered<Page<Entry>> {
    let thread = thread_id(&thread)?;
    let mut parameters = Parameters::of(query.as_deref())?;
    let (as_of, wanted) = (parameters.as_of()?, parameters.wanted()?);
    let order = order(&mut parameters)?.unwrap_or_default();
    let filter = TimelineFilter { order, only_messages: parameters.flag("only_messages")? };
    parameters.finish()?;
    Ok(Json(api.reader.timeline(thread, filter, wanted, as_of).await?))
}

/// Where a message is, and how it came to that
#[utoipa::path(get, path = "/messages/{message}", tag = "reading", params(
    ("message" = String, Path, description = "What it is called at any platform, by us, or by its job; `connection:id` works, too."),
    ("connection" = Option<String>, Query, description = "Where it is called so."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
), responses(
    (status = 200, body = Answer<MessageDelivery>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn message(
    State(api): State<Api>,
    Path(message): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered<Answer<MessageDelivery>> {
    let (asked, as_of) = message_asked(message, query)?;
    Ok(Json(api.reader.message(asked, as_of).await?))
}

/// Why a message is where it is: the tree that `chatledger explain --json` tells
#[utoipa::path(get, path = "/messages/{message}/explanation", tag = "reading", params(
    ("message" = String, Path, description = "What it is called at any platform, by us, or by its job; `connection:id` works, too."),
    ("connection" = Option<String>, Query, description = "Where it is called so."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
), responses(
    (status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn explanation(
    State(api): State<Api>,
    Path(message): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered<Answer<serde_json::Value>> {
    let (asked, as_of) = message_asked(message, query)?;
    Ok(Json(api.reader.explanation(asked, as_of).await?))
}

/// The intents that wait for a person, the longest held first
#[utoipa::path(get, path = "/held", tag = "reading", params(
    ("connection" = Option<String>, Query, description = "To become true at this connection."),
    ("thread" = Option<uuid::Uuid>, Query, description = "Of this dialogue."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many rows at most."),
    ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
), responses(
    (status = 200, body = Page<HeldRow>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn held(State(api): State<Api>, RawQuery(query): RawQuery) -> Answered<Page<HeldRow>> {
    let mut parameters = Parameters::of(query.as_deref())?;
    let (as_of, wanted) = (parameters.as_of()?, parameters.wanted()?);
    let connection = connection(&mut parameters)?;
    let thread = parameters.text("thread")?.map(|text| thread_id(&text)).transpose()?;
    parameters.finish()?;
    Ok(Json(api.reader.held(HeldFilter { connection, thread, intent: None }, wanted, as_of).await?))
}

/// One held intent
#[utoipa::path(get, path = "/held/{intent}", tag = "reading", params(
    ("intent" = uuid::Uuid, Path, description = "The intent's id."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
), responses(
    (status = 200, body = Answer<HeldRow>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn held_one(
    State(api): State<Api>,
    Path(intent): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered<Answer<HeldRow>> {
    let (intent, as_of) = (intent_id(&intent)?, only_as_of(query)?);
    held_as_of(&api, intent, as_of).await.map(Json)
}

/// A held intent as of then.
pub(super) async fn held_as_of(api: &Api, intent: IntentId, as_of: AsOf) -> Result<Answer<HeldRow>, Problem> {
    let filter = HeldFilter { intent: Some(intent), ..HeldFilter::default() };
    let Page { standpoint, items, .. } = api.reader.held(filter, Wanted::default(), as_of).await?;
    let item = items.into_iter().next().ok_or(crate::reading::ReadingError::NotFound { what: "intent" })?;
    Ok(Answer { standpoint, item })
}

/// The connections: what came, what is to be done, whether they answer
#[utoipa::path(get, path = "/connections", tag = "reading", params(
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
), responses(
    (status = 200, body = Connections), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn connections(State(api): State<Api>, RawQuery(query): RawQuery) -> Answered<Connections> {
    let as_of = only_as_of(query)?;
    Ok(Json(api.reader.connections(as_of).await?))
}

/// What platforms sent that we do not know or found odd, and what should not have happened
#[utoipa::path(get, path = "/remarks", tag = "reading", params(
    ("connection" = Option<String>, Query, description = "Of this connection."),
    ("remark" = Option<String>, Query, description = "Only remarks, of this kind."),
    ("anomaly" = Option<String>, Query, description = "Only anomalies, of this kind."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
), responses(
    (status = 200, body = Remarks), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn remarks(State(api): State<Api>, RawQuery(query): RawQuery) -> Answered<Remarks> {
    let mut parameters = Parameters::of(query.as_deref())?;
    let as_of = parameters.as_of()?;
    let connection = connection(&mut parameters)?;
    let remark = parameters.word("remark", REMARK_KINDS)?;
    let anomaly = parameters.word("anomaly", ANOMALY_KINDS)?;
    parameters.finish()?;
    Ok(Json(api.reader.remarks(RemarkFilter { connection, remark, anomaly }, as_of).await?))
}

/// Events by their place
#[utoipa::path(get, path = "/events", tag = "reading", params(
    ("from" = Option<String>, Query, description = "At this position or behind it."),
    ("to" = Option<String>, Query, description = "At this position or before it."),
    ("type" = Option<String>, Query, description = "Of this type."),
    ("connection" = Option<String>, Query, description = "About this connection."),
    ("thread" = Option<uuid::Uuid>, Query, description = "That touched this dialogue."),
    ("order" = Option<String>, Query, description = "newest_first (as if left out) or oldest_first."),
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many rows at most."),
    ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
), responses(
    (status = 200, body = Page<EventRow>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn events(State(api): State<Api>, RawQuery(query): RawQuery) -> Answered<Page<EventRow>> {
    let mut parameters = Parameters::of(query.as_deref())?;
    let (as_of, wanted) = (parameters.as_of()?, parameters.wanted()?);
    let remedy = "write a position, such as 1042";
    let filter = EventFilter {
        order: order(&mut parameters)?.unwrap_or_default(),
        from: parameters.parsed("from", remedy)?,
        to: parameters.parsed("to", remedy)?,
        event_type: parameters.word("type", EVENT_TYPES)?,
        connection: connection(&mut parameters)?,
        thread: parameters.text("thread")?.map(|text| thread_id(&text)).transpose()?,
    };
    if filter.event_type.as_deref().is_some_and(|wanted| !EVENT_TYPES.contains(&wanted)) {
        return Err(Problem::bad_value("type", format!("write one of {}", EVENT_TYPES.join(", "))));
    }
    parameters.finish()?;
    Ok(Json(api.reader.events(filter, wanted, as_of).await?))
}

/// One event whole, by its position or its id
#[utoipa::path(get, path = "/events/{event}", tag = "reading", params(
    ("event" = String, Path, description = "Its position, such as 1042, or its id."),
), responses(
    (status = 200, body = Answer<EventDetail>), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn event(
    State(api): State<Api>,
    Path(event): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered<Answer<EventDetail>> {
    Parameters::of(query.as_deref())?.finish()?;
    let by_id = || event.parse().ok().map(|id| EventAsked::Id(EventId::from_uuid(id)));
    let asked = event.parse::<Position>().ok().map(EventAsked::Position).or_else(by_id);
    let asked = asked.ok_or_else(|| Problem::bad_value("event", "write a position, such as 1042, or an event's id"))?;
    Ok(Json(api.reader.event(asked).await?))
}

/// What operators see first: what is stuck, how much there is to do, how it goes
#[utoipa::path(get, path = "/overview", tag = "reading", params(
    ("as_of" = Option<String>, Query, description = "As it was at this position or time."),
), responses(
    (status = 200, body = Overview), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn overview(State(api): State<Api>, RawQuery(query): RawQuery) -> Answered<Overview> {
    let as_of = only_as_of(query)?;
    Ok(Json(api.reader.overview(as_of).await?))
}

fn only_as_of(query: Option<String>) -> Result<AsOf, Problem> {
    let mut parameters = Parameters::of(query.as_deref())?;
    let as_of = parameters.as_of()?;
    parameters.finish()?;
    Ok(as_of)
}

fn order(parameters: &mut Parameters) -> Result<Option<Order>, Problem> {
    match parameters.text("order")?.as_deref() {
        None => Ok(None),
        Some(NEWEST_FIRST) => Ok(Some(Order::NewestFirst)),
        Some(OLDEST_FIRST) => Ok(Some(Order::OldestFirst)),
        Some(_) => Err(Problem::bad_value("order", format!("write one of {NEWEST_FIRST}, {OLDEST_FIRST}"))),
    }
}

fn connection(parameters: &mut Parameters) -> Result<Option<ConnectionName>, Problem> {
    Ok(parameters.text("connection")?.map(ConnectionName::new))
}

/// Reads a dialogue's id.
pub(super) fn thread_id(text: &str) -> Result<ThreadId, Problem> {
    let id =
        text.parse().map_err(|_| Problem::bad_value("thread", "write a dialogue's whole id; /threads finds it"))?;
    Ok(ThreadId::from_uuid(id))
}

/// Reads an intent's id.
pub(super) fn intent_id(text: &str) -> Result<IntentId, Problem> {
    let id = text.parse().map_err(|_| Problem::bad_value("intent", "write an intent's whole id; /held lists them"))?;
    Ok(IntentId::from_uuid(id))
}

fn message_asked(message: String, query: Option<String>) -> Result<(MessageAsked, AsOf), Problem> {
    let mut parameters = Parameters::of(query.as_deref())?;
    let as_of = parameters.as_of()?;
    let connection = connection(&mut parameters)?;
    parameters.finish()?;
    let asked = match connection {
        Some(connection) => MessageAsked::At(Origin { connection, message: MessageId::new(message) }),
        None => MessageAsked::Called(message),
    };
    Ok((asked, as_of))
}

/// The moment before which "so long" is counted.
async fn base(api: &Api, as_of: AsOf) -> Result<Timestamp, Problem> {
    match as_of {
        AsOf::Now => Ok(api.clock.now()),
        AsOf::Time(time) => Ok(time),
        AsOf::Position(_) => {
            let recorded_at = api.reader.standpoint_of(as_of).await?.recorded_at;
            Ok(recorded_at.map_or(Timestamp::from_millis(0), |at| at.0))
        }
    }
}
