//! What the program says without a log: help, configurations, decoding, stories.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use crate::program::{command, run, run_with};

const COMMANDS: [&str; 22] = [
    "serve",
    "init",
    "check-config",
    "connect",
    "disconnect",
    "backfill",
    "reconcile",
    "heal",
    "decode",
    "explain",
    "replay",
    "state",
    "assistant",
    "log",
    "export",
    "import",
    "story",
    "demo",
    "playground",
    "ready",
    "completions",
    "man",
];

const SECRETS: [(&str, &str); 7] = [
    ("AMOCRM_MAIN_CHANNEL_SECRET", "0123456789abcdef0123456789abcdef01234567"),
    ("PACT_MAIN_TOKEN", "a-token-that-nobody-can-guess-1234"),
    ("PACT_MAIN_WEBHOOK_SECRET", "nobodyCanGuessThis1234"),
    ("CARROTQUEST_MAIN_AUTH_TOKEN", "app.1234.nobody-can-guess-this"),
    ("CARROTQUEST_MAIN_WEBHOOK_TOKEN", "a-webhook-token-of-carrot-quest"),
    ("SELARTI_MAIN_API_KEY", "a-key-of-selarti-that-nobody-knows"),
    ("SELARTI_MAIN_WEBHOOK_SECRET", "norCanAnybodyGuessThis5678"),
];

fn fixtures(folder: &str) -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut files: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json" || extension == "txt"));
    files.sort();
    files
}

/// The document of `init` with everything in it switched on but the CRM's source.
pub fn switched_on(init: &str) -> String {
    let switched_on = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with([' ', '\0']) && !setting.is_empty() && !setting.starts_with("source") => {
            setting.to_owned()
        }
        _ => line.to_owned(),
    };
    init.lines().map(switched_on).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_command_says_what_it_is_for_with_an_example() {
    let folder = tempdir().unwrap();
    let all = run(folder.path(), ["--help"]).well();
    for name in COMMANDS {
        assert!(all.contains(name), "{name}: {all}");
        let help = run(folder.path(), [name, "--help"]).well();
        assert!(help.contains("Example: ") && help.contains(&format!("Usage: chatledger {name}")), "{help}");
    }
    assert!(run(folder.path(), ["--version"]).well().starts_with("chatledger "));
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let folder = tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(folder.path(), ["completions", shell]).well();
        for name in COMMANDS {
            assert!(script.contains(name), "{shell} does not know {name}");
        }
    }
    assert_eq!(run(folder.path(), ["completions", "cobol"]).code, Some(2));
    let page = run(folder.path(), ["man"]).well();
    assert!(page.starts_with(".ie") && page.contains(".SH NAME"), "{page}");
    let told = run(folder.path(), ["man", "--dir", "pages/man1"]).well();
    let pages = fs::read_dir(folder.path().join("pages/man1")).unwrap().count();
    assert!(told.starts_with(&format!("{pages} pages are in ")), "{told}");
    for name in COMMANDS {
        let page = fs::read_to_string(folder.path().join(format!("pages/man1/chatledger-{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Example: "), "{page}");
    }
}

#[test]
fn an_engine_that_does_not_answer_is_not_ready() {
    let folder = tempdir().unwrap();
    // Nobody listens at a port that was just given back.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = run(folder.path(), ["ready", "--private", &nobody]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains("does not answer"), "{}", ended.errors);
    let ended = run(folder.path(), ["ready"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.errors.contains("or give --private"), "{}", ended.errors);
}

#[test]
fn a_playground_wants_a_folder_of_its_own() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("somebodys.txt"), "mine").unwrap();
    let ended = run(folder.path(), ["playground", ".", "--people", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.errors.contains("is not empty"), "{}", ended.errors);
}

#[test]
fn what_is_typed_wrongly_ends_with_two() {
    let folder = tempdir().unwrap();
    for arguments in
        [&["bogus"][..], &[], &["replay"], &["replay", "--log", "esdb://user:word@localhost"], &["log", "--at"]]
    {
        assert_eq!(run(folder.path(), arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn init_writes_a_configuration_once_and_it_is_sound() {
    let folder = tempdir().unwrap();
    run(folder.path(), ["init"]).well();
    let written = fs::read_to_string(folder.path().join("chatledger.toml")).unwrap();
    assert_eq!(run(folder.path(), ["init", "-"]).well(), written);
    run(folder.path(), ["init"]).refused(2, &["chatledger.toml", "exists", "another file"]);
    assert_eq!(fs::read_to_string(folder.path().join("chatledger.toml")).unwrap(), written);
    let report = run(folder.path(), ["check-config", "--json"]).document();
    assert_eq!((&report["ok"], report["warnings"].as_array().unwrap().len()), (&true.into(), 1));
}

#[test]
fn a_configuration_is_checked_with_the_secrets_of_the_environment() {
    let folder = tempdir().unwrap();
    let init = run(folder.path(), ["init", "-"]).well();
    fs::write(folder.path().join("all.toml"), switched_on(&init)).unwrap();

    let names: Vec<_> = SECRETS.iter().map(|(name, _)| *name).collect();
    run(folder.path(), ["check-config", "all.toml"]).refused(2, &names);
    let missing = run(folder.path(), ["check-config", "all.toml", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&missing.output).unwrap();
    assert_eq!((missing.code, &report["ok"]), (Some(2), &false.into()));
    assert_eq!(report["problems"].as_array().unwrap().len(), SECRETS.len());
    assert!(report["problems"].as_array().unwrap().iter().all(|problem| problem["line"].is_u64()));

    let sound = command(folder.path()).args(["check-config", "all.toml"]).envs(SECRETS).output().unwrap();
    let text = String::from_utf8(sound.stdout).unwrap();
    assert!(sound.status.success() && text.contains("/hooks/pact.main/"), "{text}");
    assert!(SECRETS.iter().all(|(_, secret)| !text.contains(secret)), "{text}");
}

#[test]
fn a_missing_configuration_is_named_with_its_remedy() {
    let folder = tempdir().unwrap();
    for arguments in [&["check-config"][..], &["serve"]] {
        run(folder.path(), arguments).refused(2, &["chatledger.toml", "chatledger init"]);
    }
}

#[test]
fn every_sample_is_decoded_into_facts_and_remarks() {
    let folder = tempdir().unwrap();
    for platform in ["amocrm", "pact", "carrotquest"] {
        // A dozen of each: what they mean is the contracts' business.
        for file in fixtures(&format!("contracts/{platform}/decode")).iter().step_by(8) {
            let decoded = run(folder.path(), ["decode".as_ref(), platform.as_ref(), file.as_os_str()]).document();
            let keys: Vec<_> = decoded.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["facts", "remarks"], "{}", file.display());
            assert!(decoded["facts"].is_array() && decoded["remarks"].is_array());
            let input = fs::read(file).unwrap();
            let compact = run_with(folder.path(), ["decode", platform, "--compact"], &input).well();
            assert_eq!(compact.lines().count(), 1);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&compact).unwrap(), decoded);
        }
    }
}

#[test]
fn any_bytes_can_be_decoded() {
    let folder = tempdir().unwrap();
    for bytes in [&b""[..], b"\xff\xfe\0", b"{", b"[]", b"null", b"a=1&b=%zz", &[0; 100_000]] {
        let decoded = run_with(folder.path(), ["decode", "pact", "-"], bytes).document();
        assert_eq!(decoded["facts"], serde_json::json!([]));
        assert_ne!(decoded["remarks"], serde_json::json!([]));
    }
    run(folder.path(), ["decode", "nobody"]).refused(2, &["nobody", "amocrm", "pact"]);
    run(folder.path(), ["decode", "pact", "nofile.json"]).refused(2, &["nofile.json"]);
}

#[test]
fn a_story_is_told_and_a_missing_one_is_named() {
    let folder = tempdir().unwrap();
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories");
    let told = run(folder.path(), ["story".as_ref(), stories.join("manager-writes-first-claim").as_os_str()]).well();
    assert!(!told.is_empty());
    run(folder.path(), ["story", "nowhere"]).refused(2, &["nowhere"]);
    run(folder.path(), ["story".as_ref(), folder.path().as_os_str()]).refused(1, &["cannot be told"]);
}
