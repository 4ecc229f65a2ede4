//! What the answers of a platform prove, by their status alone.

use std::time::Duration;

use chatledger_connectors::connector::Reply;
use chatledger_projections::bytes::Bytes;
use chatledger_projections::content::Content;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::ConversationKey;
use chatledger_projections::ids::ConversationId;
use chatledger_projections::intent::{Destination, Speaker};
use chatledger_projections::outcome::Recourse;
use chatledger_projections::time::Timestamp;

use crate::shown::{heads, message};
use crate::{Column, table};

pub const ABOUT: &str = "The outcome of sending a message that is answered with an empty document and this status, after an hour of trying. Bodies \
may say otherwise: an answer of 200 that holds an error is refused. *In doubt* says what is done when nothing is proven.";

const STATUSES: [u16; 14] = [200, 201, 202, 204, 301, 400, 401, 402, 403, 404, 422, 429, 500, 503];

pub fn answers(columns: &[Column]) -> String {
    let accounts: Vec<_> = columns.iter().map(Column::account).collect();
    let sent = |column: &Column, speaker: Speaker| {
        let conversation = ConversationKey {
            theirs: Some(ConversationId::new("18000001")),
            ours: Some(ConversationId::new("79135292926")),
        };
        let intent = message(Destination::Conversation(conversation), speaker, Content::text("слово"));
        column.account().encode(&intent).ok().map(|call| (call.name, intent))
    };
    let spoken = |column: &Column| {
        let speakers = [Speaker::Client, Speaker::Manager];
        speakers.into_iter().find_map(|speaker| sent(column, speaker)).expect("somebody can say something there")
    };
    let now = Timestamp::from_millis(0);
    let outcome = |column: &Column, reply: Reply<'_>| {
        let (call, _) = spoken(column);
        column.account().classify(call, reply, now, Duration::from_secs(3600)).label().to_owned()
    };
    let mut rows: Vec<Vec<String>> = STATUSES
        .iter()
        .map(|status| {
            let reply = RecordedReply { status: *status, headers: Vec::new(), body: Bytes(b"{}".to_vec()), cut: false };
            let cells = columns.iter().map(|column| outcome(column, Reply::Answered(&reply)));
            [status.to_string()].into_iter().chain(cells).collect()
        })
        .collect();
    for (name, reply) in [("no connection", Reply::NotSent("refused")), ("no answer", Reply::NoAnswer("timed out"))] {
        let cells = columns.iter().map(|column| outcome(column, reply));
        rows.push([name.to_owned()].into_iter().chain(cells).collect());
    }
    let recourse = columns.iter().zip(&accounts).map(|(column, account)| match account.recourse(&spoken(column).1) {
        Recourse::RetrySafely => "sent again: it cannot be there twice".to_owned(),
        Recourse::ProbeFirst => "asked about first".to_owned(),
        Recourse::ListenFirst => format!("listened for, {} s", account.tells_within().as_secs()),
        Recourse::AskPerson => "a person decides".to_owned(),
    });
    rows.push(["in doubt".to_owned()].into_iter().chain(recourse).collect());
    table(&heads(columns), &rows)
}
