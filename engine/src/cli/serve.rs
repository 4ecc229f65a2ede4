//! `serve`: the engine at work. Its parts are put together here, started in order, and stopped in order.
//!
//! Health is told first, then webhooks are let in (they need only the log, or a spool before it), then the history is
//! read back. On the first
//! signal nothing more is accepted and what is in flight ends, within the grace period; the second ends at once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chatledger::api::{Access, Api};
use chatledger::clock::SystemClock;
use chatledger::config::{Config, LogAddress};
use chatledger::console::Console;
use chatledger::descriptors;
use chatledger::dispatch::Rules;
use chatledger::dispatch::backoff::Backoff;
use chatledger::duties::{Duties, Register, Terms, keep, new_engine, place};
use chatledger::fold::FoldError;
use chatledger::http::Http;
use chatledger::in_force::put_in_force;
use chatledger::ingress::{self, Door, Ingress, Limits, Private, Readiness};
use chatledger::instructions::Instructions;
use chatledger::live::{Live, LiveError, Surroundings, chain};
use chatledger::log::{EventLog, ReadError};
use chatledger::logging::LoggingError;
use chatledger::media::addresses::Allowed;
use chatledger::media::fetch::{self, Fetcher, SystemNames};
use chatledger::media::offer::{self, Offer};
use chatledger::media::store::Store;
use chatledger::media::{Media, show};
use chatledger::passes::Passes;
use chatledger::reading::{self, Board, Reader};
use chatledger::spool::{Spool, keep_passing_on, keep_watch};
use chatledger::traces::{Exporter, Traces};
use chatledger::{logging, metrics};
use chatledger_projections::configuration::Configuration;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, block_in_place};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::CONFIG;
use super::failure::{FAILED, Failure};
use super::log_address::{Typed, open_to_write};

/// How many connections the private address takes: a few people and machines. More wait.
const PRIVATE_CONNECTIONS: usize = 64;

/// How many files and connections are open at most beside those that arrive: the log, the spool, files on their way, calls.
const OTHER_DESCRIPTORS: u64 = 512;

/// How long a question at the private address may take to finish at the end.
const PRIVATE_GRACE: Duration = Duration::from_secs(1);

/// How long a log that could not be read is left alone.
const LOG_PAUSE: Duration = Duration::from_secs(1);

/// Take webhooks in, decide what follows, and carry it out
///
/// Runs until SIGTERM or SIGINT; then it accepts nothing more, and lets what is in flight end within
/// `dispatch.shutdown_grace`. A second signal ends it at once. It does not end because a platform is away, or the log for
/// a while; it does end, with exit code 1, if the log holds what this version cannot read.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger serve --config /etc/chatledger.toml")]
pub struct Serve {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Another log than the configuration names: a file, or `memory:` for a trial
    #[arg(long, value_name = "ADDRESS")]
    log: Option<Typed>,
}

impl Serve {
    pub async fn run(self) -> Result<(), Failure> {
        let mut config = Config::load(&self.config).map_err(|invalid| Failure::usage(invalid.to_string()))?;
        if let Some(Typed(log)) = self.log {
            config.log = log;
        }
        logging::start(&config.logging).map_err(|error| match error {
            LoggingError::Filter(_) => Failure::usage(chain(&error)),
            LoggingError::Taken(_) => Failure::failed(chain(&error)),
        })?;
        for warning in &config.warnings {
            warn!(%warning, "the configuration is odd");
        }
        let wanted =
            (config.server.max_connections + PRIVATE_CONNECTIONS + config.reading.followers) as u64 + OTHER_DESCRIPTORS;
        if let Err(most) = descriptors::ask_for(wanted) {
            warn!(
                wanted,
                most,
                "so few files may be open here that `server.max_connections` cannot be reached; raise the limit (`ulimit -n`, or LimitNOFILE= of a service), or lower the setting"
            );
        }
        let stop = Stop::on_signals()?;
        let page = metrics::install();
        let readiness = Arc::new(Readiness::new());
        let private = bind(config.server.private, "server.private").await?;
        let public = bind(config.server.listen, "server.listen").await?;
        let http = Http::new(config.dispatch.connect_timeout, config.dispatch.call_timeout)
            .map_err(|error| Failure::because("calls to the platforms cannot be prepared", &error))?;
        let log = block_in_place(|| open_to_write(&config.log))?;
        let media = block_in_place(|| media(&config))?;
        let spool = open_spool(&config).await?;
        info!(version = env!("CARGO_PKG_VERSION"), log = %config.log, "starting");

        let end = CancellationToken::new();
        listening(&private, "health and metrics");
        let duties = duties(&config);
        let health = Private {
            duties: duties.clone(),
            log: Arc::clone(&log),
            spool: spool.clone(),
            readiness: Arc::clone(&readiness),
            page: page.clone(),
        };
        let instructions = Instructions { log: Arc::clone(&log), clock: Arc::new(SystemClock) };
        let board = Board::default();
        let beside = reading::Surroundings {
            log: Arc::clone(&log),
            clock: Arc::new(SystemClock),
            board: board.clone(),
            spool: spool.clone(),
        };
        let (reader, following) = read_side(&config, beside, end.clone())?;
        let api = Api {
            reader,
            access: Arc::new(Access::new(config.tokens.clone())),
            log: Arc::clone(&log),
            clock: Arc::new(SystemClock),
            followers: Arc::new(Semaphore::new(config.reading.followers)),
            end: end.clone(),
        };
        let console = Console::beside(&api, Arc::clone(&media.store));
        let router = health.router().merge(instructions.router()).merge(api.router()).merge(console.router());
        let private = tokio::spawn(ingress::serve(private, router, private_limits(&config), end.clone()));
        let folding = tokio::spawn(ingress::keep_folding(page, end.clone()));

        let (traces, exporting) = traces(&config, &end)?;
        let told = Told { readiness: Arc::clone(&readiness), traces, board };
        let surroundings = surroundings(&config, Arc::clone(&log), http, media, duties.clone(), told);
        let register = spool.clone().and_then(Register::of);
        let keeping = keep_duties(duties, Arc::clone(&log), register, end.clone());
        let in_force = put_in_force(&*log, &SystemClock, config.recorded(), &stop.token);
        let (webhooks, passing) = match (&spool, &config.spool) {
            (Some(spool), Some(settings)) => {
                let mut in_force = pin!(in_force);
                // Behind a log that is away, webhooks are let in all the same: the spool lets none of them into the log
                // before the configuration stands there.
                let is_in_force = timeout(settings.after, &mut in_force).await.is_ok();
                listening(&public, "webhooks");
                let ingress = ingress(&config, &surroundings).with_spool(Arc::clone(spool), settings.after);
                let webhooks = webhooks(&config, public, ingress, &surroundings, &stop.token);
                if !is_in_force {
                    warn!("the log does not take the configuration; webhooks are let in, and wait in the spool");
                    in_force.await;
                }
                spool.release();
                let passing = keep_passing_on(Arc::clone(spool), Arc::clone(&log), stop.token.clone());
                let watching = keep_watch(Arc::clone(spool), end.clone());
                (webhooks, vec![tokio::spawn(passing), tokio::spawn(watching)])
            }
            (Some(_) | None, _) => {
                in_force.await;
                listening(&public, "webhooks");
                (webhooks(&config, public, ingress(&config, &surroundings), &surroundings, &stop.token), Vec::new())
            }
        };

        let stopping = stop.token.clone();
        let told = tokio::spawn(async move {
            stopping.cancelled().await;
            readiness.set_stopping();
        });
        let ended = work(surroundings, config.recorded(), &stop.token).await;
        if let Err(error) = &ended {
            error!(error = %chain(error), "the engine cannot go on");
        }
        stop.token.cancel();
        let mut all_well = ended.is_ok();
        for task in [webhooks, told] {
            all_well &= is_well(task.await);
        }
        end.cancel();
        for task in passing.into_iter().chain(exporting).chain([private, folding, keeping]) {
            all_well &= is_well(task.await);
        }
        if let Some(following) = following {
            all_well &= block_in_place(|| following.join()).is_ok();
        }
        // The last hands on them: their files are left tidy.
        block_in_place(|| drop((spool, log)));
        info!("stopped");
        if all_well { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }
}

/// Follows the log until told to stop. A log that cannot be read for a while is no reason to end.
async fn work(
    surroundings: Surroundings,
    configuration: Configuration,
    stop: &CancellationToken,
) -> Result<(), LiveError> {
    while !stop.is_cancelled() {
        let lived = tokio::select! {
            biased;
            // Reading back sends nothing and writes nothing: it may be left where it is.
            () = stop.cancelled() => return Ok(()),
            resumed = Live::resume(surroundings.clone()) => resumed,
        };
        let ended = match lived {
            Ok(live) => live.run(configuration.clone(), stop.clone()).await,
            Err(error) => Err(error),
        };
        match ended {
            Err(error) if is_passing(&error) => {
                surroundings.readiness.set_caught_up(false);
                warn!(error = %chain(&error), "the log cannot be read; trying again");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(LOG_PAUSE) => {}
                }
            }
            ended => return ended,
        }
    }
    Ok(())
}

/// Whether trying again may help.
const fn is_passing(error: &LiveError) -> bool {
    match error {
        LiveError::Fold(FoldError::Read(ReadError::Unavailable(_))) | LiveError::Follow(ReadError::Unavailable(_)) => {
            true
        }
        LiveError::Fold(FoldError::Read(ReadError::Damaged { .. }) | FoldError::Codec(_))
        | LiveError::Follow(ReadError::Damaged { .. })
        | LiveError::Interrupted(_) => false,
    }
}

/// What this engine may do: all, if the log is its own; of one on a server, only what it has taken.
fn duties(config: &Config) -> Duties {
    match &config.log {
        LogAddress::Memory | LogAddress::Sqlite(_) => Duties::alone(),
        LogAddress::EventStoreDb(_) => {
            let terms = Terms { lease: config.engines.lease, call_timeout: config.dispatch.call_timeout };
            let (engine, place) = (new_engine(), place());
            info!(%engine, place, "one of any number of engines on this log");
            Duties::shared(engine, place, terms, config.connections.keys())
        }
    }
}

/// Until the very end: also the last attempts are made by one engine only.
fn keep_duties(
    duties: Duties,
    log: Arc<dyn EventLog>,
    register: Option<Register>,
    end: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move { keep(duties, &*log, &SystemClock, register, end).await })
}

/// Opens the folder of files. The key of our links lies beside them, made once.
fn media(config: &Config) -> Result<Media, Failure> {
    let wanted = &config.media;
    let folder = wanted.folder.display();
    let store = Store::open(&wanted.folder, wanted.quota).map_err(|error| {
        Failure::because(format!("{folder} cannot hold files; give `media.folder` another place"), &error)
    })?;
    let limits = fetch::Limits {
        max_bytes: wanted.max_file,
        time: wanted.time_limit,
        connect: config.dispatch.connect_timeout,
        at_once: wanted.at_once,
    };
    let allowed = Allowed::also(wanted.allow_private_addresses.clone());
    let fetcher = Fetcher::new(limits, allowed, Arc::new(SystemNames))
        .map_err(|error| Failure::because("fetching files cannot be prepared", &error))?;
    let offer = match &wanted.public_url {
        None => None,
        Some(public_url) => {
            let key = offer::key_in(&wanted.folder).map_err(|error| {
                Failure::because(format!("the key of links in {folder} can be neither read nor made"), &error)
            })?;
            Some(Arc::new(Offer::new(public_url.clone(), key, wanted.link_lifetime)))
        }
    };
    Ok(Media { store: Arc::new(store), fetcher: Arc::new(fetcher), offer, patience: wanted.patience })
}

/// Whom the engine tells how it is.
struct Told {
    readiness: Arc<Readiness>,
    traces: Traces,
    board: Board,
}

fn surroundings(
    config: &Config,
    log: Arc<dyn EventLog>,
    http: Http,
    media: Media,
    duties: Duties,
    told: Told,
) -> Surroundings {
    let dispatch = &config.dispatch;
    Surroundings {
        log,
        clock: Arc::new(SystemClock),
        http,
        media,
        passes: Passes::default(),
        accounts: Arc::new(config.connections.clone()),
        rules: Rules {
            in_flight: dispatch.in_flight,
            give_up_after: dispatch.give_up_after,
            backoff: Backoff { first: dispatch.retry_first, cap: dispatch.retry_cap },
            circuit: dispatch.circuit,
        },
        grace: dispatch.shutdown_grace,
        readiness: told.readiness,
        duties,
        traces: told.traces,
        board: told.board,
    }
}

/// Where traces go, if the configuration names a collector, and what brings them there until the end.
fn traces(config: &Config, end: &CancellationToken) -> Result<(Traces, Option<JoinHandle<()>>), Failure> {
    let Some(collector) = &config.telemetry.otlp else { return Ok((Traces::off(), None)) };
    let (traces, exporter) = Exporter::to(collector, place())
        .map_err(|error| Failure::because("sending traces cannot be prepared", &error))?;
    info!(collector, "traces go to a collector");
    Ok((traces, Some(tokio::spawn(exporter.run(end.clone())))))
}

/// Puts the read side to work, if it is switched on.
fn read_side(
    config: &Config,
    beside: reading::Surroundings,
    end: CancellationToken,
) -> Result<(Reader, Option<std::thread::JoinHandle<()>>), Failure> {
    let Some(place) = &config.reading.place else { return Ok((Reader::off(), None)) };
    let (reader, following) = reading::start(place, beside, end)
        .map_err(|error| Failure::because("the read side cannot be started", &error))?;
    Ok((reader, Some(following)))
}

/// Takes the spool in hand that the configuration names, if it does.
async fn open_spool(config: &Config) -> Result<Option<Arc<Spool>>, Failure> {
    let Some(settings) = &config.spool else { return Ok(None) };
    let spool = Spool::open(&settings.path, settings.limits, Arc::new(SystemClock)).await;
    let spool = spool.map_err(|error| Failure::failed(chain(&error)))?;
    info!(spool = %settings.path.display(), "webhooks that the log does not take wait in the spool");
    Ok(Some(Arc::new(spool)))
}

fn ingress(config: &Config, surroundings: &Surroundings) -> Ingress {
    Ingress::new(
        &config.connections,
        Arc::clone(&surroundings.log),
        Arc::clone(&surroundings.clock),
        Arc::clone(&surroundings.readiness),
        &config.server,
    )
}

/// Lets webhooks in until told to stop.
fn webhooks(
    config: &Config,
    listener: TcpListener,
    ingress: Ingress,
    surroundings: &Surroundings,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let limits = Limits {
        connections: config.server.max_connections,
        idle: config.server.idle_timeout,
        grace: config.dispatch.shutdown_grace,
    };
    let files = surroundings.media.offer.as_ref().map(|offer| {
        let (store, clock) = (Arc::clone(&surroundings.media.store), Arc::clone(&surroundings.clock));
        show::router(Arc::clone(offer), store, clock)
    });
    let serving = ingress::serve(listener, Door::of(ingress, files), limits, stop.clone());
    // However it ends: an engine that lets nothing in is not to look alive.
    let guard = stop.clone().drop_guard();
    tokio::spawn(async move {
        serving.await;
        drop(guard);
    })
}

/// Whether a task came to its end.
fn is_well(ended: Result<(), JoinError>) -> bool {
    ended.inspect_err(|broken| error!(error = %broken, "a part of the engine broke off")).is_ok()
}

fn private_limits(config: &Config) -> Limits {
    let connections = PRIVATE_CONNECTIONS + config.reading.followers;
    Limits { connections, idle: config.server.idle_timeout, grace: PRIVATE_GRACE }
}

async fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::failed(format!(
            "{address} cannot be listened at ({error}); end what listens there, or give `{setting}` another address"
        ))
    })
}

fn listening(listener: &TcpListener, purpose: &'static str) {
    if let Ok(address) = listener.local_addr() {
        info!(%address, purpose, "listening");
    }
}

/// What tells the engine to stop.
struct Stop {
    token: CancellationToken,
}

impl Stop {
    /// From here on, the first signal asks to stop and the second ends the program.
    fn on_signals() -> Result<Self, Failure> {
        let hear = |kind| signal(kind).map_err(|error| Failure::because("signals cannot be heard", &error));
        let (terminate, interrupt) = (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?);
        let token = CancellationToken::new();
        tokio::spawn(listen(terminate, interrupt, token.clone()));
        Ok(Self { token })
    }
}

async fn listen(mut terminate: Signal, mut interrupt: Signal, token: CancellationToken) {
    let first = heard(&mut terminate, &mut interrupt).await;
    info!(signal = first, "stopping");
    token.cancel();
    let second = heard(&mut terminate, &mut interrupt).await;
    warn!(signal = second, "ending at once; what is in flight will be uncertain at the next start");
    std::process::exit(FAILED.into());
}

async fn heard(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
