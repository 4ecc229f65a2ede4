//! Every story under `fixtures/stories/` is told as its `expected.snap` says.
//!
//! A new story is a new folder, not a new line here. `just story NAME` shows one; `just accept` accepts all as they are.

use std::path::PathBuf;

use chatledger::story::tell;

fn folders() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories");
    let entries = std::fs::read_dir(root).expect("there are stories");
    let mut folders: Vec<_> =
        entries.map(|entry| entry.expect("readable").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn every_story_is_told_as_it_was_accepted() {
    let folders = folders();
    assert!(folders.len() >= 15, "stories have been lost: {} are left", folders.len());
    let mut failed = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let told = match tell(&folder) {
            Ok(told) => told.text,
            Err(error) => {
                failed.push(format!("{name}: {error}"));
                continue;
            }
        };
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let show = || settings.bind(|| insta::assert_snapshot!("expected", told));
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(show));
        if shown.is_err() {
            failed.push(format!(
                "{name}: it goes another way now; see `just story {name}`, and `just accept` if that is right"
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_story_says_in_words_what_happened() {
    for folder in folders() {
        let words = std::fs::read_to_string(folder.join("story.md")).unwrap_or_default();
        assert!(words.starts_with("# ") && words.lines().count() >= 3, "{} has no words", folder.display());
    }
}
