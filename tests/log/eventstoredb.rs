//! What the adapter to EventStoreDB must live with: a client that dies, hangs, spins and forgets, and servers that go
//! away, move, refuse and have other tenants. Each test is one defect or one rule; `docs/eventstoredb.md` lists them.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatledger::log::eventstoredb::{Address, Credentials, EventStoreDbLog, Timing};
use chatledger::log::memory::MemoryLog;
use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{AppendError, EventLog, Following, NewEvent, OpenError, ReadError};
use chatledger_connectors::connector::Secret;
use chatledger_eventstoredb::store::{Expected, Proposed};
use chatledger_eventstoredb::{Call, Cluster, Ending, Fault, Options, Rights, Server, Store};
use chatledger_projections::recorded::Revision;
use tokio::task::block_in_place;
use uuid::Uuid;

use crate::backends::{
    NO_STREAM, alone, append, assert_conflict, assert_stored, event, exact, is_pending, names_in, names_in_log, on,
    server, soon, stream,
};

/// Waits short enough for tests of what happens when they are over.
const QUICK: Timing = Timing {
    answer: Duration::from_millis(400),
    connect: Duration::from_millis(800),
    patience: Duration::from_millis(1500),
    silence: Duration::from_millis(800),
    renewal: Duration::from_millis(500),
    first_pause: Duration::from_millis(10),
    longest_pause: Duration::from_millis(100),
};

fn new_server() -> Server {
    server(Arc::new(MemoryLog::new()), Options::default())
}

/// The causes of an error, one after another.
fn told(error: &dyn std::error::Error) -> String {
    chatledger::live::chain(error)
}

async fn take(following: &mut dyn Following, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    while names.len() < count {
        let events = soon(following.next(100)).await.unwrap();
        names.extend(events.into_iter().map(|event| String::from_utf8(event.data).unwrap()));
    }
    names
}

fn foreign(name: &str, event_type: &str) -> Proposed {
    Proposed {
        id: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()),
        event_type: event_type.to_owned(),
        content_type: "application/json".to_owned(),
        data: b"{}".to_vec(),
        metadata: Vec::new(),
    }
}

/// The test server's own rule, without which nothing here could be trusted: killed in the middle of an append, it keeps the
/// event and knows of it, or neither.
#[test]
fn an_append_in_the_middle_of_which_the_server_is_killed_is_whole() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let log = SqliteLog::open(folder.path().join("server.db")).expect("the folder can be written to");
    let runtime = || tokio::runtime::Runtime::new().expect("there are threads");
    let mine = runtime();
    let store = mine.block_on(Store::over(Arc::new(log), 1024 * 1024)).expect("an empty log can be read");
    let name = |nth: u64| format!("stream-{nth}");
    let mut kept = 0;
    for nth in 0..60 {
        let (server, asked, stream) = (runtime(), Arc::clone(&store), name(nth));
        server.spawn(async move { asked.append(&stream, Expected::NoStream, vec![foreign(&stream, "Kept")]).await });
        std::thread::sleep(Duration::from_micros(nth * 40));
        server.shutdown_background();
        // Behind whatever it had begun.
        mine.block_on(store.append("last", Expected::Any, vec![foreign(&name(1000 + nth), "Last")]))
            .expect("it takes it");
        let known = mine.block_on(store.readable(&name(nth))).expect("nothing is gone").is_some();
        let stored = !mine.block_on(store.in_stream(&name(nth), 0, 10)).expect("it can be read").is_empty();
        assert_eq!(known, stored, "{nth}");
        kept += usize::from(stored);
    }
    assert!(kept > 0, "nothing was ever stored");
}

/// Defects 1 and 5: a client whose first connection fails never makes another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_opened_before_its_server_works_when_the_server_is_there() {
    let mut server = new_server();
    server.kill();
    let log = on(&server, QUICK);
    let away = log.append(alone("1")).await;
    assert!(matches!(away, Err(AppendError::Unavailable { .. })), "nothing was sent: {away:?}");
    assert!(matches!(log.read_all(None, 1).await, Err(ReadError::Unavailable(_))));
    server.restart().unwrap();
    assert_stored(soon(log.append(alone("1"))).await, 0);
    server.kill();
    assert!(log.append(alone("2")).await.is_err());
    server.restart().unwrap();
    assert!(soon(log.append(alone("2"))).await.is_ok());
    assert_eq!(names_in_log(&log).await, ["1", "2"]);
}

/// Defects 3 and 13: the client waits half a second before its first call, and forty milliseconds in each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_the_first_append_nor_the_next_ones_wait_for_nothing() {
    let server = new_server();
    let log = on(&server, Timing::default());
    let began = Instant::now();
    for number in 0..60 {
        assert_stored(log.append(alone(&number.to_string())).await, 0);
    }
    let took = began.elapsed();
    assert!(
        took < Duration::from_millis(1800),
        "{took:?} for 60 appends; each would wait 44 ms, the first 500 ms more"
    );
    assert_eq!(log.batch_streams(), 1);
    assert_eq!(server.faults.count(Call::Append), 0, "nothing goes one by one");
}

/// Defect 4: the client goes on asking a dead leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_dies_the_next_one_is_found() {
    let cluster = Cluster::default();
    let options = || Options { cluster: cluster.clone(), ..Options::default() };
    let mut first = server(Arc::new(MemoryLog::new()), options());
    let second = Server::start(Arc::clone(first.store()), options()).unwrap();
    let third = Server::start(Arc::clone(first.store()), options()).unwrap();
    let address = format!("esdb://{},{},{}?tls=false", first.address, second.address, third.address);
    let log = EventStoreDbLog::open_with(address.parse().unwrap(), None, Timing::default()).unwrap();
    assert_stored(log.append(alone("1")).await, 0);
    let mut following = log.follow(None).await.unwrap();
    assert_eq!(take(&mut *following, 1).await, ["1"]);

    first.kill();
    cluster.forget(first.address);
    cluster.lead(second.address);
    assert!(soon(log.append(alone("2"))).await.is_ok(), "the second node leads");
    assert_eq!(take(&mut *following, 1).await, ["2"]);

    // It steps down without dying: it says so, and the client goes where it is sent.
    cluster.lead(third.address);
    assert!(soon(log.append(alone("3"))).await.is_ok());
    assert_eq!(take(&mut *following, 1).await, ["3"]);
    assert_eq!(names_in_log(&log).await, ["1", "2", "3"]);
    assert!(second.faults.count(Call::BatchAppend) + second.faults.count(Call::Append) > 0);
}

/// Defect 6: the client's deadlines are only a request to the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_accepts_and_never_answers_is_not_waited_for() {
    let server = new_server();
    let log = on(&server, QUICK);
    assert_stored(log.append(alone("1")).await, 0);
    for call in [Call::BatchAppend, Call::Append, Call::Read, Call::Subscribe] {
        server.faults.always(call, Fault::Hang);
    }
    let began = Instant::now();
    let unanswered = log.append(alone("2")).await;
    assert!(matches!(unanswered, Err(AppendError::Unknown { .. })), "{unanswered:?}");
    assert!(log.read_all(None, 1).await.is_err());
    assert!(log.read_backwards(1).await.is_err());
    assert!(log.read_stream(&stream("webhook-1"), Revision::FIRST, 1).await.is_err());
    assert!(log.follow(None).await.is_err());
    assert!(block_in_place(|| log.scan(None, 1, &mut |_| std::ops::ControlFlow::Continue(()))).is_err());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    server.faults.none();
    assert!(soon(log.append(alone("2"))).await.is_ok());
    assert_eq!(names_in_log(&log).await, ["1", "2"]);
}

/// A lost answer is an unknown outcome: the same ids with the same expectation settle it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_whose_answer_is_lost_is_stored_once_and_told_as_stored() {
    let server = new_server();
    let log = on(&server, QUICK);
    for fault in [Fault::LoseAnswer, Fault::HangAfter] {
        let name = format!("{fault:?}");
        server.faults.next(Call::BatchAppend, fault);
        server.faults.next(Call::Append, fault);
        assert_stored(soon(log.append(append(&name, NO_STREAM, &["1", "2"]))).await, 1);
        assert_stored(soon(log.append(append(&name, exact(1), &["3"]))).await, 2);
        assert_eq!(names_in(&log, &name).await, ["1", "2", "3"]);
    }
    let again = log.append(append("LoseAnswer", NO_STREAM, &["1", "2"])).await.unwrap();
    assert!(again.already);
}

/// Defect 7: when the server ends a subscription without an error, the client spins without a pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_ends_as_if_all_were_well_is_made_anew_and_nobody_spins() {
    let server = new_server();
    let log = on(&server, Timing::default());
    let mut following = log.follow(None).await.unwrap();
    // More often than there are threads: one that spun would be missing.
    for number in 0..8 {
        server.faults.end_subscriptions(Ending::Well);
        let name = number.to_string();
        assert_stored(soon(log.append(alone(&name))).await, 0);
        assert_eq!(take(&mut *following, 1).await, [name]);
    }
    assert!(server.faults.count(Call::Subscribe) >= 8);
}

/// Defect 9: one failed append ends the batch stream, and everything that is under way in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_harms_nothing_that_is_under_way_beside_it() {
    let server = new_server();
    let log = Arc::new(on(&server, Timing::default()));
    assert_stored(log.append(append("taken", NO_STREAM, &["first"])).await, 0);
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let log = Arc::clone(&log);
            let (name, is_wrong) = (writer.to_string(), writer % 8 == 0);
            let append = if is_wrong { append("taken", NO_STREAM, &[&name]) } else { alone(&name) };
            tokio::spawn(async move { (is_wrong, log.append(append).await) })
        })
        .collect();
    for writer in writers {
        match soon(writer).await.unwrap() {
            (true, answer) => assert_conflict(answer, Some(0)),
            (false, answer) => drop(assert_stored(answer, 0)),
        }
    }
    assert_eq!(names_in_log(&*log).await.len(), 1 + 56);
    let together: Vec<_> = (100..300)
        .map(|number: u32| {
            let name = number.to_string();
            if number.is_multiple_of(50) { append("taken", NO_STREAM, &[&name]) } else { alone(&name) }
        })
        .collect();
    let conflicts = log.append_all(together).await.into_iter().filter(Result::is_err).count();
    assert_eq!(conflicts, 4);
    let names = names_in_log(&*log).await;
    assert!(names[57..].iter().map(|name| name.parse::<u32>().unwrap()).is_sorted(), "the given order is the log's");
    assert_eq!(names.len(), 57 + 196);
    assert!(log.batch_streams() > 1, "a stream that failed is not used again");
}

/// Defect 11: the client resumes a filtered subscription where it began, not where it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_subscription_goes_on_from_the_last_checkpoint() {
    let server = new_server();
    let log = on(&server, Timing::default());
    for part in 0..25 {
        let events = (0..100).map(|number| foreign(&format!("{part} {number}"), "Foreign")).collect();
        server.store().append(&format!("other-{part}"), Expected::NoStream, events).await.unwrap();
    }
    let mut following = log.follow(None).await.unwrap();
    assert!(is_pending(following.next(1)).await);
    server.faults.end_subscriptions(Ending::Unavailable);
    assert_stored(soon(log.append(alone("1"))).await, 0);
    assert_eq!(take(&mut *following, 1).await, ["1"]);
    let starts = server.faults.subscribed_after();
    assert_eq!(starts[0], None);
    let resumed = starts.iter().flatten().copied().max().expect("it was resumed from somewhere");
    assert!(resumed >= 2000 * 100, "two checkpoints were passed: {starts:?}");
}

/// Defect 12: a pending question that is dropped tears the subscription down, and what comes meanwhile is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_subscriptions_each_event_comes_once_and_in_order() {
    let server = new_server();
    let log = Arc::new(on(&server, QUICK));
    let mut following = log.follow(None).await.unwrap();
    let writer = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            for number in 0..400 {
                assert_stored(log.append(alone(&number.to_string())).await, 0);
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    });
    let (mut names, mut round) = (Vec::new(), 0_u64);
    let began = Instant::now();
    while names.len() < 400 {
        assert!(began.elapsed() < Duration::from_secs(60), "{} came", names.len());
        round += 1;
        if round.is_multiple_of(40) {
            let ending = [Ending::Unavailable, Ending::Well, Ending::Silence][(round / 40 % 3) as usize];
            server.faults.end_subscriptions(ending);
        }
        if let Ok(events) = tokio::time::timeout(Duration::from_millis(round % 7), following.next(5)).await {
            names.extend(events.unwrap().into_iter().map(|event| String::from_utf8(event.data).unwrap()));
        }
    }
    soon(writer).await.unwrap();
    assert_eq!(names, (0..400).map(|number| number.to_string()).collect::<Vec<_>>());
}

/// A server that is killed while many write and one follows: nothing answered is lost, nothing comes twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_loses_nothing_that_was_answered() {
    let mut server = new_server();
    let log = Arc::new(on(&server, Timing::default()));
    let mut following = log.follow(None).await.unwrap();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for number in 0..50 {
                    while log.append(alone(&format!("{writer}-{number}"))).await.is_err() {}
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.restart().unwrap();
    }
    for writer in writers {
        tokio::time::timeout(Duration::from_secs(60), writer).await.unwrap().unwrap();
    }
    let followed = take(&mut *following, 200).await;
    assert_eq!(followed, names_in_log(&*log).await);
    assert_eq!(followed.len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_the_servers_or_somebody_elses_is_passed_over() {
    let server = new_server();
    let log = on(&server, Timing::default());
    let mut address: Address = server.connection_string().parse().unwrap();
    address.prefix = "other.".to_owned();
    let other = EventStoreDbLog::open(address, None).unwrap();
    let put = |name: &'static str, event_type: &'static str| {
        let store = Arc::clone(server.store());
        async move { store.append(name, Expected::Any, vec![foreign(name, event_type)]).await.unwrap() }
    };
    put("webhook-1", "WebhookReceived").await;
    assert_stored(log.append(alone("ours")).await, 0);
    put("$settings", "$UserUpdated").await;
    assert_stored(other.append(alone("theirs")).await, 0);
    put("$$chatledger.webhook-ours", "$metadata").await;
    assert_eq!(names_in_log(&log).await, ["ours"]);
    assert_eq!(names_in_log(&other).await, ["theirs"]);
    assert_eq!(log.read_backwards(5).await.unwrap().len(), 1);
    let mut following = log.follow(None).await.unwrap();
    assert_eq!(take(&mut *following, 1).await, ["ours"]);
    assert!(following.is_caught_up());
    assert!(is_pending(following.next(1)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_the_right_is_told_so_and_no_password_is_shown() {
    let users = [("chat", Rights::All), ("poor", Rights::StreamsOnly)];
    let users = users.map(|(name, rights)| (name.to_owned(), ("open/sesame: 100%".to_owned(), rights)));
    let options = Options { users: users.into_iter().collect(), ..Options::default() };
    let server = server(Arc::new(MemoryLog::new()), options);
    let address: Address = server.connection_string().parse().unwrap();
    let as_user = |user: &str, password: &str| {
        let credentials = Credentials { user: user.to_owned(), password: Secret::new(password) };
        EventStoreDbLog::open_with(address.clone(), Some(credentials), QUICK).unwrap()
    };
    let log = as_user("chat", "open/sesame: 100%");
    assert_stored(log.append(alone("1")).await, 0);
    assert_eq!(names_in_log(&log).await, ["1"]);
    for wrong in [on(&server, QUICK), as_user("chat", "sesame"), as_user("poor", "open/sesame: 100%")] {
        let began = Instant::now();
        let refused = wrong.append(alone("2")).await.unwrap_err();
        assert!(matches!(refused, AppendError::Unavailable { .. }));
        assert!(told(&refused).contains("no right"), "{}", told(&refused));
        let refused = wrong.follow(None).await.err().unwrap();
        assert!(told(&refused).contains("no right"), "{}", told(&refused));
        assert!(began.elapsed() < Duration::from_secs(1), "it is not asked again and again");
        assert!(!format!("{wrong:?} {refused:?}").contains("sesame"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_away_at_the_server_is_told_and_not_passed_over() {
    let server = new_server();
    let log = on(&server, QUICK);
    assert_stored(log.append(append("a", NO_STREAM, &["1", "2", "3"])).await, 2);
    let cut = Proposed { data: br#"{"$maxCount":1}"#.to_vec(), ..foreign("cut", "$metadata") };
    server.store().append("$$chatledger.a", Expected::Any, vec![cut]).await.unwrap();
    let damaged = log.read_stream(&stream("a"), Revision::FIRST, 10).await.unwrap_err();
    assert!(matches!(damaged, ReadError::Damaged { .. }), "{damaged:?}");
    assert_eq!(log.read_stream(&stream("a"), Revision::new(2), 10).await.unwrap().len(), 1);
    assert_stored(log.append(append("b", NO_STREAM, &["1"])).await, 0);
    server.store().tombstone("chatledger.b", Expected::Any).await.unwrap();
    let refused = log.append(append("b", exact(0), &["2"])).await.unwrap_err();
    assert!(told(&refused).contains("deleted"), "{}", told(&refused));
    assert!(log.read_stream(&stream("b"), Revision::FIRST, 1).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_beyond_the_servers_limit_is_told_with_the_limit() {
    let kept: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
    let server = Server::start(Store::over(kept, 5000).await.unwrap(), Options::default()).unwrap();
    let log = on(&server, QUICK);
    let mut large = alone("large");
    large.events[0].data = vec![b'x'; 6000];
    let refused = log.append(large).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { limit: 5000, .. })), "{refused:?}");
    assert_stored(log.append(alone("small")).await, 0);
    assert_eq!(names_in_log(&log).await, ["small"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_of_many_megabytes_comes_back_byte_for_byte() {
    let server = new_server();
    let log = on(&server, Timing::default());
    let mut large = alone("large");
    large.events[0].data = vec![b'x'; 15 * 1024 * 1024];
    large.events.push(NewEvent { data: vec![0xff; 2 * 1024 * 1024], ..event("second") });
    assert_stored(soon(log.append(large.clone())).await, 1);
    assert_stored(log.append(alone("small")).await, 0);
    let events = soon(log.read_all(None, 10)).await.unwrap();
    assert!(events[0].data == large.events[0].data && events[1].data == large.events[1].data);
    assert_eq!(events.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_batch_streams_is_good_enough() {
    let options = Options { has_batch_append: false, ..Options::default() };
    let server = server(Arc::new(MemoryLog::new()), options);
    let log = on(&server, Timing::default());
    let answers = log.append_all(vec![alone("1"), append("webhook-1", exact(0), &["2"]), alone("3")]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(names_in_log(&log).await, ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_too_old_is_refused_with_its_version() {
    let options = Options { version: "22.10.5.0".to_owned(), ..Options::default() };
    let server = server(Arc::new(MemoryLog::new()), options);
    let refused = on(&server, QUICK).append(alone("1")).await.unwrap_err();
    assert!(matches!(refused, AppendError::Unavailable { .. }));
    assert!(told(&refused).contains("22.10.5"), "{}", told(&refused));
}

/// Defect 10: the client panics over a bad certificate, and then never answers.
#[test]
fn certificates_that_cannot_be_read_are_told_at_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    let open = || {
        let address = format!("esdb://localhost:2113?tlsCaFile={}", file.display());
        EventStoreDbLog::open(address.parse().unwrap(), None)
    };
    assert!(open().is_err(), "it is missing");
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, text).unwrap();
        let refused = open().unwrap_err();
        assert!(told(&refused).contains("ca.pem"), "{}", told(&refused));
    }
}

const CHILD: &str = "CHATLEDGER_TEST_CHILD_CHOOSES";

/// Defect 10: the client panics if somebody else chose the program's cryptography before it.
#[test]
fn a_choice_of_cryptography_made_before_is_told_at_once() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["eventstoredb::the_child_that_chooses", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("refused: another part of this program has chosen its cryptography"), "{told}");
}

/// Does nothing unless it is the child.
#[test]
fn the_child_that_chooses() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    let refused = EventStoreDbLog::open("esdb://localhost:2113?tls=false".parse().unwrap(), None).unwrap_err();
    println!("refused: {refused}");
}

#[tokio::test]
async fn a_server_is_opened_by_its_address_alone() {
    use chatledger::config::{LogAddress, SecretSource};
    struct Known(&'static [(&'static str, &'static str)]);
    impl SecretSource for Known {
        fn variable(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        }
        fn file(&self, path: &std::path::Path) -> std::io::Result<String> {
            if path == std::path::Path::new("secret") {
                Ok("sesame\n".to_owned())
            } else {
                Err(std::io::ErrorKind::NotFound.into())
            }
        }
    }
    let address: LogAddress = "kurrentdb://localhost:1?tls=false".parse().unwrap();
    const USER: (&str, &str) = ("CHATLEDGER_EVENTSTOREDB_USER", "chat");
    const FILE: &str = "CHATLEDGER_EVENTSTOREDB_PASSWORD_FILE";
    for good in
        [Known(&[]), Known(&[USER, (FILE, "secret")]), Known(&[USER, ("CHATLEDGER_EVENTSTOREDB_PASSWORD", "x")])]
    {
        assert!(address.open_to_write(&good).is_ok() && address.open_to_read(&good).is_ok());
    }
    for wrong in [Known(&[USER]), Known(&[(FILE, "secret")]), Known(&[USER, (FILE, "none")])] {
        let refused = address.open_to_write(&wrong).unwrap_err();
        assert!(matches!(refused, OpenError::Unavailable { .. }));
        assert!(told(&refused).contains("CHATLEDGER_EVENTSTOREDB_"), "{}", told(&refused));
    }
}
