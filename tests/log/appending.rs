//! What an append promises: one stream, all or nothing, where it was said to belong, and once.

use std::sync::Arc;

use chatledger::log::failing::{Failing, Fault};
use chatledger::log::{Append, AppendError, EventLog, ExpectedRevision};
use chatledger_projections::recorded::Revision;

use crate::backends::{
    Backend, NO_STREAM, alone, append, assert_conflict, assert_stored, event, exact, is_pending, names_in,
    names_in_log, soon, stream,
};

pub async fn the_first_append_numbers_its_events_from_zero<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2", "3"])).await, 2);
    assert_eq!(names_in(&*store.log(), "a").await, ["1", "2", "3"]);
}

pub async fn a_stream_thought_missing_conflicts_with_its_revision<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2"])).await, 1);
    assert_conflict(store.log().append(append("a", NO_STREAM, &["3"])).await, Some(1));
    assert_eq!(names_in_log(&*store.log()).await, ["1", "2"]);
}

pub async fn an_exact_expectation_holds_only_at_the_end<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1"])).await, 0);
    assert_stored(store.log().append(append("a", exact(0), &["2", "3"])).await, 2);
    assert_conflict(store.log().append(append("a", exact(0), &["4"])).await, Some(2));
    assert_conflict(store.log().append(append("a", exact(1), &["4"])).await, Some(2));
    assert_conflict(store.log().append(append("a", exact(3), &["4"])).await, Some(2));
    assert_stored(store.log().append(append("a", exact(2), &["4"])).await, 3);
    assert_eq!(names_in(&*store.log(), "a").await, ["1", "2", "3", "4"]);
}

pub async fn an_exact_expectation_of_a_missing_stream_conflicts<B: Backend>() {
    let mut store = B::new();
    assert_conflict(store.log().append(append("a", exact(0), &["1"])).await, None);
    assert_conflict(store.log().append(append("a", exact(u64::MAX), &["1"])).await, None);
    assert!(names_in_log(&*store.log()).await.is_empty());
}

pub async fn an_empty_append_only_asks<B: Backend>() {
    let mut store = B::new();
    let missing = store.log().append(append("a", NO_STREAM, &[])).await.unwrap();
    assert_eq!((missing.last_revision, missing.position, missing.already), (None, None, false));
    assert_conflict(store.log().append(append("a", exact(0), &[])).await, None);
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2"])).await, 1);
    let there = store.log().append(append("a", exact(1), &[])).await.unwrap();
    assert_eq!((there.last_revision, there.position), (Some(Revision::new(1)), None));
    assert_conflict(store.log().append(append("a", exact(0), &[])).await, Some(1));
    assert_conflict(store.log().append(append("a", NO_STREAM, &[])).await, Some(1));
    assert_eq!(names_in_log(&*store.log()).await, ["1", "2"]);
}

pub async fn a_refused_append_leaves_nothing<B: Backend>() {
    let mut store = B::with_largest_event(1000);
    let mut large = append("a", NO_STREAM, &["1", "2", "3"]);
    large.events[2].data = vec![b'x'; 1001];
    let refused = store.log().append(large).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { size: 1009, limit: 1000, .. })), "{refused:?}");
    assert!(names_in_log(&*store.log()).await.is_empty());
    assert_stored(store.log().append(append("a", NO_STREAM, &["1"])).await, 0);
}

pub async fn of_many_writers_with_one_expectation_exactly_one_wins<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    assert_stored(log.append(append("a", NO_STREAM, &["first"])).await, 0);
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(append("a", exact(0), &[&format!("by {writer}")])).await })
        })
        .collect();
    let mut winners = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(appended) => {
                assert!(!appended.already);
                winners += 1;
            }
            refused => assert_conflict(refused, Some(1)),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(names_in(&*log, "a").await.len(), 2);
}

pub async fn many_writers_who_look_and_try_again_all_land<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut expected = NO_STREAM;
                for count in 0..8 {
                    let name = format!("{writer} {count}");
                    loop {
                        match log.append(append("a", expected, &[&name])).await {
                            Ok(appended) => {
                                expected = ExpectedRevision::Exact(appended.last_revision.unwrap());
                                break;
                            }
                            Err(AppendError::Conflict { actual, .. }) => {
                                expected = ExpectedRevision::Exact(actual.unwrap());
                            }
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        soon(writer).await.unwrap();
    }
    let names = names_in(&*log, "a").await;
    assert_eq!(names.len(), 64);
    for writer in 0..8 {
        let own = names.iter().filter(|name| name.starts_with(&format!("{writer} ")));
        assert!(own.is_sorted(), "each writer's events stand in the order in which they were written");
    }
}

pub async fn streams_do_not_touch_each_other<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["a1", "a2"])).await, 1);
    assert_stored(store.log().append(append("b", NO_STREAM, &["b1"])).await, 0);
    // Names that an index or a pattern might confuse.
    assert_stored(store.log().append(append("A", NO_STREAM, &["A1"])).await, 0);
    assert_stored(store.log().append(append("a%", NO_STREAM, &["%"])).await, 0);
    assert_stored(store.log().append(append("a ", NO_STREAM, &["space"])).await, 0);
    assert_stored(store.log().append(append("", NO_STREAM, &["nameless"])).await, 0);
    assert_stored(store.log().append(append("a", exact(1), &["a3"])).await, 2);
    assert_stored(store.log().append(append("b", exact(0), &["b2"])).await, 1);
    assert_eq!(names_in(&*store.log(), "a").await, ["a1", "a2", "a3"]);
    assert_eq!(names_in(&*store.log(), "b").await, ["b1", "b2"]);
    assert_eq!(names_in(&*store.log(), "").await, ["nameless"]);
}

pub async fn the_same_append_again_stores_nothing<B: Backend>() {
    let mut store = B::new();
    let first = store.log().append(append("a", NO_STREAM, &["1", "2"])).await.unwrap();
    let second = store.log().append(append("a", exact(1), &["3", "4"])).await.unwrap();
    assert_stored(store.log().append(append("a", exact(3), &["5"])).await, 4);
    let first_again = store.log().append(append("a", NO_STREAM, &["1", "2"])).await.unwrap();
    let second_again = store.log().append(append("a", exact(1), &["3", "4"])).await.unwrap();
    for (answer, again) in [(first, first_again), (second, second_again)] {
        assert!(!answer.already && again.already);
        assert_eq!((answer.last_revision, answer.position), (again.last_revision, again.position));
    }
    assert_eq!(names_in_log(&*store.log()).await, ["1", "2", "3", "4", "5"]);
}

pub async fn the_beginning_of_an_earlier_append_is_known<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2", "3"])).await, 2);
    let beginning = store.log().append(append("a", NO_STREAM, &["1", "2"])).await.unwrap();
    assert_eq!((beginning.last_revision, beginning.already), (Some(Revision::new(1)), true));
    let middle = store.log().append(append("a", exact(0), &["2"])).await.unwrap();
    assert_eq!((middle.last_revision, middle.already), (Some(Revision::new(1)), true));
    assert_eq!(beginning.position, middle.position);
}

pub async fn an_earlier_append_with_one_more_event_is_refused<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2"])).await, 1);
    assert_conflict(store.log().append(append("a", NO_STREAM, &["1", "2", "3"])).await, Some(1));
    assert_eq!(names_in_log(&*store.log()).await, ["1", "2"]);
}

pub async fn an_append_that_differs_later_on_is_refused<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2", "3"])).await, 2);
    assert_conflict(store.log().append(append("a", NO_STREAM, &["1", "other"])).await, Some(2));
    assert_conflict(store.log().append(append("a", exact(0), &["2", "1"])).await, Some(2));
    assert_conflict(store.log().append(append("a", NO_STREAM, &["2"])).await, Some(2));
    assert_eq!(names_in_log(&*store.log()).await, ["1", "2", "3"]);
}

/// EventStoreDB stores the id again here; the others do not, and nothing of ours relies on either.
pub async fn an_id_stands_once_in_a_stream<B: Backend>() {
    let mut store = B::new();
    assert_stored(store.log().append(append("a", NO_STREAM, &["1", "2"])).await, 1);
    if !B::AN_ID_STANDS_ONCE {
        assert_stored(store.log().append(append("a", exact(1), &["1"])).await, 2);
        assert_eq!(names_in_log(&*store.log()).await, ["1", "2", "1"]);
        return;
    }
    assert_conflict(store.log().append(append("a", exact(1), &["1"])).await, Some(1));
    assert_conflict(store.log().append(append("a", exact(1), &["3", "2"])).await, Some(1));
    assert_eq!(names_in_log(&*store.log()).await, ["1", "2"]);
}

pub async fn the_same_id_in_two_streams_is_two_events<B: Backend>() {
    let mut store = B::new();
    let one = assert_stored(store.log().append(append("a", NO_STREAM, &["1"])).await, 0);
    let other = assert_stored(store.log().append(append("b", NO_STREAM, &["1"])).await, 0);
    assert!(one < other);
    assert_eq!(names_in_log(&*store.log()).await, ["1", "1"]);
}

pub async fn an_id_twice_in_one_append_is_refused<B: Backend>() {
    let mut store = B::new();
    assert_conflict(store.log().append(append("a", NO_STREAM, &["1", "1"])).await, None);
    assert!(names_in_log(&*store.log()).await.is_empty());
}

pub async fn a_lost_answer_is_settled_by_asking_again<B: Backend>() {
    let mut store = B::new();
    let log = Failing::new(store.log());
    log.fail_next(Fault::LoseAnswer);
    let lost = log.append(append("a", NO_STREAM, &["1"])).await;
    assert!(matches!(lost, Err(AppendError::Unknown { .. })), "{lost:?}");
    assert!(log.append(append("a", NO_STREAM, &["1"])).await.unwrap().already);
    assert_eq!(names_in_log(&log).await, ["1"]);
}

pub async fn a_lost_request_is_settled_by_asking_again<B: Backend>() {
    let mut store = B::new();
    let log = Failing::new(store.log());
    log.fail_next(Fault::LoseRequest);
    log.fail_next(Fault::Refuse);
    let lost = log.append(append("a", NO_STREAM, &["1"])).await;
    assert!(matches!(lost, Err(AppendError::Unknown { .. })), "{lost:?}");
    let refused = log.append(append("a", NO_STREAM, &["1"])).await;
    assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
    assert_stored(log.append(append("a", NO_STREAM, &["1"])).await, 0);
}

pub async fn a_log_that_hangs_is_left_alone_and_asked_again<B: Backend>() {
    let mut store = B::new();
    let log = Failing::new(store.log());
    log.fail_next(Fault::Hang);
    assert!(is_pending(log.append(append("a", NO_STREAM, &["1"]))).await);
    assert!(soon(log.append(append("a", NO_STREAM, &["1"]))).await.is_ok());
    assert_eq!(names_in_log(&log).await, ["1"]);
}

pub async fn appends_that_share_a_flush_are_answered_each_for_itself<B: Backend>() {
    let mut store = B::with_largest_event(1000);
    assert_stored(store.log().append(append("old", NO_STREAM, &["0"])).await, 0);
    let too_large = Append {
        events: vec![chatledger::log::NewEvent { data: vec![0; 2000], ..event("large") }],
        ..append("large", NO_STREAM, &[])
    };
    let appends = vec![
        append("a", NO_STREAM, &["1", "2"]),
        append("old", NO_STREAM, &["new"]),
        // Sees what stands before it in the same request.
        append("a", exact(1), &["3"]),
        append("a", exact(1), &["4"]),
        too_large,
        append("a", NO_STREAM, &["1", "2"]),
        append("b", NO_STREAM, &["5"]),
    ];
    let mut answers = store.log().append_all(appends).await.into_iter();
    let mut next = || answers.next().unwrap();
    let a = assert_stored(next(), 1);
    assert_conflict(next(), Some(0));
    let after = assert_stored(next(), 2);
    assert_conflict(next(), Some(2));
    assert!(matches!(next(), Err(AppendError::TooLarge { .. })));
    let again = next().unwrap();
    assert_eq!((again.already, again.position), (true, Some(a)));
    let b = assert_stored(next(), 0);
    assert!(a < after && after < b);
    assert!(answers.next().is_none());
    assert_eq!(names_in_log(&*store.log()).await, ["0", "1", "2", "3", "5"]);
    assert!(store.log().append_all(Vec::new()).await.is_empty());
}

pub async fn an_event_that_is_too_large_harms_nothing_else<B: Backend>() {
    let mut store = B::with_largest_event(1000);
    let log = store.log();
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let log = Arc::clone(&log);
            let mut append = alone(&writer.to_string());
            if writer % 4 == 0 {
                append.events[0].data = vec![0; 1001];
            }
            tokio::spawn(async move { log.append(append).await })
        })
        .collect();
    for (writer, answer) in writers.into_iter().enumerate() {
        let answer = answer.await.unwrap();
        assert_eq!(answer.is_ok(), writer % 4 != 0, "{answer:?}");
    }
    assert_eq!(names_in_log(&*log).await.len(), 12);
    assert!(log.read_stream(&stream("webhook-0"), Revision::FIRST, 1).await.unwrap().is_empty());
}

pub async fn appends_in_order_are_stored_in_their_order<B: Backend>() {
    let mut store = B::with_largest_event(1000);
    assert_stored(store.log().append(append("webhook-old", NO_STREAM, &["old"])).await, 0);
    let mut appends: Vec<_> = (0..100).map(|number| alone(&number.to_string())).collect();
    // Verdicts are no reason to stop.
    appends[20] = append("webhook-old", NO_STREAM, &["new"]);
    appends[30].events[0].data = vec![0; 1001];
    appends[40] = append("webhook-old", NO_STREAM, &["old"]);
    let answers = store.log().append_in_order(appends).await;
    assert_eq!(answers.len(), 100);
    assert!(matches!(answers[20], Err(AppendError::Conflict { .. })) && answers[40].as_ref().unwrap().already);
    assert!(matches!(answers[30], Err(AppendError::TooLarge { .. })));
    let expected = (0..100).filter(|number| ![20, 30, 40].contains(number)).map(|number| number.to_string());
    let expected: Vec<_> = ["old".to_owned()].into_iter().chain(expected).collect();
    assert_eq!(names_in_log(&*store.log()).await, expected);
}

pub async fn behind_an_append_that_is_not_taken_none_is_tried<B: Backend>() {
    let mut store = B::new();
    let log = Failing::new(store.log());
    assert_stored(log.append(alone("0")).await, 0);
    let appends = || (0..5).map(|number| alone(&number.to_string())).collect();
    log.fail_from_now_on(Some(Fault::LoseRequest));
    let answers = log.append_in_order(appends()).await;
    assert!(matches!(answers.as_slice(), [Err(AppendError::Unknown { .. })]), "{answers:?}");
    log.fail_from_now_on(None);
    let answers = log.append_in_order(appends()).await;
    assert!(answers.len() == 5 && answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(names_in_log(&log).await, ["0", "1", "2", "3", "4"]);
}
