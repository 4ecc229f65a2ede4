//! Documented pairs: what a platform's bytes mean, and the exact requests that intents become.
//!
//! The pairs lie in `fixtures/contracts/<platform>/`; a new case is a new file there, not a new line here.

use std::path::{Path, PathBuf};

use chatledger_connectors::connector::{Call, Connection, Request};
use serde_json::{Value, json};

mod amocrm;
mod carrotquest;
mod delivery;
mod history;
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

/// A request as the pairs write it: method, address, and the body as what it is.
fn written(request: &Request) -> Value {
    let mut written = json!({ "method": request.method, "path": request.target() });
    let content_type = request.headers.iter().find(|(name, _)| *name == "content-type");
    match content_type.map(|(_, value)| value.as_str()) {
        Some("application/json") => {
            written["json"] = serde_json::from_slice(&request.body).expect("we write JSON");
        }
        Some("application/x-www-form-urlencoded") => {
            written["form"] = form_urlencoded::parse(&request.body).map(|(name, value)| json!([name, value])).collect();
        }
        Some(other) => panic!("no pair has a body of {other}"),
        None => assert!(request.body.is_empty(), "a body has a content type"),
    }
    written
}

/// The request is as written, the account has a limit for it, and its call is one of those that the replies are tried with.
fn assert_becomes(calls: &[&str], account: &dyn Connection, call: &Call, expected: &Value, name: &str) {
    assert_eq!(written(&call.request), *expected, "{name}");
    assert!(account.limits().iter().any(|limit| limit.class == call.class), "{name}: no limit for {}", call.class);
    assert!(calls.contains(&call.name), "{name}: {} is asked about nowhere", call.name);
}
