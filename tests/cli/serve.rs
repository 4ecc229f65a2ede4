//! `serve` from its start to its end: addresses, a webhook, both signals.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::program::{command, run};

const SECRET: &str = "nobodyCanGuessThis1234";

const CONFIG: &str = r#"
log = "sqlite:log.db"
[server]
listen = "127.0.0.1:0"
private = "127.0.0.1:0"
[logging]
format = "json"
[connections."pact.main"]
platform = "pact"
token = { env = "TOKEN" }
webhook_secret = { env = "SECRET" }
company_id = 52204
provider = "whatsapp"
base_url = "http://127.0.0.1:9"
"#;

/// The program at work.
struct Serving {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    webhooks: String,
    private: String,
}

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = command(folder)
            .args(["serve", "--config", "config.toml"])
            .args(arguments)
            .envs([("TOKEN", "a-token-that-nobody-can-guess-1234"), ("SECRET", SECRET)])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut listening = |purpose: &str| {
            let line = next(&mut errors, "listening");
            assert_eq!(line["purpose"], purpose);
            line["address"].as_str().unwrap().to_owned()
        };
        let (private, webhooks) = (listening("health and metrics"), listening("webhooks"));
        Self { child, errors, webhooks, private }
    }

    /// Posts a webhook; gives the status.
    fn post(&self, body: &str) -> String {
        ask(&self.webhooks, "POST", &format!("/hooks/pact.main/{SECRET}"), body)
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn end(mut self) -> (ExitStatus, String) {
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap(), errors)
    }
}

/// The next line of the program's log with this message.
fn next(errors: &mut impl std::io::BufRead, message: &str) -> Value {
    loop {
        let mut line = String::new();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "it ended before {message:?}");
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        if line["message"] == message {
            return line;
        }
    }
}

/// Asks once; gives the status line's number and the body.
fn ask(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer["HTTP/1.1 ".len()..].to_owned()
}

fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), CONFIG).unwrap();
    folder
}

#[test]
fn what_comes_in_is_on_record_and_a_signal_ends_it_well() {
    let folder = folder();
    let serving = Serving::start(folder.path(), &[]);
    assert!(ask(&serving.private, "GET", "/healthz", "").starts_with("200"));
    assert!(serving.post("rubbish").starts_with("200"));
    assert!(ask(&serving.webhooks, "POST", "/hooks/pact.main/wrong", "rubbish").starts_with("40"));
    run(folder.path(), ["import", "--log", "log.db", "--input", "config.toml"]).refused(1, &["log.db", "in use"]);
    let began = Instant::now();
    serving.signal("-TERM");
    let (status, errors) = serving.end();
    assert_eq!(status.code(), Some(0), "{errors}");
    assert!(errors.contains("SIGTERM") && errors.contains("stopped") && !errors.contains(SECRET), "{errors}");
    assert!(began.elapsed() < Duration::from_secs(5));

    let listed = run(folder.path(), ["log", "--log", "log.db"]).well();
    let types: Vec<_> = listed.lines().filter_map(|line| line.split(' ').nth(4)).collect();
    // What is in force stands before the first webhook: without it, the webhook would belong nowhere.
    assert_eq!(types[..2], ["ConfigurationApplied", "WebhookReceived"], "{listed}");

    let again = Serving::start(folder.path(), &[]);
    again.signal("-INT");
    assert_eq!(again.end().0.code(), Some(0));
    let listed_again = run(folder.path(), ["log", "--log", "log.db"]).well();
    assert_eq!(listed_again.matches("ConfigurationApplied").count(), 1, "{listed_again}");
}

#[test]
fn a_second_engine_on_the_same_file_is_refused_and_told_what_to_do_and_the_first_goes_on() {
    let folder = folder();
    let serving = Serving::start(folder.path(), &[]);
    // Even with a spool and addresses of its own.
    let config = format!("{CONFIG}\n[spool]\npath = \"another-spool\"\n");
    fs::write(folder.path().join("second.toml"), config).unwrap();
    let second = command(folder.path())
        .args(["serve", "--config", "second.toml"])
        .envs([("TOKEN", "a-token-that-nobody-can-guess-1234"), ("SECRET", SECRET)])
        .output()
        .unwrap();
    let errors = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{errors}");
    for words in ["log.db", "in use", "esdb://"] {
        assert!(errors.contains(words), "{words:?} is missing: {errors}");
    }
    assert!(serving.post("rubbish").starts_with("200"));
    serving.signal_and_end();
}

#[test]
fn beyond_this_machine_it_listens_for_operators_only_with_tokens() {
    let folder = folder();
    fs::write(
        folder.path().join("config.toml"),
        CONFIG.replace("private = \"127.0.0.1:0\"", "private = \"0.0.0.0:0\""),
    )
    .unwrap();
    let secrets = [("TOKEN", "a-token-that-nobody-can-guess-1234"), ("SECRET", SECRET)];
    let refused = command(folder.path()).args(["serve", "--config", "config.toml"]).envs(secrets).output().unwrap();
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{errors}");
    for words in ["server.private", "0.0.0.0:0", "no tokens", "chatledger token new"] {
        assert!(errors.contains(words), "{words:?} is missing: {errors}");
    }
    assert!(!folder.path().join("log.db").exists(), "nothing was begun");

    let token: Value =
        serde_json::from_str(&run(folder.path(), ["token", "new", "olga", "--role", "reader", "--json"]).well())
            .unwrap();
    let config = fs::read_to_string(folder.path().join("config.toml")).unwrap();
    let access = format!("[access.tokens.olga]\nrole = \"reader\"\nsha256 = {}\n", token["sha256"]);
    fs::write(folder.path().join("config.toml"), format!("{config}\n{access}")).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let private = serving.private.replace("0.0.0.0", "127.0.0.1");
    assert!(ask(&private, "GET", "/api/v1/standpoint", "").starts_with("401"));
    assert!(ask(&private, "GET", "/healthz", "").starts_with("200"), "whoever looks after it needs none");
    serving.signal_and_end();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = folder();
    let mut serving = Serving::start(folder.path(), &["--log", "memory:"]);
    // A request that never comes to its end is waited for, until the second signal.
    let mut stuck = TcpStream::connect(&serving.webhooks).unwrap();
    write!(stuck, "POST /hooks/pact.main/{SECRET} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    serving.signal("-TERM");
    next(&mut serving.errors, "stopping");
    let began = Instant::now();
    serving.signal("-INT");
    let (status, errors) = serving.end();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("ending at once"), "{errors}");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(!folder.path().join("log.db").exists());
}

#[test]
fn what_the_log_holds_and_nobody_can_read_ends_it_with_a_reason() {
    let folder = folder();
    Serving::start(folder.path(), &[]).signal_and_end();
    let line = run(folder.path(), ["export", "--log", "log.db"]).well().lines().next().unwrap().to_owned();
    let mut newer: Value = serde_json::from_str(&line).unwrap();
    newer["type"] = "MessageSealed".into();
    newer["stream"] = "new-1".into();
    crate::program::run_with(folder.path(), ["import", "--log", "log.db"], newer.to_string().as_bytes()).well();
    let (status, errors) = Serving::start(folder.path(), &[]).end();
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("MessageSealed") && errors.contains("update the program"), "{errors}");
}

#[test]
fn an_address_that_is_taken_is_named_with_its_setting() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = CONFIG.replacen("listen = \"127.0.0.1:0\"", &format!("listen = \"{address}\""), 1);
    fs::write(folder.path().join("config.toml"), config).unwrap();
    let ended = command(folder.path())
        .args(["serve", "--config", "config.toml"])
        .envs([("TOKEN", "a-token-that-nobody-can-guess-1234"), ("SECRET", SECRET)])
        .output()
        .unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{errors}");
    assert!(errors.contains(&address) && errors.contains("server.listen"), "{errors}");
}

impl Serving {
    fn signal_and_end(self) {
        self.signal("-TERM");
        assert_eq!(self.end().0.code(), Some(0));
    }
}
