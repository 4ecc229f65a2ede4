//! Finding again what was never heard: messages that stand at a platform, and of which no webhook came.
//!
//! Asks for the past of conversations, page by page; gives documents, oldest first, and puts them on record like
//! webhooks, under ids that are derived from the messages. What is on record already is not recorded twice, and what is
//! known from its webhook changes nothing when it is folded. Nothing is decided or sent here: the engine does that when it
//! follows the log.

use chatledger_connectors::errands::{Document, History};
use chatledger_projections::event::{Event, Transport, WebhookReceived};
use chatledger_projections::ids::{ConnectionName, ConversationId};
use chatledger_projections::recorded::StreamName;
use chatledger_projections::state::State;
use chatledger_projections::time::Timestamp;

use crate::clock::Clock;
use crate::config::Account;
use crate::errand::Errand;
use crate::live::chain;
use crate::log::{Append, AppendError, EventLog, ExpectedRevision, codec};

/// A conversation whose past is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The platform's id of it.
    pub conversation: ConversationId,
    /// From when on messages are taken in. What is older is left where it is: it may have been carried by somebody else
    /// before our time, and would be carried again.
    pub since: Timestamp,
}

/// Every conversation of a connection that the log knows. Without `since`, each from when it was first heard of.
pub fn known(state: &State, connection: &ConnectionName, since: Option<Timestamp>) -> Vec<Wanted> {
    let mut wanted: Vec<(Timestamp, Wanted)> = Vec::new();
    for (id, thread) in state.threads.iter() {
        for endpoint in state.bindings.of(id).iter().filter(|endpoint| endpoint.connection == *connection) {
            if let Some(conversation) = endpoint.theirs.clone() {
                let since = since.unwrap_or(thread.opened_at);
                wanted.push((thread.opened_at, Wanted { conversation, since }));
            }
        }
    }
    wanted.sort_by(|(one, a), (other, b)| (one, &a.conversation).cmp(&(other, &b.conversation)));
    wanted.into_iter().map(|(_, wanted)| wanted).collect()
}

/// How much was found in a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// Messages that the platform lists.
    pub listed: usize,
    /// Those before the moment from which on they were wanted, or without a time.
    pub older: usize,
    /// Entries without an id.
    pub unnamed: usize,
}

/// Lists a conversation: what was written since, oldest first.
pub async fn list(
    errand: &mut Errand<'_>,
    history: &dyn History,
    wanted: &Wanted,
) -> Result<(Vec<Document>, Found), String> {
    let mut documents: Vec<Document> = Vec::new();
    let mut found = Found::default();
    let mut cursor: Option<String> = None;
    loop {
        let call = history.page(&wanted.conversation, cursor.as_deref());
        let reply = errand.run(&call).await.map_err(|fruitless| fruitless.to_string())?;
        let page = history.read(&wanted.conversation, cursor.as_deref(), &reply)?;
        found.unnamed += page.unnamed;
        found.listed += page.documents.len();
        let goes_back = is_newest_first(&page.documents);
        let (young, old): (Vec<_>, Vec<_>) = page
            .documents
            .into_iter()
            .partition(|document| document.written_at.is_some_and(|written_at| written_at >= wanted.since));
        found.older += old.len();
        documents.extend(young);
        // The order is not documented everywhere: only where it is seen to go back is the rest known to be older.
        let is_past = goes_back && !old.is_empty();
        match page.next {
            Some(next) if !is_past && cursor.as_ref() != Some(&next) => cursor = Some(next),
            Some(_) | None => break,
        }
    }
    documents.sort_by_key(|document| document.written_at);
    // A message that came meanwhile shifts the pages; the one at the seam is found twice.
    let mut seen = std::collections::BTreeSet::new();
    documents.retain(|document| seen.insert(document.id));
    Ok((documents, found))
}

fn is_newest_first(documents: &[Document]) -> bool {
    let times: Vec<Timestamp> = documents.iter().filter_map(|document| document.written_at).collect();
    times.len() > 1 && times.first() > times.last() && times.is_sorted_by(|one, next| one >= next)
}

/// How much was put on record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// Documents that are on record since now.
    pub recorded: usize,
    /// Documents that were already.
    pub already: usize,
}

/// Puts documents on record like webhooks, in their order.
pub async fn record(
    log: &dyn EventLog,
    clock: &dyn Clock,
    name: &ConnectionName,
    account: &Account,
    documents: Vec<Document>,
) -> Result<Kept, String> {
    let mut kept = Kept::default();
    for document in documents {
        let event = Event::WebhookReceived(WebhookReceived {
            connection: name.clone(),
            platform: account.connector.platform().to_owned(),
            transport: Transport::Backfill,
            headers: Vec::new(),
            body: document.body,
        });
        let append = Append {
            stream: StreamName::webhook(document.id),
            expected: ExpectedRevision::NoStream,
            events: vec![codec::seal(&event, document.id, clock.now(), None, None)],
        };
        match log.append(append).await {
            Ok(appended) if !appended.already => kept.recorded += 1,
            Ok(_) | Err(AppendError::Conflict { .. }) => kept.already += 1,
            Err(
                error @ (AppendError::TooLarge { .. } | AppendError::Unavailable { .. } | AppendError::Unknown { .. }),
            ) => {
                return Err(chain(&error));
            }
        }
    }
    Ok(kept)
}
