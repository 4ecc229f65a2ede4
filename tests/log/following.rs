//! What following promises: history, then news, each event once, whatever happens to the caller.

use std::sync::Arc;
use std::time::Duration;

use chatledger::log::{Following, ReadError, StoredEvent};

use crate::backends::{Backend, alone, assert_stored, is_pending, names_in_log, soon};

async fn take(following: &mut dyn Following, count: usize, limit: usize) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    while events.len() < count {
        let more = soon(following.next(limit)).await.unwrap();
        assert!(!more.is_empty() && more.len() <= limit);
        events.extend(more);
    }
    events
}

fn names(events: Vec<StoredEvent>) -> Vec<String> {
    events.into_iter().map(|event| String::from_utf8(event.data).unwrap()).collect()
}

pub async fn history_then_news_without_gap_or_repetition<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    for number in 0..50 {
        assert_stored(log.append(alone(&number.to_string())).await, 0);
    }
    let writer = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            for number in 50..250 {
                assert_stored(log.append(alone(&number.to_string())).await, 0);
            }
        }
    });
    let mut following = log.follow(None).await.unwrap();
    let followed = names(take(&mut *following, 250, 7).await);
    soon(writer).await.unwrap();
    assert_eq!(followed, names_in_log(&*log).await);
    assert!(is_pending(following.next(7)).await);
    assert!(following.is_caught_up());
}

pub async fn following_begins_after_its_position<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    for name in ["1", "2", "3"] {
        assert_stored(log.append(alone(name)).await, 0);
    }
    let second = log.read_all(None, 2).await.unwrap()[1].position;
    let mut following = log.follow(Some(second)).await.unwrap();
    assert!(!following.is_caught_up());
    assert_eq!(names(take(&mut *following, 1, 10).await), ["3"]);
    assert!(following.is_caught_up());
}

pub async fn following_from_the_end_gives_only_news<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    let position = assert_stored(log.append(alone("old")).await, 0);
    let mut following = log.follow(Some(position)).await.unwrap();
    assert!(following.is_caught_up());
    assert!(is_pending(following.next(10)).await);
    assert_stored(log.append(alone("new")).await, 0);
    assert_eq!(names(take(&mut *following, 1, 10).await), ["new"]);
}

pub async fn followers_do_not_hinder_each_other<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    let mut slow = log.follow(None).await.unwrap();
    let mut quick = log.follow(None).await.unwrap();
    for number in 0..100 {
        assert_stored(soon(log.append(alone(&number.to_string()))).await, 0);
        assert_eq!(take(&mut *quick, 1, 1).await.len(), 1);
    }
    assert_eq!(names(take(&mut *slow, 100, 9).await), names_in_log(&*log).await);
}

pub async fn a_dropped_call_loses_nothing<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    let writer = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            for number in 0..100 {
                assert_stored(log.append(alone(&number.to_string())).await, 0);
            }
        }
    });
    let mut following = log.follow(None).await.unwrap();
    let mut followed = Vec::new();
    let mut patience = 0;
    while followed.len() < 100 {
        // Now and then too short for any answer; never too short for ever.
        patience = (patience + 37) % 3000;
        if let Ok(events) = tokio::time::timeout(Duration::from_micros(patience), following.next(3)).await {
            followed.extend(events.unwrap());
        }
    }
    soon(writer).await.unwrap();
    assert_eq!(names(followed), names_in_log(&*log).await);
}

pub async fn an_empty_log_is_caught_up_and_waits<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    let mut following = log.follow(None).await.unwrap();
    assert!(following.is_caught_up());
    assert!(is_pending(following.next(1)).await);
    assert_stored(log.append(alone("first")).await, 0);
    assert_eq!(names(take(&mut *following, 1, 1).await), ["first"]);
}

pub async fn following_goes_on_where_an_earlier_one_ended<B: Backend>() {
    let mut store = B::new();
    let mut followed: Vec<StoredEvent> = Vec::new();
    for round in 0..4 {
        let log = store.log();
        for number in 0..5 {
            assert_stored(log.append(alone(&format!("{round}-{number}"))).await, 0);
        }
        let mut following = log.follow(followed.last().map(|event| event.position)).await.unwrap();
        followed.extend(take(&mut *following, 3, 3).await);
    }
    let log = store.log();
    let mut following = log.follow(followed.last().map(|event| event.position)).await.unwrap();
    followed.extend(take(&mut *following, 8, 3).await);
    assert_eq!(names(followed), names_in_log(&*log).await);
}

pub async fn a_follower_of_a_closed_log_is_told<B: Backend>() {
    let mut store = B::new();
    let log = store.log();
    assert_stored(log.append(alone("1")).await, 0);
    let mut following = log.follow(None).await.unwrap();
    drop((log, store));
    // What was there may still be read; then it says so, and says it again, at once.
    let mut answer = soon(following.next(10)).await;
    if answer.is_ok() {
        answer = soon(following.next(10)).await;
    }
    assert!(matches!(answer, Err(ReadError::Unavailable(_))), "{answer:?}");
    assert!(soon(following.next(10)).await.is_err());
}
