//! What a read promises: the bytes that were given, in one order for everybody, and never one appearing behind another.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chatledger::log::{Append, EventLog, NewEvent, StoredEvent, StoredEventRef};
use chatledger_projections::recorded::{Position, Revision};
use tokio::task::block_in_place;

use crate::backends::{Backend, NO_STREAM, alone, append, assert_stored, event, exact, id, names_in_log, soon, stream};

async fn fill(log: &dyn EventLog, count: usize) {
    let appends = (0..count).map(|number| alone(&number.to_string())).collect();
    for answer in log.append_all(appends).await {
        assert_stored(answer, 0);
    }
}

fn scanned(log: &dyn EventLog, after: Option<Position>, page: usize) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    let mut each = |event: StoredEventRef<'_>| {
        events.push(event.to_owned());
        ControlFlow::Continue(())
    };
    block_in_place(|| log.scan(after, page, &mut each)).unwrap();
    events
}

pub async fn forwards_and_backwards_mirror_each_other<B: Backend>() {
    let mut store = B::new();
    fill(&*store.log(), 7).await;
    let forwards = store.log().read_all(None, usize::MAX).await.unwrap();
    let mut backwards = store.log().read_backwards(usize::MAX).await.unwrap();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    let newest = store.log().read_backwards(1).await.unwrap();
    assert_eq!(newest.first(), forwards.last());
}

pub async fn a_limit_is_kept_and_zero_gives_nothing<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    assert_stored(log.append(append("a", NO_STREAM, &["1", "2", "3", "4"])).await, 3);
    for limit in [0, 1, 3, 4, 5] {
        let expected = limit.min(4);
        assert_eq!(log.read_all(None, limit).await.unwrap().len(), expected);
        assert_eq!(log.read_backwards(limit).await.unwrap().len(), expected);
        assert_eq!(log.read_stream(&stream("a"), Revision::FIRST, limit).await.unwrap().len(), expected);
    }
}

pub async fn a_stream_is_read_from_a_revision_on<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2", "3"])).await, 2);
    let log = store.log();
    for from in 0..5_u64 {
        let events = log.read_stream(&stream("a"), Revision::new(from), 2).await.unwrap();
        let revisions: Vec<_> = events.iter().map(|event| event.revision.as_u64()).collect();
        assert_eq!(revisions, (from..3).take(2).collect::<Vec<_>>());
    }
}

pub async fn a_missing_stream_is_empty<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    assert!(log.read_stream(&stream("none"), Revision::FIRST, 10).await.unwrap().is_empty());
    assert!(log.read_all(None, 10).await.unwrap().is_empty());
    assert!(log.read_backwards(10).await.unwrap().is_empty());
    assert!(scanned(&*log, None, 10).is_empty());
}

pub async fn everything_comes_back_byte_for_byte<B: Backend>() {
    let mut store = B::new();
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies: [&[u8]; 6] =
        [b"", b"\0", b"a\0b", "чат 💬 \u{202e}".as_bytes(), &[0xff, 0xfe, 0x80], &every_byte.repeat(8192)];
    let mut events = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        events.push(NewEvent {
            id: id(&number.to_string()),
            event_type: format!("Событие\0{number}"),
            data: body.to_vec(),
            metadata: bodies[bodies.len() - 1 - number].to_vec(),
        });
    }
    let name = stream("поток-\0'\"; -- %_💬");
    let appended = Append { stream: name.clone(), expected: NO_STREAM, events: events.clone() };
    assert_stored(store.log().append(appended).await, 5);
    let in_stream = store.log().read_stream(&name, Revision::FIRST, 10).await.unwrap();
    let in_log = store.log().read_all(None, 10).await.unwrap();
    assert_eq!(in_stream, in_log);
    assert_eq!(in_log, scanned(&*store.log(), None, 2));
    for (stored, new) in in_log.into_iter().zip(events) {
        assert_eq!(stored.stream, name);
        let StoredEvent { id, event_type, data, metadata, .. } = stored;
        assert_eq!(NewEvent { id, event_type, data, metadata }, new);
    }
}

pub async fn a_stream_and_the_log_agree_on_positions<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1"])).await, 0);
    assert_stored(store.log().append(append("b", NO_STREAM, &["2"])).await, 0);
    let position = assert_stored(store.log().append(append("a", exact(0), &["3", "4"])).await, 2);
    let log = store.log();
    let in_stream = log.read_stream(&stream("a"), Revision::FIRST, 10).await.unwrap();
    let mut in_log = log.read_all(None, 10).await.unwrap();
    in_log.retain(|event| event.stream == stream("a"));
    assert_eq!(in_stream, in_log);
    assert_eq!(in_stream.last().unwrap().position, position);
}

pub async fn what_was_answered_can_be_read<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    for number in 0..20 {
        let position = assert_stored(log.append(alone(&number.to_string())).await, 0);
        assert_eq!(log.read_backwards(1).await.unwrap()[0].position, position);
        let name = stream(&format!("webhook-{number}"));
        assert_eq!(log.read_stream(&name, Revision::FIRST, 2).await.unwrap().len(), 1);
    }
}

pub async fn positions_rise_and_batches_stay_together<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let name = format!("s{writer}");
                let mut expected = NO_STREAM;
                for batch in 0..5_u64 {
                    let names = [0, 1, 2].map(|place| format!("{writer} {batch} {place}"));
                    let names = names.each_ref().map(String::as_str);
                    assert_stored(log.append(append(&name, expected, &names)).await, batch * 3 + 2);
                    expected = exact(batch * 3 + 2);
                }
            })
        })
        .collect();
    for writer in writers {
        soon(writer).await.unwrap();
    }
    drop(log);
    let names = names_in_log(&*store.log()).await;
    assert_eq!(names.len(), 8 * 5 * 3);
    for batch in names.chunks(3) {
        let (first, _) = batch[0].rsplit_once(' ').unwrap();
        let expected = [0, 1, 2].map(|place| format!("{first} {place}"));
        assert_eq!(batch, expected, "a batch stands together and in order");
    }
}

/// The race that a store loses when it gives out positions before it commits them in the same order.
pub async fn no_reader_sees_an_event_appear_behind_another<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (log, done) = (Arc::clone(&log), Arc::clone(&done));
        async move {
            let mut seen: Vec<Position> = Vec::new();
            loop {
                let last_round = done.load(Ordering::SeqCst);
                let events = log.read_all(seen.last().copied(), 7).await.unwrap();
                seen.extend(events.iter().map(|event| event.position));
                if last_round && events.is_empty() {
                    return seen;
                }
            }
        }
    });
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for number in 0..25 {
                    assert_stored(log.append(alone(&format!("{writer}-{number}"))).await, 0);
                }
            })
        })
        .collect();
    for writer in writers {
        soon(writer).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let seen = soon(reader).await.unwrap();
    let all: Vec<_> = log.read_all(None, usize::MAX).await.unwrap().iter().map(|event| event.position).collect();
    assert_eq!(seen, all, "whoever reads on from the last event misses none");
}

pub async fn any_page_size_gives_the_whole_log<B: Backend>() {
    let mut store = B::new();
    fill(&*store.log(), 23).await;
    let log = store.log();
    let whole = log.read_all(None, usize::MAX).await.unwrap();
    for page in [1, 2, 3, 7, 22, 23, 24, 100] {
        let mut read: Vec<StoredEvent> = Vec::new();
        loop {
            let events = log.read_all(read.last().map(|event| event.position), page).await.unwrap();
            if events.is_empty() {
                break;
            }
            read.extend(events);
        }
        assert_eq!(read, whole, "in pages of {page}");
    }
}

pub async fn a_scan_gives_what_reading_gives<B: Backend>() {
    let mut store = B::new();
    fill(&*store.log(), 10).await;
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2", "3"])).await, 2);
    let log = store.log();
    let whole = log.read_all(None, usize::MAX).await.unwrap();
    for page in [0, 1, 3, 13, 100] {
        assert_eq!(scanned(&*log, None, page), whole);
        assert_eq!(scanned(&*log, Some(whole[4].position), page), whole[5..]);
        assert!(scanned(&*log, Some(whole[12].position), page).is_empty());
    }
}

pub async fn a_scan_ends_when_it_is_told_to<B: Backend>() {
    let mut store = B::new();
    fill(&*store.log(), 10).await;
    let log = store.log();
    let mut count = 0;
    let mut each = |_: StoredEventRef<'_>| {
        count += 1;
        if count == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    block_in_place(|| log.scan(None, 3, &mut each)).unwrap();
    assert_eq!(count, 5);
    assert_eq!(log.read_all(None, 100).await.unwrap().len(), 10);
}

pub async fn the_largest_numbers_are_answered_like_any_other<B: Backend>() {
    let mut store = B::new();
    fill(&*store.log(), 1).await;
    let log = store.log();
    let far = Position::new(u64::MAX);
    assert!(log.read_all(Some(far), usize::MAX).await.unwrap().is_empty());
    assert!(scanned(&*log, Some(far), usize::MAX).is_empty());
    assert!(log.read_stream(&stream("webhook-0"), Revision::new(u64::MAX), usize::MAX).await.unwrap().is_empty());
    let beyond = Append { stream: stream("webhook-0"), expected: exact(u64::MAX), events: vec![event("x")] };
    crate::backends::assert_conflict(log.append(beyond).await, Some(0));
}
