//! The way in, over real sockets: what is kept, what is refused, and what is answered.

mod house;
mod spool;
mod wire;

use std::time::{Duration, Instant};

use chatledger::log::failing::Fault;
use chatledger_projections::event::Transport;

use house::{House, NOW, SECRET, logged};
use wire::{Wire, chunk, request};

const PROOF: (&str, &str) = ("x-proof", SECRET);
const RECORDED: &str = "chatledger_webhooks_recorded_total";
const DUPLICATES: &str = "chatledger_webhooks_duplicate_total";
const REFUSED: &str = "chatledger_webhooks_refused_total";

#[tokio::test]
async fn an_authentic_webhook_is_recorded_byte_for_byte() {
    let house = House::of("verbatim").await;
    let body = b" {\"a\":1,\n\"a\":2}\xff\x00\r\n";
    let headers = [PROOF, ("Content-Type", "application/json; charset=utf-8"), ("Cookie", "session=1")];
    let reply = Wire::to(house.public).await.post(&house.path(), &headers, body).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    let recorded = house.recorded().await;
    let [(place, webhook)] = recorded.as_slice() else { panic!("one event: {recorded:?}") };
    assert_eq!(webhook.body, body);
    assert_eq!(webhook.headers, [("content-type".to_owned(), "application/json; charset=utf-8".to_owned())]);
    assert_eq!((webhook.connection.as_str(), webhook.platform.as_str()), ("verbatim", "fake"));
    assert_eq!(webhook.transport, Transport::Webhook);
    assert_eq!(place.recorded_at, NOW);
    assert_eq!(place.stream.as_str(), format!("webhook-{}", place.id));
}

#[tokio::test]
async fn a_credential_in_a_body_is_not_recorded() {
    let house = House::of("hole").await;
    assert_eq!(house.deliver(b"credential;the rest\r\n").await.status, 200);
    assert_eq!(house.recorded().await[0].1.body, b"the rest\r\n");
}

#[tokio::test]
async fn a_million_bytes_are_taken_and_a_few_more_than_allowed_are_not() {
    let house = House::of("large").await;
    let body = vec![b'x'; 1_000_000];
    assert_eq!(house.deliver(&body).await.status, 200);
    assert_eq!(house.recorded().await[0].1.body, body);
    assert_eq!(house.deliver(&vec![b'y'; house.config.server.max_body]).await.status, 200);
    assert_eq!(house.deliver(&vec![b'z'; house.config.server.max_body + 1]).await.status, 413);
    assert_eq!(house.recorded().await.len(), 2);
    assert_eq!(house.counted(REFUSED, ",reason=\"too_large\"").await, 1);
}

#[tokio::test]
async fn a_body_that_claims_too_much_is_refused_before_it_comes() {
    let house = House::of("claimed").await;
    let mut wire = Wire::to(house.public).await;
    let headers = [PROOF, ("expect", "100-continue")];
    wire.send(&request("POST", &house.path(), &headers, Some(1_000_000_000_000))).await;
    assert_eq!(wire.reply().await.map(|reply| reply.status), Some(413));
}

#[tokio::test]
async fn a_body_in_chunks_is_joined_and_bounded() {
    let house = House::with("chunks", "max_body = 1000").await;
    let head = request("POST", &house.path(), &[PROOF, ("transfer-encoding", "chunked")], None);
    let mut wire = Wire::to(house.public).await;
    wire.send(&head).await;
    for part in [&b"{\"a\""[..], b":", b"1}", b""] {
        wire.send(&chunk(part)).await;
    }
    assert_eq!(wire.reply().await.map(|reply| reply.status), Some(200));
    assert_eq!(house.recorded().await[0].1.body, b"{\"a\":1}");

    let mut wire = Wire::to(house.public).await;
    wire.send(&head).await;
    for _ in 0..3 {
        wire.send(&chunk(&[b'x'; 400])).await;
    }
    wire.send(&chunk(b"")).await;
    assert_eq!(wire.reply().await.map(|reply| reply.status), Some(413));
    assert_eq!(house.recorded().await.len(), 1);
}

#[tokio::test]
async fn a_second_delivery_is_answered_alike_and_recorded_once() {
    let house = House::of("twice").await;
    let replies = futures(20, |_| house.deliver(b"{\"id\":7}")).await;
    assert!(replies.iter().all(|reply| (reply.status, reply.body.as_str()) == (200, "{}")), "{replies:?}");
    assert_eq!(house.recorded().await.len(), 1);
    assert_eq!((house.counted(RECORDED, "").await, house.counted(DUPLICATES, "").await), (1, 19));
}

#[tokio::test]
async fn what_is_not_authentic_is_counted_and_nothing_else() {
    let house = House::of("forged").await;
    let mut wire = Wire::to(house.public).await;
    let elsewhere = format!("/hooks/{}/a/2", house.name);
    for (path, headers, status) in
        [(house.path(), vec![], 401), (house.path(), vec![("x-proof", "wrong")], 403), (elsewhere, vec![PROOF], 403)]
    {
        let reply = wire.post(&path, &headers, b"{}").await;
        assert_eq!((reply.status, reply.body.as_str()), (status, ""));
    }
    assert!(house.recorded().await.is_empty());
    for reason in ["unproven", "forged", "misdirected"] {
        assert_eq!(house.counted(REFUSED, &format!(",reason=\"{reason}\"")).await, 1, "{reason}");
    }
}

#[tokio::test]
async fn an_address_that_does_not_exist_is_not_found() {
    let house = House::of("found").await;
    let mut wire = Wire::to(house.public).await;
    for path in ["/", "/hooks", "/hooks/", "/hooks/other/a/1", "/hooks/%ff", "/healthz", "/metrics", "/hooks/found2"] {
        assert_eq!(wire.post(path, &[PROOF], b"{}").await.status, 404, "{path}");
        assert_eq!(wire.get(path).await.status, 404, "{path}");
    }
    assert!(house.recorded().await.is_empty());
}

#[tokio::test]
async fn a_path_is_read_decoded() {
    let house = House::of("decoded.name").await;
    let mut wire = Wire::to(house.public).await;
    for (index, path) in ["/hooks/decoded%2Ename/a/1", "/hooks/decoded.name/a%2F1", "/hooks/decoded.name/%61/1/?q=1"]
        .into_iter()
        .enumerate()
    {
        assert_eq!(wire.post(path, &[PROOF], &[b'0' + index as u8]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn webhooks_are_posted() {
    let house = House::of("methods").await;
    let mut wire = Wire::to(house.public).await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "BREW"] {
        wire.send(&request(method, &house.path(), &[PROOF], Some(0))).await;
        let reply = wire.reply().await.expect("there is an answer");
        assert_eq!((reply.status, reply.headers["allow"].as_str()), (405, "POST"), "{method}");
    }
    assert!(house.recorded().await.is_empty());
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let house = House::of("garbage").await;
    for garbage in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"hello\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"]
    {
        let mut wire = Wire::to(house.public).await;
        wire.send(garbage).await;
        let status = wire.reply().await.map(|reply| reply.status);
        assert!(matches!(status, None | Some(400 | 505)), "{status:?}");
    }
    let headers: Vec<_> = (0..100).map(|_| ("x-many", "1")).collect();
    assert_eq!(Wire::to(house.public).await.post(&house.path(), &headers, b"{}").await.status, 431);
    let long = "x".repeat(200_000);
    assert_eq!(Wire::to(house.public).await.post(&house.path(), &[("x-long", &long)], b"{}").await.status, 431);
    assert_eq!(house.deliver(b"{}").await.status, 200);
}

#[tokio::test]
async fn whatever_an_authentic_body_says_is_kept() {
    let house = House::of("anything").await;
    for body in [&b""[..], b"rubbish", b"\xff\xfe\xfd", b"[[[[[["] {
        assert_eq!(house.deliver(body).await.status, 200);
    }
    assert_eq!(house.recorded().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_are_kept_alive() {
    let house = House::of("alive").await;
    let replies = futures(64, |connection| {
        let (address, path) = (house.public, house.path());
        async move {
            let mut wire = Wire::to(address).await;
            let mut statuses = Vec::new();
            for message in 0..50 {
                let body = format!("{{\"from\":{connection},\"message\":{message}}}");
                statuses.push(wire.post(&path, &[PROOF], body.as_bytes()).await.status);
            }
            statuses
        }
    })
    .await;
    assert!(replies.into_iter().flatten().all(|status| status == 200));
    assert_eq!(house.recorded().await.len(), 64 * 50);
}

#[tokio::test]
async fn a_body_that_dawdles_or_breaks_off_is_not_recorded() {
    let house = House::with("slow", "request_timeout = \"200ms\"").await;
    let mut wire = Wire::to(house.public).await;
    wire.send(&request("POST", &house.path(), &[PROOF], Some(10))).await;
    wire.send(b"{\"a\"").await;
    assert_eq!(wire.reply().await.map(|reply| reply.status), Some(408));

    let mut wire = Wire::to(house.public).await;
    wire.send(&request("POST", &house.path(), &[PROOF], Some(10))).await;
    wire.send(b"{\"a\"").await;
    drop(wire);
    until(async || house.counted(REFUSED, ",reason=\"broken_off\"").await == 1).await;
    assert!(house.recorded().await.is_empty());
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let house = House::with("silent", "idle_timeout = \"1s\"").await;
    let mut wire = Wire::to(house.public).await;
    wire.send(b"POST /hooks/silent/a/1 HTTP/1.1\r\nx-slow: ").await;
    let reply = wire.reply().await;
    assert!(reply.is_none_or(|reply| reply.status == 408));
}

#[tokio::test]
async fn a_log_that_fails_is_answered_with_503_until_it_is_back() {
    let house = House::of("failing").await;
    house.readiness.set_caught_up(true);
    house.log.fail_next(Fault::Refuse);
    let reply = house.deliver(b"{\"id\":1}").await;
    assert_eq!((reply.status, reply.headers["retry-after"].as_str()), (503, "5"));
    assert!(house.recorded().await.is_empty());
    let ready = house.ask("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("the log did not take the last event"), "{}", ready.body);

    // What the platform repeats is recorded once, whatever became of the first.
    house.log.fail_next(Fault::LoseAnswer);
    assert_eq!(house.deliver(b"{\"id\":1}").await.status, 503);
    assert_eq!(house.deliver(b"{\"id\":1}").await.status, 200);
    assert_eq!(house.recorded().await.len(), 1);
    assert_eq!(house.counted(REFUSED, ",reason=\"no_log\"").await, 2);
    assert_eq!(house.ask("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_log_that_never_answers_is_not_waited_for() {
    let house = House::with("hanging", "request_timeout = \"200ms\"").await;
    house.log.fail_next(Fault::Hang);
    assert_eq!(house.deliver(b"{\"id\":1}").await.status, 503);
    assert_eq!(house.deliver(b"{\"id\":1}").await.status, 200);
}

#[tokio::test]
async fn more_requests_than_places_wait_a_moment_and_are_then_turned_away() {
    let house = House::with("busy", "max_requests = 1").await;
    let mut slow = Wire::to(house.public).await;
    slow.send(&request("POST", &house.path(), &[PROOF], Some(2))).await;
    slow.send(b"{").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let reply = house.deliver(b"{\"id\":1}").await;
    assert_eq!((reply.status, reply.headers["retry-after"].as_str()), (503, "1"));
    let waiting = house.deliver(b"{\"id\":1}");
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut waiting).await.is_err(), "it waits");
    slow.send(b"}").await;
    assert_eq!(slow.reply().await.map(|reply| reply.status), Some(200));
    assert_eq!(waiting.await.status, 200);
    assert_eq!(house.deliver(b"{\"id\":2}").await.status, 200);
}

#[tokio::test]
async fn more_connections_than_allowed_wait_until_one_is_silent() {
    let house = House::with("turns", "max_connections = 1").await;
    let mut first = Wire::to(house.public).await;
    first.send(&request("POST", &house.path(), &[PROOF], Some(2))).await;
    first.send(b"{").await;
    let second = house.deliver(b"2");
    tokio::pin!(second);
    assert!(tokio::time::timeout(Duration::from_millis(400), &mut second).await.is_err(), "a request in hand stays");
    first.send(b"}").await;
    assert_eq!(first.reply().await.map(|reply| reply.status), Some(200));
    assert_eq!(second.await.status, 200);
    assert_eq!(first.reply().await, None, "it gave up its place");
    assert_eq!(house.recorded().await.len(), 2);
}

#[tokio::test]
async fn connections_that_are_held_open_keep_nobody_out() {
    let house = House::with("held-open", "max_connections = 20").await;
    let mut held = Vec::new();
    for number in 0..60 {
        let mut wire = Wire::to(house.public).await;
        if number % 2 == 0 {
            wire.send(b"POST /hooks/held-open/a/1 HTTP/1.1\r\nx-slow: ").await;
        }
        held.push(wire);
    }
    let began = Instant::now();
    assert_eq!(house.deliver(b"authentic").await.status, 200);
    assert!(began.elapsed() < Duration::from_secs(4), "a platform waits five seconds: {:?}", began.elapsed());
}

#[tokio::test]
async fn headers_that_come_drop_by_drop_do_not_keep_a_connection_open() {
    let house = House::with("drops", "idle_timeout = \"1s\"").await;
    let mut wire = Wire::to(house.public).await;
    wire.send(b"POST /hooks/drops/a/1 HTTP/1.1\r\nx-slow: ").await;
    let began = Instant::now();
    let ended = async {
        loop {
            tokio::select! {
                reply = wire.reply() => break reply,
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
            wire.send(b"x").await;
        }
    };
    let reply = tokio::time::timeout(Duration::from_secs(5), ended).await.expect("it is closed");
    assert!(reply.is_none_or(|reply| reply.status == 408));
    assert!(began.elapsed() > Duration::from_millis(900), "not before its time: {:?}", began.elapsed());
}

#[tokio::test]
async fn requests_in_hand_are_finished_when_the_listener_stops() {
    let house = House::of("stopping").await;
    let mut in_hand = Wire::to(house.public).await;
    in_hand.send(&request("POST", &house.path(), &[PROOF], Some(2))).await;
    in_hand.send(b"{").await;
    let mut idle = Wire::to(house.public).await;
    assert_eq!(idle.post(&house.path(), &[PROOF], b"1").await.status, 200);
    house.stop.cancel();
    assert_eq!(idle.reply().await, None);
    in_hand.send(b"}").await;
    assert_eq!(in_hand.reply().await.map(|reply| reply.status), Some(200));
    tokio::time::timeout(Duration::from_secs(3), house.served).await.expect("it ends").expect("it does not panic");
    assert!(tokio::net::TcpStream::connect(house.public).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn health_readiness_and_metrics_are_shown_in_private() {
    let house = House::of("private").await;
    assert_eq!(house.ask("/healthz").await.status, 200);
    let ready = house.ask("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body, r#"{"ready":false,"reasons":["the pipeline has not caught up with the log"]}"#);
    house.readiness.set_caught_up(true);
    assert_eq!(house.ask("/readyz").await.body, r#"{"ready":true,"reasons":[]}"#);
    assert!(house.recorded().await.is_empty(), "asking stores nothing");
    house.readiness.set_stopping();
    assert_eq!(house.ask("/readyz").await.status, 503);
    let page = house.ask("/metrics").await;
    assert!(page.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    assert!(page.body.contains("# TYPE chatledger_webhooks_recorded_total counter"), "{}", page.body);
    assert!(page.body.contains("chatledger_webhooks_recorded_total{connection=\"private\"} 0"), "{}", page.body);
    assert_eq!(house.ask("/hooks/private/a/1").await.status, 404);
}

#[tokio::test]
async fn nothing_secret_is_logged_or_shown() {
    let house = House::of("quiet").await;
    let person = "Artyom +7 913 529-29-26";
    house.log.fail_next(Fault::Refuse);
    assert_eq!(house.deliver(person.as_bytes()).await.status, 503);
    assert_eq!(house.deliver(person.as_bytes()).await.status, 200);
    let mut wire = Wire::to(house.public).await;
    // With some platforms the secret is part of the address.
    let address = format!("/hooks/quiet/{SECRET}");
    assert_eq!(wire.post(&address, &[PROOF], person.as_bytes()).await.status, 403);
    assert_eq!(wire.post(&format!("/hooks/nobody/{SECRET}"), &[], person.as_bytes()).await.status, 404);
    let page = house.ask("/metrics").await.body;
    let logged = logged();
    for message in ["webhook not recorded", "request refused"] {
        assert!(logged.contains(message), "{message}");
    }
    for text in [logged, page, format!("{:?}", house.config)] {
        for hidden in [SECRET, "Artyom", "529-29"] {
            let shown = text.lines().find(|line| line.contains(hidden));
            assert_eq!(shown, None, "{hidden}");
        }
    }
}

/// Runs `count` of them at once.
async fn futures<F>(count: usize, each: impl Fn(usize) -> F) -> Vec<F::Output>
where
    F: Future,
{
    let mut running: Vec<_> = (0..count).map(|index| Box::pin(each(index))).collect();
    let mut done: Vec<Option<F::Output>> = (0..count).map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in running.iter_mut().zip(&mut done) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Waits until it is so.
async fn until(so: impl AsyncFn() -> bool) {
    for _ in 0..200 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never was so");
}

#[tokio::test]
async fn whoever_is_refused_too_often_is_told_so_and_what_is_authentic_is_taken_all_the_same() {
    let house = House::with("refused-often", "peer_header = \"X-Real-Ip\"\nrefusals_per_minute = 3").await;
    let bad = ("x-real-ip", "203.0.113.9");
    let post = async |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        Wire::to(house.public).await.post(path, headers, body).await
    };
    let guessed = [bad, ("x-proof", "guessed")];
    for _ in 0..4 {
        assert_eq!(post(&house.path(), &guessed, b"x").await.status, 403);
    }
    let reply = post(&house.path(), &guessed, b"x").await;
    assert_eq!(reply.status, 429);
    assert!(reply.headers["retry-after"].parse::<u64>().expect("a number of seconds") >= 20);
    assert_eq!(post("/hooks/nobody", &guessed, b"x").await.status, 429);
    assert_eq!(post(&house.path(), &[bad, PROOF], b"sent once").await.status, 200, "it would be lost");
    assert_eq!(post(&house.path(), &[("x-real-ip", "203.0.113.10"), ("x-proof", "guessed")], b"x").await.status, 403);
    assert_eq!(house.counted(REFUSED, ",reason=\"forged\"").await, 6);
    assert_eq!(house.recorded().await.len(), 1);
}

#[tokio::test]
async fn a_distrusted_peer_cannot_take_all_places() {
    let house = House::with(
        "few-places",
        "peer_header = \"X-Real-Ip\"\nrefusals_per_minute = 1\nmax_requests = 8\nrequest_timeout = \"4s\"",
    )
    .await;
    let bad = ("x-real-ip", "203.0.113.12");
    for _ in 0..2 {
        let reply = Wire::to(house.public).await.post(&house.path(), &[bad, ("x-proof", "guessed")], b"x").await;
        assert_eq!(reply.status, 403);
    }
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::to(house.public).await;
        wire.send(&request("POST", &house.path(), &[bad, PROOF], Some(10))).await;
        wire.send(b"{").await;
        slow.push(wire);
    }
    let began = Instant::now();
    let headers = [("x-real-ip", "203.0.113.13"), PROOF];
    assert_eq!(Wire::to(house.public).await.post(&house.path(), &headers, b"another").await.status, 200);
    assert!(began.elapsed() < Duration::from_millis(900), "it did not wait: {:?}", began.elapsed());
    let mut statuses = Vec::new();
    for wire in &mut slow {
        statuses.push(wire.reply().await.map(|reply| reply.status));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[Some(429)].as_slice(), &[Some(503); 7]].concat(), "one of eight places was theirs");
}

#[tokio::test]
async fn authentic_webhooks_are_never_too_many() {
    let house = House::with("many", "peer_header = \"x-real-ip\"\nrefusals_per_minute = 1").await;
    for number in 0..20 {
        let body = format!("{{\"number\":{number}}}");
        let headers = [("x-real-ip", "203.0.113.11"), PROOF];
        assert_eq!(Wire::to(house.public).await.post(&house.path(), &headers, body.as_bytes()).await.status, 200);
    }
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_never_distrusted() {
    let house = House::with("proxied", "refusals_per_minute = 1").await;
    for _ in 0..5 {
        let reply = Wire::to(house.public).await.post(&house.path(), &[("x-proof", "guessed")], b"x").await;
        assert_eq!(reply.status, 403);
    }
    assert_eq!(house.deliver(b"authentic").await.status, 200);
}

#[tokio::test]
async fn an_old_webhook_is_taken_unless_the_configuration_says_otherwise() {
    let old = (NOW.as_millis() - 3_600_001).to_string();
    let young = (NOW.as_millis() - 3_600_000).to_string();
    let from_the_future = (NOW.as_millis() + 86_400_000).to_string();
    let strict = House::with("window", "replay_window = \"1h\"").await;
    let lenient = House::of("no-window").await;
    for (house, sent_at, status) in [
        (&strict, Some(&old), 403),
        (&strict, Some(&young), 200),
        (&strict, Some(&from_the_future), 200),
        (&strict, None, 200),
        (&lenient, Some(&old), 200),
    ] {
        let body = format!("{sent_at:?}");
        let sent_at = sent_at.map(|text| ("x-sent-at", text.as_str()));
        let headers: Vec<_> = sent_at.into_iter().chain([PROOF]).collect();
        let reply = Wire::to(house.public).await.post(&house.path(), &headers, body.as_bytes()).await;
        assert_eq!(reply.status, status, "{}: {body}", house.name);
    }
    assert_eq!(strict.counted(REFUSED, ",reason=\"stale\"").await, 1);
}
