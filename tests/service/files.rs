//! Files cross, from the platform where they lie to the one that wants them, and the engine holds only pieces of them.

use std::path::{Path, PathBuf};

use chatledger::demo::stage::{Held, Lying};
use chatledger_connectors::connector::FormPart;
use chatledger_projections::ids::ConnectionName;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::engine::{ask, replay};
use crate::house::{House, Plan};

const ANNA: &str = "79161234567";

const LARGE: u64 = 30 << 20;

const VERY_LARGE: u64 = 90 << 20;

/// The first file brings buffers and threads to life. A larger one after it needs the same ones, and what the allocator
/// happens to keep (13 MiB were seen): whatever it needed beyond that would be what is held of it.
const MORE_FOR_A_LARGER_ONE_AT_MOST: u64 = LARGE;

/// The manager sends a file: the last hook of the CRM with another message in it.
fn manager_sends(house: &House, id: &str, kind: &str, text: &str, path: &str, bytes: u64) {
    let last = house.stage.sent(&house.crm.name).pop().expect("the manager has written before");
    let mut hook: Value = serde_json::from_slice(&last.webhook.body).expect("hooks are JSON");
    let message = &mut hook["message"]["message"];
    let name = path.rsplit('/').next().unwrap_or_default();
    for (key, value) in [
        ("id", json!(id)),
        ("type", json!(kind)),
        ("text", json!(text)),
        ("media", json!(format!("{}{path}", house.crm.door.base_url()))),
        ("file_name", json!(name)),
        ("file_size", json!(bytes)),
    ] {
        message[key] = value;
    }
    house.stage.say(&house.crm.name, hook.to_string().as_bytes()).expect("the CRM is on stage");
}

/// The client sends a picture: the last message of the messenger's with another content.
fn client_sends(house: &House, id: u64, text: &str, path: &str) {
    let sent = house.stage.sent(&house.messenger.name);
    let last = sent.iter().rev().find_map(|sent| {
        let hook: Value = serde_json::from_slice(&sent.webhook.body).ok()?;
        (hook["type"] == "message" && hook["object"]["income"] == true).then_some(hook)
    });
    let mut hook = last.expect("the client has written before");
    let object = &mut hook["object"];
    object["id"] = json!(id);
    object["message"] = json!(text);
    let url = format!("{}{path}", house.messenger.door.base_url());
    object["attachments"] =
        json!([{ "id": 1, "file_name": "photo.jpg", "mime_type": "image/jpeg", "attachment_url": url }]);
    house.stage.say(&house.messenger.name, hook.to_string().as_bytes()).expect("the messenger is on stage");
}

fn lay(house: &House, at: &ConnectionName, path: &str, bytes: u64, media_type: &'static str) {
    house.stage.lay(at, path, Lying { content: Held::Pattern(bytes), media_type }).expect("it is on stage");
}

fn digest(bytes: u64) -> String {
    let mut digest = Sha256::new();
    let pattern: Vec<u8> = (0..251 * 4096).map(Lying::byte_at).collect();
    let mut left = bytes;
    while left > 0 {
        let piece = left.min(pattern.len() as u64);
        digest.update(&pattern[..usize::try_from(piece).expect("it is small")]);
        left -= piece;
    }
    format!("{:x}", digest.finalize())
}

/// The files that were given to the messenger, by digest.
fn given(house: &House) -> Vec<String> {
    let exchanges = house.stage.exchanges(&house.messenger.name);
    let files = exchanges.into_iter().flat_map(|exchange| exchange.request.form);
    let digests = files.filter_map(|part| match part {
        FormPart::File { stored, .. } => Some(stored.sha256),
        FormPart::Field { .. } => None,
    });
    digests.collect()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("chatledger-media")).into_iter().flatten().flatten();
    let shelves = entries.map(|entry| entry.path()).filter(|path| path.is_dir() && !path.ends_with("coming"));
    shelves
        .flat_map(|shelf| std::fs::read_dir(shelf).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .collect()
}

/// An engine, and a dialogue in which both sides have written.
async fn dialogue() -> (House, crate::engine::Engine) {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Anna is here.").await;
    house.manager_writes(ANNA, "So is the manager.");
    house.until_shown(&house.messenger.name, "So is the manager.").await;
    house.settled(&engine).await;
    (house, engine)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_megabytes_go_from_the_manager_to_the_client_and_the_engine_holds_only_pieces() {
    let (house, engine) = dialogue().await;
    lay(&house, &house.crm.name, "/attachments/catalogue.pdf", LARGE, "application/pdf");
    lay(&house, &house.crm.name, "/attachments/film.mp4", VERY_LARGE, "video/mp4");
    let at_rest = engine.peak_memory();
    manager_sends(&house, "m-large", "file", "Look at this.", "/attachments/catalogue.pdf", LARGE);
    house.until_shown(&house.messenger.name, "Look at this.").await;
    house.until_shown(&house.messenger.name, &format!("📎catalogue.pdf, {LARGE} bytes")).await;
    house.settled(&engine).await;
    assert_eq!(given(&house), [digest(LARGE)], "it arrives whole, and once");
    let after_large = engine.peak_memory();
    manager_sends(&house, "m-very-large", "video", "", "/attachments/film.mp4", VERY_LARGE);
    house.until_shown(&house.messenger.name, &format!("📎film.mp4, {VERY_LARGE} bytes")).await;
    house.settled(&engine).await;
    assert_eq!(given(&house), [digest(LARGE), digest(VERY_LARGE)]);
    let after_very_large = engine.peak_memory();
    if let (Some(at_rest), Some(after_large), Some(after_very_large)) = (at_rest, after_large, after_very_large) {
        let (first, second) = (after_large - at_rest, after_very_large - after_large);
        let said = format!("{at_rest} bytes at rest, {first} more for {LARGE}, {second} more for {VERY_LARGE}");
        assert!(first < LARGE && second < MORE_FOR_A_LARGER_ONE_AT_MOST, "{said}");
    }
    engine.end().await;
    let report = replay(house.folder.path()).await;
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_picture_is_shown_to_the_crm_under_a_link_of_ours() {
    let (house, engine) = dialogue().await;
    lay(&house, &house.messenger.name, "/files/1", 1000, "image/jpeg");
    client_sends(&house, 777_001, "My photo.", "/files/1");
    let link = || {
        house.stage.exchanges(&house.crm.name).into_iter().find_map(|exchange| {
            let body: Value = serde_json::from_slice(&exchange.request.body).ok()?;
            let message = &body["payload"]["message"];
            assert!(message["type"] != "picture" || message["file_size"] == 1000, "{message}");
            Some(message["media"].as_str()?.to_owned())
        })
    };
    house.until("in the CRM: a picture", || link().is_some()).await;
    let link = link().expect("it was just there");
    let path = link.strip_prefix(&format!("http://{}", house.listen)).expect("it is a link of ours");
    let (status, body) = ask(house.listen, "GET", path, &[], b"").await.expect("it is answered");
    assert_eq!(status, 200);
    let pattern: Vec<u8> = (0..1000).map(Lying::byte_at).collect();
    assert_eq!(body, String::from_utf8_lossy(&pattern));
    let (status, _) = ask(house.listen, "GET", &path.replace("/media/", "/media/0"), &[], b"").await.expect("answered");
    assert_eq!(status, 404);
    house.settled(&engine).await;
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_lost_from_our_folder_is_fetched_again() {
    let (house, engine) = dialogue().await;
    lay(&house, &house.crm.name, "/attachments/a.jpg", 5000, "image/jpeg");
    house.messenger.door.shut().await;
    manager_sends(&house, "m-lost", "picture", "A sample.", "/attachments/a.jpg", 5000);
    house.until("a file in our folder", || !files_in(house.folder.path()).is_empty()).await;
    for file in files_in(house.folder.path()) {
        std::fs::remove_file(file).expect("it was just there");
    }
    house.messenger.door.open().await;
    house.until_shown(&house.messenger.name, "A sample.📎a.jpg, 5000 bytes").await;
    house.settled(&engine).await;
    assert_eq!(given(&house), [digest(5000)]);
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_there_is_an_error_that_the_manager_sees_and_a_line_in_what_the_client_said() {
    let (house, engine) = dialogue().await;
    manager_sends(&house, "m-gone", "picture", "A sample.", "/attachments/gone.jpg", 5000);
    let told = |needle: &str| {
        let exchanges = house.stage.exchanges(&house.crm.name);
        exchanges.iter().any(|exchange| String::from_utf8_lossy(&exchange.request.body).contains(needle))
    };
    house.until("in the CRM: why it failed", || told("\"error\":\"the file's server answered with 4")).await;
    client_sends(&house, 777_002, "My photo.", "/nowhere");
    let shown = || {
        let lines = house.clients_lines(ANNA);
        lines.iter().any(|line| {
            line.starts_with("My photo.\nphoto.jpg: http")
                && line.contains("(файл не передан: the file's server answered with 4")
        })
    };
    house.until("in the CRM: words and a link", shown).await;
    assert!(given(&house).is_empty());
    house.settled(&engine).await;
    engine.end().await;
}
