//! What a play is played with: a folder, a configuration in it, the platforms on stage, and the program to start.
//!
//! Takes a configuration with gaps (`chatledger.toml` here) and fills them: free ports, and secrets that are made up on
//! the spot. Each account of the finished configuration is played by its own connector's model, with the same settings,
//! so that both sides agree by construction. Nothing is started here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chatledger_connectors::connector::SimulatedAccount;
use chatledger_projections::ids::{ConnectionName, RouteName};
use uuid::Uuid;

use super::engine::{Program, tail};
use super::stage::{Manners, Place, Stage};
use crate::clock::SystemClock;
use crate::config::{Config, Invalid, SecretSource};

/// The configuration with its gaps.
const CONFIGURATION: &str = include_str!("chatledger.toml");

/// The configuration's name in the folder.
const NAME: &str = "chatledger.toml";

/// The log's name in the folder, as the configuration has it.
const LOG: &str = "chatledger.db";

/// A CRM sends each webhook once; a messenger comes again. The pause is a hundredth of a real one.
const MESSENGER: Manners = Manners { retries: 60, pause: Duration::from_millis(300) };

/// The namespace of made-up secrets.
const SECRETS: Uuid = Uuid::from_u128(0x5ec2_e700_0000_4000_8000_de30_0000_0001);

/// How much of the engine's log is shown where something went wrong.
const TAIL: usize = 12;

/// Everything that a play is played with.
#[derive(Debug)]
pub struct Set {
    /// How the engine is started.
    pub program: Program,
    /// The platforms.
    pub stage: Stage,
    /// The configuration as the engine reads it.
    pub config: Config,
}

/// The two ends of a route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ends {
    /// Where managers work.
    pub crm: ConnectionName,
    /// Where clients write.
    pub channel: ConnectionName,
}

/// Why there is no set.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// There is something in the folder.
    #[error("{} is not empty; name a folder that is empty or not there yet", .0.display())]
    NotEmpty(PathBuf),
    /// A file could not be made.
    #[error("{} cannot be made", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// No port could be taken.
    #[error("no port of this machine can be taken")]
    Port(#[source] io::Error),
    /// The demonstration's own configuration is wrong.
    #[error("the demonstration's own configuration is wrong: {0}")]
    Configuration(Invalid),
    /// A model could not be made.
    #[error("{connection} cannot be played: {why}")]
    Simulator {
        /// Which connection.
        connection: ConnectionName,
        /// Why.
        why: String,
    },
    /// Webhooks could not be sent.
    #[error("webhooks cannot be sent")]
    Client(#[from] reqwest::Error),
}

impl Set {
    /// Makes everything for the demonstration in a folder that is empty or not there yet.
    pub async fn make(executable: &Path, folder: &Path) -> Result<Self, SetError> {
        let (listen, private) = two_free_addresses().await?;
        Self::make_of(CONFIGURATION, executable, folder, listen, private).await
    }

    /// The same for any configuration with gaps, whose engine is to listen at these addresses.
    pub async fn make_of(
        configuration: &str,
        executable: &Path,
        folder: &Path,
        listen: SocketAddr,
        private: SocketAddr,
    ) -> Result<Self, SetError> {
        let folder = empty_folder(folder)?;
        let mut places = BTreeMap::new();
        let mut text = configuration.replace("@listen@", &listen.to_string());
        text = text.replace("@private@", &private.to_string());
        for name in names_in(configuration) {
            let place = Place::reserve().await.map_err(SetError::Port)?;
            text = text.replace(&format!("\"@{name}@\""), &format!("{:?}", place.base_url()));
            places.insert(ConnectionName::new(name), place);
        }
        let configuration = folder.join(NAME);
        write(&configuration, &text)?;
        let config = Config::parse(&text, &MadeUp { folder: folder.clone() }).map_err(SetError::Configuration)?;

        let mut stage = Stage::before(listen, Arc::new(SystemClock))?;
        for (name, account) in &config.connections {
            let simulated = SimulatedAccount { name, settings: &account.settings, secrets: &account.secrets };
            let why = |why: String| SetError::Simulator { connection: name.clone(), why };
            let simulator = account
                .connector
                .simulator(&simulated)
                .map_err(|problems| why(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
            let place = places.remove(name).ok_or_else(|| why("its configuration has no gap for an address".into()))?;
            let is_crm = account.connection.traits().wants_delivery;
            stage.host(name.clone(), place, simulator, if is_crm { Manners::ONCE } else { MESSENGER });
        }
        let executable = executable.to_owned();
        let program = Program { executable, configuration: PathBuf::from(NAME), folder, private };
        Ok(Self { program, stage, config })
    }

    /// The log of the engine.
    pub fn log(&self) -> PathBuf {
        self.program.folder.join(LOG)
    }

    /// The ends of a route.
    ///
    /// # Panics
    /// If the configuration has no such route: the script and the configuration are ours, and a test plays them.
    pub fn ends(&self, route: &str) -> Ends {
        let route = self.config.routes.get(&RouteName::new(route)).expect("the script names routes that there are");
        Ends { crm: route.crm.clone(), channel: route.channel.clone() }
    }

    /// The assistant of a route.
    ///
    /// # Panics
    /// If the configuration has no such route, or it has no assistant; see [`Self::ends`].
    pub fn assistant(&self, route: &str) -> ConnectionName {
        let route = self.config.routes.get(&RouteName::new(route)).expect("the script names routes that there are");
        route.assistant.as_ref().expect("the script knows which of them have an assistant").connection.clone()
    }

    /// Whether a connection is an assistant's.
    pub fn is_assistant(&self, connection: &ConnectionName) -> bool {
        self.config.connections.get(connection).is_some_and(|account| account.connection.is_assistant())
    }

    /// Which platform a connection leads to.
    pub fn platform(&self, connection: &ConnectionName) -> &'static str {
        self.config.connections.get(connection).map_or("", |account| account.connector.platform())
    }

    /// What the engine logged last, for people who look for what went wrong.
    pub fn engine_log_tail(&self) -> Vec<String> {
        tail(&self.program.log(), TAIL).into_iter().map(|line| format!("the engine's log: {line}")).collect()
    }
}

/// The connections whose address is a gap in the configuration.
fn names_in(configuration: &str) -> impl Iterator<Item = &str> {
    configuration.lines().filter_map(|line| line.strip_prefix("base_url = \"@")?.strip_suffix("@\""))
}

fn empty_folder(folder: &Path) -> Result<PathBuf, SetError> {
    let cannot = |cause| SetError::File { path: folder.to_owned(), cause };
    fs::create_dir_all(folder).map_err(cannot)?;
    if fs::read_dir(folder).map_err(cannot)?.next().is_some() {
        return Err(SetError::NotEmpty(folder.to_owned()));
    }
    // The engine works there, so its own place must not depend on ours.
    folder.canonicalize().map_err(cannot)
}

fn write(path: &Path, text: &str) -> Result<(), SetError> {
    fs::write(path, text).map_err(|cause| SetError::File { path: path.to_owned(), cause })
}

/// Two addresses that nobody listens at. They are given back at once, for the engine is to take them; and taken
/// together before that, so that they differ.
async fn two_free_addresses() -> Result<(SocketAddr, SocketAddr), SetError> {
    let free = async || tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(SetError::Port);
    let (one, other) = (free().await?, free().await?);
    let address = |listener: &tokio::net::TcpListener| listener.local_addr().map_err(SetError::Port);
    Ok((address(&one)?, address(&other)?))
}

/// Secrets that are made up when they are first asked for, and written where the engine will look for them. They prove
/// nothing to anybody but the models on this machine.
struct MadeUp {
    folder: PathBuf,
}

impl SecretSource for MadeUp {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let secret = Uuid::new_v5(&SECRETS, path.as_os_str().as_encoded_bytes()).simple().to_string();
        fs::write(&path, &secret)?;
        Ok(secret)
    }
}
