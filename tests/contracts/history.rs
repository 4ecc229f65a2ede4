//! Pages of the past: the request for each, the answer, and in the snapshot beside it what the answer means.

use chatledger_connectors::connector::Webhook;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::{ConnectionName, ConversationId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{assert_snapshot, cases, fixtures};

/// Who lists the messages of a conversation.
const PLATFORMS: [&str; 3] = ["amocrm", "carrotquest", "pact"];

#[derive(Deserialize)]
struct Listed {
    settings: Value,
    conversation: ConversationId,
    cursor: Option<String>,
    request: Asked,
    reply: RecordedReply,
}

#[derive(Deserialize)]
struct Asked {
    method: String,
    path: String,
    query: Vec<(String, String)>,
}

#[test]
fn a_page_of_history_is_asked_for_as_documented_and_means_what_its_snapshot_says() {
    for platform in PLATFORMS {
        let connector = chatledger_connectors::named(platform).expect("it is one of the platforms");
        let folder = fixtures(platform, "history");
        for (name, bytes) in cases(&folder) {
            let case: Listed =
                serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{platform} {name}: {error}"));
            // An id of a document is made of the connection's name, too.
            let connection = ConnectionName::new(if platform == "amocrm" { "amo.main" } else { platform });
            let connection = connector.connect(&connection, &case.settings).expect("the case has good settings");
            let history = connection.history().expect("it lists messages");
            let call = history.page(&case.conversation, case.cursor.as_deref());
            assert_eq!(
                (call.request.method, &call.request.path),
                (&*case.request.method, &case.request.path),
                "{name}"
            );
            assert_eq!(call.request.query, case.request.query, "{name}");
            assert!(connection.limits().iter().any(|limit| limit.class == call.class), "{name}: no limit");
            let page = history.read(&case.conversation, case.cursor.as_deref(), &case.reply).expect("a page");
            let documents = page.documents.iter().map(|document| {
                let decoded = connector.decode(&Webhook { content_type: None, body: &document.body });
                json!({"id": document.id, "written_at": document.written_at, "facts": decoded.facts, "remarks": decoded.remarks})
            });
            let told = json!({"documents": documents.collect::<Vec<_>>(), "next": page.next, "unnamed": page.unnamed});
            assert_snapshot(&folder, &name, &told);
        }
    }
}

#[test]
fn who_lists_nothing_says_so() {
    let selarti = chatledger_connectors::named("selarti").expect("it is one of the platforms");
    let settings = json!({ "task_id": "1721129985149x478019552540622850" });
    let connection = selarti.connect(&ConnectionName::new("selarti.main"), &settings).expect("good settings");
    assert!(connection.history().is_none(), "Selarti has no call that reads the past (contract, 7)");
}
