//! What operators tell the engine to do. Each act is an event in the log, with who said it, when, and why.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use chatledger_projections::event::{Event, Instruction, OperatorInstructed};
use chatledger_projections::fact::ConversationKey;
use chatledger_projections::ids::{ConversationId, EventId, IntentId};
use chatledger_projections::intent::Destination;
use chatledger_projections::phone::PhoneNumber;
use chatledger_projections::policy::held_intent_retried::at_another_place;
use chatledger_projections::recorded::{Revision, StreamName};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use utoipa::ToSchema;

use super::problem::Problem;
use super::questions::{held_as_of, intent_id, thread_id};
use super::{Api, Who};
use crate::instructions;
use crate::live::chain;
use crate::log::codec;
use crate::reading::AsOf;

/// How long a reason may be, in signs.
const LONGEST_WHY: usize = 1000;

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
    api.try_again(who, intent_id(&intent)?, None, may_double, why).await
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
    api.try_again(who, intent_id(&intent)?, Some(to), may_double, why).await
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
    api.skip(who, intent_id(&intent)?, why).await
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
    api.switch_assistant(who, thread_id(&thread)?, on, why).await
}

impl Api {
    /// Tries a held intent again, perhaps for another receiver.
    pub async fn try_again(
        &self,
        who: Who,
        intent: IntentId,
        to: Option<Destination>,
        may_double: bool,
        why: String,
    ) -> Acted {
        let held = held_as_of(self, intent, AsOf::Now).await?.item;
        if held.in_doubt && !may_double {
            let detail = "an earlier attempt may have done it; look at the platform, then skip it, or give may_double";
            return Err(Problem::conflict("may_double", detail));
        }
        if let Some(to) = &to
            && !self.can_go(intent, to).await?
        {
            let detail = format!("it is a {}, which cannot go there; only retry it or skip it", held.what);
            return Err(Problem::conflict("intent", detail));
        }
        self.record(who, why, Instruction::RetryHeld { thread: held.thread, intent, to }).await
    }

    /// Leaves a held intent as it is.
    pub async fn skip(&self, who: Who, intent: IntentId, why: String) -> Acted {
        let held = held_as_of(self, intent, AsOf::Now).await?.item;
        self.record(who, why, Instruction::SkipHeld { thread: held.thread, intent }).await
    }

    /// Gives a dialogue to the route's assistant, or takes it away.
    pub async fn switch_assistant(
        &self,
        who: Who,
        thread: chatledger_projections::ids::ThreadId,
        on: bool,
        why: String,
    ) -> Acted {
        self.reader.thread(thread, AsOf::Now).await?;
        let instruction =
            if on { Instruction::SwitchAssistantOn { thread } } else { Instruction::SwitchAssistantOff { thread } };
        self.record(who, why, instruction).await
    }

    /// Whether a held intent can go to another receiver: as it was raised, by its own stream.
    async fn can_go(&self, intent: IntentId, to: &Destination) -> Result<bool, Problem> {
        let stored = self.log.read_stream(&StreamName::intent(intent), Revision::FIRST, 1).await;
        let stored = stored.map_err(|error| Problem::from(crate::reading::ReadingError::Log(error.into())))?;
        let recorded = stored.into_iter().next().and_then(|stored| codec::open(stored).ok());
        Ok(match recorded.map(|recorded| recorded.event) {
            Some(Event::IntentRaised(raised)) => at_another_place(&raised.intent, to).is_some(),
            Some(
                Event::WebhookReceived(_)
                | Event::AttemptStarted(_)
                | Event::AttemptSettled(_)
                | Event::ConfigurationApplied(_)
                | Event::OperatorInstructed(_)
                | Event::PolicyAdvanced(_)
                | Event::PollAdvanced(_)
                | Event::Arranged(_),
            )
            | None => false,
        })
    }

    async fn record(&self, who: Who, why: String, instruction: Instruction) -> Acted {
        let why = why.trim().to_owned();
        if why.is_empty() || why.chars().count() > LONGEST_WHY {
            return Err(Problem::bad_value("why", format!("say why, in 1 to {LONGEST_WHY} signs")));
        }
        info!(who = who.name, instruction = instruction.label(), thread = %instruction.thread(), "instructed");
        let said = OperatorInstructed { who: who.name.clone(), said_at: self.clock.now(), why: Some(why), instruction };
        match instructions::record(&*self.log, &*self.clock, said).await {
            Ok(taken) => Ok(Json(Recorded { event: taken.event, who: who.name })),
            Err(error) => {
                warn!(error = %chain(&error), "an instruction is not on record");
                Err(Problem::not_recorded())
            }
        }
    }
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
