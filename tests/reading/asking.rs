//! Everything that can be asked of a reader, asked at once: answers as one document, to be compared.

use std::path::Path;
use std::sync::Arc;

use chatledger::clock::ManualClock;
use chatledger::log::memory::MemoryLog;
use chatledger::pipeline;
use chatledger::reading::answer::ThreadState;
use chatledger::reading::{
    AsOf, Board, EventFilter, Fed, HeldFilter, MessageAsked, Order, Page, Reader, ReadingError, RemarkFilter,
    Surroundings, ThreadFilter, TimelineFilter, Wanted,
};
use chatledger_projections::event::Event;
use chatledger_projections::recorded::Recorded;
use chatledger_projections::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a reader asks beside its rows: nothing, in these tests.
pub fn surroundings() -> Surroundings {
    Surroundings {
        log: Arc::new(MemoryLog::new()),
        clock: Arc::new(ManualClock::at(Timestamp::from_millis(0))),
        board: Board::default(),
        spool: None,
    }
}

/// A reader of these events.
pub fn fed(file: &Path, log: &[Recorded<Event>]) -> Fed {
    let mut fed = Fed::open(file, surroundings()).expect("a new file");
    feed(&mut fed, log);
    fed
}

/// Takes further events in.
pub fn feed(fed: &mut Fed, log: &[Recorded<Event>]) {
    fed.feed(log.iter().cloned().map(pipeline::read)).expect("rows can be kept");
}

/// An answer without what it says of the log's end: that is told as it is now.
fn plain(answer: &impl Serialize) -> Value {
    let mut answer = serde_json::to_value(answer).expect("answers serialise");
    if let Value::Object(fields) = &mut answer {
        fields.remove("head");
        fields.remove("behind");
        fields.remove("next");
    }
    answer
}

/// All pages of a list, a few rows at a time.
async fn all<T, F>(mut page: impl FnMut(Wanted) -> F) -> Vec<T>
where
    F: Future<Output = Result<Page<T>, ReadingError>>,
{
    let (mut items, mut wanted) = (Vec::new(), Wanted { cursor: None, limit: Some(3) });
    loop {
        let one = page(wanted).await.expect("a page");
        items.extend(one.items);
        match one.next {
            Some(next) => wanted = Wanted { cursor: Some(next), limit: Some(3) },
            None => return items,
        }
    }
}

/// Everything that there is to be answered as of then.
pub async fn everything(reader: &Reader, as_of: AsOf) -> Value {
    let mut answers = Map::new();
    let mut say = |question: String, answer: Value| answers.insert(question, answer);
    say("standpoint".to_owned(), plain(&reader.standpoint_of(as_of).await.expect("a standpoint")));
    let threads = all(|wanted| reader.threads(ThreadFilter::default(), wanted, as_of)).await;
    for state in ThreadState::ALL {
        let filter = ThreadFilter { states: vec![state], ..ThreadFilter::default() };
        let found = all(|wanted| reader.threads(filter.clone(), wanted, as_of)).await;
        let expected: Vec<_> = threads.iter().filter(|thread| thread.state == state).cloned().collect();
        assert_eq!(found, expected, "dialogues of one state are those of all that are in it: {}", state.label());
    }
    let several = ThreadFilter {
        states: vec![ThreadState::Unanswered, ThreadState::Answered, ThreadState::UnderWay],
        ..ThreadFilter::default()
    };
    say("several".to_owned(), json!(all(|wanted| reader.threads(several.clone(), wanted, as_of)).await));
    for text in ["client", "79135292901", "8 (913) 529-29-02", "amo.main:1", "1", "Anna", "клиент"] {
        let filter = ThreadFilter { search: Some(text.to_owned()), ..ThreadFilter::default() };
        say(format!("search {text}"), json!(all(|wanted| reader.threads(filter.clone(), wanted, as_of)).await));
    }
    for thread in &threads {
        let id = thread.id;
        say(format!("thread {id}"), plain(&reader.thread(id, as_of).await.expect("it was listed")));
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let filter = TimelineFilter { order, only_messages: false };
            let entries = all(|wanted| reader.timeline(id, filter.clone(), wanted, as_of)).await;
            if order == Order::OldestFirst {
                for entry in &entries {
                    if let chatledger::reading::answer::Happened::Message(message) = &entry.happened {
                        let asked = MessageAsked::At(message.key.clone());
                        let told = reader.message(asked, as_of).await.expect("it was told");
                        assert_eq!(told.item.message, **message, "a message is the same wherever it is told");
                        say(format!("message {:?}", message.key), plain(&told));
                    }
                }
            }
            say(format!("timeline {id} {order:?}"), json!(entries));
        }
        let filter = EventFilter { thread: Some(id), ..EventFilter::default() };
        say(format!("events of {id}"), json!(all(|wanted| reader.events(filter.clone(), wanted, as_of)).await));
    }
    say("threads".to_owned(), json!(threads));
    say("held".to_owned(), json!(all(|wanted| reader.held(HeldFilter::default(), wanted, as_of)).await));
    say("connections".to_owned(), plain(&reader.connections(as_of).await.expect("connections")));
    say("remarks".to_owned(), plain(&reader.remarks(RemarkFilter::default(), as_of).await.expect("remarks")));
    for event_type in [None, Some("WebhookReceived"), Some("IntentRaised")] {
        let filter = EventFilter {
            order: Order::OldestFirst,
            event_type: event_type.map(str::to_owned),
            ..EventFilter::default()
        };
        say(format!("events {event_type:?}"), json!(all(|wanted| reader.events(filter.clone(), wanted, as_of)).await));
    }
    say("overview".to_owned(), plain(&reader.overview(as_of).await.expect("an overview")));
    Value::Object(answers)
}
