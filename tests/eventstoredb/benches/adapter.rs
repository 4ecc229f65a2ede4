//! The adapter's throughput beside the best that the bare client does, on the same test server in the same run.
//!
//! * *append*: events a second, each to a stream of its own, 128 under way at once; the bare client through one batch stream
//!   that nothing ever fails in;
//! * *append alone*: the same with one under way at a time;
//! * *read*: events a second of the whole log; the bare client by one read without a filter.
//!
//! The server keeps everything in memory, so what is measured is the protocol, the client, and what we put around it. Takes
//! the number of events; prints a table and the ratios. Nothing here passes or fails by the clock.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use chatledger::log::eventstoredb::EventStoreDbLog;
use chatledger::log::eventstoredb::address::DEFAULT_PREFIX;
use chatledger::log::memory::MemoryLog;
use chatledger::log::{Append, EventLog, ExpectedRevision, LARGEST_EVENT, NewEvent};
use chatledger_eventstoredb::{Options, Server, Store};
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::StreamName;
use eventstore::{BatchAppendOptions, Client, EventData, ReadAllOptions, StreamPosition};
use futures_util::{StreamExt, stream};

/// The size of a usual webhook.
const BODY: usize = 700;
const UNDER_WAY: usize = 128;
const ROUNDS: usize = 3;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let events = numbers.first().copied().unwrap_or(20_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(compare(events));
}

async fn compare(events: usize) {
    println!("{:>14} {:>16} {:>16} {:>8}", "events/s", "bare client", "adapter", "ratio");
    for round in 0..ROUNDS {
        let kept: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
        let server = Server::start(Store::over(kept, LARGEST_EVENT).await.unwrap(), Options::default()).unwrap();
        let address = server.connection_string();
        let log = EventStoreDbLog::open(address.parse().unwrap(), None).unwrap();
        let client = Client::new(format!("{address}&discoveryInterval=1").parse().unwrap()).unwrap();
        // Both are connected before anything is measured.
        client.server_info().await.unwrap();
        log.read_backwards(1).await.unwrap();

        let bare = bare_append(&client, &format!("bare{round}"), events, UNDER_WAY).await;
        let ours = our_append(&log, &format!("ours{round}"), events, UNDER_WAY).await;
        row("append", bare, ours);
        let few = events / 20;
        let bare = bare_append(&client, &format!("bare-alone{round}"), few, 1).await;
        let ours = our_append(&log, &format!("ours-alone{round}"), few, 1).await;
        row("append alone", bare, ours);
        row("read", bare_read(&client).await, our_read(&log));
    }
}

fn row(name: &str, bare: f64, ours: f64) {
    println!("{name:>14} {bare:>16.0} {ours:>16.0} {:>8.2}", ours / bare);
}

async fn bare_append(client: &Client, name: &str, events: usize, under_way: usize) -> f64 {
    let batch = client.batch_append(&BatchAppendOptions::default()).await.unwrap();
    let began = Instant::now();
    let appends = (0..events).map(|number| {
        let id = EventId::derived(&[name.as_bytes(), &number.to_be_bytes()]).as_uuid();
        let event = EventData::binary("Measured", vec![b'x'; BODY].into()).id(id).metadata(b"{}".to_vec().into());
        batch.append_to_stream(
            format!("{DEFAULT_PREFIX}{name}-{number}"),
            eventstore::ExpectedRevision::NoStream,
            vec![event],
        )
    });
    let answers: Vec<_> = stream::iter(appends).buffered(under_way).collect().await;
    assert!(answers.iter().all(Result::is_ok));
    rate(events, began)
}

async fn our_append(log: &EventStoreDbLog, name: &str, events: usize, under_way: usize) -> f64 {
    let began = Instant::now();
    let appends = (0..events).map(|number| {
        log.append(Append {
            stream: StreamName::named(format!("{name}-{number}")),
            expected: ExpectedRevision::NoStream,
            events: vec![NewEvent {
                id: EventId::derived(&[name.as_bytes(), &number.to_be_bytes()]),
                event_type: "Measured".to_owned(),
                data: vec![b'x'; BODY],
                metadata: b"{}".to_vec(),
            }],
        })
    });
    let answers: Vec<_> = stream::iter(appends).buffered(under_way).collect().await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|appended| !appended.already)));
    rate(events, began)
}

/// Everything, also the server's own event: the bare client cannot leave it out.
async fn bare_read(client: &Client) -> f64 {
    let began = Instant::now();
    let options = ReadAllOptions::default().position(StreamPosition::Start).forwards().max_count(1 << 40);
    let mut reading = client.read_all(&options).await.unwrap();
    let mut events = 0;
    while reading.next().await.unwrap().is_some() {
        events += 1;
    }
    rate(events, began)
}

/// What is ours: everything but that event.
fn our_read(log: &EventStoreDbLog) -> f64 {
    let began = Instant::now();
    let mut events = 0;
    let mut each = |_: chatledger::log::StoredEventRef<'_>| {
        events += 1;
        ControlFlow::Continue(())
    };
    tokio::task::block_in_place(|| log.scan(None, 1024, &mut each)).unwrap();
    rate(events, began)
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn rate(events: usize, began: Instant) -> f64 {
    events as f64 / began.elapsed().as_secs_f64().max(1e-9)
}
