//! Known secrets in every secret's place, the real program through start, traffic and every kind of error, and then a search
//! for them in all that it wrote: the log and its write-ahead file, the spool, both outputs, metrics, messages.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::program::{command, run};

/// Variable and secret, each unlike all others.
const PLANTED: [(&str, &str); 7] = [
    ("CHANNEL_SECRET", "planted1channel1secret1aaaaaaaaaaaaaaaaa"),
    ("PACT_TOKEN", "planted2pact2token2bbbbbbbbbbbbbbbbbbbbb"),
    ("PACT_WEBHOOK", "planted3pact3webhook3ccccccccccccccccccc"),
    ("SELARTI_KEY", "planted4selarti4key4dddddddddddddddddddd"),
    ("SELARTI_WEBHOOK", "planted5selarti5webhook5eeeeeeeeeeeeeeee"),
    ("CARROT_TOKEN", "planted6carrot6token6fffffffffffffffffff"),
    ("CARROT_WEBHOOK", "planted7carrot7webhook7ggggggggggggggggg"),
];

fn config(platform: &str) -> String {
    format!(
        r#"
log = "sqlite:log.db"
[server]
listen = "127.0.0.1:0"
private = "127.0.0.1:0"
[spool]
path = "spool"
[logging]
format = "json"
[dispatch]
retry_first = "100ms"
[connections."amo.main"]
platform = "amocrm"
scope_id = "c0_a0"
bot_id = "b0"
base_url = "{platform}"
channel_secret = {{ env = "CHANNEL_SECRET" }}
[connections."pact.sales"]
platform = "pact"
company_id = 52204
api = "v2"
base_url = "{platform}"
token = {{ env = "PACT_TOKEN" }}
webhook_secret = {{ env = "PACT_WEBHOOK" }}
[connections."selarti.main"]
platform = "selarti"
task_id = "1721129985149x478019552540622850"
base_url = "{platform}"
auth_url = "{platform}"
api_key = {{ env = "SELARTI_KEY" }}
webhook_secret = {{ env = "SELARTI_WEBHOOK" }}
[connections."carrot.site"]
platform = "carrotquest"
base_url = "{platform}"
auth_token = {{ env = "CARROT_TOKEN" }}
webhook_token = {{ env = "CARROT_WEBHOOK" }}
[routes.sales]
crm = "amo.main"
channel = "pact.sales"
manager_first = "claim"
[routes.site]
crm = "amo.main"
channel = "carrot.site"
manager_first = "claim"
source = "site"
"#
    )
}

/// A platform gone bad: it answers every call with an error that repeats the whole request.
fn echoing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let mut said = vec![0; 64 * 1024];
            let read = stream.read(&mut said).unwrap_or(0);
            let said = String::from_utf8_lossy(&said[..read]).into_owned();
            let length = said.len();
            // Whoever is gone has had enough.
            let _gone =
                write!(stream, "HTTP/1.1 400 Bad\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{said}");
        }
    });
    address
}

fn post(address: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    for (name, secret) in PLANTED {
        let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())];
            panic!("{what} holds {name}: {}", String::from_utf8_lossy(around));
        }
    }
}

fn assert_files_are_clean(folder: &Path) -> usize {
    let mut looked_at = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            looked_at += assert_files_are_clean(&path);
        } else {
            assert_clean(&path.display().to_string(), &fs::read(&path).unwrap());
            looked_at += 1;
        }
    }
    looked_at
}

#[test]
fn no_secret_is_found_in_anything_that_the_program_writes() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), config(&echoing())).unwrap();
    let mut child = command(folder.path())
        .args(["serve", "--config", "config.toml"])
        .env("CHATLEDGER_LOG", "trace")
        .envs(PLANTED)
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.path().join("stderr.txt")).unwrap())
        .spawn()
        .unwrap();
    let listening = |purpose: &str| {
        for _ in 0..200 {
            let text = fs::read_to_string(folder.path().join("stderr.txt")).unwrap();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let mut lines = lines.filter(|line| line["message"] == "listening" && line["purpose"] == purpose);
            if let Some(line) = lines.next() {
                return line["address"].as_str().unwrap().to_owned();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it does not listen: {}", fs::read_to_string(folder.path().join("stderr.txt")).unwrap());
    };
    let (private, public) = (listening("health and metrics"), listening("webhooks"));

    let secret = |name: &str| PLANTED.iter().find(|(known, _)| *known == name).unwrap().1;
    let pact = format!("/hooks/pact.sales/{}", secret("PACT_WEBHOOK"));
    let selarti = format!("/hooks/selarti.main/{}", secret("SELARTI_WEBHOOK"));
    // A client and a manager write, so that calls go out to the platforms gone bad, are refused, and are recorded with their
    // replies: one of them bears a token.
    let message = r#"{"event":"create","type":"message","object":{"id":123,"external_id":"m1","company_id":52204,"conversation_id":456,"contact_id":789,"created_at":"2024-01-15T10:30:00Z","income":true,"status":"delivered","message":"Hello","contact":{"id":789,"name":"A","sender":{"external_id":"79151112233"}},"conversation":{"id":456}}}"#;
    let hook = r#"{"account_id":"a0","time":1695282809,"message":{"receiver":{"id":"3e056d0f-a553-4d94-9822-57c257891f22","name":"B","phone":"79135292926"},"sender":{"id":"3cfae55d-387e-409f-9be4-4baab963ee02","name":""},"conversation":{"id":"8bdd3f03-b37e-46d0-ace2-4ac5735ea484"},"timestamp":1695282809,"msec_timestamp":1695282809904,"message":{"id":"c1c59db4-64bd-4589-a7db-eb23b13f1cbc","type":"text","text":"start"}}}"#;
    let signature = "x-signature: 7dabdf68fc9582d8e2f29fa7d9687cf5d947a2cd\r\n";
    let token = secret("CARROT_WEBHOOK");
    let form = format!("type=conversation&conversation=%7B%7D&token={token}&t={token}");
    let document = format!("{{\"type\":\"x\",\"token\":\"{token}\"}}");
    for (path, headers, body) in [
        (pact.as_str(), "", message),
        ("/hooks/amo.main/c0_a0", signature, hook),
        (&selarti, "", "{\"text\":\"x\"}"),
        ("/hooks/carrot.site", "", &form),
        ("/hooks/carrot.site", "", &document),
    ] {
        let answer = post(&public, path, headers, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // Secrets where they do not belong, in requests that are refused in every way.
    for (_, secret) in PLANTED {
        for connection in ["amo.main", "pact.sales", "selarti.main", "carrot.site", "nobody"] {
            let header = format!("x-signature: {secret}\r\nauthorization: Bearer {secret}\r\ncookie: {secret}\r\n");
            post(&public, &format!("/hooks/{connection}/x{secret}"), &header, "rubbish");
            get(&public, &format!("/hooks/{connection}/{secret}"));
        }
    }
    // The calls have gone out and come back.
    let has_settled = |connection: &str| {
        let line = format!("chatledger_attempts_settled_total{{connection=\"{connection}\"");
        get(&private, "/metrics").lines().any(|counted| counted.starts_with(&line) && !counted.ends_with(" 0"))
    };
    let began = Instant::now();
    while !(has_settled("amo.main") && has_settled("pact.sales")) {
        assert!(began.elapsed() < Duration::from_secs(60), "in vain awaited: an end of the calls");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_clean("the page of metrics", get(&private, "/metrics").as_bytes());
    assert_clean("the page of readiness", get(&private, "/readyz").as_bytes());
    // While it runs: the write-ahead file is there.
    assert!(folder.path().join("log.db-wal").exists());
    assert!(assert_files_are_clean(folder.path()) > 3);

    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    child.wait().unwrap();
    assert_clean("standard output", &output);
    assert_files_are_clean(folder.path());

    // The calls did go out, bore their proof, and came back with it.
    let exported = run(folder.path(), ["export", "--log", "log.db"]).well();
    assert!(exported.contains("AttemptSettled") && exported.contains("secret-removed"), "{exported}");

    for arguments in [
        &["log", "--log", "log.db"][..],
        &["log", "--log", "log.db", "--format", "json"],
        &["export", "--log", "log.db"],
        &["replay", "--log", "log.db"],
        &["state", "--log", "log.db"],
        &["held", "--log", "log.db"],
        &["check-config", "--config", "config.toml"],
        &["spool", "--config", "config.toml"],
        &["connect", "amo.main", "--config", "config.toml"],
        &["backfill", "--config", "config.toml", "--connection", "amo.main"],
        &["pact", "conversation", "list", "--config", "config.toml"],
        &["decode", "--help"],
        &["nonsense"],
    ] {
        let ended =
            command(folder.path()).args(arguments).envs(PLANTED).env("CHATLEDGER_LOG", "trace").output().unwrap();
        assert_clean(&format!("the output of {arguments:?}"), &ended.stdout);
        assert_clean(&format!("the messages of {arguments:?}"), &ended.stderr);
    }
    // A secret that was typed into the document itself.
    let typed =
        config("http://127.0.0.1:9").replace("{ env = \"PACT_TOKEN\" }", &format!("\"{}\"", secret("PACT_TOKEN")));
    fs::write(folder.path().join("typed.toml"), typed).unwrap();
    for arguments in [["check-config", "--config", "typed.toml"], ["serve", "--config", "typed.toml"]] {
        let ended = command(folder.path()).args(arguments).envs(PLANTED).output().unwrap();
        assert_eq!(ended.status.code().map(|code| code == 0), Some(false));
        assert_clean(&format!("{arguments:?}"), &[ended.stdout, ended.stderr].concat());
    }
}
