//! Disks that are full, files that are damaged or somebody else's, and a log that is taken.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::engine::{Engine, around, ask, replay, run};
use crate::house::{House, Plan, with_secrets};

const ANNA: &str = "79161234567";

/// A file may grow up to so many bytes: too few for what comes, enough for a start.
const ROOM: u64 = 640 * 1024;

/// What every file of the engine may grow to. Beyond it, a write fails as on a full disk (with EFBIG for ENOSPC); the
/// signal that would come with it is ignored, as it is on a full disk.
fn serve_with_little_room(house: &House) -> Command {
    let mut command = around(OsStr::new("sh"), house.folder.path());
    // In the shell's blocks of 512 bytes; only the soft limit, so that it can be raised again.
    let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" serve --config chatledger.toml", ROOM / 512);
    with_secrets(command.arg("-c").arg(script).arg(chatledger_tests::chatledger()));
    command
}

/// Raises the limit; `false` if this machine has no tool for it.
async fn give_room(engine: &Engine) -> bool {
    let raised = Command::new("prlimit")
        .args(["--pid", &engine.process().to_string(), "--fsize=unlimited"])
        .stderr(Stdio::inherit())
        .status()
        .await;
    raised.is_ok_and(|status| status.success())
}

/// A webhook that says nothing that anybody knows, of 40 KiB.
fn filler(nth: usize) -> Vec<u8> {
    format!("{{\"filler\": {nth}, \"of\": \"{}\"}}", "x".repeat(40 * 1024)).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_is_full_nothing_is_promised_and_afterwards_the_work_goes_on() {
    let house = House::build(Plan::USUAL).await;
    // What it logs falls on the same disk, and finds no room there either.
    fs::write(house.engine_log(), "yesterday's news\n".repeat(ROOM as usize / 17 - 8)).unwrap();
    let mut engine = house.start_by(serve_with_little_room(&house)).await;
    house.acquainted(ANNA, "There is room.").await;
    house.settled(&engine).await;
    let post = async |nth: usize| {
        let answer = ask(house.listen, "POST", &house.messenger_path(), &[], &filler(nth)).await;
        answer.map(|(status, _)| status)
    };
    let mut promised = Vec::new();
    let mut nth = 0;
    while !matches!(post(nth).await, Some(503)) {
        promised.push(nth);
        nth += 1;
        assert!(nth < 100, "the disk is never full");
    }
    // Full is full, and says so; small things may still find a place.
    for again in 0..5 {
        assert_eq!(post(nth + again).await, Some(503), "a full disk took something\n{}", house.tail());
    }
    assert!(!engine.is_ready().await, "an engine that can record nothing says that it is ready");
    house.client_writes(ANNA, &format!("Is there any room? {}", "y".repeat(20 * 1024)));
    sleep(Duration::from_millis(1_500)).await;
    assert!(engine.is_alive(), "it has ended:\n{}", house.tail());

    if give_room(&engine).await {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !engine.is_ready().await {
            assert!(Instant::now() < deadline, "in vain awaited: an engine that is ready again\n{}", house.tail());
            sleep(Duration::from_millis(50)).await;
        }
    } else {
        println!("no `prlimit` here: the engine gets its room by a new start");
        engine.kill().await;
        engine = house.start().await;
    }
    for refused in nth..nth + 5 {
        assert_eq!(post(refused).await, Some(200), "{}", house.tail());
    }
    house.until("in the CRM: what the client wrote meanwhile", || house.clients_lines(ANNA).len() == 2).await;
    house.manager_writes(ANNA, "Plenty.");
    house.until_stands("Plenty.", "delivered").await;
    house.settled(&engine).await;
    engine.end().await;

    let report = replay(house.folder.path()).await;
    assert_eq!(replay(house.folder.path()).await, report);
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
    let exported = run(house.folder.path(), &["export", "--log", "chatledger.db"]).await;
    assert_eq!(exported.code, Some(0), "{}", exported.errors);
    // Each filler once: those that were promised, and those that came again.
    let sent = house.stage.sent(&house.messenger.name).len() + house.stage.sent(&house.crm.name).len();
    let webhooks = report["events_by_type"]["WebhookReceived"].as_u64();
    assert_eq!(webhooks, u64::try_from(promised.len() + 5 + sent).ok(), "{report:#}");
    is_whole(&house.folder.path().join("chatledger.db"));
}

/// SQLite itself finds nothing wrong with the file.
fn is_whole(log: &Path) {
    let file = rusqlite::Connection::open(log).expect("it can be opened");
    let verdict: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it can be read");
    assert_eq!(verdict, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_log_of_ours_is_refused_and_left_as_it_is() {
    let house = House::build(Plan::USUAL).await;
    let log = house.folder.path().join("chatledger.db");
    let engine = house.start().await;
    house.acquainted(ANNA, "Keep this well.").await;
    house.settled(&engine).await;
    engine.end().await;
    let mut damaged = fs::read(&log).unwrap();
    // The file's head is sound, and its pages are not.
    for byte in damaged.iter_mut().skip(4096) {
        *byte = byte.wrapping_mul(31).wrapping_add(7);
    }
    fs::remove_file(&log).unwrap();
    let file = rusqlite::Connection::open(&log).unwrap();
    file.execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup');").unwrap();
    drop(file);
    let foreign = fs::read(&log).unwrap();
    for (what, content, code) in [
        ("text", b"Dear diary, this is not a log, and long enough to be one.\n".repeat(200), 2),
        ("somebody else's database", foreign, 2),
        ("a damaged log", damaged, 1),
    ] {
        fs::write(&log, &content).unwrap();
        let mut command = house.serve();
        let ended = tokio::time::timeout(Duration::from_secs(20), command.output()).await;
        let ended = ended.unwrap_or_else(|_| panic!("in vain awaited: that {what} is refused")).unwrap();
        let errors = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{what}: {errors}");
        assert!(errors.contains("chatledger.db") && !errors.contains("panicked"), "{what}: {errors}");
        assert!(fs::read(&log).unwrap() == content, "{what} was changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_has_one_engine() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    // Elsewhere in everything but the log.
    let text = fs::read_to_string(house.folder.path().join("chatledger.toml")).unwrap();
    let text = text.lines().filter(|line| !line.starts_with("listen =") && !line.starts_with("private ="));
    let text = text.collect::<Vec<_>>().join("\n");
    let text = text.replace("[server]", "[server]\nlisten = \"127.0.0.1:0\"\nprivate = \"127.0.0.1:0\"");
    fs::write(house.folder.path().join("second.toml"), text).unwrap();
    let mut second = crate::engine::program(house.folder.path());
    with_secrets(second.args(["serve", "--config", "second.toml"]));
    let ended = tokio::time::timeout(Duration::from_secs(20), second.output()).await;
    let ended = ended.expect("in vain awaited: that a second engine is refused").unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{errors}");
    assert!(errors.contains("chatledger.db") && errors.contains("in use"), "{errors}");
    house.acquainted(ANNA, "And the first one works on.").await;
    house.settled(&engine).await;
    engine.end().await;
}
