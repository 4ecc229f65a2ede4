//! What may be done when it is not known whether a call took effect, for each platform and each call: the table in
//! `docs/delivery.md`, held against the connectors, and every sentence beside it held against a test that there is.
//!
//! Comes in: what connectors encode, and their `recourse`, `probe` and `tells_within`. Goes out: the table, written anew with
//! `INSTA_UPDATE=always` as snapshots are. What the connectors cannot say of themselves (by which id a repetition is known,
//! and which test shows it) stands here in [`PROMISES`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chatledger_connectors::ALL;
use chatledger_connectors::connector::{Connection, Known};
use chatledger_projections::content::{Content, Person};
use chatledger_projections::fact::{ConversationKey, DeliveryState, Failure, FailureKind, MessageKey};
use chatledger_projections::ids::{ConnectionName, ConversationId, MessageId, PersonId};
use chatledger_projections::intent::{
    Address, ClaimConversation, ClientMark, DeleteMessage, Destination, EditMessage, FindClient, Intent,
    LookUpConversation, OpenConversation, ReportDelivery, SendMessage, SetReaction, ShowTyping, Speaker,
};
use chatledger_projections::outcome::Recourse;
use chatledger_projections::phone::PhoneNumber;
use chatledger_projections::time::Timestamp;
use chatledger_projections::username::Username;
use serde_json::{Value, json};

/// An account, what is done there, by what the platform knows a repetition, and what shows that it is so.
struct Promise(&'static str, &'static str, &'static str, &'static [&'static str]);

const MESSAGE: &str = "send_message";
const FIRST: &str = "send_message, the first to a number";
const TO_CLIENT: &str = "send_message, the first to somebody found";
const TO_NAME: &str = "send_message, the first to a public name";

const PROMISES: &[Promise] = &[
    Promise(
        "amocrm",
        MESSAGE,
        "our id of the message (`msgid`)",
        &[
            "a_repeated_message_is_shown_once",
            "the-crm-stumbles",
            "refused-again-and-it-was-there",
            "refused-again-and-it-was-not-there",
            "refused-again-and-nobody-can-tell",
        ],
    ),
    Promise(
        "amocrm",
        "open_conversation",
        "our id of the chat",
        &["what_is_repeated_safely_changes_nothing_at_the_models"],
    ),
    Promise("amocrm", "claim_conversation", "our id of the bot's message", &["a_repeated_message_is_shown_once"]),
    Promise(
        "amocrm",
        "report_delivery",
        "their id of the message: a state is the same however often it is told",
        &["what_is_repeated_safely_changes_nothing_at_the_models"],
    ),
    Promise(
        "amocrm",
        "set_reaction",
        "the message and who reacts: one reaction each",
        &["what_is_repeated_safely_changes_nothing_at_the_models"],
    ),
    Promise(
        "amocrm",
        "edit_message",
        "the message: it says the same again",
        &["what_is_repeated_safely_changes_nothing_at_the_models"],
    ),
    Promise("amocrm", "show_typing", "nothing", &["somebody-is-writing"]),
    Promise(
        "pact v1",
        MESSAGE,
        "nothing; looked for by text, side and time",
        &["the_same_send_twice_is_two_messages", "answers_to_probes_are_judged_as_stands_with_them"],
    ),
    Promise("pact v1", "open_conversation", "the number", &["what_is_repeated_safely_changes_nothing_at_the_models"]),
    Promise("pact v1", "look_up_conversation", "it only reads", &["silence_leaves_only_a_send_in_doubt"]),
    Promise(
        "pact v2",
        MESSAGE,
        "nothing; looked for by text, side and time",
        &[
            "timeout-and-it-was-sent",
            "timeout-and-it-was-not-sent",
            "what_was_done_and_never_answered_is_not_done_again",
        ],
    ),
    Promise(
        "pact v2",
        FIRST,
        "nothing; the conversation with the client is looked for, then the message in it",
        &["what_was_done_and_never_answered_is_not_done_again"],
    ),
    Promise("pact v2", "look_up_conversation", "it only reads", &["silence_leaves_only_a_send_in_doubt"]),
    Promise(
        "pact v2",
        "delete_message",
        "their id of the message: what is gone is gone",
        &["what_is_repeated_safely_changes_nothing_at_the_models"],
    ),
    Promise(
        "pact telegram",
        MESSAGE,
        "nothing; looked for by text, side and time",
        &["what_was_done_and_never_answered_is_not_done_again"],
    ),
    Promise(
        "pact telegram",
        FIRST,
        "nothing; the conversation with the client is looked for, then the message in it",
        &["what_was_done_and_never_answered_is_not_done_again"],
    ),
    Promise(
        "pact telegram",
        TO_NAME,
        "nothing; the conversation with the client is looked for, then the message in it",
        &["manager-writes-first-to-a-public-name", "intents_in_doubt_become_their_questions"],
    ),
    Promise("pact telegram", "look_up_conversation", "it only reads", &["silence_leaves_only_a_send_in_doubt"]),
    Promise(
        "pact telegram",
        "delete_message",
        "their id of the message: what is gone is gone",
        &["what_is_repeated_safely_changes_nothing_at_the_models"],
    ),
    Promise(
        "carrotquest",
        MESSAGE,
        "our id in the part (`external_id`) where parts show it; else text, side and time",
        &["answers_to_probes_are_judged_as_stands_with_them", "silence_leaves_only_a_reply_in_doubt"],
    ),
    Promise(
        "carrotquest",
        TO_CLIENT,
        "nothing; the visitor's conversations are looked through for the same text, side and time",
        &["intents_in_doubt_become_their_questions", "answers_to_probes_are_judged_as_stands_with_them"],
    ),
    Promise("carrotquest", "find_client", "it only reads", &["silence_leaves_only_a_reply_in_doubt"]),
    Promise("carrotquest", "look_up_conversation", "it only reads", &["silence_leaves_only_a_reply_in_doubt"]),
    Promise(
        "selarti",
        MESSAGE,
        "nothing; its feed repeats what it was given",
        &[
            "the_same_words_twice_are_two_messages",
            "assistants-echo-ends-a-doubt",
            "only_silence_leaves_a_send_in_doubt",
        ],
    ),
];

/// The accounts that differ in what they promise.
fn accounts() -> Vec<(&'static str, Box<dyn Connection>)> {
    let account = |name, platform: &str, settings: Value| {
        let connector = chatledger_connectors::named(platform).expect("there is such a connector");
        let connection = connector.connect(&ConnectionName::new("account"), &settings);
        (name, connection.unwrap_or_else(|problems| panic!("{name}: {problems:?}")))
    };
    let accounts = vec![
        account(
            "amocrm",
            "amocrm",
            json!({
                "scope_id": "344a5002-f8ca-454d-af3d-396180102ac7_2b13cae0-24f7-4058-b9ad-c13ee05e1b53",
                "bot_id": "f1910c7f-b1e0-4184-bd09-c7def2a9109a",
            }),
        ),
        account("pact v1", "pact", json!({"company_id": 154, "api": "v1", "provider": "whatsapp"})),
        account("pact v2", "pact", json!({"company_id": 154, "api": "v2", "provider": "whatsapp"})),
        account("pact telegram", "pact", json!({"company_id": 154, "api": "v2", "provider": "telegram_personal"})),
        account("carrotquest", "carrotquest", json!({})),
        account(
            "selarti",
            "selarti",
            json!({
                "task_id": "1721129985149x478019552540622850",
                "channel_id": "1719304410215x640918273645102938",
                "company_id": "1718876001442x118273645546372819",
            }),
        ),
    ];
    let shown = |platform: &str| accounts.iter().any(|(name, _)| name.split(' ').next() == Some(platform));
    for connector in ALL {
        assert!(shown(connector.platform()), "{} has no account in this table", connector.platform());
    }
    accounts
}

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn person(id: &str) -> Person {
    let phone = Some("79135292926".to_owned());
    Person { ours: Some(PersonId::new(id)), name: Some("Anna".to_owned()), phone, ..Person::default() }
}

fn content(text: &str) -> Content {
    Content { text: Some(text.to_owned()), ..Content::default() }
}

fn conversation() -> ConversationKey {
    ConversationKey { theirs: Some(ConversationId::new("8741")), ours: Some(ConversationId::new("79135292926")) }
}

fn message() -> MessageKey {
    MessageKey { theirs: Some(MessageId::new("4711")), ours: Some(MessageId::new("pact.sales:1")), job: None }
}

fn sending(speaker: Speaker, to: Destination) -> Intent {
    Intent::SendMessage(SendMessage {
        to,
        speaker,
        author: person("79135292926"),
        client: person("79135292926"),
        ours: MessageId::new("pact.sales:1"),
        written_at: AT,
        content: content("Hello"),
        source: None,
        silent: false,
    })
}

/// The kinds after this one; a new kind must be given its place here, and then its rows.
fn after(intent: &Intent) -> Option<Intent> {
    let phone = PhoneNumber::international("79135292926").expect("a number");
    Some(match intent {
        Intent::SendMessage(_) => Intent::OpenConversation(OpenConversation { address: Address::Phone(phone) }),
        Intent::OpenConversation(_) => Intent::ClaimConversation(ClaimConversation {
            theirs: ConversationId::new("8741"),
            ours: ConversationId::new("79135292926"),
            client: person("79135292926"),
            strict: true,
            text: "One moment".to_owned(),
            message: MessageId::new("claim:1"),
            at: AT,
            source: None,
        }),
        Intent::ClaimConversation(_) => Intent::ReportDelivery(ReportDelivery {
            message: MessageId::new("4711"),
            state: DeliveryState::Delivered,
            failure: None,
        }),
        Intent::ReportDelivery(_) => {
            Intent::LookUpConversation(LookUpConversation { conversation: ConversationId::new("8741") })
        }
        Intent::LookUpConversation(_) => Intent::FindClient(FindClient { by: ClientMark::Phone(phone) }),
        Intent::FindClient(_) => Intent::SetReaction(SetReaction {
            conversation: conversation(),
            message: message(),
            speaker: Speaker::Client,
            author: person("79135292926"),
            emoji: Some("👍".to_owned()),
        }),
        Intent::SetReaction(_) => Intent::EditMessage(EditMessage {
            conversation: conversation(),
            message: message(),
            content: content("Goodbye"),
            at: AT,
        }),
        Intent::EditMessage(_) => {
            Intent::DeleteMessage(DeleteMessage { conversation: conversation(), message: message() })
        }
        Intent::DeleteMessage(_) => Intent::ShowTyping(ShowTyping {
            conversation: ConversationKey { theirs: None, ..conversation() },
            speaker: Speaker::Client,
            author: person("79135292926"),
            since: AT,
            until: AT + std::time::Duration::from_secs(5),
        }),
        Intent::ShowTyping(_) => return None,
    })
}

/// Everything that may be asked of a connection, each in the forms of which it may know one.
fn kinds() -> Vec<(&'static str, Vec<Intent>)> {
    let phone = PhoneNumber::international("79135292926").expect("a number");
    let speakers = [Speaker::Client, Speaker::Manager];
    let to = |to: Destination| speakers.map(|speaker| sending(speaker, to.clone())).to_vec();
    let first = sending(Speaker::Client, Destination::Conversation(conversation()));
    let username = Username::parse("anna_k").expect("a public name");
    let mut kinds = vec![
        (MESSAGE, to(Destination::Conversation(conversation()))),
        (FIRST, to(Destination::Phone(phone))),
        (TO_CLIENT, to(Destination::Client(PersonId::new("2046")))),
        (TO_NAME, to(Destination::Username(username))),
    ];
    let mut next = after(&first);
    while let Some(intent) = next {
        next = after(&intent);
        kinds.push((intent.label(), vec![intent]));
    }
    kinds
}

/// The first form that a connection can show.
fn shown<'a>(connection: &dyn Connection, forms: &'a [Intent]) -> Option<(&'a Intent, &'static str)> {
    forms.iter().find_map(|intent| Some((intent, connection.encode(intent).ok()?.name)))
}

/// What is done when it is not known whether it took effect, in words.
fn in_doubt(connection: &dyn Connection, intent: &Intent) -> String {
    let refusal = Some(Failure { kind: FailureKind::Other, reason: "no".to_owned() });
    let known = Known { conversation: Some(ConversationId::new("8741")), attempted_at: AT, ..Known::default() };
    let asked = |known: &Known| connection.probe(intent, known).map(|call| call.name);
    if intent.expires_at().is_some() {
        return "nothing: it is soon over".to_owned();
    }
    match connection.recourse(intent) {
        Recourse::RetrySafely => match asked(&Known { refusal, ..known }) {
            Some(call) => format!("again; if that is refused, `{call}` first"),
            None => "again".to_owned(),
        },
        Recourse::ProbeFirst => {
            let (there, nowhere) = (asked(&known), asked(&Known { conversation: None, ..known.clone() }));
            let mut calls: Vec<String> =
                [nowhere, there].into_iter().flatten().map(|call| format!("`{call}`")).collect();
            calls.dedup();
            assert!(there.is_some(), "{}: it is to be asked, and there is no question", intent.label());
            format!("{} first", calls.join(", then "))
        }
        Recourse::ListenFirst => {
            format!("listen for {} seconds, then again", connection.tells_within().as_secs())
        }
        Recourse::AskPerson => "held for a person".to_owned(),
    }
}

fn table() -> String {
    let mut table = String::from(
        "| Platform | What | Call | In doubt | A repetition is known by | Shown by |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let (mut used, mut unsaid) = (BTreeSet::new(), Vec::new());
    for (name, connection) in accounts() {
        for (kind, forms) in kinds() {
            let Some((intent, call)) = shown(&*connection, &forms) else { continue };
            let nth = PROMISES.iter().position(|Promise(account, what, ..)| (*account, *what) == (name, kind));
            let Some(nth) = nth else {
                unsaid.push(format!("{name} can {kind} by {call}: in doubt {}", in_doubt(&*connection, intent)));
                continue;
            };
            used.insert(nth);
            let Promise(_, _, by, proofs) = &PROMISES[nth];
            let proofs: Vec<String> = proofs.iter().map(|proof| format!("`{proof}`")).collect();
            let doubt = in_doubt(&*connection, intent);
            table.push_str(&format!("| {name} | {kind} | `{call}` | {doubt} | {by} | {} |\n", proofs.join(", ")));
        }
    }
    assert!(unsaid.is_empty(), "say in PROMISES what holds of these: {unsaid:#?}");
    for (nth, Promise(account, what, ..)) in PROMISES.iter().enumerate() {
        assert!(used.contains(&nth), "{account} cannot {what}; take it out of PROMISES");
    }
    table
}

const PAGE: &str = "docs/delivery.md";
const BEGINNING: &str = "<!-- table: written by tests/contracts/delivery.rs -->\n";
const END: &str = "<!-- end of table -->";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_page_of_delivery_says_what_the_connectors_say() {
    let path = repository().join(PAGE);
    let page = std::fs::read_to_string(&path).expect("there is such a page");
    let (before, rest) = page.split_once(BEGINNING).expect("the page has a place for the table");
    let (written, behind) = rest.split_once(END).expect("the table has an end");
    let table = table();
    if std::env::var("INSTA_UPDATE").is_ok_and(|wish| wish == "always") {
        std::fs::write(&path, format!("{before}{BEGINNING}{table}{END}{behind}")).expect("the page can be written");
        return;
    }
    assert!(written == table, "{PAGE} is not what the connectors say; `just accept` writes this:\n{table}");
}

/// The names of all tests, and of all stories.
static SHOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut names = BTreeSet::new();
    let mut folders: Vec<PathBuf> =
        ["tests", "connectors/src", "engine/src", "projections/src"].map(|folder| repository().join(folder)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).expect("the file can be read");
                let mut is_test = false;
                for line in text.lines().map(str::trim_start) {
                    let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                    match function.and_then(|rest| rest.split(['(', '<']).next()) {
                        Some(name) if is_test || text.contains("proptest!") => {
                            names.insert(name.to_owned());
                            is_test = false;
                        }
                        Some(_) => is_test = false,
                        None => is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test"),
                    }
                }
            }
        }
    }
    for entry in std::fs::read_dir(repository().join("fixtures/stories")).expect("there are stories") {
        let entry = entry.expect("the folder can be read");
        if entry.path().is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names
});

#[test]
fn everything_that_the_page_of_delivery_names_as_shown_is_there() {
    for Promise(account, what, _, proofs) in PROMISES {
        assert!(!proofs.is_empty(), "{account}, {what}: nothing shows it");
        for proof in *proofs {
            assert!(SHOWN.contains(*proof), "{account}, {what}: there is no test and no story {proof}");
        }
    }
    let page = std::fs::read_to_string(repository().join(PAGE)).expect("there is such a page");
    let sentence =
        |item: &str| item.split("\n\n").next().unwrap_or(item).split_whitespace().collect::<Vec<_>>().join(" ");
    let sentences: Vec<String> = page.split("\n* ").skip(1).map(sentence).collect();
    assert!(sentences.len() > 5, "the page says hardly anything");
    for sentence in sentences {
        let shown =
            sentence.split_once("(shown by ").map(|(_, names)| names.trim_end_matches(").").trim_end_matches(')'));
        let shown = shown.unwrap_or_else(|| panic!("this sentence names no test: {sentence}"));
        for name in shown.split(',').map(|name| name.trim().trim_matches('`')) {
            assert!(SHOWN.contains(name), "there is no test and no story {name:?}, which is to show: {sentence}");
        }
    }
}

#[test]
fn what_is_repeated_safely_changes_nothing_at_the_models() {
    let mut repeated = 0;
    for (name, connection) in accounts() {
        for (kind, forms) in kinds() {
            let Some((intent, _)) = shown(&*connection, &forms) else { continue };
            let can_be_repeated = connection.recourse(intent) == Recourse::RetrySafely && intent.expires_at().is_none();
            if !can_be_repeated {
                continue;
            }
            let mut model = crate::models::model(name);
            let call = |intent: &Intent| connection.encode(intent).expect("it was encoded before").request;
            // Whatever it is about is there.
            if let Some((first, _)) = shown(&*connection, &kinds()[0].1).filter(|_| name == "amocrm") {
                model.answer(&*connection, call(first), AT);
            }
            let once = (model.answer(&*connection, call(intent), AT), model.seen());
            let twice = (model.answer(&*connection, call(intent), AT), model.seen());
            assert_eq!(once, twice, "{name}: {kind}, done twice, is not as if it were done once");
            repeated += 1;
        }
    }
    assert!(repeated >= 8, "hardly anything was repeated: {repeated}");
}
