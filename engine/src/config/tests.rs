//! Documents and what becomes of them.

use std::collections::BTreeMap;
use std::io;

use chatledger_connectors::fake::Fake;
use chatledger_projections::configuration::{ChatId, ManagerFirst};
use chatledger_projections::phone::Region;

use super::*;

const SECRET: &str = "correct-horse-battery-staple";
const CONNECTORS: &[&dyn Connector] = &[&Fake];

const SOUND: &str = r#"
log = "memory:"
[connections."crm.main"]
platform = "fake"
account = "a1"
role = "crm"
webhook_secret = { env = "CRM_SECRET" }
[connections."channel.main"]
platform = "fake"
account = "a2"
webhook_secret = { file = "/run/secrets/channel" }
[routes.sales]
crm = "crm.main"
channel = "channel.main"
manager_first = "claim"
"#;

struct Safe(BTreeMap<&'static str, &'static str>);

impl Safe {
    fn full() -> Self {
        Self([("CRM_SECRET", SECRET), ("/run/secrets/channel", "correct-horse-battery-staple\n")].into())
    }
}

impl SecretSource for Safe {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|text| (*text).to_owned())
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        let text = self.0.get(path.to_str().unwrap_or_default());
        text.map(|text| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn parse(text: &str) -> Result<Config, Invalid> {
    Config::parse_for(CONNECTORS, text, &Safe::full())
}

fn problems(text: &str) -> Vec<String> {
    match parse(text) {
        Ok(_) => panic!("it has no problems:\n{text}"),
        Err(invalid) => invalid.problems.iter().map(ToString::to_string).collect(),
    }
}

fn warnings(text: &str) -> Vec<String> {
    parse(text).expect("it is sound").warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_default_document_is_the_default() {
    let default = parse(DEFAULT).expect("it is sound");
    let empty = parse("").expect("nothing has to be said");
    for config in [&default, &empty] {
        assert_eq!(config.log, LogAddress::Sqlite("chatledger.db".into()));
        assert_eq!(config.server.listen, "127.0.0.1:8080".parse().expect("an address"));
        assert_eq!(config.server.max_body, 1 << 20);
        assert_eq!(config.server.request_timeout, Duration::from_secs(5));
        assert_eq!(config.dispatch.give_up_after, DAY);
        assert_eq!(config.spool, None, "an SQLite log has no spool unless one is named");
        assert_eq!(config.logging, Logging { format: LogFormat::Text, level: tracing::Level::INFO });
    }
    assert_eq!((default.server, default.dispatch), (empty.server, empty.dispatch));
}

#[test]
fn a_route_is_read_with_its_defaults() {
    let config = parse(SOUND).expect("it is sound");
    assert_eq!(config.log, LogAddress::Memory);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let route = &config.routes[&RouteName::new("sales")];
    assert_eq!(route.manager_first, ManagerFirst::Claim);
    assert_eq!((route.region, route.chat_id), (Region::RUSSIA, ChatId::Phone));
    assert_eq!(route.claim, routes::default_claim());
    assert_eq!(
        config.connections[&ConnectionName::new("crm.main")]
            .secrets
            .get("webhook_secret")
            .map(|secret| secret.reveal()),
        Some(SECRET)
    );
}

#[test]
fn what_is_recorded_has_every_setting_and_no_secret() {
    let config = parse(SOUND).expect("it is sound");
    let recorded = serde_json::to_string(&config.recorded()).expect("it serialises");
    assert!(recorded.contains(r#""account":"a1""#) && recorded.contains(r#""platform":"fake""#), "{recorded}");
    for text in [recorded, format!("{config:?}"), format!("{:?}", config.recorded())] {
        assert!(!text.contains(SECRET) && !text.contains("CRM_SECRET"), "{text}");
    }
}

#[test]
fn all_problems_are_shown_at_once_in_the_documents_order() {
    let text = r#"
log = "postgres://localhost"
colour = "red"
[server]
listen = "8080"
max_body = "17 MiB"
request_timeout = 5
requests = 3
[dispatch]
retry_first = "10m"
[logging]
format = "xml"
[connections."crm.main"]
platform = "fake"
role = "crmm"
webhook_secret = { env = "NOT_SET" }
chanel_secret = "hunter2hunter2hunter2"
[connections."channel.main"]
account = "a2"
[routes.sales]
crm = "crm.main"
channel = "channel.minor"
region = "Russia"
[routes.sales.claim]
at_most = 0
"#;
    insta::assert_snapshot!(problems(text).join("\n"));
}

#[test]
fn a_secret_in_the_document_is_refused_and_never_shown() {
    for (written, reason) in [
        ("\"hunter2hunter2hunter2\"", "a secret must not stand in the configuration"),
        ("{ env = \"hunter2-hunter2\" }", "what stands after `env` is not the name of a variable"),
        ("{ env = \"A\", file = \"hunter2\" }", "it does not say where the secret is"),
        ("[\"hunter2\"]", "a secret must not stand in the configuration"),
    ] {
        let shown = problems(&SOUND.replace("{ env = \"CRM_SECRET\" }", written)).join("\n");
        assert!(shown.contains(reason) && shown.contains("line 7"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_missing_empty_or_weak_secret_stops_the_start() {
    let with = |variable: Option<&'static str>| {
        let mut safe = Safe::full();
        safe.0.remove("CRM_SECRET");
        safe.0.extend(variable.map(|text| ("CRM_SECRET", text)));
        let invalid = Config::parse_for(CONNECTORS, SOUND, &safe).expect_err("it cannot be");
        assert_eq!(invalid.problems.len(), 1, "{invalid}");
        invalid.to_string()
    };
    assert!(with(None).contains("the variable CRM_SECRET is not set; set CRM_SECRET"), "{}", with(None));
    assert!(with(Some(" \n")).contains("the variable CRM_SECRET is empty"));
    let weak = with(Some("tiny-secret"));
    assert!(weak.contains("too short to be safe") && !weak.contains("tiny-secret"), "{weak}");
    let mut safe = Safe::full();
    safe.0.remove("/run/secrets/channel");
    let unreadable = Config::parse_for(CONNECTORS, SOUND, &safe).expect_err("it cannot be").to_string();
    assert!(unreadable.contains("the file \"/run/secrets/channel\" cannot be read"), "{unreadable}");
}

#[test]
fn impossible_routes_are_refused() {
    let cases = [
        (SOUND.replace("crm = \"crm.main\"", "crm = \"channel.main\""), "its platform is a messenger, not a CRM"),
        (
            SOUND.replace("channel = \"channel.main\"", "channel = \"crm.main\""),
            "its platform is a CRM, not a messenger",
        ),
        (SOUND.replace("channel = \"channel.main\"", "channel = \"x\""), "there is no such connection; name one of"),
        (SOUND.replace("manager_first = \"claim\"", ""), "`routes.sales.manager_first`: it is missing"),
        (SOUND.replace("[routes.sales]", "[routes.\"a b\"]"), "this name cannot stand in an address"),
        (
            SOUND.replace("[routes.sales]", "[routes]\nsales = 3\n[routes.other]"),
            "`routes.sales`: it is a whole number",
        ),
    ];
    for (text, reason) in cases {
        let shown = problems(&text);
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert!(shown[0].contains(reason), "{shown:?}");
    }
}

#[test]
fn two_routes_must_not_share_a_channel_or_an_entrance() {
    let second = "[routes.service]\ncrm = \"crm.main\"\nchannel = \"channel.main\"\nmanager_first = \"remember\"\n";
    let shown = problems(&format!("{SOUND}{second}")).join("\n");
    assert!(shown.contains("`routes.service.channel` = \"channel.main\": the route sales has this channel already"));
    assert!(shown.contains("belongs to the same CRM and has no source either"), "{shown}");
    let third = "source = \"s1\"\n[connections.third]\nplatform = \"fake\"\naccount = \"a3\"\nwebhook_secret = { env = \"CRM_SECRET\" }\n";
    let sound = format!("{SOUND}{}{third}", second.replace("\"channel.main\"", "\"third\""));
    assert!(warnings(&sound)[0].contains("has one chat in the CRM for both"), "{:?}", warnings(&sound));
}

#[test]
fn what_is_odd_but_possible_is_a_warning() {
    assert!(warnings("")[0].contains("no webhook will be let in"));
    let cut = SOUND.split("[routes.sales]").next().unwrap_or_default();
    let shown = warnings(cut);
    assert_eq!(shown.len(), 2);
    assert!(shown[0].starts_with("line 8: `connections.\"channel.main\"`: it belongs to no route"), "{shown:?}");
}

#[test]
fn a_document_that_is_not_toml_names_its_lines() {
    let shown = problems("log = \n[server\nlisten = \"x\"\n");
    assert!(shown[0].starts_with("line 1: this is not TOML"), "{shown:?}");
    assert!(shown.len() > 1, "{shown:?}");
}

#[test]
fn a_spool_is_where_one_is_named_and_leaves_itself_time() {
    let named = parse(&format!("{SOUND}\n[spool]\npath = \"/var/spool/chatledger\"\nmax_age = \"2h\"")).expect("sound");
    let spool = named.spool.expect("it is named");
    assert_eq!((spool.path.as_path(), spool.after), (Path::new("/var/spool/chatledger"), Duration::from_millis(1500)));
    assert_eq!((spool.limits.max_bytes, spool.limits.max_age), (1 << 30, Duration::from_secs(7200)));
    let problems = problems(&format!("{SOUND}\n[spool]\npath = \"x\"\nafter = \"5s\"\nmax_bytes = \"1 MiB\""));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems.iter().any(|problem| problem.contains("spool.after") && problem.contains("no time")),
        "{problems:?}"
    );
    assert!(problems.iter().any(|problem| problem.contains("spool.max_bytes")), "{problems:?}");
}

#[test]
fn a_document_that_cannot_be_read_is_a_problem_like_others() {
    let invalid = Config::load(Path::new("/nowhere/chatledger.toml")).expect_err("there is none");
    let shown = invalid.to_string();
    assert!(shown.starts_with("/nowhere/chatledger.toml has a problem:\n  it cannot be read"), "{shown}");
}

/// Whatever is switched off, switched on.
fn switched_on(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn the_document_to_begin_with_can_be_read_as_it_is_and_switched_on() {
    let text = init_for(CONNECTORS);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert!(parse(&text).expect("it is sound as it is").connections.is_empty());
    let mut safe = Safe::full();
    safe.0.insert("FAKE_MAIN_WEBHOOK_SECRET", SECRET);
    // There is one connector here, so the CRM has to be filled in.
    let crm = "[connections.\"crm.main\"]\nplatform = \"fake\"\naccount = \"a1\"\nrole = \"crm\"\nwebhook_secret = { env = \"CRM_SECRET\" }\n";
    let assistant = crm.replace("crm.main", "assistant.main").replace("role = \"crm\"", "role = \"assistant\"");
    let text = switched_on(&format!("{text}\n{crm}{assistant}"));
    let config = Config::parse_for(CONNECTORS, &text, &safe).unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
    let route = &config.routes[&RouteName::new("sales")];
    assert_eq!(route.channel.as_str(), "fake.main");
    assert_eq!(route.claim, routes::default_claim(), "what is shown is what holds");
    assert_eq!((route.region, route.chat_id), (Region::RUSSIA, ChatId::Phone), "what is shown is what holds");
    let assistant = route.assistant.as_ref().expect("it is switched on");
    assert_eq!(assistant.notes, assistants::default_notes(), "what is shown is what holds");
    assert_eq!(assistant.resume_after(), Some(Duration::from_secs(8 * 60 * 60)));
}

const ASSISTANT: &str = r#"
[connections.helper]
platform = "fake"
account = "a3"
role = "assistant"
webhook_secret = { env = "CRM_SECRET" }
"#;

#[test]
fn an_assistant_helps_in_a_route_and_is_no_side_of_it() {
    let as_channel = SOUND.replace("account = \"a2\"", "account = \"a2\"\nrole = \"assistant\"");
    let [problem] = &problems(&as_channel)[..] else { panic!("one problem is expected") };
    assert!(problem.contains("its platform is an assistant, neither a CRM nor a messenger"), "{problem}");
    let [problem] = &problems(&format!("{SOUND}assistant = \"channel.main\""))[..] else { panic!("one is expected") };
    assert!(problem.contains("its platform is no assistant"), "{problem}");

    let config = parse(&format!("{SOUND}assistant = \"helper\"{ASSISTANT}")).expect("it is sound");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let assistant = config.routes[&RouteName::new("sales")].assistant.as_ref().expect("there is one");
    assert_eq!((assistant.connection.as_str(), assistant.resume_after()), ("helper", None));
    assert_eq!(assistant.notes, assistants::default_notes());
    assert!(warnings(&format!("{SOUND}{ASSISTANT}"))[0].contains("it belongs to no route"));
}

#[test]
fn the_rules_of_an_assistant_are_read_and_want_an_assistant() {
    let rules = "[routes.sales.assistance]\nresume_after = \"30m\"\n[routes.sales.assistance.notes]\nclosed = \"\"\n";
    let config = parse(&format!("{SOUND}assistant = \"helper\"\n{rules}{ASSISTANT}")).expect("it is sound");
    let assistant = config.routes[&RouteName::new("sales")].assistant.clone().expect("there is one");
    assert_eq!(assistant.resume_after(), Some(Duration::from_secs(30 * 60)));
    assert_eq!(assistant.notes.closed, "");
    let [problem] = &problems(&format!("{SOUND}{rules}"))[..] else { panic!("one problem is expected") };
    assert!(problem.contains("`routes.sales.assistance`: the route has no assistant"), "{problem}");
    let wrong = format!("{SOUND}assistant = \"helper\"\n{}{ASSISTANT}", rules.replace("\"\"", "3"));
    assert!(problems(&wrong)[0].contains("it is a whole number, not a text"), "{:?}", problems(&wrong));
}

#[test]
fn the_document_to_begin_with_for_all_connectors_can_be_switched_on() {
    struct Any;
    impl SecretSource for Any {
        fn variable(&self, _: &str) -> Option<String> {
            Some(SECRET.to_owned())
        }
        fn file(&self, _: &Path) -> io::Result<String> {
            Ok(SECRET.to_owned())
        }
    }
    let text = init();
    Config::parse(&text, &Any).unwrap_or_else(|invalid| panic!("{invalid}"));
    // Until there are connectors, the route has nothing to join.
    if !chatledger_connectors::ALL.is_empty() {
        let text = switched_on(&text);
        Config::parse(&text, &Any).unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
    }
}

#[test]
fn a_password_in_the_logs_address_is_refused_and_not_shown() {
    let problems = problems("log = \"esdb://admin:opensesame@localhost:2113\"").join("\n");
    assert!(problems.contains("must not stand in the address"), "{problems}");
    assert!(!problems.contains("opensesame") && !problems.contains("admin"), "{problems}");
}
