//! What operators tell the program to do, on its way into the log.
//!
//! Takes an instruction, appends it once. One program writes to an embedded log at a time; while that is a running engine,
//! an instruction is handed to it at its private address, by `POST /instructions` with the instruction as JSON. Only this
//! machine is listened to there, whatever the address is: a scraper of metrics may look, and not command.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use chatledger_projections::event::{Event, OperatorInstructed};
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::Revision;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::live::chain;
use crate::log::{Append, AppendError, EventLog, ExpectedRevision, codec, naming};

/// Where instructions are handed in.
pub const PATH: &str = "/instructions";

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// An instruction is on record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// As which event.
    pub event: EventId,
}

/// Why an instruction was not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NotTaken {
    /// Why, for people.
    pub reason: String,
}

/// Puts an instruction on record. The same one, said at the same moment, is one.
pub async fn record(
    log: &dyn EventLog,
    clock: &dyn Clock,
    instructed: OperatorInstructed,
) -> Result<Taken, AppendError> {
    let thread = instructed.instruction.thread().to_string();
    let event = Event::OperatorInstructed(instructed);
    let id = naming::event_id(&event, Revision::FIRST).expect("an instruction's id is derived");
    let sealed = codec::seal(&event, id, clock.now(), None, Some(&thread));
    let stream = naming::stream_of(&event, id);
    let append = Append { stream, expected: ExpectedRevision::NoStream, events: vec![sealed] };
    match log.append(append).await {
        // A conflict is the same instruction, handed in before.
        Ok(_) | Err(AppendError::Conflict { .. }) => Ok(Taken { event: id }),
        Err(error) => Err(error),
    }
}

/// What takes instructions behind the private address.
#[derive(Clone, Debug)]
pub struct Instructions {
    /// Where they go.
    pub log: Arc<dyn EventLog>,
    /// When they came.
    pub clock: Arc<dyn Clock>,
}

impl Instructions {
    /// The router for the listener; it must know who asks, see [`Peer`].
    pub fn router(self) -> Router {
        Router::new().route(PATH, post(take)).with_state(self)
    }
}

async fn take(
    State(instructions): State<Instructions>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    // JSON by its own content type: no page in a browser can send that here unasked.
    instructed: Result<Json<OperatorInstructed>, JsonRejection>,
) -> Response {
    if !peer.ip().to_canonical().is_loopback() || !is_this_machine(&headers) {
        warn!(%peer, "an instruction from another machine is not taken");
        return refusal(StatusCode::FORBIDDEN, "instructions are taken from this machine only");
    }
    let Json(instructed) = match instructed {
        Ok(instructed) => instructed,
        Err(rejection) => return refusal(rejection.status(), rejection.body_text()),
    };
    info!(instruction = instructed.instruction.label(), thread = %instructed.instruction.thread(), "instructed");
    match record(&*instructions.log, &*instructions.clock, instructed).await {
        Ok(taken) => Json(taken).into_response(),
        Err(error) => refusal(StatusCode::SERVICE_UNAVAILABLE, chain(&error)),
    }
}

/// Whether the request names this machine by a number or as localhost: a name of the world's that leads here is a trick.
pub fn is_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_local = |name: &str| name.eq_ignore_ascii_case("localhost");
    host.parse::<SocketAddr>().is_ok()
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
        || is_local(host)
        || host.rsplit_once(':').is_some_and(|(name, _)| is_local(name))
}

fn refusal(status: StatusCode, reason: impl Into<String>) -> Response {
    (status, Json(NotTaken { reason: reason.into() })).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use chatledger_projections::event::Instruction;
    use chatledger_projections::ids::ThreadId;
    use chatledger_projections::time::Timestamp;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;

    use super::*;
    use crate::clock::ManualClock;
    use crate::log::memory::MemoryLog;

    fn instructed() -> OperatorInstructed {
        let thread = ThreadId::from_uuid(EventId::derived(&[b"a thread"]).as_uuid());
        let instruction = Instruction::SwitchAssistantOff { thread };
        OperatorInstructed { who: "olga".to_owned(), said_at: Timestamp::from_millis(1), why: None, instruction }
    }

    async fn status(log: &Arc<MemoryLog>, peer: &str, host: &str, content_type: &str, body: Vec<u8>) -> u16 {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(2)));
        let instructions = Instructions { log: log.clone(), clock };
        let request = Request::post(PATH).header("host", host).header("content-type", content_type);
        let request = request.extension(Peer(peer.parse().expect("an address"))).body(Body::from(body));
        let router = TowerToHyperService::new(instructions.router());
        let answer = router.call(request.expect("a request")).await;
        answer.expect("routers always answer").status().as_u16()
    }

    #[tokio::test]
    async fn an_instruction_of_this_machine_is_recorded_once_and_no_other() {
        let log = Arc::new(MemoryLog::new());
        let said = serde_json::to_vec(&instructed()).expect("it serialises");
        let (here, json) = ("127.0.0.1:5000", "application/json");
        for (peer, host, content_type, body, expected) in [
            ("192.0.2.7:5000", "127.0.0.1:8081", json, said.clone(), 403),
            (here, "attacker.example:8081", json, said.clone(), 403),
            (here, "127.0.0.1:8081", "text/plain", said.clone(), 415),
            (here, "127.0.0.1:8081", json, b"{".to_vec(), 400),
            (here, "127.0.0.1:8081", json, br#"{"who":"x"}"#.to_vec(), 422),
        ] {
            assert_eq!(status(&log, peer, host, content_type, body).await, expected, "{peer} {host} {content_type}");
            assert!(log.read_all(None, 10).await.expect("it can be read").is_empty());
        }
        for (peer, host) in
            [(here, "127.0.0.1:8081"), ("[::1]:5000", "localhost:8081"), ("[::ffff:127.0.0.1]:5", "[::1]")]
        {
            assert_eq!(status(&log, peer, host, json, said.clone()).await, 200);
        }
        let stored = log.read_all(None, 10).await.expect("it can be read");
        assert_eq!(stored.len(), 1, "said once, however often it is handed in");
        let recorded = codec::open(stored.into_iter().next().expect("one")).expect("it can be read");
        assert_eq!(recorded.event, Event::OperatorInstructed(instructed()));
    }
}
