//! The way in with the log on this machine's disk, on a server, and on a server that has gone away.
//!
//! * *local*: an SQLite log, as in the throughput benchmark;
//! * *on a server*: the test server in this process, which keeps everything in memory;
//! * *away*: the same server, killed when the engine is ready: every webhook goes to the spool.
//!
//! Each beside the bare handler of the same run. The program is named by `CHATLEDGER`, for it belongs to another package;
//! `just bench-esdb` names it. Prints a table and the ratios. Nothing here passes or fails by the clock.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

#[path = "../../../engine/benches/throughput/load.rs"]
mod load;
#[path = "../../../engine/benches/throughput/stand.rs"]
mod stand;

use std::path::PathBuf;
use std::sync::Arc;

use chatledger::log::memory::MemoryLog;
use chatledger::log::{EventLog, LARGEST_EVENT};
use chatledger_eventstoredb::{Options, Server, Store};
use tokio::runtime::Runtime;

use stand::{Files, Log, Stand};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [first, port] = arguments.as_slice()
        && first == "--bare"
    {
        return load::serve_bare(port.parse().unwrap());
    }
    let webhooks = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(30_000);
    let program = std::env::var_os("CHATLEDGER").map(PathBuf::from);
    let program = program.expect("CHATLEDGER names the program, as target/release/chatledger; `just bench-esdb` does");
    let program = program.canonicalize().expect("the program is where CHATLEDGER says");
    let stand = Stand { program: &program, is_read: false };
    println!("ingest: {webhooks} signed webhooks a round over {} connections", load::CONNECTIONS);
    let folder = tempfile::tempdir().unwrap();
    stand.ingest("log on this disk", folder.path(), webhooks, &mut Files(folder.path()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    stand.ingest(
        "log on a server",
        folder.path(),
        webhooks,
        &mut Remote { runtime: &runtime, server: None, goes: false },
    );
    let folder = tempfile::tempdir().unwrap();
    stand.ingest("log away", folder.path(), webhooks, &mut Remote { runtime: &runtime, server: None, goes: true });
}

/// A new server every round; one that goes away is gone before the load begins.
struct Remote<'a> {
    runtime: &'a Runtime,
    server: Option<Server>,
    goes: bool,
}

impl Log for Remote<'_> {
    fn address(&mut self, _: usize) -> String {
        let kept: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
        let store = self.runtime.block_on(Store::over(kept, LARGEST_EVENT)).unwrap();
        let server = Server::start(store, Options::default()).unwrap();
        let address = server.connection_string();
        self.server = Some(server);
        address
    }

    fn is_about_to_begin(&mut self) {
        if self.goes
            && let Some(server) = &mut self.server
        {
            server.kill();
        }
    }
}
