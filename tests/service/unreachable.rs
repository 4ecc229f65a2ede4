//! Platforms behind names that nobody knows and certificates that nobody vouches for: nothing is sent to a stranger,
//! nothing is lost, and the reason can be read.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::engine::{Engine, replay, run};
use crate::house::{House, Plan};

const ANNA: &str = "79161234567";

/// Listens with a certificate of its own making for this name; gives where.
async fn impostor(name: &str) -> SocketAddr {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate can be made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it is a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions are the provider's")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("the key is the certificate's");
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.expect("there is a free port"));
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let accepted = acceptor.accept(stream).await;
                assert!(accepted.is_err(), "nobody who looks at the certificate goes on");
            });
        }
    });
    address
}

/// Listens, and answers whatever comes with what is no TLS.
async fn babbler() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _gone = stream.try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    address
}

async fn until_tried_in_vain(house: &House, engine: &Engine) {
    for _ in 0..1000 {
        let tries =
            engine.counted("chatledger_attempts_settled_total", "connection=\"messenger\",outcome=\"postponed\"").await;
        if tries >= Some(2.0) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("in vain awaited: calls to the messenger that reach nobody\n{}", house.tail());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_whose_name_or_certificate_is_nobodys_is_told_nothing_and_gets_everything_later() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Anna is here.").await;
    house.settled(&engine).await;
    engine.end().await;
    let path = house.folder.path().join("chatledger.toml");
    let right = std::fs::read_to_string(&path).expect("it was just written");
    let places = [
        ("https://messenger.invalid".to_owned(), "no connection"),
        (format!("https://localhost:{}", impostor("localhost").await.port()), "certificate"),
        (format!("https://localhost:{}", impostor("someone.else").await.port()), "certificate"),
        (format!("https://localhost:{}", babbler().await.port()), "no connection"),
    ];
    let mut written = Vec::new();
    for (nth, (place, reason)) in places.into_iter().enumerate() {
        let wrong = right.replace(&house.messenger.door.base_url(), &place);
        assert_ne!(wrong, right);
        std::fs::write(&path, wrong).expect("the folder can be written to");
        let engine = house.start().await;
        let text = format!("Message {nth}.");
        house.manager_writes(ANNA, &text);
        assert_eq!(house.answer_to(&house.crm.name, &text).await, Some(200));
        written.push(text);
        until_tried_in_vain(&house, &engine).await;
        engine.end().await;
        let log = run(house.folder.path(), &["log", "--log", "chatledger.db", "--json"]).await;
        let last = log.output.lines().rfind(|line| line.contains("AttemptSettled")).expect("something was tried");
        assert!(last.contains(reason), "{place} is not called a matter of {reason:?}: {last}");
    }
    std::fs::write(&path, right).expect("the folder can be written to");
    let engine = house.start().await;
    house.until_stands(&written[written.len() - 1], "delivered").await;
    house.settled(&engine).await;
    engine.end().await;
    assert_eq!(house.managers_lines(ANNA), written, "each once, in order");
    let report = replay(house.folder.path()).await;
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
}
