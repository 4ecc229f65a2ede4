//! What operators tell the engine to do. Each act is an event in the log, with who said it, when, and why.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use chatledger_projections::fact::ConversationKey;
use chatledger_projections::ids::{ConversationId, EventId};
use chatledger_projections::intent::Destination;
use chatledger_projections::phone::PhoneNumber;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use super::questions::{intent_id, thread_id};
use super::{Api, Who};
use crate::acts::{Acts, LONGEST_WHY, NotActed, Said, Wish};

/// Why something is to be done.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// For whoever reads the log.
    #[schema(min_length = 1, max_length = 1000)]
    pub why: String,
}

/// A held intent is to be tried again.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Why, for whoever reads the log.
    #[schema(min_length = 1, max_length = 1000)]
    pub why: String,
    /// Also if an earlier attempt may have done it, so that it may be there twice.
    #[serde(default)]
    pub may_double: bool,
}

/// A held intent is to be tried again for another receiver: one of the two.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditTarget {
    /// Why, for whoever reads the log.
    #[schema(min_length = 1, max_length = 1000)]
    pub why: String,
    /// To this number, with its country code.
    #[serde(default)]
    pub phone: Option<String>,
    /// Into this conversation, by the platform's id.
    #[serde(default)]
    pub conversation: Option<String>,
    /// Also if an earlier attempt may have done it, so that it may be there twice.
    #[serde(default)]
    pub may_double: bool,
}

/// Whether an assistant may speak in a dialogue.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssistantSwitch {
    /// Whether it may.
    pub on: bool,
    /// Why, for whoever reads the log.
    #[schema(min_length = 1, max_length = 1000)]
    pub why: String,
}

/// An act is on record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Recorded {
    /// As which event.
    #[schema(value_type = uuid::Uuid)]
    pub event: EventId,
    /// Who it is on record for.
    pub who: String,
}

type Acted = Result<Json<Recorded>, Problem>;
type Body<T> = Result<Json<T>, JsonRejection>;

/// Try a held intent again
#[utoipa::path(post, path = "/held/{intent}/retry", tag = "acting", request_body = Retry,
    params(("intent" = uuid::Uuid, Path, description = "The intent's id.")), responses(
    (status = 200, body = Recorded), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn retry(
    State(api): State<Api>,
    Path(intent): Path<String>,
    headers: HeaderMap,
    body: Body<Retry>,
) -> Acted {
    let who = may_act(&api, &headers)?;
    let Retry { why, may_double } = read(body)?;
    let acted = api.acts().decide(said(&who, &why), intent_id(&intent)?, &Wish::Again { to: None, may_double }).await;
    recorded(acted, who)
}

/// Try a held intent again for another receiver
#[utoipa::path(post, path = "/held/{intent}/edit-target", tag = "acting", request_body = EditTarget,
    params(("intent" = uuid::Uuid, Path, description = "The intent's id.")), responses(
    (status = 200, body = Recorded), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn edit_target(
    State(api): State<Api>,
    Path(intent): Path<String>,
    headers: HeaderMap,
    body: Body<EditTarget>,
) -> Acted {
    let who = may_act(&api, &headers)?;
    let EditTarget { why, phone, conversation, may_double } = read(body)?;
    let to = match (phone, conversation) {
        (Some(phone), None) => {
            let number = PhoneNumber::international(&phone).map(Destination::Phone);
            number.ok_or_else(|| Problem::bad_value("phone", "write it with its country code, as +79161234567"))?
        }
        (None, Some(id)) if !id.trim().is_empty() => {
            Destination::Conversation(ConversationKey::theirs(ConversationId::new(id.trim())))
        }
        (None, Some(_)) => return Err(Problem::bad_value("conversation", "it is empty")),
        (Some(_), Some(_)) => return Err(Problem::bad_value("phone", "give a phone or a conversation, not both")),
        (None, None) => return Err(Problem::bad_value("phone", "give a phone or a conversation")),
    };
    let wish = Wish::Again { to: Some(to), may_double };
    recorded(api.acts().decide(said(&who, &why), intent_id(&intent)?, &wish).await, who)
}

/// Leave a held intent as it is, and hold it no more
#[utoipa::path(post, path = "/held/{intent}/skip", tag = "acting", request_body = Why,
    params(("intent" = uuid::Uuid, Path, description = "The intent's id.")), responses(
    (status = 200, body = Recorded), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn skip(
    State(api): State<Api>,
    Path(intent): Path<String>,
    headers: HeaderMap,
    body: Body<Why>,
) -> Acted {
    let who = may_act(&api, &headers)?;
    let Why { why } = read(body)?;
    recorded(api.acts().decide(said(&who, &why), intent_id(&intent)?, &Wish::Skipped).await, who)
}

/// Give a dialogue to the route's assistant, or take it away
#[utoipa::path(post, path = "/threads/{thread}/assistant", tag = "acting", request_body = AssistantSwitch,
    params(("thread" = uuid::Uuid, Path, description = "The dialogue's id.")), responses(
    (status = 200, body = Recorded), (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn assistant(
    State(api): State<Api>,
    Path(thread): Path<String>,
    headers: HeaderMap,
    body: Body<AssistantSwitch>,
) -> Acted {
    let who = may_act(&api, &headers)?;
    let AssistantSwitch { on, why } = read(body)?;
    recorded(api.acts().switch_assistant(said(&who, &why), thread_id(&thread)?, on).await, who)
}

impl Api {
    fn acts(&self) -> Acts<'_> {
        Acts { reader: &self.reader, log: &*self.log, clock: &*self.clock }
    }
}

fn said<'a>(who: &'a Who, why: &'a str) -> Said<'a> {
    Said { who: &who.name, why }
}

fn recorded(acted: Result<EventId, NotActed>, who: Who) -> Acted {
    let event = acted.map_err(|not_acted| match not_acted {
        NotActed::Reading(error) => Problem::from(error),
        NotActed::InDoubt => {
            let detail = "an earlier attempt may have done it; look at the platform, then skip it, or give may_double";
            Problem::conflict("may_double", detail)
        }
        NotActed::NoOtherPlace { what } => {
            Problem::conflict("intent", format!("it is a {what}, which cannot go there; only retry it or skip it"))
        }
        NotActed::Why => Problem::bad_value("why", format!("say why, in 1 to {LONGEST_WHY} signs")),
        NotActed::NotRecorded => Problem::not_recorded(),
    })?;
    Ok(Json(Recorded { event, who: who.name }))
}

/// Who acts, if they may, and if no page of somebody else's has them do it.
fn may_act(api: &Api, headers: &HeaderMap) -> Result<Who, Problem> {
    let who = api.access.who_acts(headers)?;
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_ours = |origin: &str| origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host));
    if origin.is_some_and(|origin| !is_ours(origin)) {
        return Err(Problem::elsewhere("origin", "acts are taken from this program's own pages, or from programs"));
    }
    Ok(who)
}

fn read<T>(body: Body<T>) -> Result<T, Problem> {
    let Json(body) = body.map_err(|rejection| Problem::bad_body(rejection.status(), rejection.body_text()))?;
    Ok(body)
}
