//! The demonstration keeps its promise: it proves what it shows, within its time, and leaves nothing behind.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// What the README says.
const A_MINUTE: Duration = Duration::from_secs(60);

fn demo(temporary: &Path, arguments: &[&str]) -> (Output, Duration) {
    // It may have to be built; nobody waits for that but us.
    let program = chatledger_tests::chatledger();
    let began = Instant::now();
    let ended = Command::new(program)
        .arg("demo")
        .args(arguments)
        .env_remove("CHATLEDGER_LOG")
        .env("TMPDIR", temporary)
        .output()
        .unwrap();
    (ended, began.elapsed())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_demonstration_proves_everything_within_a_minute_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let (ended, took) = demo(temporary.path(), &["--pace", "0"]);
    let shown = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{shown}");
    assert!(shown.lines().last().unwrap().starts_with("All is proven, in "), "{shown}");
    assert_eq!(shown.matches("\n  ✓ ").count(), 7, "{shown}");
    assert!(!shown.contains('\x1b'), "no colours where nobody looks");
    assert!(took < A_MINUTE, "{took:?}");
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert_eq!(names(temporary.path()), Vec::<String>::new());
}

#[test]
fn a_folder_that_is_to_be_kept_has_to_be_empty() {
    let kept = tempfile::tempdir().unwrap();
    std::fs::write(kept.path().join("something"), "of somebody").unwrap();
    let (ended, _) = demo(kept.path(), &["--keep", kept.path().to_str().unwrap()]);
    let words = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{words}");
    assert!(words.contains("is not empty; name a folder that is empty or not there yet"), "{words}");
    assert_eq!(names(kept.path()), ["something"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_at_once_is_not_proven_and_the_reason_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = chatledger::demo::Options {
        executable: "/bin/false".into(),
        folder: folder.path().join("play"),
        stays: true,
        pace: Duration::ZERO,
        colour: false,
    };
    let mut shown = Vec::new();
    let verdict = chatledger::demo::run(&options, &mut shown).await.unwrap();
    assert!(verdict.failures[0].starts_with("the engine ended with exit status: 1 before it was ready"), "{verdict:?}");
    assert!(String::from_utf8(shown).unwrap().lines().last().unwrap().starts_with("Not proven, after "));
}
