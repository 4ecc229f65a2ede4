//! A file's server that says what a test wants, byte for byte, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a server goes on after its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// It ends the connection.
    Ends,
    /// It says nothing more, and keeps the connection.
    Waits,
    /// It says the same piece again and again, after a pause each time.
    GoesOn(&'static [u8], Duration),
}

/// A server at work. It ends with the test.
#[derive(Clone, Debug)]
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers every request in the same way.
    pub async fn that_says(host: &str, first: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind((host, 0)).await.expect("the machine has this address");
        let address = listener.local_addr().expect("it listens");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = Self { address, asked: asked.clone() };
        let first = Arc::new(first.into());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, first) = (asked.clone(), first.clone());
                tokio::spawn(async move { answer(stream, &asked, &first, then).await });
            }
        });
        server
    }

    /// On this machine's usual address.
    pub async fn saying(first: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::that_says("127.0.0.1", first, then).await
    }

    /// A whole file.
    pub async fn with(body: &str) -> Self {
        Self::saying(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()), Then::Ends).await
    }

    /// One that sends elsewhere.
    pub async fn leading_to(link: &str) -> Self {
        Self::saying(format!("HTTP/1.1 302 Found\r\nlocation: {link}\r\ncontent-length: 0\r\n\r\n"), Then::Ends).await
    }

    pub fn link(&self) -> String {
        format!("http://{}/file", self.address)
    }

    /// The heads of all requests.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

async fn answer(mut stream: TcpStream, asked: &Mutex<Vec<String>>, first: &[u8], then: Then) -> Option<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 64 * 1024];
    let end = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    while request.len() < end + length.unwrap_or(0) {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
    asked.lock().expect("nobody panicked").push(String::from_utf8_lossy(&request).into_owned());
    stream.write_all(first).await.ok()?;
    match then {
        Then::Ends => {}
        Then::Waits => tokio::time::sleep(Duration::from_secs(600)).await,
        Then::GoesOn(piece, pause) => loop {
            stream.write_all(piece).await.ok()?;
            tokio::time::sleep(pause).await;
        },
    }
    Some(())
}
