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

const CLAIM: &str = "manager-writes-first-claim";

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
