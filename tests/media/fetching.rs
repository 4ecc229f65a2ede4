//! Fetching: what is asked, what is not, and where it ends.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chatledger::media::addresses::Allowed;
use chatledger::media::ended::FetchError;
use chatledger::media::fetch::{Credentials, Fetcher, Limits, Names};
use chatledger::media::store::Store;
use chatledger_projections::files::Stored;
use tempfile::TempDir;

use crate::server::{Server, Then};

/// A trial's own names: each answer is given once, the last one for ever.
#[derive(Debug, Default)]
struct Invented(Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>);

#[async_trait]
impl Names for Invented {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut names = self.0.lock().expect("nobody panicked");
        let answers = names.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        let first = answers.front().cloned().unwrap_or_default();
        if answers.len() > 1 {
            answers.pop_front();
        }
        Ok(first)
    }
}

struct Trial {
    fetcher: Fetcher,
    store: Store,
    folder: TempDir,
}

impl Trial {
    fn new() -> Self {
        Self::knowing(&[])
    }

    /// Only 127.0.0.1 is allowed besides the open internet; 127.0.0.2 is as forbidden as everything else of ours.
    fn knowing(names: &[(&str, &[&[&str]])]) -> Self {
        let folder = TempDir::new().expect("there is room");
        let store = Store::open(folder.path(), 100 << 20).expect("the folder is new");
        let second = Duration::from_secs(1);
        let limits = Limits { max_bytes: 1_000_000, time: 2 * second, connect: second, at_once: 2 };
        let address = |text: &&str| text.parse().expect("it is an address");
        let answers = |answers: &[&[&str]]| answers.iter().map(|answer| answer.iter().map(address).collect()).collect();
        let names = names.iter().map(|(name, given)| ((*name).to_owned(), answers(given))).collect();
        let allowed = Allowed::also(vec!["127.0.0.1/32".parse().expect("it is a range")]);
        let names = Arc::new(Invented(Mutex::new(names)));
        Self { fetcher: Fetcher::new(limits, allowed, names).expect("it can be built"), store, folder }
    }

    async fn fetch(&self, link: &str) -> Result<Stored, FetchError> {
        self.fetcher.fetch(link, None, None, &self.store).await
    }

    /// Nothing lies there, whole or half.
    fn is_clean(&self) -> bool {
        let coming = std::fs::read_dir(self.folder.path().join("coming")).expect("it is there");
        self.store.bytes() == 0 && coming.count() == 0
    }
}

#[tokio::test]
async fn a_file_comes_and_is_what_it_is() {
    let trial = Trial::new();
    let server = Server::with("\u{89}PNG").await;
    let stored = trial.fetch(&server.link()).await.expect("it is there");
    assert_eq!((stored.bytes, stored.media_type.as_str()), (5, "application/octet-stream"));
    assert!(trial.store.has(&stored));
    let asked = server.asked();
    assert!(asked[0].contains("accept-encoding: identity") && !asked[0].contains("referer"), "{asked:?}");
}

#[tokio::test]
async fn nothing_of_ours_is_asked_however_it_is_written() {
    let trial = Trial::new();
    let inner = Server::that_says("127.0.0.2", "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret", Then::Ends).await;
    let port = inner.address.port();
    for host in [
        "127.0.0.2",
        "0x7f.0.0.2",
        "2130706434",
        "0177.0.0.2",
        "127.2",
        "[::ffff:127.0.0.2]",
        "[::1]",
        "0.0.0.0",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "[64:ff9b::7f00:2]",
    ] {
        let link = format!("http://{host}:{port}/latest/meta-data/");
        assert_eq!(trial.fetch(&link).await, Err(FetchError::Forbidden), "{host}");
        // And led there by somebody who may be asked.
        let outer = Server::leading_to(&link).await;
        assert_eq!(trial.fetch(&outer.link()).await, Err(FetchError::Forbidden), "redirect to {host}");
    }
    assert!(inner.asked().is_empty() && trial.is_clean());
}

#[tokio::test]
async fn a_name_that_leads_into_our_house_is_not_followed() {
    let trial = Trial::knowing(&[
        ("inside.example", &[&["127.0.0.2"]]),
        ("mixed.example", &[&["127.0.0.1", "10.0.0.1"]]),
        ("six.example", &[&["fe80::1"]]),
        ("localhost", &[&["127.0.0.2"]]),
    ]);
    for name in ["inside.example", "mixed.example", "six.example", "localhost"] {
        assert_eq!(trial.fetch(&format!("http://{name}:1/")).await, Err(FetchError::Forbidden), "{name}");
        let outer = Server::leading_to(&format!("http://{name}:1/")).await;
        assert_eq!(trial.fetch(&outer.link()).await, Err(FetchError::Forbidden), "redirect to {name}");
    }
    assert_eq!(trial.fetch("http://unknown.example/").await, Err(FetchError::Unreached));
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_by_what_is_connected_to() {
    // The first answer is harmless, every further one is not.
    let names: [(&str, &[&[&str]]); 1] = [("rebind.example", &[&["127.0.0.1"], &["127.0.0.2"]])];
    let whole = Server::with("harmless").await;
    let port = whole.address.port();
    // One question, one answer, and that one is used: the second would have been refused.
    let stored = Trial::knowing(&names).fetch(&format!("http://rebind.example:{port}/")).await;
    assert_eq!(stored.expect("it is there").bytes, 8);
    // Asked again on the way, it says the other thing; that is judged, too.
    let circle = Server::leading_to("/again").await;
    let link = format!("http://rebind.example:{}/", circle.address.port());
    assert_eq!(Trial::knowing(&names).fetch(&link).await, Err(FetchError::Forbidden));
    assert_eq!(circle.asked().len(), 1);
}

#[tokio::test]
async fn a_body_without_end_ends_at_the_limit() {
    let trial = Trial::new();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).leak().as_bytes();
    let endless = Server::saying(head, Then::GoesOn(piece, Duration::ZERO)).await;
    assert_eq!(trial.fetch(&endless.link()).await, Err(FetchError::TooLarge(1_000_000)));
    let unbounded = Server::saying("HTTP/1.1 200 OK\r\n\r\n", Then::GoesOn(&[0; 64 * 1024], Duration::ZERO)).await;
    assert_eq!(trial.fetch(&unbounded.link()).await, Err(FetchError::TooLarge(1_000_000)));
    assert!(trial.is_clean());
}

#[tokio::test]
async fn what_its_receiver_does_not_take_is_not_fetched_to_the_end() {
    let trial = Trial::new();
    let server = Server::with(&"x".repeat(1000)).await;
    let fetched = |most| trial.fetcher.fetch("", Some(most), None, &trial.store);
    drop(fetched(1));
    let link = server.link();
    assert_eq!(trial.fetcher.fetch(&link, Some(999), None, &trial.store).await, Err(FetchError::TooLarge(999)));
    assert!(trial.fetcher.fetch(&link, Some(1000), None, &trial.store).await.is_ok());
}

#[tokio::test]
async fn a_slow_body_and_a_silent_server_end_in_time() {
    let trial = Trial::new();
    let drip = Server::saying(
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n",
        Then::GoesOn(b"x", Duration::from_millis(100)),
    );
    let heads = Server::saying("HTTP/1.1 200 OK\r\n", Then::GoesOn(b"x-a: b\r\n", Duration::from_millis(100)));
    for server in [drip.await, heads.await, Server::saying("", Then::Waits).await] {
        let began = Instant::now();
        assert_eq!(trial.fetch(&server.link()).await, Err(FetchError::TooSlow));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    assert!(trial.is_clean());
}

#[tokio::test]
async fn a_length_is_believed_only_against_the_one_who_says_it() {
    let trial = Trial::new();
    let says = |length: &str, body: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
    let large = Server::saying(says("99999999999", "x"), Then::Waits).await;
    assert_eq!(trial.fetch(&large.link()).await, Err(FetchError::TooLarge(1_000_000)));
    let short = Server::saying(says("1000", "only this"), Then::Ends).await;
    assert_eq!(trial.fetch(&short.link()).await, Err(FetchError::BrokenOff));
    assert!(trial.is_clean());
    // What stands behind the announced end is not part of the file.
    let long = Server::saying(says("4", "fourand more"), Then::Ends).await;
    assert_eq!(trial.fetch(&long.link()).await.map(|stored| stored.bytes), Ok(4));
    let rubbish = Server::saying(says("-1", ""), Then::Ends).await;
    assert_eq!(trial.fetch(&rubbish.link()).await, Err(FetchError::BrokenOff));
}

#[tokio::test]
async fn nothing_is_unpacked() {
    let trial = Trial::new();
    // The head of a gzip that would become a thousand times as much.
    let packed = "\u{1f}\u{8b}\u{8}";
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n{packed}", packed.len());
    let bomb = Server::saying(head, Then::Ends).await;
    assert_eq!(trial.fetch(&bomb.link()).await, Err(FetchError::Packed));
    let file = Server::saying(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00", Then::Ends).await;
    let stored = trial.fetch(&file.link()).await.expect("an archive is a file like any other");
    assert_eq!((stored.bytes, stored.media_type.as_str()), (4, "application/gzip"));
}

#[tokio::test]
async fn a_link_leads_on_a_few_times_and_only_within_the_web() {
    let trial = Trial::new();
    let whole = Server::with("here").await;
    let outer = Server::leading_to(&whole.link()).await;
    assert_eq!(trial.fetch(&outer.link()).await.map(|stored| stored.bytes), Ok(4));
    let circle = Server::leading_to("/file").await;
    assert_eq!(trial.fetch(&circle.link()).await, Err(FetchError::Redirects(5)));
    assert_eq!(circle.asked().len(), 6);
    for elsewhere in ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://"] {
        assert_eq!(trial.fetch(elsewhere).await, Err(FetchError::Address), "{elsewhere}");
        let outer = Server::leading_to(elsewhere).await;
        assert_eq!(trial.fetch(&outer.link()).await, Err(FetchError::Address), "redirect to {elsewhere}");
    }
    assert_eq!(trial.fetch(&format!("http://a.example/{}", "x".repeat(20_000))).await, Err(FetchError::Address));
    let nowhere = Server::saying("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n", Then::Ends).await;
    assert_eq!(trial.fetch(&nowhere.link()).await, Err(FetchError::Status(302)));
    let gone = Server::saying("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", Then::Ends).await;
    assert_eq!(trial.fetch(&gone.link()).await, Err(FetchError::Status(410)));
}

#[tokio::test]
async fn credentials_go_to_their_own_house_and_nowhere_else() {
    let trial = Trial::new();
    let stranger = Server::with("theirs").await;
    let home = Server::leading_to(&stranger.link()).await;
    let base = format!("http://{}", home.address);
    let credentials = Credentials::of(&base, &[("x-token", "s3cret".to_owned())]).expect("there is one");
    let fetched = trial.fetcher.fetch(&home.link(), None, Some(&credentials), &trial.store).await;
    assert_eq!(fetched.map(|stored| stored.bytes), Ok(6));
    assert!(home.asked()[0].contains("x-token: s3cret"));
    assert!(!stranger.asked()[0].contains("s3cret"), "{:?}", stranger.asked());
    assert!(!format!("{credentials:?}").contains("s3cret"));
    assert!(Credentials::of(&base, &[]).is_none());
}

#[tokio::test]
async fn only_so_many_files_come_at_once() {
    let trial = Trial::new();
    let slow = Server::saying("", Then::Waits).await;
    let link = slow.link();
    let many = (0..5).map(|_| trial.fetch(&link));
    let most = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        slow.asked().len()
    };
    let all = async {
        let mut ends = Vec::new();
        let (one, two, three) = {
            let mut many = many;
            (many.next().expect("one"), many.next().expect("two"), many.next().expect("three"))
        };
        let (one, two, three) = tokio::join!(one, two, three);
        ends.extend([one, two, three]);
        ends
    };
    let (ends, most) = tokio::join!(all, most);
    assert_eq!(most, 2);
    assert!(ends.iter().all(|end| *end == Err(FetchError::TooSlow)));
}
