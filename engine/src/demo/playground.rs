//! A playground: the simulated platforms of the demonstration without its play, for whoever starts the engine and wants to
//! write and see what comes of it.
//!
//! What people do is asked for over HTTP, one line each; the answer comes when the other side has seen it, or says that it
//! has not. The engine is not started here: that is what is to be tried.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path as Parts, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use chatledger_connectors::simulator::{Gesture, Line, LineAuthor};
use chatledger_projections::ids::ConnectionName;
use tokio::net::TcpListener;

use super::set::{Ends, Set, SetError};
use super::stage::Stage;

/// The configuration with its gaps.
const CONFIGURATION: &str = include_str!("playground.toml");

/// Its one route.
const ROUTE: &str = "sales";

/// How long what was written is looked for on the other side.
const SHOWN_WITHIN: Duration = Duration::from_secs(20);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A CRM, a messenger, and people who do there what they are asked.
#[derive(Debug)]
pub struct Playground {
    stage: Stage,
    ends: Ends,
}

impl Playground {
    /// Makes a configuration and secrets in a folder that is empty or not there yet, for an engine that listens at these
    /// addresses, and opens the platforms.
    pub async fn open(folder: &Path, listen: SocketAddr, private: SocketAddr) -> Result<Self, SetError> {
        // Nothing of the set is started here; so it needs no program.
        let set = Set::make_of(CONFIGURATION, Path::new(""), folder, listen, private).await?;
        let ends = set.ends(ROUTE);
        Ok(Self { stage: set.stage, ends })
    }

    /// Lets people do what is asked for at a listener, until it is dropped.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let router = Router::new()
            .route("/", get(screens))
            .route("/client/{phone}", post(client_writes))
            .route("/manager/{phone}", post(manager_writes))
            .route("/read/{phone}", post(client_reads))
            .with_state(Arc::new(self));
        axum::serve(listener, router).await
    }

    /// Somebody writes at one end, and it is waited for at the other.
    async fn write(&self, at: &ConnectionName, other: &ConnectionName, text: &str, gesture: &Gesture) -> Answer {
        if text.trim().is_empty() {
            return Err((StatusCode::BAD_REQUEST, "write something: curl -d 'Hello' …\n".to_owned()));
        }
        let before = self.count(other, text);
        self.act(at, gesture)?;
        let began = Instant::now();
        while self.count(other, text) == before {
            if began.elapsed() > SHOWN_WITHIN {
                return Ok(format!("written at {at}; not shown at {other} yet\n"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(format!("written at {at}, shown at {other}\n"))
    }

    fn act(&self, at: &ConnectionName, gesture: &Gesture) -> Result<(), (StatusCode, String)> {
        self.stage.gesture(at, gesture).map_err(|impossible| (StatusCode::CONFLICT, format!("{impossible}\n")))
    }

    fn count(&self, at: &ConnectionName, text: &str) -> usize {
        self.stage.transcript(at).iter().filter(|line| line.text == text).count()
    }

    /// What both sides see.
    fn screens(&self) -> String {
        let mut screens = String::new();
        for at in [&self.ends.crm, &self.ends.channel] {
            let mut write = |text: std::fmt::Arguments<'_>| {
                screens.write_fmt(text).expect("a String takes everything");
            };
            write(format_args!("{at}\n"));
            for line in self.stage.transcript(at) {
                let Line { chat, text, status, .. } = &line;
                let author = match line.author {
                    LineAuthor::Client => "client",
                    LineAuthor::Company => "company",
                    LineAuthor::Bot => "bot",
                };
                let status = status.as_deref().map(|status| format!(" ({status})")).unwrap_or_default();
                write(format_args!("  {chat} {author}: {text}{status}\n"));
            }
        }
        screens
    }
}

type Answer = Result<String, (StatusCode, String)>;

type Open = State<Arc<Playground>>;

async fn screens(State(playground): Open) -> String {
    playground.screens()
}

async fn client_writes(State(playground): Open, Parts(phone): Parts<String>, text: String) -> Answer {
    let Ends { crm, channel } = &playground.ends;
    let gesture = Gesture::ClientWrites { name: named(&phone), phone, text: text.clone() };
    playground.write(channel, crm, &text, &gesture).await
}

async fn manager_writes(State(playground): Open, Parts(phone): Parts<String>, text: String) -> Answer {
    let Ends { crm, channel } = &playground.ends;
    let gesture = Gesture::ManagerWrites { name: named(&phone), phone, text: text.clone() };
    playground.write(crm, channel, &text, &gesture).await
}

async fn client_reads(State(playground): Open, Parts(phone): Parts<String>) -> Answer {
    let channel = &playground.ends.channel;
    playground.act(channel, &Gesture::ClientReads { phone })?;
    Ok(format!("read at {channel}\n"))
}

fn named(phone: &str) -> String {
    format!("Client {phone}")
}
