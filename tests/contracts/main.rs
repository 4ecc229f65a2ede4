//! Documented pairs: what a platform's bytes mean, and the exact requests that intents become.
//!
//! The pairs lie in `fixtures/contracts/<platform>/`; a new case is a new file there, not a new line here.

use std::path::{Path, PathBuf};

mod amocrm;
mod carrotquest;
mod delivery;
mod models;
mod pact;
mod pact_calls;
mod samples;
mod selarti;

/// A platform's folder of pairs.
fn fixtures(platform: &str, folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/contracts").join(platform).join(folder)
}

/// Every JSON file of a folder by its name without the ending, in order; an empty folder is a mistake.
fn cases(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut cases: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a readable file"))
        })
        .collect();
    assert!(!cases.is_empty(), "{} holds no cases", folder.display());
    cases.sort();
    cases
}

/// Compares a value with the snapshot that lies beside its case.
fn assert_snapshot(folder: &Path, name: &str, value: &impl serde::Serialize) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_json_snapshot!(name, value));
}
