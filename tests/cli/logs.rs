//! What the program makes of a log: replay, state, lists, export and import.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{Append, EventLog, ExpectedRevision, codec};
use chatledger::story;
use chatledger_projections::recorded::Revision;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::program::{command, run, run_with};

/// A folder with `log.db` in it: what a story left.
fn folder_with_log() -> TempDir {
    folder_with_log_of(STORY)
}

/// The same of another story.
pub fn folder_with_log_of(story: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let told = story::tell(&story_folder(story)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = SqliteLog::open(folder.path().join("log.db")).unwrap();
        for recorded in told.log {
            let expected = match recorded.revision {
                Revision::FIRST => ExpectedRevision::NoStream,
                later => ExpectedRevision::Exact(Revision::new(later.as_u64() - 1)),
            };
            let sealed = codec::seal(&recorded.event, recorded.id, recorded.recorded_at, None, None);
            log.append(Append { stream: recorded.stream, expected, events: vec![sealed] }).await.unwrap();
        }
    });
    folder
}

const STORY: &str = "manager-writes-first-claim";

fn story_folder(story: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories").join(story)
}

/// A replay without what differs from one to the next.
fn replay(folder: &Path, log: &str) -> Value {
    let mut report = run(folder, ["replay", "--log", log, "--json"]).document();
    let report_map = report.as_object_mut().unwrap();
    assert!(report_map.remove("seconds").unwrap().is_f64());
    assert!(report_map.remove("events_per_second").unwrap().is_u64());
    report
}

#[test]
fn two_replays_are_equal_and_show_no_drift() {
    let folder = folder_with_log();
    let first = replay(folder.path(), "log.db");
    assert_eq!(replay(folder.path(), "sqlite:log.db"), first);
    assert_eq!((&first["drift"], &first["intents"]["outstanding"]), (&0.into(), &0.into()));
    assert!(first["events"].as_u64().unwrap() > 5 && first["threads"] == 1, "{first}");
    assert_eq!(first["digest"].as_str().unwrap().len(), 64);
    let text = run(folder.path(), ["replay", "--log", "log.db"]).well();
    assert!(text.contains(first["digest"].as_str().unwrap()), "{text}");
}

#[test]
fn a_log_goes_out_and_comes_back_with_the_same_digests() {
    let folder = folder_with_log();
    run(folder.path(), ["export", "--log", "log.db", "--output", "log.jsonl"]).well();
    let lines = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    let count = lines.lines().count();
    assert_eq!(run(folder.path(), ["export", "--log", "log.db"]).well(), lines);
    run(folder.path(), ["export", "--log", "log.db", "--output", "log.jsonl"]).refused(2, &["log.jsonl", "exists"]);

    let told = run(folder.path(), ["import", "--log", "copy.db", "--input", "log.jsonl"]).well();
    assert!(told.starts_with(&format!("{count} events stored, 0 were there already")), "{told}");
    let again = run_with(folder.path(), ["import", "--log", "copy.db"], lines.as_bytes()).well();
    assert!(again.starts_with(&format!("0 events stored, {count} were there already")), "{again}");
    assert_eq!(run(folder.path(), ["export", "--log", "copy.db"]).well(), lines);
    assert_eq!(replay(folder.path(), "copy.db"), replay(folder.path(), "log.db"));
}

#[test]
fn a_log_is_copied_byte_for_byte_and_a_repetition_brings_only_the_rest() {
    let folder = folder_with_log();
    let events = run(folder.path(), ["export", "--log", "log.db"]).well();
    let count = events.lines().count() as u64;
    // A beginning of it, as a copy leaves it that broke off.
    let beginning: String = events.lines().take(4).map(|line| format!("{line}\n")).collect();
    run_with(folder.path(), ["import", "--log", "copy.db"], beginning.as_bytes()).well();
    let arguments = ["copy", "--from", "sqlite:log.db", "--to", "sqlite:copy.db"];
    let told = run(folder.path(), arguments).well();
    assert!(told.starts_with(&format!("{} events stored, 4 were there already", count - 4)), "{told}");
    assert!(told.contains(&format!("{count} events are equal byte for byte")), "{told}");
    let again = run(folder.path(), arguments.into_iter().chain(["--json"])).document();
    assert_eq!((again["stored"].as_u64(), again["already"].as_u64()), (Some(0), Some(count)), "{again}");
    assert_eq!(again["digest"], replay(folder.path(), "log.db")["digest"]);
    assert_eq!(run(folder.path(), ["export", "--log", "copy.db"]).well(), events);
}

#[test]
fn a_copy_leaves_a_target_with_something_else_as_it_is() {
    let folder = folder_with_log();
    let events = run(folder.path(), ["export", "--log", "log.db"]).well();
    let import = |name: &str, lines: &[&str]| {
        run_with(folder.path(), ["import", "--log", name], lines.join("\n").as_bytes()).well();
    };
    let lines: Vec<&str> = events.lines().collect();
    // Another order, another beginning, and more than there is.
    import("swapped.db", &[lines[1], lines[0]]);
    import("longer.db", &lines);
    import("shorter.db", &lines[..lines.len() - 1]);
    for (from, to, words) in
        [("log.db", "swapped.db", "holds something else"), ("shorter.db", "longer.db", "holds more than the source")]
    {
        let before = run(folder.path(), ["export", "--log", to]).well();
        run(folder.path(), ["copy", "--from", from, "--to", to]).refused(1, &[to, words]);
        assert_eq!(run(folder.path(), ["export", "--log", to]).well(), before, "{to} was changed");
    }
    run(folder.path(), ["copy", "--from", "log.db", "--to", "sqlite:log.db"]).refused(2, &["the same log"]);
    run(folder.path(), ["copy", "--from", "none.db", "--to", "new.db"]).refused(2, &["none.db"]);
    assert!(!folder.path().join("new.db").exists(), "a name that is wrong leaves an empty log behind");
}

#[test]
fn a_line_that_is_no_event_is_named_and_what_came_before_is_kept() {
    let folder = folder_with_log();
    let lines = run(folder.path(), ["export", "--log", "log.db"]).well();
    let mut broken: Vec<_> = lines.lines().collect();
    broken.insert(3, "{\"stream\":\"nothing\"}");
    let broken = broken.join("\n");
    let ended = run_with(folder.path(), ["import", "--log", "copy.db"], broken.as_bytes());
    ended.refused(1, &["line 4", "not an exported event", "3 events stored"]);
    run_with(folder.path(), ["import", "--log", "copy.db"], lines.as_bytes()).well();
    assert_eq!(replay(folder.path(), "copy.db"), replay(folder.path(), "log.db"));
}

#[test]
fn a_line_that_contradicts_the_log_is_refused() {
    let folder = folder_with_log();
    let line = run(folder.path(), ["export", "--log", "log.db"]).well().lines().next().unwrap().to_owned();
    let mut other: Value = serde_json::from_str(&line).unwrap();
    other["id"] = "00000000-0000-0000-0000-000000000000".into();
    let ended = run_with(folder.path(), ["import", "--log", "log.db"], other.to_string().as_bytes());
    ended.refused(1, &["line 1", "something else stands in configuration-main", "0 events stored"]);
}

#[test]
fn an_event_that_cannot_be_read_ends_a_replay_and_is_shown_in_the_list() {
    let folder = folder_with_log();
    let line = run(folder.path(), ["export", "--log", "log.db"]).well().lines().next().unwrap().to_owned();
    let mut newer: Value = serde_json::from_str(&line).unwrap();
    newer["type"] = "MessageSealed".into();
    newer["stream"] = "new-1".into();
    run_with(folder.path(), ["import", "--log", "log.db"], newer.to_string().as_bytes()).well();
    run(folder.path(), ["replay", "--log", "log.db"]).refused(1, &["MessageSealed", "update the program"]);
    run(folder.path(), ["state", "--log", "log.db"]).refused(1, &["MessageSealed"]);
    let listed = run(folder.path(), ["log", "--log", "log.db"]);
    assert_eq!(listed.code, Some(1));
    assert!(listed.output.lines().last().unwrap().contains("MessageSealed"), "{}", listed.output);
}

#[test]
fn a_state_can_be_seen_as_it_was_and_one_dialogue_by_the_beginning_of_its_id() {
    let folder = folder_with_log();
    let now = run(folder.path(), ["state", "--log", "log.db", "--json"]).document();
    let thread = &now["threads"][0];
    assert_eq!(now["threads"].as_array().unwrap().len(), 1);
    assert!(!thread["messages"].as_array().unwrap().is_empty() && !thread["endpoints"].as_array().unwrap().is_empty());
    let at_the_beginning = run(folder.path(), ["state", "--log", "log.db", "--at", "1", "--json"]).document();
    assert_eq!((&at_the_beginning["position"], &at_the_beginning["threads"]), (&"1".into(), &serde_json::json!([])));
    let last = now["position"].as_str().unwrap();
    assert_eq!(run(folder.path(), ["state", "--log", "log.db", "--at", last, "--json"]).document(), now);

    let id = thread["id"].as_str().unwrap();
    let one = run(folder.path(), ["state", "--log", "log.db", "--thread", &id[..6], "--json"]).document();
    assert_eq!(&one["threads"][0], thread);
    assert!(run(folder.path(), ["state", "--log", "log.db"]).well().contains(id));
    assert!(run(folder.path(), ["state", "--log", "log.db", "--thread", id]).well().contains("carried to"));
    run(folder.path(), ["state", "--log", "log.db", "--thread", "nothing"]).refused(2, &["nothing"]);
    run(folder.path(), ["state", "--log", "log.db", "--at", "x"]).refused(2, &["--at", "not a position"]);
}

#[test]
fn a_log_is_listed_from_any_place_one_event_a_line() {
    let folder = folder_with_log();
    let lines = run(folder.path(), ["log", "--log", "log.db"]).well();
    let events: Vec<Value> = run(folder.path(), ["log", "--log", "log.db", "--json"])
        .well()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.lines().count(), events.len());
    for (line, event) in lines.lines().zip(&events) {
        let text = |key: &str| event[key].as_str().unwrap().to_owned();
        let (position, time, stream, event_type) =
            (text("position"), text("recorded_at"), text("stream"), text("type"));
        let beginning = format!("{position} {time} {stream} {} {event_type} ", event["revision"]);
        assert!(line.starts_with(&beginning), "{line}");
        assert!(event["event"].is_object(), "{event}");
    }
    let some = run(folder.path(), ["log", "--log", "log.db", "--after", "2", "--limit", "3"]).well();
    assert_eq!(some, lines.lines().skip(2).take(3).map(|line| format!("{line}\n")).collect::<String>());
    let followed = run(folder.path(), ["log", "--log", "log.db", "--follow", "--limit", "3"]).well();
    assert_eq!(followed, lines.lines().take(3).map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn a_missing_or_foreign_file_is_named_and_left_as_it_is() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "not a log").unwrap();
    for name in ["replay", "state", "log", "export"] {
        run(folder.path(), [name, "--log", "missing.db"]).refused(2, &["missing.db", "no such log"]);
        run(folder.path(), [name, "--log", "notes.txt"]).refused(2, &["notes.txt", "not a Chatledger log"]);
        run(folder.path(), [name, "--log", "memory:"]).refused(2, &["memory"]);
    }
    run(folder.path(), ["import", "--log", "new.db", "--input", "missing.jsonl"]).refused(2, &["missing.jsonl"]);
    let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["notes.txt"]);
}

#[test]
fn a_reader_who_has_enough_ends_it_quietly() {
    let folder = folder_with_log();
    for arguments in [&["log", "--log", "log.db", "--json"][..], &["export", "--log", "log.db"], &["init", "-"]] {
        let mut child = command(folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!((child.wait().unwrap().code(), errors.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
