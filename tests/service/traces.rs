//! Traces: from a webhook to the calls that follow from it and to what became of them, told to a collector that listens here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;

use crate::engine::{Engine, run};
use crate::house::{House, Plan};

const ANNA: &str = "79161234567";

/// A collector that keeps everything.
struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
    bodies: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    async fn listen() -> Self {
        let (spans, bodies) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (kept, raw) = (Arc::clone(&spans), Arc::clone(&bodies));
        let take = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers.get("content-type").unwrap(), "application/x-protobuf");
            let Ok(request) = ExportTraceServiceRequest::decode(body.clone()) else { return StatusCode::BAD_REQUEST };
            for resource in request.resource_spans {
                let attributes = resource.resource.expect("whose spans they are is said").attributes;
                assert!(attributes.iter().any(|attribute| attribute.key == "service.name"));
                kept.lock().unwrap().extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
            raw.lock().unwrap().extend_from_slice(&body);
            StatusCode::OK
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, spans, bodies }
    }

    /// The spans of a name, in the order of their beginnings.
    fn named(&self, start: &str) -> Vec<Span> {
        let mut spans = self.spans.lock().unwrap().clone();
        spans.retain(|span| span.name.starts_with(start));
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
    }

    fn count(&self, start: &str) -> usize {
        self.named(start).len()
    }
}

/// The house tells its traces to this address.
fn told_to(house: &House, collector: &str) {
    let path = house.folder.path().join("chatledger.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{text}\n[telemetry]\notlp = \"http://{collector}\"\n")).unwrap();
}

fn mark(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{} has no {name}: {other:?}", span.name),
    }
}

/// Every span's parent is in its trace and began no later, and no span is told twice.
fn assert_whole(spans: &[Span]) {
    let known: BTreeMap<_, _> = spans.iter().map(|span| ((&span.trace_id, &span.span_id), span)).collect();
    assert_eq!(known.len(), spans.len(), "a span was told twice");
    for span in spans {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:#?}");
        if !span.parent_span_id.is_empty() {
            let parent = known.get(&(&span.trace_id, &span.parent_span_id));
            let parent = parent.unwrap_or_else(|| panic!("the parent of {} is missing: {span:#?}", span.name));
            assert!(
                parent.start_time_unix_nano <= span.start_time_unix_nano,
                "{} is before {}",
                span.name,
                parent.name
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_a_webhook_to_the_call_and_to_its_receipt() {
    let collector = Collector::listen().await;
    let house = House::build(Plan::USUAL).await;
    told_to(&house, &collector.address.to_string());
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello, a secret of mine.").await;
    house.manager_writes(ANNA, "Good morning to you.");
    house.until_stands("Good morning to you.", "delivered").await;
    house.settled(&engine).await;
    assert!(engine.counted("chatledger_spans_sent_total", "").await.is_some());
    engine.end().await;

    let sends = collector.named("send_message messenger");
    assert_eq!(sends.len(), 1, "{sends:#?}");
    let send = &sends[0];
    let of_trace: Vec<Span> =
        collector.spans.lock().unwrap().iter().filter(|span| span.trace_id == send.trace_id).cloned().collect();
    let names: Vec<&str> = of_trace.iter().map(|span| span.name.as_str()).collect();
    for name in ["webhook crm", "decide", "wait for messenger", "send_message messenger", "delivered"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert_whole(&collector.spans.lock().unwrap());
    assert_eq!(mark(send, "chatledger.outcome"), "accepted");

    // The trace bears the name of the webhook's event in the log.
    let root = of_trace.iter().find(|span| span.parent_span_id.is_empty()).expect("a trace has a first span");
    let event = mark(root, "chatledger.event");
    assert_eq!(event.replace('-', "").as_bytes(), hex(&root.trace_id).as_bytes());
    let log = run(house.folder.path(), &["log", "--log", "chatledger.db"]).await;
    assert!(log.output.contains(&event[..8]), "{event} is not in the log:\n{}", log.output);

    // The receipt has a trace of its own, to the CRM; links lead across in both directions.
    let told = of_trace.iter().find(|span| span.name == "delivered").unwrap();
    let receipt = collector.spans.lock().unwrap().iter().find(|span| span.span_id == told.links[0].span_id).cloned();
    let receipt = receipt.expect("the receipt was told");
    assert_eq!((receipt.name.as_str(), &receipt.trace_id), ("webhook messenger", &told.links[0].trace_id));
    assert!(receipt.links.iter().any(|link| link.trace_id == send.trace_id && link.span_id == told.span_id));
    assert!(collector.named("report_delivery crm").iter().any(|report| report.trace_id == receipt.trace_id));

    let bodies = collector.bodies.lock().unwrap();
    for private in ["Hello, a secret of mine.", "Good morning to you.", ANNA, "Client 7916", "nobodyCanGuessThis1234"] {
        assert!(!crate::house::holds(&bodies, private), "{private:?} went to the collector");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_was_killed_is_continued_in_the_same_trace() {
    let collector = Collector::listen().await;
    let house = House::build(Plan::USUAL).await;
    told_to(&house, &collector.address.to_string());
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello.").await;
    // Whoever is called does not answer, so that the intent outlives its engine.
    house.crm.door.shut().await;
    let before = collector.count("webhook messenger");
    house.client_is_taken(ANNA, "Is anybody there?").await;
    house.until("a trace of the webhook", || collector.count("webhook messenger") > before).await;
    house.until("an attempt in vain", || collector.count("send_message crm") > 1).await;
    engine.kill().await;
    house.crm.door.open().await;
    let engine = house.start().await;
    house.until_shown(&house.crm.name, "Is anybody there?").await;
    house.settled(&engine).await;
    engine.end().await;

    let attempts = collector.named("send_message crm");
    let trace = &attempts.last().expect("it was sent").trace_id;
    let roots = collector.named("webhook messenger").into_iter().filter(|root| root.trace_id == *trace).count();
    assert_eq!(roots, 1, "the webhook is told once, by the engine that was killed");
    let of_trace: Vec<_> = attempts.iter().filter(|span| span.trace_id == *trace).collect();
    let outcomes: Vec<String> = of_trace.iter().map(|span| mark(span, "chatledger.outcome")).collect();
    assert!(outcomes.len() > 1 && outcomes.last().is_some_and(|last| last == "accepted"), "{outcomes:?}");
    let intents: std::collections::BTreeSet<_> = of_trace.iter().map(|span| mark(span, "chatledger.intent")).collect();
    assert_eq!(intents.len(), 1, "one intent, whoever carried it out");
    let numbers: std::collections::BTreeSet<_> = of_trace.iter().map(|span| mark(span, "chatledger.attempt")).collect();
    assert_eq!(numbers.len(), of_trace.len(), "no attempt is told twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_is_no_matter_of_the_messages() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let house = House::build(Plan::USUAL).await;
    told_to(&house, &nobody.to_string());
    let engine: Engine = house.start().await;
    house.acquainted(ANNA, "Hello.").await;
    house.manager_writes(ANNA, "Good morning.");
    house.until_stands("Good morning.", "delivered").await;
    house.settled(&engine).await;
    assert_eq!(engine.counted("chatledger_spans_sent_total", "").await, Some(0.0));
    engine.end().await;
    assert!(house.tail().contains("the collector does not take spans"), "{}", house.tail());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
