//! Where a message is and why: what `explain` prints, and that it finds out what does not follow.

use std::fs;
use std::path::{Path, PathBuf};

use chatledger::explain::{Answer, Asked, Explanation, explain};
use chatledger::log::memory::MemoryLog;
use chatledger::log::{Append, EventLog, ExpectedRevision, codec};
use chatledger::story::{self, Told};
use chatledger_projections::recorded::Revision;
use serde_json::Value;
use tempfile::TempDir;

use crate::logs::folder_with_log_of;
use crate::program::{run, run_with};

/// The story of the printed tree, and the manager's message in it.
const CLAIM: &str = "manager-writes-first-claim";
const FIRST: &str = "amo.main:c1c59db4-64bd-4589-a7db-eb23b13f1cbc";

fn stories() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories");
    let mut stories: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    stories.retain(|path| path.join("story.md").exists());
    stories.sort();
    stories
}

fn log_of(told: &Told, runtime: &tokio::runtime::Runtime) -> MemoryLog {
    let log = MemoryLog::new();
    runtime.block_on(async {
        for recorded in &told.log {
            let expected = match recorded.revision {
                Revision::FIRST => ExpectedRevision::NoStream,
                later => ExpectedRevision::Exact(Revision::new(later.as_u64() - 1)),
            };
            let sealed = codec::seal(&recorded.event, recorded.id, recorded.recorded_at, None, None);
            let stream = recorded.stream.clone();
            log.append(Append { stream, expected, events: vec![sealed] }).await.unwrap();
        }
    });
    log
}

fn explained(log: &MemoryLog, what: &str) -> Box<Explanation> {
    match explain(log, &Asked::typed(what), None, &mut || ()).unwrap() {
        Answer::Explained(explanation) => explanation,
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn everything_in_every_story_is_explained_and_follows_from_its_log() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let stories = stories();
    assert!(stories.len() > 50, "the stories are not there");
    for story in stories {
        let told = story::tell(&story).unwrap();
        let log = log_of(&told, &runtime);
        let name = story.file_name().unwrap().to_str().unwrap();
        for carried in told.pipeline.state().delivery.iter() {
            let what = format!("{}:{}", carried.origin.connection, carried.origin.message);
            let explanation = explained(&log, &what);
            assert_eq!(explanation.doubts, [], "{name}, {what}");
            assert_eq!(explanation.stands.delivery, Some(carried.state.label()), "{name}, {what}");
            assert!(!explanation.chain.is_empty(), "{name}, {what}");
        }
        for (thread, _) in told.pipeline.state().threads.iter() {
            let all = told.pipeline.state().delivery.iter().filter(|carried| carried.thread == thread).count();
            assert_eq!(explained(&log, &thread.to_string()).messages.len(), all, "{name}, {thread}");
        }
        for recorded in &told.log {
            let explanation = explained(&log, &format!("@{}", recorded.position));
            assert_eq!(explanation.doubts, [], "{name}, position {}", recorded.position);
            let whole = serde_json::to_string(&explanation).unwrap();
            assert!(
                whole.contains(&format!("\"position\":\"{}\"", recorded.position)),
                "{name}, {}",
                recorded.position
            );
        }
    }
}

/// What `explain` prints of a story's log.
fn printed(story: &str, arguments: &[&str]) -> String {
    let folder = folder_with_log_of(story);
    run(folder.path(), [&["explain"], arguments, &["--log", "log.db"]].concat()).well()
}

#[test]
fn the_whole_way_of_a_managers_first_message_is_printed_as_a_tree() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories").join(CLAIM));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let told = printed(CLAIM, &[FIRST, "--verify"]);
    settings.bind(|| insta::assert_snapshot!("explained", told));
}

const PAGE: &str = "docs/explain.md";
const BEGINNING: &str = "<!-- example: written by tests/cli/explain.rs -->\n";
const END: &str = "<!-- end of example -->";

#[test]
fn the_page_shows_what_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGINNING).expect("the page has a place for the example");
    let (written, behind) = rest.split_once(END).expect("the example has an end");
    let told = printed("too-many-requests", &["pact.sales:301", "--verify"]);
    let example = format!("```text\n$ chatledger explain pact.sales:301 --log chatledger.db --verify\n{told}```\n");
    if std::env::var("INSTA_UPDATE").is_ok_and(|wish| wish == "always") {
        fs::write(&path, format!("{before}{BEGINNING}{example}{END}{behind}")).unwrap();
        return;
    }
    assert!(written == example, "{PAGE} is not what the program prints; `just accept` writes this:\n{example}");
}

#[test]
fn a_message_is_found_by_every_name_that_it_has() {
    let folder = folder_with_log_of("too-many-requests");
    let explain = |what: &str| run(folder.path(), ["explain", what, "--log", "log.db", "--json"]).document();
    let whole = explain("m-1");
    let first = &whole["chain"][0];
    let (event, position) = (first["event"].as_str().unwrap(), first["position"].as_str().unwrap());
    let sent = &first["intents"][0];
    let intent = sent["raised"]["intent_id"].as_str().unwrap();
    let job = sent["attempts"][1]["ended"]["facts"][0]["message"]["job"].as_str().unwrap_or("301");
    let ours = sent["raised"]["intent"]["ours"].as_str().unwrap();
    for name in ["amo.main:m-1", "pact.sales:301", job, ours, event, intent, &intent[..8], &format!("@{position}")] {
        assert_eq!(explain(name), whole, "{name}");
    }
    assert_eq!(whole["stands"]["delivery"], "sent");
    let outcomes: Vec<_> =
        sent["attempts"].as_array().unwrap().iter().map(|tried| &tried["ended"]["outcome"]["outcome"]).collect();
    assert_eq!(outcomes, ["postponed", "accepted"]);
    let thread = whole["stands"]["thread"].as_str().unwrap();
    let listed = run(folder.path(), ["explain", &thread[..6], "--log", "log.db"]).well();
    for line in
        ["pact.sales:300  sent, as amo.main:a-300", "amo.main:m-1  sent, as pact.sales:301", "amo.main:m-2  sent"]
    {
        assert!(listed.contains(line), "{line}: {listed}");
    }
    assert_eq!(explain(thread)["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn what_was_so_at_an_earlier_position_is_told_with_what_it_waits_for() {
    let folder = folder_with_log_of("too-many-requests");
    let whole = run(folder.path(), ["explain", "m-1", "--log", "log.db", "--json"]).document();
    let tried = &whole["chain"][0]["intents"][0]["attempts"][0];
    let told = |at: &Value| {
        let at = at.as_str().unwrap();
        run(folder.path(), ["explain", "m-1", "--log", "log.db", "--verify", "--at", at]).well()
    };
    let raised = told(&whole["chain"][0]["intents"][0]["position"]);
    assert!(raised.contains("waits for its first attempt") && raised.contains("would send (derived) POST"), "{raised}");
    let started = told(&tried["position"]);
    assert!(
        started.contains("attempt 1 is on its way since") && started.contains("its end is not on record"),
        "{started}"
    );
    let postponed = told(&tried["ended"]["position"]);
    assert!(postponed.contains("stands    raised") && postponed.contains("is tried again, not before"), "{postponed}");
    run(folder.path(), ["explain", "m-1", "--log", "log.db", "--at", "1"]).refused(1, &["m-1", "up to position 1"]);
}

#[test]
fn an_unknown_name_is_told_with_the_remedy_and_an_ambiguous_one_with_the_candidates() {
    let folder = folder_with_log_of("too-many-requests");
    run(folder.path(), ["explain", "nothing", "--log", "log.db"]).refused(1, &["\"nothing\"", "CONNECTION:ID"]);
    run(folder.path(), ["explain", "m-1", "--log", "none.db"]).refused(2, &["none.db"]);
    let folder = tampered("too-many-requests", |lines| {
        let is_it = |says: &Value| says["message"]["message"]["id"] == "m-1";
        rewrite(lines, "WebhookReceived", is_it, |says| says["message"]["message"]["id"] = "300".into());
    });
    run(folder.path(), ["explain", "300", "--log", "changed.db"])
        .refused(1, &["\"300\" may be any of these", "amo.main:300  a message", "pact.sales:300  a message"]);
    assert!(run(folder.path(), ["explain", "amo.main:300", "--log", "changed.db"]).well().contains("amo.main:300"));
}

/// The log of a story after somebody has changed its lines.
fn tampered(story: &str, change: impl FnOnce(&mut Vec<Value>)) -> TempDir {
    let folder = folder_with_log_of(story);
    let exported = run(folder.path(), ["export", "--log", "log.db"]).well();
    let mut lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    change(&mut lines);
    let changed: String = lines.iter().map(|line| format!("{line}\n")).collect();
    run_with(folder.path(), ["import", "--log", "changed.db"], changed.as_bytes()).well();
    folder
}

/// Changes what the first event says of which this is true.
fn rewrite(lines: &mut [Value], of_type: &str, is_it: impl Fn(&Value) -> bool, change: impl FnOnce(&mut Value)) {
    let said = |line: &Value| serde_json::from_str::<Value>(line["data"].as_str().unwrap()).unwrap();
    let line =
        lines.iter_mut().find(|line| line["type"] == of_type && is_it(&said(line))).expect("there is such an event");
    let mut says = said(line);
    let before = says.clone();
    change(&mut says);
    assert_ne!(says, before, "nothing was changed");
    line["data"] = says.to_string().into();
}

#[track_caller]
fn doubted(folder: &TempDir, what: &str, words: &[&str]) {
    let ended = run(folder.path(), ["explain", what, "--log", "changed.db", "--verify"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for word in words {
        assert!(ended.output.contains(word), "{word:?} is missing: {}", ended.output);
    }
    let document = run(folder.path(), ["explain", what, "--log", "changed.db", "--verify", "--json"]);
    let document: Value = serde_json::from_str(&document.output).unwrap();
    assert!(!document["doubts"].as_array().unwrap().is_empty());
    // Who does not ask is told all the same, without a verdict.
    assert_eq!(run(folder.path(), ["explain", what, "--log", "changed.db"]).code, Some(0));
}

#[test]
fn a_changed_outcome_does_not_follow_from_the_recorded_reply() {
    let folder = tampered("too-many-requests", |lines| {
        rewrite(
            lines,
            "AttemptSettled",
            |says| says["outcome"]["outcome"] == "postponed",
            |says| {
                says["outcome"] = serde_json::json!({ "outcome": "uncertain", "reason": "no answer in time" });
            },
        );
    });
    doubted(&folder, "m-1", &["this outcome does not follow", "classifying the recorded reply gives postponed"]);
    // What was not touched is not doubted.
    run(folder.path(), ["explain", "pact.sales:300", "--log", "changed.db", "--verify"]).well();
}

#[test]
fn a_changed_reply_does_not_give_the_recorded_outcome() {
    let folder = tampered("too-many-requests", |lines| {
        rewrite(
            lines,
            "AttemptSettled",
            |says| says["reply"]["status"] == 429,
            |says| {
                says["reply"]["status"] = 500.into();
            },
        );
    });
    doubted(&folder, "m-1", &["this outcome does not follow", "gives uncertain"]);
}

#[test]
fn a_success_without_an_answer_is_doubted() {
    let folder = tampered("timeout-and-it-was-sent", |lines| {
        rewrite(
            lines,
            "AttemptSettled",
            |says| says["reply"].is_null(),
            |says| {
                says["outcome"] = serde_json::json!({ "outcome": "accepted" });
            },
        );
    });
    doubted(&folder, "m-1", &["no answer is on record, which does not mean accepted"]);
}

#[test]
fn an_intent_with_another_text_is_not_the_one_that_the_rules_raise() {
    let folder = tampered(CLAIM, |lines| {
        rewrite(
            lines,
            "IntentRaised",
            |says| says["policy"] == "manager_message_to_channel",
            |says| {
                says["intent"]["content"]["text"] = "Something else.".into();
            },
        );
    });
    let words = ["this intent does not follow", "under the configuration of position 1", "intent.content.text"];
    doubted(&folder, FIRST, &words);
}

#[test]
fn a_webhook_that_was_removed_is_missed_by_what_followed_from_it() {
    let folder = tampered(CLAIM, |lines| {
        let first = lines.iter().position(|line| line["type"] == "WebhookReceived").unwrap();
        lines.remove(first);
    });
    doubted(&folder, FIRST, &["the cause of this is not in the log", "is not in the log before it"]);
}

#[test]
fn a_webhook_with_another_text_does_not_raise_what_is_recorded() {
    let folder = tampered(CLAIM, |lines| {
        rewrite(lines, "WebhookReceived", |_| true, |says| says["message"]["message"]["text"] = "Other words.".into());
    });
    doubted(&folder, FIRST, &["intent.content.text"]);
}

#[test]
fn an_attempt_that_was_taken_out_or_moved_does_not_follow() {
    let folder = tampered("too-many-requests", |lines| {
        rewrite(lines, "AttemptStarted", |says| says["attempt"] == 2, |says| says["attempt"] = 7.into());
    });
    doubted(&folder, "m-1", &["this attempt does not follow", "it says something else than its id"]);
    let folder = tampered("too-many-requests", |lines| {
        rewrite(lines, "AttemptStarted", |says| says["attempt"] == 2, |says| says["call"] = "send_v1".into());
    });
    doubted(&folder, "m-1", &["another call than send_v1 would be made"]);
}

#[test]
fn an_intent_that_was_taken_out_is_missed() {
    let folder = tampered(CLAIM, |lines| {
        let is_it = |line: &&Value| line["type"] == "IntentRaised" && line.to_string().contains("ReportDelivery");
        let stream = lines.iter().find(is_it).expect("it was reported")["stream"].clone();
        lines.retain(|line| line["stream"] != stream);
    });
    doubted(
        &folder,
        FIRST,
        &["the rules raise it from this event (report_delivery at amo.main), and it is not on record"],
    );
}
