//! Appends, one by one and as a stream of batches, and deletions.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

use crate::faults::{Call, afterwards};
use crate::node::Node;
use crate::protocol::streams::append_req::options::ExpectedStreamRevision;
use crate::protocol::streams::append_resp::{self, success, wrong_expected_version as wrong};
use crate::protocol::streams::batch_append_req::ProposedMessage;
use crate::protocol::streams::batch_append_req::options::ExpectedStreamPosition;
use crate::protocol::streams::batch_append_resp::{self, success as batch_success};
use crate::protocol::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, append_req, delete_req, delete_resp, tombstone_req,
};
use crate::protocol::{AllStreamPosition, rpc};
use crate::store::{Expected, Proposed, Refusal, Written};
use crate::wire::{self, EMPTY};

/// One append: what is expected, then the events one by one.
pub(crate) async fn append(node: &Node, mut messages: Streaming<AppendReq>) -> Result<AppendResp, Status> {
    let after = node.faults.before(Call::Append).await?;
    let first = messages.message().await?.and_then(|message| message.content);
    let Some(append_req::Content::Options(options)) = first else {
        return Err(Status::invalid_argument("the first message says which stream"));
    };
    let name = wire::name(options.stream_identifier.as_ref())?;
    let expected = match options.expected_stream_revision {
        Some(ExpectedStreamRevision::Revision(revision)) => exact(revision),
        Some(ExpectedStreamRevision::NoStream(_)) => Expected::NoStream,
        Some(ExpectedStreamRevision::StreamExists(_)) => Expected::StreamExists,
        Some(ExpectedStreamRevision::Any(_)) => Expected::Any,
        None => return Err(Status::invalid_argument("no revision is expected")),
    };
    let mut events = Vec::new();
    while let Some(message) = messages.message().await? {
        let Some(append_req::Content::ProposedMessage(event)) = message.content else {
            return Err(Status::invalid_argument("after the first message come events"));
        };
        events.push(wire::proposed(event.id.as_ref(), &event.metadata, &event.custom_metadata, &event.data)?);
    }
    let written = node.store.append(&name, expected, events).await;
    afterwards(after).await?;
    let result = match written {
        Ok(Written { revision, position }) => append_resp::Result::Success(append_resp::Success {
            current_revision_option: Some(match revision {
                Some(revision) => success::CurrentRevisionOption::CurrentRevision(revision),
                None => success::CurrentRevisionOption::NoStream(EMPTY),
            }),
            position_option: Some(match position {
                Some(position) => success::PositionOption::Position(append_resp::Position {
                    commit_position: position,
                    prepare_position: position,
                }),
                None => success::PositionOption::NoPosition(EMPTY),
            }),
        }),
        Err(Refusal::WrongExpectedVersion { current }) => {
            append_resp::Result::WrongExpectedVersion(append_resp::WrongExpectedVersion {
                current_revision_option: Some(match current {
                    Some(current) => wrong::CurrentRevisionOption::CurrentRevision(current),
                    None => wrong::CurrentRevisionOption::CurrentNoStream(EMPTY),
                }),
                expected_revision_option: Some(match expected {
                    Expected::Any => wrong::ExpectedRevisionOption::ExpectedAny(EMPTY),
                    Expected::NoStream => wrong::ExpectedRevisionOption::ExpectedNoStream(EMPTY),
                    Expected::StreamExists => wrong::ExpectedRevisionOption::ExpectedStreamExists(EMPTY),
                    Expected::Exact(revision) => wrong::ExpectedRevisionOption::ExpectedRevision(revision),
                }),
                ..append_resp::WrongExpectedVersion::default()
            })
        }
        Err(other @ (Refusal::StreamDeleted | Refusal::TooLarge { .. } | Refusal::Unavailable(_))) => {
            return Err(wire::refused(&name, expected, &other));
        }
    };
    Ok(AppendResp { result: Some(result) })
}

/// A stream of batches. An append may come in several messages; it is made with the last of them.
pub(crate) async fn batch_append(
    node: Node,
    mut messages: Streaming<BatchAppendReq>,
    answers: mpsc::Sender<Result<BatchAppendResp, Status>>,
) {
    let mut unfinished: HashMap<uuid::Uuid, (BatchAppendReq, Vec<ProposedMessage>)> = HashMap::new();
    loop {
        let answer = match messages.message().await {
            Ok(None) => return,
            Err(status) => Err(status),
            Ok(Some(mut message)) => {
                let fault = match node.faults.before(Call::BatchAppend).await {
                    Ok(fault) => fault,
                    Err(status) => {
                        // If nobody hears it, nobody waits for it.
                        let _gone = answers.send(Err(status)).await;
                        return;
                    }
                };
                let id = match wire::id(message.correlation_id.as_ref()) {
                    Ok(id) => id,
                    Err(status) => {
                        let _gone = answers.send(Err(status)).await;
                        return;
                    }
                };
                let is_final = message.is_final;
                let events = std::mem::take(&mut message.proposed_messages);
                let (_, collected) = unfinished.entry(id).or_insert_with(|| (message, Vec::new()));
                collected.extend(events);
                if !is_final {
                    continue;
                }
                let Some((first, events)) = unfinished.remove(&id) else { continue };
                let answer = one_of_a_batch(&node, first, &events).await;
                if let Err(status) = afterwards(fault).await {
                    let _gone = answers.send(Err(status)).await;
                    return;
                }
                answer
            }
        };
        let is_end = answer.is_err();
        if answers.send(answer).await.is_err() || is_end {
            return;
        }
    }
}

async fn one_of_a_batch(
    node: &Node,
    first: BatchAppendReq,
    events: &[ProposedMessage],
) -> Result<BatchAppendResp, Status> {
    let options = first.options.ok_or_else(|| Status::invalid_argument("no options"))?;
    let name = wire::name(options.stream_identifier.as_ref())?;
    let (expected, echoed) = match options.expected_stream_position {
        Some(ExpectedStreamPosition::StreamPosition(revision)) => {
            (exact(revision), batch_append_resp::ExpectedStreamPosition::StreamPosition(revision))
        }
        Some(ExpectedStreamPosition::NoStream(())) => {
            (Expected::NoStream, batch_append_resp::ExpectedStreamPosition::NoStream(()))
        }
        Some(ExpectedStreamPosition::StreamExists(())) => {
            (Expected::StreamExists, batch_append_resp::ExpectedStreamPosition::StreamExists(()))
        }
        Some(ExpectedStreamPosition::Any(())) => (Expected::Any, batch_append_resp::ExpectedStreamPosition::Any(())),
        None => return Err(Status::invalid_argument("no revision is expected")),
    };
    let events: Vec<Proposed> = events
        .iter()
        .map(|event| wire::proposed(event.id.as_ref(), &event.metadata, &event.custom_metadata, &event.data))
        .collect::<Result<_, _>>()?;
    let result = match node.store.append(&name, expected, events).await {
        Ok(Written { revision, position }) => batch_append_resp::Result::Success(batch_append_resp::Success {
            current_revision_option: Some(match revision {
                Some(revision) => batch_success::CurrentRevisionOption::CurrentRevision(revision),
                None => batch_success::CurrentRevisionOption::NoStream(()),
            }),
            position_option: Some(match position {
                Some(position) => batch_success::PositionOption::Position(AllStreamPosition {
                    commit_position: position,
                    prepare_position: position,
                }),
                None => batch_success::PositionOption::NoPosition(()),
            }),
        }),
        Err(refusal) => batch_append_resp::Result::Error(error(&name, expected, &refusal)),
    };
    Ok(BatchAppendResp {
        correlation_id: first.correlation_id,
        result: Some(result),
        stream_identifier: options.stream_identifier,
        expected_stream_position: Some(echoed),
    })
}

/// A refusal within a batch stream, with its particulars as the newer clients read them.
fn error(name: &str, expected: Expected, refusal: &Refusal) -> rpc::Status {
    use crate::protocol::event_store::client as shared;
    use shared::wrong_expected_version::{CurrentStreamRevisionOption, ExpectedStreamPositionOption};
    let any = |kind: &str, value: Vec<u8>| prost_types::Any {
        type_url: format!("type.googleapis.com/event_store.client.{kind}"),
        value,
    };
    let (code, message, details) = match refusal {
        Refusal::WrongExpectedVersion { current } => {
            let particulars = shared::WrongExpectedVersion {
                current_stream_revision_option: Some(match current {
                    Some(current) => CurrentStreamRevisionOption::CurrentStreamRevision(*current),
                    None => CurrentStreamRevisionOption::CurrentNoStream(()),
                }),
                expected_stream_position_option: Some(match expected {
                    Expected::Any => ExpectedStreamPositionOption::ExpectedAny(()),
                    Expected::NoStream => ExpectedStreamPositionOption::ExpectedNoStream(()),
                    Expected::StreamExists => ExpectedStreamPositionOption::ExpectedStreamExists(()),
                    Expected::Exact(revision) => ExpectedStreamPositionOption::ExpectedStreamPosition(revision),
                }),
            };
            let details = any("WrongExpectedVersion", prost::Message::encode_to_vec(&particulars));
            (Code::AlreadyExists, "WrongExpectedVersion".to_owned(), Some(details))
        }
        Refusal::StreamDeleted => {
            let particulars = shared::StreamDeleted { stream_identifier: Some(wire::identifier(name)) };
            let details = any("StreamDeleted", prost::Message::encode_to_vec(&particulars));
            (Code::AlreadyExists, "StreamDeleted".to_owned(), Some(details))
        }
        Refusal::TooLarge { limit } => {
            let max_append_size = u32::try_from(*limit).unwrap_or(u32::MAX);
            let particulars = shared::MaximumAppendSizeExceeded { max_append_size };
            let details = any("MaximumAppendSizeExceeded", prost::Message::encode_to_vec(&particulars));
            (Code::InvalidArgument, format!("Maximum Append Size of {limit} Exceeded."), Some(details))
        }
        Refusal::Unavailable(why) => (Code::Unavailable, why.clone(), None),
    };
    rpc::Status { code: code.into(), message, details }
}

/// Hides a stream.
pub(crate) async fn delete(
    node: &Node,
    options: Option<delete_req::Options>,
) -> Result<Option<delete_resp::Position>, Status> {
    use delete_req::options::ExpectedStreamRevision as Revision;
    let after = node.faults.before(Call::Delete).await?;
    let options = options.ok_or_else(|| Status::invalid_argument("no options"))?;
    let name = wire::name(options.stream_identifier.as_ref())?;
    let expected = match options.expected_stream_revision {
        Some(Revision::Revision(revision)) => exact(revision),
        Some(Revision::NoStream(_)) => Expected::NoStream,
        Some(Revision::StreamExists(_)) => Expected::StreamExists,
        Some(Revision::Any(_)) | None => Expected::Any,
    };
    let deleted = node.store.delete(&name, expected).await;
    afterwards(after).await?;
    let position = deleted.map_err(|refusal| wire::refused(&name, expected, &refusal))?;
    Ok(position.map(|position| delete_resp::Position { commit_position: position, prepare_position: position }))
}

/// Ends a stream for good.
pub(crate) async fn tombstone(node: &Node, options: Option<tombstone_req::Options>) -> Result<Option<u64>, Status> {
    use tombstone_req::options::ExpectedStreamRevision as Revision;
    let after = node.faults.before(Call::Delete).await?;
    let options = options.ok_or_else(|| Status::invalid_argument("no options"))?;
    let name = wire::name(options.stream_identifier.as_ref())?;
    let expected = match options.expected_stream_revision {
        Some(Revision::Revision(revision)) => exact(revision),
        Some(Revision::NoStream(_)) => Expected::NoStream,
        Some(Revision::StreamExists(_)) => Expected::StreamExists,
        Some(Revision::Any(_)) | None => Expected::Any,
    };
    let ended = node.store.tombstone(&name, expected).await;
    afterwards(after).await?;
    ended.map_err(|refusal| wire::refused(&name, expected, &refusal))
}

/// The server counts with signed numbers: what is beyond them, it takes for the number that they then are.
fn exact(revision: u64) -> Expected {
    match revision.cast_signed() {
        -1 => Expected::NoStream,
        _ => Expected::Exact(revision),
    }
}
