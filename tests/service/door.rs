//! The way to a platform: a port that passes everything on, keeps the answers back, or is not there at all.
//!
//! The engine knows the door's address, not the platform's, so that a platform can vanish and come back in its place.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How a door stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// Everything passes.
    Open,
    /// Requests pass, answers wait.
    Mute,
    /// Nobody is there: connections are refused, and those that were made are cut.
    Shut,
}

/// A way to a platform.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    wanted: watch::Sender<Standing>,
    /// Whether somebody listens, as far as the keeper has come.
    listening: watch::Receiver<bool>,
}

impl Door {
    /// An open door at this address, before a platform at that one.
    pub async fn at(address: SocketAddr, platform: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (wanted, standing) = watch::channel(Standing::Open);
        let (tell, listening) = watch::channel(true);
        tokio::spawn(keep(listener, address, platform, standing, tell));
        Ok(Self { address, wanted, listening })
    }

    /// Where the engine finds the platform.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nobody is there from here on.
    pub async fn shut(&self) {
        self.stand(Standing::Shut).await;
    }

    /// The platform hears everything and is not heard.
    pub async fn mute(&self) {
        self.stand(Standing::Mute).await;
    }

    /// Everything passes, and whatever waited.
    pub async fn open(&self) {
        self.stand(Standing::Open).await;
    }

    async fn stand(&self, standing: Standing) {
        self.wanted.send_replace(standing);
        let mut listening = self.listening.clone();
        let there = standing != Standing::Shut;
        listening.wait_for(|listening| *listening == there).await.expect("the keeper stays as long as the door");
    }
}

/// Stands behind the door until the test ends.
async fn keep(
    first: TcpListener,
    address: SocketAddr,
    platform: SocketAddr,
    mut standing: watch::Receiver<Standing>,
    listening: watch::Sender<bool>,
) {
    let mut listener = Some(first);
    loop {
        let Some(open) = listener.take() else {
            if standing.wait_for(|standing| *standing != Standing::Shut).await.is_err() {
                return;
            }
            listener = TcpListener::bind(address).await.ok();
            if listener.is_none() {
                // Somebody else may have the port for a moment.
                sleep(Duration::from_millis(20)).await;
            } else {
                listening.send_replace(true);
            }
            continue;
        };
        let mut passing = JoinSet::new();
        let standing_for_all = standing.clone();
        let gone = loop {
            tokio::select! {
                shut = standing.wait_for(|standing| *standing == Standing::Shut) => break shut.is_err(),
                accepted = open.accept() => if let Ok((stream, _)) = accepted {
                    passing.spawn(pass(stream, platform, standing_for_all.clone()));
                },
                Some(_) = passing.join_next() => {}
            }
        };
        drop(open);
        passing.shutdown().await;
        listening.send_replace(false);
        if gone {
            return;
        }
    }
}

async fn pass(near: TcpStream, platform: SocketAddr, mut standing: watch::Receiver<Standing>) {
    let Ok(far) = TcpStream::connect(platform).await else { return };
    let (_set, _set_too) = (near.set_nodelay(true), far.set_nodelay(true));
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let requests = async {
        let _ended = tokio::io::copy(&mut near_in, &mut far_out).await;
    };
    let answers = async {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = far_in.read(&mut bytes).await {
            if standing.wait_for(|standing| *standing == Standing::Open).await.is_err() {
                return;
            }
            if near_out.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    // Whichever side goes first: an exchange has no half.
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}
