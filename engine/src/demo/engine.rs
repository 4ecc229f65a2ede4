//! The real engine as a child process: started, asked whether it is ready and what it has left to do, killed.
//!
//! Takes the program, its configuration and where it listens. The child never outlives its owner: dropping it kills it.

use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long an engine may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(15);

/// How often it is asked.
const ASKED_EVERY: Duration = Duration::from_millis(25);

/// How long one answer of the private address may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What is needed to start an engine, as often as it takes.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program itself.
    pub executable: PathBuf,
    /// The folder in which it works; what it logs goes into a file there.
    pub folder: PathBuf,
    /// Its configuration, from the folder.
    pub configuration: PathBuf,
    /// Its private address, as its configuration has it.
    pub private: SocketAddr,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    child: Child,
    private: SocketAddr,
    client: reqwest::Client,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program could not be started.
    #[error("{executable} cannot be started")]
    NotStarted {
        /// Which program.
        executable: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// It ended before it was ready.
    #[error("the engine ended with {status} before it was ready; {log} says more")]
    Ended {
        /// How it ended.
        status: String,
        /// Where it logged.
        log: PathBuf,
    },
    /// It did not become ready in time.
    #[error("the engine was not ready within {} seconds; {log} says more", READY_WITHIN.as_secs())]
    NotReady {
        /// Where it logged.
        log: PathBuf,
    },
    /// It could not be asked.
    #[error("the engine cannot be asked")]
    Client(#[from] reqwest::Error),
}

impl Program {
    /// The file into which engines of this folder log.
    pub fn log(&self) -> PathBuf {
        self.folder.join("engine.log")
    }

    /// Starts an engine and waits until it is ready.
    pub async fn start(&self) -> Result<Engine, EngineError> {
        let not_started = |cause| EngineError::NotStarted { executable: self.executable.clone(), cause };
        let log = OpenOptions::new().create(true).append(true).open(self.log()).map_err(not_started)?;
        let same_log = log.try_clone().map_err(not_started)?;
        let child = Command::new(&self.executable)
            .arg("serve")
            .arg("--config")
            .arg(&self.configuration)
            .current_dir(&self.folder)
            // Whatever proxy the machine has: everything here stays on the machine.
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(same_log)
            .kill_on_drop(true)
            .spawn()
            .map_err(not_started)?;
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
        let mut engine = Engine { child, private: self.private, client };
        let deadline = Instant::now() + READY_WITHIN;
        while !engine.is_ready().await {
            if let Ok(Some(status)) = engine.child.try_wait() {
                return Err(EngineError::Ended { status: status.to_string(), log: self.log() });
            }
            if Instant::now() >= deadline {
                return Err(EngineError::NotReady { log: self.log() });
            }
            sleep(ASKED_EVERY).await;
        }
        Ok(engine)
    }
}

impl Engine {
    /// Ends it with SIGKILL: it has no say in it, and no time to tidy up.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Whether it can do its work now.
    pub async fn is_ready(&self) -> bool {
        let asked = self.client.get(format!("http://{}/readyz", self.private)).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    /// How much it has left to do: queued intents and undecided events; `None` if it does not say.
    pub async fn left_to_do(&self) -> Option<f64> {
        let asked = self.client.get(format!("http://{}/metrics", self.private)).send().await.ok()?;
        let page = asked.text().await.ok()?;
        let values = page.lines().filter(|line| GAUGES.iter().any(|gauge| line.starts_with(gauge)));
        values.map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

/// The gauges that show what is left to do.
const GAUGES: [&str; 3] = ["chatledger_lane_depth", "chatledger_unraised_intents", "chatledger_pipeline_lag_events"];

/// The last lines of a log, for people who look for what went wrong.
pub fn tail(log: &Path, lines: usize) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_owned()).collect()
}
