//! The test server as a program: `chatledger-eventstoredb [ADDRESS [LOG]]`. Prints its connection string, and serves
//! until it is killed.

use std::error::Error;
use std::io::Write as _;

use chatledger::config::System;
use chatledger::log::address::LogAddress;
use chatledger_eventstoredb::{Options, Server, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:2113".to_owned()).parse()?;
    let log = LogAddress::typed(&arguments.next().unwrap_or_else(|| "memory:".to_owned()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let store = runtime.block_on(async {
        Store::over(log.open_to_write(&System)?, 16 * 1024 * 1024).await.map_err(Box::<dyn Error>::from)
    })?;
    let server = Server::start(store, Options { address, ..Options::default() })?;
    writeln!(std::io::stdout(), "{}", server.connection_string())?;
    loop {
        std::thread::park();
    }
}
