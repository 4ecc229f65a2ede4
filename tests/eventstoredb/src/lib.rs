//! A test server that speaks EventStoreDB's protocol and serves any log of ours.
//!
//! It is for tests and trials: of the adapter, and of other programs' clients against what we believe the protocol to be.
//! It keeps the server's rules as far as our adapter and those clients touch them ([`store`]), and fails when it is told to
//! ([`faults`]). Absent are persistent subscriptions, projections, users that change, links, scavenging and TLS.

#![allow(clippy::result_large_err, reason = "the protocol's library has one error type, and it is that large")]

pub mod faults;
mod node;
pub mod protocol;
mod read;
mod service;
pub mod store;
mod wire;
mod write;

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::runtime::Runtime;
use tonic::transport::server::TcpIncoming;

pub use faults::{Call, Ending, Fault, Faults};
pub use node::{Cluster, Rights};
pub use store::Store;

use node::Node;
use protocol::gossip::gossip_server::GossipServer;
use protocol::server_features::server_features_server::ServerFeaturesServer;
use protocol::streams::streams_server::StreamsServer;

/// The most bytes of one message: 16 MiB.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// How a server is.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 is any that is free.
    pub address: SocketAddr,
    /// Who may come, with which password and rights; nobody: everybody may do everything.
    pub users: HashMap<String, (String, Rights)>,
    /// Which version it says it is.
    pub version: String,
    /// Whether it knows batch streams.
    pub has_batch_append: bool,
    /// Which cluster it belongs to; one that has none is alone.
    pub cluster: Cluster,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            users: HashMap::new(),
            version: "24.10.14.0".to_owned(),
            has_batch_append: true,
            cluster: Cluster::default(),
        }
    }
}

/// A server that runs until it is killed or dropped, on threads of its own.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What goes wrong there.
    pub faults: Faults,
    options: Options,
    store: Arc<Store>,
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts a server over a store.
    pub fn start(store: Arc<Store>, mut options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.address)?;
        options.address = listener.local_addr()?;
        options.cluster.join(options.address);
        let mut server = Self { address: options.address, faults: Faults::default(), options, store, runtime: None };
        server.run(listener)?;
        Ok(server)
    }

    /// Ends it at once, as a power failure would: connections break, nothing more is answered.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Starts it again at the same address, over the same store.
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        // The killed one may take a moment to let go of its address.
        for _ in 0..100 {
            match reusable(self.address) {
                Ok(listener) => return self.run(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// How its cluster sees itself.
    pub fn cluster(&self) -> &Cluster {
        &self.options.cluster
    }

    /// What it serves.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Its address as a connection string.
    pub fn connection_string(&self) -> String {
        format!("esdb://{}?tls=false", self.address)
    }

    fn run(&mut self, listener: TcpListener) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("eventstoredb")
            .enable_all()
            .build()?;
        listener.set_nonblocking(true)?;
        let node = Node {
            address: self.address,
            store: Arc::clone(&self.store),
            faults: self.faults.clone(),
            cluster: self.options.cluster.clone(),
            users: Arc::new(self.options.users.clone()),
            version: self.options.version.clone(),
            has_batch_append: self.options.has_batch_append,
        };
        let incoming = {
            let _within = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            // Answers are small and must not wait for each other.
            TcpIncoming::from_listener(listener, true, None).map_err(io::Error::other)?
        };
        runtime.spawn(async move {
            let streams = StreamsServer::new(node.clone())
                .max_decoding_message_size(LARGEST_MESSAGE)
                .max_encoding_message_size(2 * LARGEST_MESSAGE);
            tonic::transport::Server::builder()
                .add_service(streams)
                .add_service(GossipServer::new(node.clone()))
                .add_service(ServerFeaturesServer::new(node))
                .serve_with_incoming(incoming)
                .await
        });
        self.runtime = Some(runtime);
        Ok(())
    }
}

fn reusable(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
