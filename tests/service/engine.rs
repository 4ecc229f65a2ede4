//! The real program as a child process: started, asked, signalled, ended. It never outlives its owner.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// However busy the machine is: nothing that this much time does not suffice for is waited for.
const AT_MOST: Duration = Duration::from_secs(20);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    child: Child,
    private: SocketAddr,
    log: PathBuf,
}

/// The program in a folder, with nothing of this machine's environment that it would listen to.
pub fn program(folder: &Path) -> Command {
    around(chatledger_tests::chatledger().as_os_str(), folder)
}

/// Another program in a folder, in the same surroundings.
pub fn around(executable: &OsStr, folder: &Path) -> Command {
    let mut command = Command::new(executable);
    command
        .current_dir(folder)
        .env_remove("CHATLEDGER_LOG")
        // Everything here stays on the machine.
        .env("NO_PROXY", "127.0.0.1")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What came of a program that ends by itself.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

/// Runs the program to its end.
pub async fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = program(folder);
    let running = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let ended = timeout(AT_MOST * 3, running).await;
    let ended = ended.unwrap_or_else(|_| panic!("in vain awaited: the end of `chatledger {}`", arguments.join(" ")));
    let ended = ended.expect("the program can be started");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes text");
    Ended { code: ended.status.code(), output: text(ended.stdout), errors: text(ended.stderr) }
}

/// What the log in a folder led to.
pub async fn replay(folder: &Path) -> Value {
    replay_of(folder, "chatledger.db").await
}

/// What a log led to.
pub async fn replay_of(folder: &Path, log: &str) -> Value {
    let ended = run(folder, &["replay", "--log", log, "--json"]).await;
    assert_eq!(ended.code, Some(0), "the log cannot be replayed: {}", ended.errors);
    let mut report: Value = serde_json::from_str(&ended.output).expect("a report is JSON");
    for differs in ["seconds", "events_per_second"] {
        report.as_object_mut().expect("a report has keys").remove(differs);
    }
    report
}

impl Engine {
    /// Starts `serve` by this command, which already names what to start, and waits until it is ready. What it logs is
    /// appended to a file.
    pub async fn start(mut command: Command, log: PathBuf, private: SocketAddr) -> Self {
        let mut engine = Self::begin(&mut command, log, private);
        let deadline = Instant::now() + AT_MOST;
        while !engine.is_ready().await {
            if let Some(status) = engine.child.try_wait().expect("a child can be asked") {
                panic!("the engine ended with {status} before it was ready:\n{}", engine.said());
            }
            assert!(Instant::now() < deadline, "in vain awaited: the engine's readiness:\n{}", engine.said());
            sleep(LOOK_EVERY).await;
        }
        engine
    }

    fn begin(command: &mut Command, log: PathBuf, private: SocketAddr) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(&log).expect("the folder can be written to");
        let same = file.try_clone().expect("a file can be shared");
        let child = command.stdout(file).stderr(same).spawn().expect("the program can be started");
        Self { child, private, log }
    }

    /// Its process's number.
    pub fn process(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The most memory that it ever had, in bytes; `None` where the system does not say.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process())).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(peak.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// Ends it with SIGKILL.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Asks it to end.
    pub async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    /// Sends it a signal.
    pub async fn signal(&self, signal: &str) {
        let asked = Command::new("kill").args([signal, &self.process().to_string()]).status().await;
        assert!(asked.expect("there is `kill`").success());
    }

    /// Waits for its end; gives how long that took.
    pub async fn ended(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let ended = timeout(AT_MOST, self.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("in vain awaited: the engine's end:\n{}", self.said()));
        (ended.expect("a child can be waited for"), began.elapsed())
    }

    /// Asks it to end, and sees that it ends well.
    pub async fn end(mut self) {
        self.terminate().await;
        let (status, _) = self.ended().await;
        assert_eq!(status.code(), Some(0), "it did not end well:\n{}", self.said());
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Whether it can do its work now.
    pub async fn is_ready(&self) -> bool {
        matches!(ask(self.private, "GET", "/readyz", &[], b"").await, Some((200, _)))
    }

    /// The page of metrics; empty if nobody answers.
    pub async fn metrics(&self) -> String {
        ask(self.private, "GET", "/metrics", &[], b"").await.map(|(_, page)| page).unwrap_or_default()
    }

    /// The sum of all lines of a metric that hold these words; `None` if nobody answers or there is none.
    pub async fn counted(&self, metric: &str, words: &str) -> Option<f64> {
        let page = self.metrics().await;
        let lines = page.lines().filter(|line| line.starts_with(metric) && line.contains(words));
        let values: Vec<f64> = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// How much is left to do, by it or by another on the same log: events to be read, intents to be raised, and to be
    /// carried out; `None` if it does not say.
    pub async fn left_to_do(&self) -> Option<f64> {
        let page = self.metrics().await;
        let gauges = ["chatledger_pipeline_lag_events", "chatledger_unraised_intents", "chatledger_lane_depth"];
        let mut left = 0.0;
        for gauge in gauges {
            let lines: Vec<&str> = page.lines().filter(|line| line.starts_with(gauge)).collect();
            // One that is missing says nothing.
            lines.first()?;
            left += lines.iter().filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>();
        }
        Some(left)
    }

    /// What it logged, with that of those before it in the same folder.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Asks once over a connection of its own; `None` if nobody answers.
pub async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<(u16, String)> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(&[request.as_bytes(), body].concat()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(AT_MOST, asked).await.ok()?.ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body.to_owned()))
}
