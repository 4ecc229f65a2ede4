//! A way in that runs, with a log that fails when told to, and everything that was logged.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use chatledger::clock::ManualClock;
use chatledger::config::{Config, LogFormat, Logging, SecretSource};
use chatledger::duties::Duties;
use chatledger::ingress::{Door, Ingress, Limits, Private, Readiness, serve};
use chatledger::log::failing::Failing;
use chatledger::log::memory::MemoryLog;
use chatledger::log::{EventLog, codec};
use chatledger::spool::{Spool, keep_passing_on};
use chatledger::{logging, metrics};
use chatledger_connectors::fake::Fake;
use chatledger_projections::event::{Event, WebhookReceived};
use chatledger_projections::recorded::Recorded;
use chatledger_projections::time::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::wire::{Reply, Wire};

/// What proves a request to the fake connector.
pub const SECRET: &str = "correct-horse-battery-staple";

/// When everything here happens.
pub const NOW: Timestamp = Timestamp::from_millis(1_695_282_809_904);

pub struct House {
    pub name: String,
    pub config: Config,
    pub log: Arc<Failing>,
    memory: Arc<MemoryLog>,
    pub clock: Arc<ManualClock>,
    /// Held until somebody releases it; nobody passes on from it but the test.
    pub spool: Option<Arc<Spool>>,
    pub readiness: Arc<Readiness>,
    pub public: SocketAddr,
    pub private: SocketAddr,
    pub stop: CancellationToken,
    pub served: JoinHandle<()>,
}

struct Safe;

impl SecretSource for Safe {
    fn variable(&self, _: &str) -> Option<String> {
        Some(SECRET.to_owned())
    }
    fn file(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

impl House {
    /// With the defaults. Metrics are the whole process's, so each test names its connection.
    pub async fn of(name: &str) -> Self {
        Self::with(name, "").await
    }

    /// With other settings of the section `server`.
    pub async fn with(name: &str, server: &str) -> Self {
        listen_to_logs();
        let page = metrics::install();
        let text = format!(
            "[server]\n{server}\n[connections.{name:?}]\nplatform = \"fake\"\naccount = \"a/1\"\n\
             webhook_secret = {{ env = \"SECRET\" }}\n"
        );
        let config = Config::parse_for(&[&Fake], &text, &Safe).expect("it is sound");
        let memory = Arc::new(MemoryLog::new());
        let log = Arc::new(Failing::new(Arc::clone(&memory) as _));
        let readiness = Arc::new(Readiness::new());
        let clock = Arc::new(ManualClock::at(NOW));
        let mut ingress = Ingress::new(
            &config.connections,
            Arc::clone(&log) as _,
            Arc::clone(&clock) as _,
            Arc::clone(&readiness),
            &config.server,
        );
        let mut spool = None;
        if let Some(settings) = &config.spool {
            let opened = Spool::open(&settings.path, settings.limits, Arc::clone(&clock) as _).await;
            let opened = Arc::new(opened.expect("the folder can be written to"));
            ingress = ingress.with_spool(Arc::clone(&opened), settings.after);
            spool = Some(opened);
        }
        let limits = Limits {
            connections: config.server.max_connections,
            idle: config.server.idle_timeout,
            grace: Duration::from_secs(5),
        };
        let stop = CancellationToken::new();
        let (public, served) = listen(Door::of(ingress, None), limits, &stop).await;
        let behind = Private {
            log: Arc::clone(&log) as _,
            spool: spool.clone(),
            readiness: Arc::clone(&readiness),
            duties: Duties::alone(),
            page,
        };
        let (private, _) = listen(behind.router(), limits, &stop).await;
        Self { name: name.to_owned(), config, log, memory, clock, spool, readiness, public, private, stop, served }
    }

    /// With a spool in this folder, which takes what the log has not taken after 50 ms.
    pub async fn with_spool(name: &str, folder: &Path, more: &str) -> Self {
        let folder = folder.display();
        let house = Self::with(name, &format!("[spool]\npath = \"{folder}\"\nafter = \"50ms\"\n{more}")).await;
        house.spool().release();
        house
    }

    pub fn spool(&self) -> &Arc<Spool> {
        self.spool.as_ref().expect("this house has one")
    }

    /// Passes on what waits, from now on.
    pub fn passes_on(&self) {
        tokio::spawn(keep_passing_on(Arc::clone(self.spool()), Arc::clone(&self.log) as _, self.stop.clone()));
    }

    pub fn path(&self) -> String {
        format!("/hooks/{}/a/1", self.name)
    }

    /// An authentic webhook on a connection of its own.
    pub async fn deliver(&self, body: &[u8]) -> Reply {
        Wire::to(self.public).await.post(&self.path(), &[("x-proof", SECRET)], body).await
    }

    pub async fn ask(&self, path: &str) -> Reply {
        Wire::to(self.private).await.get(path).await
    }

    pub async fn recorded(&self) -> Vec<(Recorded<()>, WebhookReceived)> {
        let stored = self.memory.read_all(None, 100_000).await.expect("it is in memory");
        stored
            .into_iter()
            .map(|stored| match codec::open(stored).expect("we sealed it") {
                Recorded { id, stream, revision, position, recorded_at, event: Event::WebhookReceived(webhook) } => {
                    (Recorded { id, stream, revision, position, recorded_at, event: () }, webhook)
                }
                other => panic!("only webhooks come in here: {other:?}"),
            })
            .collect()
    }

    /// The value of a metric that this house's connection has.
    pub async fn counted(&self, metric: &str, more: &str) -> u64 {
        let page = self.ask("/metrics").await.body;
        let line = format!("{metric}{{connection=\"{}\"{more}}} ", self.name);
        page.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |value| value.parse().expect("a number"))
    }
}

async fn listen(
    door: impl Into<Door> + Send + 'static,
    limits: Limits,
    stop: &CancellationToken,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    (address, tokio::spawn(serve(listener, door, limits, stop.clone())))
}

static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Everything that any test's house has logged so far, however fine.
pub fn logged() -> String {
    String::from_utf8(LOGGED.lock().expect("nobody panics with it").clone()).expect("logs are text")
}

fn listen_to_logs() {
    struct Ear;
    impl Write for Ear {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            LOGGED.lock().expect("nobody panics with it").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let logging = Logging { format: LogFormat::Json, level: tracing::Level::TRACE };
        let subscriber = logging::subscriber(&logging, Some("chatledger=trace,hyper=trace,axum=trace"), || Ear, false);
        let subscriber = subscriber.expect("the filter is sound");
        tracing::subscriber::set_global_default(subscriber).expect("nobody else listens");
    });
}
