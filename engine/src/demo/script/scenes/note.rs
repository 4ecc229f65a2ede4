//! The four messages of the owner's note, and webhooks that come twice.

use serde_json::Value;

use crate::demo::script::cast::SERGEY;
use crate::demo::script::{Broken, Play, Status};

/// The owner's note, byte for byte: a manager writes first, the claim, a client's message, a manager's after it.
const NOTE_FIRST: &[u8] = include_bytes!("../../note/1-from-crm-manager-writes-first.json");
const NOTE_CLAIM: &[u8] = include_bytes!("../../note/2-to-crm-claim.json");
const NOTE_CLIENT: &[u8] = include_bytes!("../../note/3-to-crm-client-message.json");
const NOTE_AFTER: &[u8] = include_bytes!("../../note/4-from-crm-after-claim.json");

impl Play<'_> {
    pub(super) async fn note(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("note");
        self.scene(
            &ends,
            "The four messages of the note",
            "The two recorded hooks arrive byte for byte; what the engine sends is laid beside what the note sent.",
        )?;
        let first = said_in(NOTE_FIRST);
        self.say(&ends, NOTE_FIRST, SERGEY, &first).await?;
        self.claimed(&ends).await?;
        let claim = self.set.config.routes.values().find(|route| route.crm == ends.crm).map(|route| &route.claim.text);
        self.compare(&ends, claim.map_or("", String::as_str), NOTE_CLAIM)?;
        let answer = said_in(NOTE_CLIENT);
        self.client_writes(&ends, SERGEY, &answer).await?;
        self.compare(&ends, &answer, NOTE_CLIENT)?;
        self.say(&ends, NOTE_AFTER, SERGEY, &said_in(NOTE_AFTER)).await?;
        self.direct(
            "These bytes call the chat by the note's spelling of the number, with an 8. The engine keeps its own, with \
             a 7, for one number in two spellings is one client; and it notes that it saw another.",
        )?;
        self.manager_writes(&ends, SERGEY, "Всё верно: чат один.", Status::Delivered).await?;
        self.same_chat(&ends, &first, &answer)?;
        self.promises.bound.push((ends.crm.clone(), SERGEY.phone.to_owned()));
        self.promises.note = Some((ends.crm, first));
        self.all_done().await
    }

    pub(super) async fn duplicates(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("note");
        self.scene(
            &ends,
            "Webhooks arrive twice",
            "Both platforms send their last webhook again, byte for byte. Both are told 200, and nothing follows.",
        )?;
        for at in [&ends.crm, &ends.channel] {
            self.set.stage.repeat(at)?;
            self.until(&format!("{at} has repeated its last webhook"), |stage| {
                stage.sent(at).last().is_some_and(|sent| sent.done)
            })
            .await?;
            let status = self.set.stage.sent(at).last().and_then(|sent| sent.status);
            let answer = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            self.direct(&format!("{at} sends its last webhook again: {answer}"))?;
        }
        self.all_done().await
    }
}

/// What a recorded document says to people: the first text in it under that very key, wherever it stands.
fn said_in(document: &[u8]) -> String {
    fn find(value: &Value) -> Option<&str> {
        match value {
            Value::Object(object) => {
                object.get("text").and_then(Value::as_str).or_else(|| object.values().find_map(find))
            }
            Value::Array(array) => array.iter().find_map(find),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    let document = serde_json::from_slice(document).unwrap_or_default();
    find(&document).unwrap_or_default().to_owned()
}
