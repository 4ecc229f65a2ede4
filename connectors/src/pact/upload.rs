//! Giving Pact a file before the message in which it stands, and what its answer teaches (5.7, 9.3).
//!
//! A message names its file by the number that Pact answered: one file in a message (9.2). Pact would fetch from a link
//! too; it is given the bytes, for a link that runs out before Pact comes is nobody's fault that anybody could see.

use chatledger_projections::content::{Content, File, FileKind};
use chatledger_projections::fact::Fact;
use chatledger_projections::files::{Captions, FileRules, Links, Wants, Way, clean, places};
use chatledger_projections::ids::FileId;
use chatledger_projections::intent::{Destination, SendMessage};
use serde::Deserialize;

use super::settings::{Api, Settings};
use super::{call, ids};
use crate::connector::{Call, Decoded, FormPart, Request, Unencodable};
use crate::loose::{Field, Object, WireDocument, with_document};

/// How Pact wants files. No size is documented. Some messengers take a text or a file, and WhatsApp a text under a picture
/// but not under a document (6.2): what holds for it is taken for all. Whether Pact's links run out is not documented,
/// so they are taken for links that do (9.3).
pub(super) fn rules() -> FileRules {
    FileRules { wants: Wants::Upload, captions: Captions::Pictures, links: Links::Passing, ..FileRules::default() }
}

/// The call that gives Pact a file.
pub(super) fn upload(settings: &Settings, message: &SendMessage, file: &File) -> Result<Call, Unencodable> {
    let Some(Way::Stored(stored)) = &file.way else { return Err(cannot("the file does not lie with us")) };
    let file_name = clean(file, Some(&stored.media_type));
    let part = FormPart::File { name: "file", stored: stored.clone(), file_name };
    let spoken = file.kind == FileKind::Voice;
    let field = |name, value: String| FormPart::Field { name, value };
    let (name, path, mut form) = match settings.api {
        // A file is given for one conversation (5.7).
        Api::V1 => {
            let Destination::Conversation(key) = &message.to else {
                return Err(cannot("the first generation takes a file only for a conversation that is open"));
            };
            let id = key.theirs.as_ref().ok_or_else(|| cannot("the conversation has no id at Pact"))?;
            let conversation = ids::text_in_path(ids::wire(id));
            let path = format!("/p1/companies/{}/conversations/{conversation}/messages/attachments", settings.company);
            let form = if spoken { vec![field("push_to_talk", "true".to_owned())] } else { Vec::new() };
            (call::UPLOAD_V1, path, form)
        }
        Api::V2 => {
            let mut form = vec![field("company_id", settings.company.to_string())];
            if spoken {
                form.push(field("metadata[push_to_talk]", "true".to_owned()));
            }
            (call::UPLOAD_V2, "/api/p2/attachments/".to_owned(), form)
        }
    };
    form.push(part);
    Ok(call::call(name, Request::form("POST", path, form)))
}

/// The number of the file that goes along with a message.
pub(super) fn taken(content: &Content) -> Option<i64> {
    places(content).find_map(|(_, file)| match &file.way {
        Some(Way::Taken(id)) => id.as_str().parse().ok(),
        Some(Way::Stored(_) | Way::Words { .. }) | None => None,
    })
}

/// What the answer to an upload teaches: what Pact calls the file. The number in a conversation's wrapper, which one page
/// of its documents prints, is the conversation's and not the file's (5.7).
pub(super) fn learn(call: &str, body: &[u8], decoded: &mut Decoded) {
    let number = with_document::<UploadReply, _>(body, decoded, |reply, decoded| {
        if call == call::UPLOAD_V1 {
            let file = reply.data.0.expect("data", decoded);
            file.and_then(|file| file.external_id.0.expect("data.external_id", decoded))
        } else {
            let file = reply.attachment.0.expect("attachment", decoded);
            file.and_then(|file| file.id.0.expect("attachment.id", decoded))
        }
    });
    if let Some(number) = number.flatten() {
        decoded.fact(Fact::FileTaken { id: FileId::new(number.to_string()) });
    }
}

/// The answers of both generations: `data.external_id` in the first (5.7), `attachment.id` in the second (9.3).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
struct UploadReply {
    data: Object<Uploaded>,
    attachment: Object<Uploaded>,
}

impl WireDocument for UploadReply {
    type Document<'a> = Self;
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
struct Uploaded {
    external_id: Field<i64>,
    id: Field<i64>,
}

fn cannot(reason: &str) -> Unencodable {
    Unencodable { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(call: &str, body: &str) -> Vec<Fact> {
        let mut decoded = Decoded::default();
        learn(call, body.as_bytes(), &mut decoded);
        decoded.facts
    }

    #[test]
    fn a_file_is_called_by_its_number_and_never_by_its_conversations() {
        let taken = |id: &str| vec![Fact::FileTaken { id: FileId::new(id) }];
        assert_eq!(learnt(call::UPLOAD_V1, r#"{"status":"ok","data":{"external_id":1}}"#), taken("1"));
        let wrapped = r#"{"status":"ok","data":{"conversation":{"external_id":1}}}"#;
        assert_eq!(learnt(call::UPLOAD_V1, wrapped), []);
        assert_eq!(learnt(call::UPLOAD_V2, r#"{"attachment":{"id":"77","message_id":null}}"#), taken("77"));
        for nothing in ["", "null", "[]", "{}", r#"{"attachment":{"id":null}}"#] {
            assert_eq!(learnt(call::UPLOAD_V2, nothing), [], "{nothing}");
        }
    }
}
