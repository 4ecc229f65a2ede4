//! A simulated platform behind real HTTP on loopback: requests in as they come over the wire, what the model answers out.
//!
//! One connection after the other is enough for a command line. Webhooks are not sent: nobody listens here.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use chatledger_connectors::connector::{Connector as _, Request, Secret, Secrets, SimulatedAccount};
use chatledger_connectors::pact::Pact;
use chatledger_connectors::simulator::Simulator;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use serde_json::json;

/// The token that the platform wants to see.
pub const TOKEN: &str = "a-token-that-nobody-can-guess-1234";

/// A simulated account behind an address.
pub struct Desk {
    /// Where it listens, without a slash at the end.
    pub address: String,
    /// Every request that came: method and target.
    pub asked: Arc<Mutex<Vec<String>>>,
    /// How many of the next requests are answered with 429.
    pub impatient: Arc<Mutex<u32>>,
}

impl Desk {
    /// Opens an account that speaks one generation, in one messenger.
    pub fn open(api: &str, provider: &str) -> Self {
        let name = ConnectionName::new("pact.sales");
        let settings = json!({ "company_id": 154, "api": api, "provider": provider });
        let mut secrets = Secrets::default();
        secrets.insert("token", Secret::new(TOKEN));
        let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
        let mut simulator = Pact.simulator(&account).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (asked, impatient) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (heard, patience) = (asked.clone(), impatient.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever goes away in the middle is not waited for.
                let _gone = serve(stream, &mut *simulator, &heard, &patience);
            }
        });
        Self { address, asked, impatient }
    }
}

fn serve(
    stream: TcpStream,
    simulator: &mut dyn Simulator,
    asked: &Mutex<Vec<String>>,
    impatient: &Mutex<u32>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    asked.lock().unwrap().push(format!("{method} {target}"));
    let method = ["GET", "POST", "PUT", "DELETE"].into_iter().find(|known| *known == method).unwrap_or("GET");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), form_urlencoded::parse(query.as_bytes()).into_owned().collect());
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "content-type" => headers.push(("content-type", value.trim().to_owned())),
            "x-private-api-token" => headers.push(("x-private-api-token", value.trim().to_owned())),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut left = impatient.lock().unwrap();
    let is_impatient = *left > 0;
    *left = left.saturating_sub(1);
    let (status, body) = if is_impatient {
        (429, br#"{"errors":[{"status":429,"detail":"Please wait for 1 seconds"}]}"#.to_vec())
    } else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap());
        let reaction = simulator.handle(&Request { method, path, query, headers, body, form: Vec::new() }, now);
        (reaction.status, reaction.body)
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}
