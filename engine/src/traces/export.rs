//! The way of spans to a collector: a bounded queue, and a task that sends what is in it by OTLP over HTTP.
//!
//! Whoever gives a span never waits. While the collector is away the queue fills, and then spans are dropped and counted:
//! they are a picture of the work and no part of it; the log holds everything they could say.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::span::{Ending, Mark, Span, SpanKind};
use crate::metrics;

/// How many spans wait at most, half a kilobyte each. When it is full, what comes is dropped and counted.
const QUEUE: usize = 4096;

/// How many spans go at once.
const BATCH: usize = 512;

/// How long the first span of a batch waits for company.
const GATHER: Duration = Duration::from_millis(500);

/// How long a collector may take over one batch.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a collector that does not take a batch is left alone: at first, and at most.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_AT_MOST: Duration = Duration::from_secs(30);

/// How long the last batches may take at the end of the program.
const GRACE: Duration = Duration::from_secs(2);

/// Where a collector takes traces, behind its address.
const PATH: &str = "/v1/traces";

/// Where spans are given. Clones share the queue; without one, nothing is kept.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<mpsc::Sender<Span>>);

impl Traces {
    /// Nobody wants to know.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Whether somebody wants to know: else there is no need to make spans.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Gives spans along. One for which there is no room is dropped and counted.
    pub fn give(&self, spans: Vec<Span>) {
        let Some(queue) = &self.0 else { return };
        let dropped = spans.into_iter().filter_map(|span| queue.try_send(span).err()).count();
        if dropped > 0 {
            metrics::spans_dropped(dropped);
        }
    }
}

/// Sends spans to a collector for as long as it [runs](Exporter::run).
#[derive(Debug)]
pub struct Exporter {
    queue: mpsc::Receiver<Span>,
    client: reqwest::Client,
    url: String,
    resource: Resource,
    pause: Duration,
}

/// What became of a batch.
enum Answer {
    /// The collector has it.
    Taken,
    /// It may take it later.
    Later(String),
    /// It will never.
    Never(String),
}

impl Exporter {
    /// A queue, and who empties it towards a collector at this address, such as `http://127.0.0.1:4318`. `place` says where
    /// this process runs.
    pub fn to(collector: &str, place: String) -> Result<(Traces, Self), reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("chatledger/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let (traces, queue) = mpsc::channel(QUEUE);
        let attributes = [
            ("service.name", env!("CARGO_PKG_NAME").to_owned()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", place),
        ];
        let attributes = attributes.map(|(name, text)| attribute(name, Mark::Text(text)));
        let resource = Resource { attributes: attributes.into(), ..Resource::default() };
        metrics::spans_begin();
        let exporter = Self { queue, client, url: format!("{collector}{PATH}"), resource, pause: PAUSE };
        Ok((Traces(Some(traces)), exporter))
    }

    /// Sends what comes, until the end; then what is left, once, within moments.
    pub async fn run(mut self, end: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = end.cancelled() => break,
                came = self.queue.recv_many(&mut batch, BATCH) => if came == 0 { return },
            }
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(GATHER) => {}
            }
            self.gather(&mut batch);
            if !self.deliver(&mut batch, &end).await {
                break;
            }
        }
        let rest = async {
            self.gather(&mut batch);
            while !batch.is_empty() {
                let spans = batch.len();
                match self.post(std::mem::take(&mut batch)).await {
                    Answer::Taken => metrics::spans_sent(spans),
                    Answer::Later(_) | Answer::Never(_) => metrics::spans_dropped(spans),
                }
                self.gather(&mut batch);
            }
        };
        if tokio::time::timeout(GRACE, rest).await.is_err() {
            warn!("the collector took too long over the last spans; they are not told");
        }
    }

    /// Fills a batch with what waits.
    fn gather(&mut self, batch: &mut Vec<Span>) {
        while batch.len() < BATCH
            && let Ok(span) = self.queue.try_recv()
        {
            batch.push(span);
        }
    }

    /// Sends a batch as often as it takes; `false` if the end came before, with the batch as it was.
    async fn deliver(&mut self, batch: &mut Vec<Span>, end: &CancellationToken) -> bool {
        let was_well = self.pause == PAUSE;
        loop {
            let answer = tokio::select! {
                () = end.cancelled() => return false,
                answer = self.post(batch.clone()) => answer,
            };
            let spans = batch.len();
            match answer {
                Answer::Taken => {
                    metrics::spans_sent(spans);
                    if self.pause != PAUSE {
                        info!("the collector takes spans again");
                    }
                    self.pause = PAUSE;
                    batch.clear();
                    return true;
                }
                Answer::Never(why) => {
                    metrics::spans_dropped(spans);
                    warn!(why, spans, "the collector refuses spans; they are dropped");
                    batch.clear();
                    return true;
                }
                Answer::Later(why) => {
                    // Told once, not at every try.
                    if was_well && self.pause == PAUSE {
                        warn!(why, "the collector does not take spans; trying again, and dropping what finds no room");
                    }
                    tokio::select! {
                        () = end.cancelled() => return false,
                        () = tokio::time::sleep(self.pause) => {}
                    }
                    self.pause = (self.pause * 2).min(PAUSE_AT_MOST);
                }
            }
        }
    }

    async fn post(&self, spans: Vec<Span>) -> Answer {
        let body = request(self.resource.clone(), spans).encode_to_vec();
        let request = self.client.post(&self.url).header("content-type", "application/x-protobuf").body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Answer::Taken,
            // The protocol's own list: too many, and what passes.
            Ok(answer) if matches!(answer.status().as_u16(), 429 | 502 | 503 | 504) => {
                Answer::Later(format!("it answers {}", answer.status().as_u16()))
            }
            Ok(answer) => Answer::Never(format!("it answers {}", answer.status().as_u16())),
            Err(error) => Answer::Later(error.without_url().to_string()),
        }
    }
}

/// Spans as the protocol writes them.
fn request(resource: Resource, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = spans.into_iter().map(span).collect();
    let scope_spans = vec![otlp::ScopeSpans { scope: Some(scope), spans, ..otlp::ScopeSpans::default() }];
    let resource_spans =
        vec![otlp::ResourceSpans { resource: Some(resource), scope_spans, ..otlp::ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

fn span(span: Span) -> otlp::Span {
    let kind = match span.kind {
        SpanKind::Asked => otlp::span::SpanKind::Server,
        SpanKind::Asking => otlp::span::SpanKind::Client,
        SpanKind::Alone => otlp::span::SpanKind::Internal,
    };
    let (code, message) = match span.ending {
        Ending::Plain => (otlp::status::StatusCode::Unset, ""),
        Ending::Good => (otlp::status::StatusCode::Ok, ""),
        Ending::Bad(why) => (otlp::status::StatusCode::Error, why),
    };
    let link = |(trace, id): (super::span::TraceId, super::span::SpanId)| otlp::span::Link {
        trace_id: trace.as_bytes().to_vec(),
        span_id: id.as_bytes().to_vec(),
        ..otlp::span::Link::default()
    };
    otlp::Span {
        trace_id: span.trace.as_bytes().to_vec(),
        span_id: span.id.as_bytes().to_vec(),
        parent_span_id: span.parent.map(|parent| parent.as_bytes().to_vec()).unwrap_or_default(),
        name: span.name,
        kind: kind.into(),
        start_time_unix_nano: nanos(span.began.as_millis()),
        end_time_unix_nano: nanos(span.ended.as_millis()),
        attributes: span.marks.into_iter().map(|(name, mark)| attribute(name, mark)).collect(),
        links: span.links.into_iter().map(link).collect(),
        status: Some(otlp::Status { message: message.to_owned(), code: code.into() }),
        ..otlp::Span::default()
    }
}

fn attribute(name: &str, mark: Mark) -> KeyValue {
    let value = match mark {
        Mark::Text(text) => Value::StringValue(text),
        Mark::Number(number) => Value::IntValue(number),
    };
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn nanos(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use chatledger_projections::ids::EventId;
    use chatledger_projections::time::Timestamp;

    use super::*;
    use crate::traces::span::{SpanId, TraceId};

    fn some_span(nth: usize) -> Span {
        let event = EventId::derived(&[&nth.to_be_bytes()]);
        Span {
            trace: TraceId::of(event),
            id: SpanId::received(event),
            parent: None,
            links: Vec::new(),
            name: "webhook".to_owned(),
            kind: SpanKind::Asked,
            began: Timestamp::from_millis(1),
            ended: Timestamp::from_millis(2),
            marks: Vec::new(),
            ending: Ending::Plain,
        }
    }

    #[tokio::test]
    async fn a_collector_that_is_away_holds_nobody_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free address");
        let nobody = format!("http://{}", listener.local_addr().expect("it has one"));
        drop(listener);
        let (traces, exporter) = Exporter::to(&nobody, "here".to_owned()).expect("a client can be made");
        let end = CancellationToken::new();
        let running = tokio::spawn(exporter.run(end.clone()));
        let began = std::time::Instant::now();
        // More than the queue takes and the batch that is under way.
        traces.give((0..QUEUE + 2 * BATCH).map(some_span).collect());
        assert!(began.elapsed() < Duration::from_secs(5), "giving spans away took {:?}", began.elapsed());
        end.cancel();
        tokio::time::timeout(GRACE + TIMEOUT, running).await.expect("it ends").expect("it does not break off");
    }

    #[test]
    fn without_a_collector_nothing_is_kept() {
        let traces = Traces::off();
        assert!(!traces.is_on());
        traces.give(vec![some_span(0)]);
    }
}
