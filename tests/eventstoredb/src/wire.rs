//! Between the protocol's messages and the store's words.

use std::collections::HashMap;

use tonic::{Code, Status};

use crate::faults::{insert, with_exception};
use crate::protocol::streams::ReadResp;
use crate::protocol::streams::read_resp::read_event::{Position as CommitPosition, RecordedEvent};
use crate::protocol::streams::read_resp::{Content, ReadEvent};
use crate::protocol::{Empty, StreamIdentifier, Uuid, uuid};
use crate::store::{Expected, Kept, Proposed, Refusal};

/// An id as two numbers.
pub(crate) fn structured(id: ::uuid::Uuid) -> Uuid {
    let (high, low) = id.as_u64_pair();
    Uuid {
        value: Some(uuid::Value::Structured(uuid::Structured {
            most_significant_bits: high.cast_signed(),
            least_significant_bits: low.cast_signed(),
        })),
    }
}

fn text(id: ::uuid::Uuid) -> Uuid {
    Uuid { value: Some(uuid::Value::String(id.to_string())) }
}

/// An id in either form.
pub(crate) fn id(id: Option<&Uuid>) -> Result<::uuid::Uuid, Status> {
    let missing = || Status::invalid_argument("an id is missing");
    match id.and_then(|id| id.value.as_ref()).ok_or_else(missing)? {
        uuid::Value::Structured(bits) => Ok(::uuid::Uuid::from_u64_pair(
            bits.most_significant_bits.cast_unsigned(),
            bits.least_significant_bits.cast_unsigned(),
        )),
        uuid::Value::String(text) => text.parse().map_err(|_| Status::invalid_argument("an id is none")),
    }
}

/// A stream's name.
pub(crate) fn name(identifier: Option<&StreamIdentifier>) -> Result<String, Status> {
    let bytes = identifier.map(|identifier| identifier.stream_name.to_vec()).unwrap_or_default();
    match String::from_utf8(bytes) {
        Ok(name) if !name.is_empty() && name != "$$" => Ok(name),
        Ok(_) | Err(_) => Err(Status::invalid_argument("the stream has no name")),
    }
}

pub(crate) fn identifier(name: &str) -> StreamIdentifier {
    StreamIdentifier { stream_name: name.as_bytes().to_vec().into() }
}

/// An event as a writer gives it.
pub(crate) fn proposed(
    event_id: Option<&Uuid>,
    about: &HashMap<String, String>,
    metadata: &[u8],
    data: &[u8],
) -> Result<Proposed, Status> {
    let field = |name: &str| {
        about.get(name).cloned().ok_or_else(|| Status::invalid_argument(format!("required metadata {name} is missing")))
    };
    Ok(Proposed {
        id: id(event_id)?,
        event_type: field("type")?,
        content_type: field("content-type")?,
        data: data.to_vec(),
        metadata: metadata.to_vec(),
    })
}

/// An event as a reader gets it.
pub(crate) fn read_event(kept: &Kept, ids_as_text: bool) -> ReadResp {
    let about = [
        ("type", kept.event_type.clone()),
        ("content-type", kept.content_type.clone()),
        ("created", kept.created.to_string()),
    ];
    let event = RecordedEvent {
        id: Some(if ids_as_text { text(kept.id) } else { structured(kept.id) }),
        stream_identifier: Some(identifier(&kept.stream)),
        stream_revision: kept.revision,
        prepare_position: kept.position,
        commit_position: kept.position,
        metadata: about.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        custom_metadata: kept.metadata.clone().into(),
        data: kept.data.clone().into(),
    };
    let position = Some(CommitPosition::CommitPosition(kept.position));
    said(Content::Event(ReadEvent { event: Some(event), link: None, position }))
}

/// Something else that a reader is told.
pub(crate) fn said(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}

pub(crate) const EMPTY: Empty = Empty {};

/// A refusal as a status; of a conflict, as deletions tell it.
pub(crate) fn refused(stream: &str, expected: Expected, refusal: &Refusal) -> Status {
    let mut status = match refusal {
        Refusal::WrongExpectedVersion { current } => {
            let current = current.map_or("-1".to_owned(), |current| current.to_string());
            let expected = match expected {
                Expected::NoStream => "-1".to_owned(),
                Expected::Any => "-2".to_owned(),
                Expected::StreamExists => "-4".to_owned(),
                Expected::Exact(revision) => revision.to_string(),
            };
            // Clients take these words apart.
            let message = format!(
                "Append failed due to WrongExpectedVersion. \
                 Stream: {stream}, Expected version: {expected}, Actual version: {current}"
            );
            let mut status = with_exception(Code::FailedPrecondition, &message, "wrong-expected-version");
            insert(status.metadata_mut(), "actual-version", &current);
            insert(status.metadata_mut(), "expected-version", &expected);
            status
        }
        Refusal::StreamDeleted => {
            let message = format!("Event stream '{stream}' is deleted.");
            with_exception(Code::FailedPrecondition, &message, "stream-deleted")
        }
        Refusal::TooLarge { limit } => {
            let message = format!("Maximum Append Size of {limit} Exceeded.");
            let mut status = with_exception(Code::InvalidArgument, &message, "maximum-append-size-exceeded");
            insert(status.metadata_mut(), "maximum-append-size", &limit.to_string());
            status
        }
        Refusal::Unavailable(why) => Status::unavailable(why.clone()),
    };
    insert(status.metadata_mut(), "stream-name", stream);
    status
}
