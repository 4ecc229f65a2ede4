//! What a platform offers to people, from the words of the command line over real HTTP to what is shown.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::desk::{Desk, TOKEN};
use crate::program::{Ended, command, run};

/// A folder with a configuration that leads to the desk.
fn house(desk: &Desk, api: &str, provider: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let config = format!(
        r#"[connections."pact.sales"]
platform = "pact"
company_id = 154
api = "{api}"
provider = "{provider}"
base_url = "{}"
token = {{ env = "TOKEN" }}
webhook_secret = {{ env = "WEBHOOK_SECRET" }}
"#,
        desk.address
    );
    fs::write(folder.path().join("chatledger.toml"), config).unwrap();
    folder
}

fn pact(folder: &Path, words: &[&str]) -> Ended {
    pact_as(folder, words, TOKEN)
}

fn pact_as(folder: &Path, words: &[&str], token: &str) -> Ended {
    let mut start = command(folder);
    start.arg("pact").args(words).env("TOKEN", token).env("WEBHOOK_SECRET", "nobodyCanGuessThis1234");
    let Output { status, stdout, stderr } = start.output().unwrap();
    Ended {
        code: status.code(),
        output: String::from_utf8(stdout).unwrap(),
        errors: String::from_utf8(stderr).unwrap(),
    }
}

/// The number of the conversation that a command made or found.
fn conversation(folder: &Path, words: &[&str]) -> String {
    let mut words = words.to_vec();
    words.push("--json");
    let document = pact(folder, &words).document();
    document["data"]["conversation"]["external_id"].as_i64().unwrap().to_string()
}

#[test]
fn conversations_of_both_generations_have_the_shape_of_the_vendors_library() {
    for api in ["v1", "v2"] {
        let desk = Desk::open(api, "whatsapp");
        let folder = house(&desk, api, "whatsapp");
        let id = conversation(folder.path(), &["conversations", "create", "--phone", "+7 925 000-00-01"]);
        let again = conversation(folder.path(), &["conversations", "create", "--phone", "79250000001"]);
        assert_eq!(id, again, "finding is not opening");

        let shown = pact(folder.path(), &["conversations", "show", &id, "--json"]).document();
        let listed = pact(folder.path(), &["conversations", "list", "--json"]).document();
        assert_eq!((&shown["status"], &listed["status"]), (&"ok".into(), &"ok".into()));
        assert_eq!(listed["data"]["conversations"][0], shown["data"]["conversation"], "{api}");
        for key in
            ["external_id", "name", "channel_id", "channel_type", "created_at", "avatar", "sender_external_id", "meta"]
        {
            assert!(shown["data"]["conversation"].get(key).is_some(), "{api}: {key} is missing");
        }
        assert_eq!(shown["data"]["conversation"]["sender_external_id"], "79250000001");

        let table = pact(folder.path(), &["conversations", "list"]).well();
        assert!(table.contains(&id) && table.contains("79250000001"), "{table}");
    }
}

#[test]
fn a_list_is_gone_through_page_by_page_or_to_its_end() {
    let desk = Desk::open("v1", "whatsapp");
    let folder = house(&desk, "v1", "whatsapp");
    let mut ids = Vec::new();
    for last in 1..=3 {
        let phone = format!("7925000000{last}");
        ids.push(conversation(folder.path(), &["conversations", "create", "--phone", &phone]));
    }
    let first = pact(folder.path(), &["conversations", "list", "--per", "2"]).well();
    let (_, token) = first.trim_end().rsplit_once("more: --from ").unwrap();
    assert!(first.contains(&ids[0]) && first.contains(&ids[1]) && !first.contains(&ids[2]), "{first}");
    let second = pact(folder.path(), &["conversations", "list", "--per", "2", "--from", token]).well();
    assert!(second.contains(&ids[2]) && !second.contains("more:"), "{second}");

    let all = pact(folder.path(), &["conversations", "list", "--per", "2", "--sort", "desc", "--all", "--json"]).well();
    let pages: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listed = pages.iter().flat_map(|page| page["data"]["conversations"].as_array().unwrap());
    let listed: Vec<String> = listed.map(|one| one["external_id"].to_string()).collect();
    ids.reverse();
    assert_eq!((pages.len(), listed), (2, ids));
}

#[test]
fn a_conversation_is_noted_assigned_blocked_and_marked() {
    for api in ["v1", "v2"] {
        let desk = Desk::open(api, "whatsapp");
        let folder = house(&desk, api, "whatsapp");
        let id = conversation(folder.path(), &["conversations", "create", "--phone", "79250000001"]);
        let noted = pact(folder.path(), &["conversations", "note", &id, "перезвонить", "--json"]).document();
        assert_eq!(noted, serde_json::json!({ "status": "updated" }));
        let assigned = pact(folder.path(), &["conversations", "assign", &id, "42", "--json"]).document();
        assert_eq!(assigned["data"]["conversation"]["external_id"].to_string(), id, "{api}");
        let blocked = pact(folder.path(), &["conversations", "block", &id, "on", "--json"]).document();
        assert_eq!(blocked["data"]["conversation"]["bitrix_block_openlines"], true);
        let marked = pact(folder.path(), &["conversations", "mark", &id, "--state", "archived", "--json"]).document();
        assert_eq!(marked["data"]["conversation"]["operational_state"], "archived");
    }
}

#[test]
fn a_file_is_uploaded_and_sent_and_the_message_is_quoted_and_taken_back() {
    let desk = Desk::open("v2", "whatsapp");
    let folder = house(&desk, "v2", "whatsapp");
    let id = conversation(folder.path(), &["conversations", "create", "--phone", "79250000001"]);
    fs::write(folder.path().join("price.pdf"), b"%PDF-1.7 and so on").unwrap();
    let upload = pact(folder.path(), &["attachments", "upload", "--file", "price.pdf", "--json"]).document();
    assert_eq!((&upload["data"]["file_name"], &upload["data"]["size"]), (&"price.pdf".into(), &18.into()));
    let file = upload["data"]["external_id"].to_string();

    let sent = pact(folder.path(), &["messages", "send", &id, "--text", "Цены", "--attachment", &file, "--json"]);
    let message = sent.document()["data"]["message_id"].to_string();
    let listed = pact(folder.path(), &["messages", "list", &id, "--json"]).document();
    let first = &listed["data"]["messages"][0];
    assert_eq!((first["external_id"].to_string(), &first["status"]), (message.clone(), &"delivered".into()));
    assert_eq!(first["attachments"][0]["id"].to_string(), file);

    let name = first["messenger_id"].as_str().unwrap();
    pact(folder.path(), &["messages", "send", &id, "--text", "Это они", "--reply-to", name]).well();
    pact(folder.path(), &["messages", "delete", &id, &message]).well();
    let shown = pact(folder.path(), &["messages", "show", &id, &message]).well();
    assert!(shown.contains("deleted"), "{shown}");
    let quote = pact(folder.path(), &["messages", "list", &id, "--json"]).document();
    assert_eq!(quote["data"]["messages"][0]["replied_to_id"], name);
}

#[test]
fn a_file_of_the_first_generation_is_for_one_conversation_and_its_job_is_followed() {
    let desk = Desk::open("v1", "whatsapp");
    let folder = house(&desk, "v1", "whatsapp");
    let id = conversation(folder.path(), &["conversations", "create", "--phone", "79250000001"]);
    let url = "https://files.example.com/price.pdf";
    pact(folder.path(), &["attachments", "upload", "--url", url]).refused(2, &["--conversation"]);
    let upload =
        pact(folder.path(), &["attachments", "upload", "--conversation", &id, "--url", url, "--json"]).document();
    let file = upload["data"]["external_id"].to_string();
    let sent = pact(folder.path(), &["messages", "send", &id, "--attachment", &file, "--json"]).document();
    assert_eq!((&sent["data"]["state"], &sent["data"]["message_id"]), (&"trying_deliver".into(), &Value::Null));
    let (channel, job) = (sent["data"]["channel"]["id"].to_string(), sent["data"]["id"].to_string());
    let done = pact(folder.path(), &["jobs", "show", &channel, &job, "--json"]).document();
    assert_eq!(done["data"]["details"]["result"], "DELIVERED");
    assert!(pact(folder.path(), &["channels", "list"]).well().contains(&channel));
}

#[test]
fn webhooks_are_set_and_activated() {
    let desk = Desk::open("v2", "whatsapp");
    let folder = house(&desk, "v2", "whatsapp");
    let url = "https://bridge.example.com/hooks/pact.sales/secret";
    let set = pact(folder.path(), &["webhooks", "set", url, "--json"]).document();
    let id = set["data"]["webhook"]["id"].to_string();
    assert_eq!(set["data"]["webhook"]["active"], false);
    pact(folder.path(), &["webhooks", "activate", &id]).well();
    let shown = pact(folder.path(), &["webhooks", "show"]).well();
    assert!(shown.contains(url) && shown.contains("yes"), "{shown}");
    pact(folder.path(), &["webhooks", "delete", &id]).well();
    assert_eq!(pact(folder.path(), &["webhooks", "show"]).well(), "nothing to show\n");

    let desk = Desk::open("v1", "whatsapp");
    let folder = house(&desk, "v1", "whatsapp");
    pact(folder.path(), &["webhooks", "set", url]).well();
    assert!(pact(folder.path(), &["webhooks", "show"]).well().contains(url));
}

#[test]
fn a_template_begins_a_conversation_in_whatsapp_business() {
    let desk = Desk::open("v2", "whatsapp_business");
    let folder = house(&desk, "v2", "whatsapp_business");
    let templates = pact(folder.path(), &["templates", "list", "--json"]).document();
    assert_eq!(templates["data"]["waba_templates"][1]["substitutions_count"], 2);
    let begin = ["conversations", "create", "--phone", "79250000001"];
    pact(folder.path(), &begin).refused(2, &["template"]);
    let with = [&begin[..], &["--template", "with_params", "--parameter", "Ольга"]].concat();
    pact(folder.path(), &with).refused(1, &["another number of gaps"]);
    let with = [&with[..], &["--parameter", "15:00", "--json"]].concat();
    assert_eq!(pact(folder.path(), &with).document()["data"]["state"], "sent");
}

#[test]
fn a_client_is_named_by_one_thing_alone() {
    let desk = Desk::open("v2", "telegram_personal");
    let folder = house(&desk, "v2", "telegram_personal");
    let begin = ["conversations", "create", "--username", "@anna_k", "--text", "Здравствуйте"];
    let sent = pact(folder.path(), &[&begin[..], &["--json"]].concat()).document();
    assert_eq!(sent["data"]["state"], "sent");
    pact(folder.path(), &[&begin[..], &["--phone", "79250000001"]].concat()).refused(2, &["exactly one"]);
    pact(folder.path(), &[&begin[..], &["--provider", "whatsapp"]].concat()).refused(2, &["telegram_personal"]);
    let long = "ы".repeat(4097);
    pact(folder.path(), &["conversations", "create", "--phone", "79250000001", "--text", &long]).refused(2, &["4097"]);
    assert!(desk.asked.lock().unwrap().iter().all(|asked| asked == "POST /api/p2/messages"));
}

#[test]
fn what_the_platform_refuses_is_told_with_a_remedy() {
    let desk = Desk::open("v2", "whatsapp");
    let folder = house(&desk, "v2", "whatsapp");
    let list = ["conversations", "list"];
    pact_as(folder.path(), &list, "a-wrong-token-of-somebody-else").refused(1, &["401", "secrets"]);
    pact(folder.path(), &["conversations", "show", "1"]).refused(1, &["404", "check the number"]);
    pact(folder.path(), &["conversations", "list", "--from", "x"]).refused(2, &["--page"]);
    pact(folder.path(), &["conversations", "list", "--per", "101"]).refused(2, &["101"]);
    pact(folder.path(), &["conversations", "list", "--connection", "pact.other"])
        .refused(2, &["pact.other", "pact.sales"]);
    pact(folder.path(), &["attachments", "upload", "--file", "nofile.pdf"]).refused(2, &["nofile.pdf"]);
    run(folder.path(), ["pact", "conversations"]).refused(2, &["list", "create"]);
    let helped = run(folder.path(), ["pact", "conversations", "create", "--help"]).well();
    assert!(helped.contains("Example: chatledger pact conversations create"), "{helped}");
    assert!(!desk.asked.lock().unwrap().iter().any(|asked| asked.contains(TOKEN)), "a token stood in an address");
}

#[test]
fn a_platform_that_asks_for_patience_is_waited_for() {
    let desk = Desk::open("v2", "whatsapp");
    let folder = house(&desk, "v2", "whatsapp");
    *desk.impatient.lock().unwrap() = 1;
    let begun = std::time::Instant::now();
    let listed = pact(folder.path(), &["conversations", "list", "--json"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.errors.contains("Please wait for 1 seconds"), "{listed:?}");
    assert!(begun.elapsed() >= std::time::Duration::from_millis(950));
    assert_eq!(desk.asked.lock().unwrap().len(), 2);
}
