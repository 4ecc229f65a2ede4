//! What is counted and measured: every metric's name, meaning and labels, and one function for each.
//!
//! Whoever counts calls a function here and names nothing. There is no label that the outside could choose, so the
//! page cannot grow without bound.

use std::sync::OnceLock;
use std::time::Duration;

use ::metrics::{Counter, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use chatledger_projections::change::AnomalyKind;
use chatledger_projections::duties::Duty;
use chatledger_projections::fact::RemarkKind;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::dispatch::circuit::Standing;
use crate::dispatch::limits::Used;

const RECORDED: &str = "chatledger_webhooks_recorded_total";
const DUPLICATES: &str = "chatledger_webhooks_duplicate_total";
const REFUSED: &str = "chatledger_webhooks_refused_total";
const DISTRUSTED: &str = "chatledger_requests_distrusted_total";
const NOWHERE: &str = "chatledger_requests_nowhere_total";
const RAISED: &str = "chatledger_intents_raised_total";
const SETTLED: &str = "chatledger_attempts_settled_total";
const LANE_DEPTH: &str = "chatledger_lane_depth";
const UNRAISED: &str = "chatledger_unraised_intents";
const HELD: &str = "chatledger_held_intents";
const CIRCUIT: &str = "chatledger_circuit_open";
const LEASE: &str = "chatledger_lease_owned";
const TAKEN_OVER: &str = "chatledger_takeovers_total";
const HEARD: &str = "chatledger_last_webhook_timestamp_seconds";
const OLDEST: &str = "chatledger_oldest_intent_timestamp_seconds";
const QUOTA_TAKEN: &str = "chatledger_quota_calls_total";
const QUOTA_ALLOWS: &str = "chatledger_quota_calls_per_second";
const LAG: &str = "chatledger_pipeline_lag_events";
const POLLED: &str = "chatledger_polled_documents_total";
const POLLS_FAILED: &str = "chatledger_polls_failed_total";
const POLL_AGE: &str = "chatledger_poll_age_seconds";
const REMARKS: &str = "chatledger_remarks_total";
const ANOMALIES: &str = "chatledger_anomalies_total";
const SPOOLED: &str = "chatledger_spool_kept_total";
const PASSED_ON: &str = "chatledger_spool_passed_on_total";
const SET_ASIDE: &str = "chatledger_spool_set_aside_total";
const SPOOL_WAITING: &str = "chatledger_spool_waiting";
const SPOOL_BYTES: &str = "chatledger_spool_bytes";
const SPOOL_OLDEST: &str = "chatledger_spool_oldest_seconds";
const SPOOL_UNREADABLE: &str = "chatledger_spool_unreadable_segments";
const SPANS_SENT: &str = "chatledger_spans_sent_total";
const SPANS_DROPPED: &str = "chatledger_spans_dropped_total";
const FLUSH: &str = "chatledger_log_flush_seconds";
const BATCH: &str = "chatledger_log_batch_events";

/// From a fast solid-state disk to a disk in trouble.
const FLUSH_BUCKETS: &[f64] = &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The page with all metrics. Clones show the same.
#[derive(Clone)]
pub struct Page(PrometheusHandle);

impl Page {
    /// What a scraper reads.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what was measured since the last time. To be called every few seconds: until then, every single
    /// measurement is kept.
    pub fn fold(&self) {
        self.0.run_upkeep();
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Page")
    }
}

/// Begins to count; what was counted before is lost. A second call gives the same page.
pub fn install() -> Page {
    static PAGE: OnceLock<Page> = OnceLock::new();
    PAGE.get_or_init(|| {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(FLUSH.to_owned()), FLUSH_BUCKETS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full(BATCH.to_owned()), BATCH_BUCKETS))
            .and_then(PrometheusBuilder::install_recorder)
            .expect("our buckets are not empty, and nobody else installs a recorder");
        describe();
        Page(handle)
    })
    .clone()
}

fn describe() {
    describe_counter!(RECORDED, "Webhooks that are on disk, by connection.");
    describe_counter!(DUPLICATES, "Webhooks that were recorded before, by connection.");
    describe_counter!(REFUSED, "Requests to a connection that were not recorded, by connection and reason.");
    describe_counter!(DISTRUSTED, "Refused requests of peers that were refused too often.");
    describe_counter!(NOWHERE, "Requests to an address that does not exist.");
    describe_counter!(RAISED, "Intents, by the connection where they are to become true, and kind.");
    describe_counter!(SETTLED, "Attempts that came to an end, by connection and outcome.");
    describe_gauge!(
        LANE_DEPTH,
        "Intents that wait for their connection, or are under way, whichever engine drives its lane."
    );
    describe_gauge!(
        UNRAISED,
        "Intents that follow from the log and are not in it yet. Of several engines one records them; it is to sink to 0."
    );
    describe_gauge!(HELD, "Intents that were refused or given up and wait for a person.");
    describe_gauge!(
        CIRCUIT,
        "Whether a platform is left alone because it does not answer: 0 no, 0.5 one call is out to see, 1 yes."
    );
    describe_gauge!(
        LEASE,
        "Of several engines on one log: whether this one drives a connection's lane, or \"(deciding)\", 1 or 0."
    );
    describe_counter!(TAKEN_OVER, "How often this engine took a connection's lane over.");
    describe_gauge!(
        HEARD,
        Unit::Seconds,
        "When the newest webhook of a connection, or document that was asked for, was recorded, since 1970; 0 if there was none."
    );
    describe_gauge!(
        OLDEST,
        Unit::Seconds,
        "When the oldest intent of a connection was raised that is not done, since 1970; 0 if there is none."
    );
    describe_counter!(QUOTA_TAKEN, "Calls that took a place under a connection's quota, by class of call.");
    describe_gauge!(
        QUOTA_ALLOWS,
        "How many calls a second a connection's tightest quota allows in the long run, by class of call."
    );
    describe_gauge!(LAG, "Events that are in the log and not decided yet.");
    describe_counter!(POLLED, "Documents that were asked for and are on disk, by connection.");
    describe_counter!(POLLS_FAILED, "Rounds of asking for news that did not come to their end, by connection.");
    describe_gauge!(
        POLL_AGE,
        Unit::Seconds,
        "How long ago the last good round of asking for news ended, by connection."
    );
    describe_counter!(REMARKS, "Oddities found while reading what platforms said, by kind.");
    describe_counter!(ANOMALIES, "Things that should not have happened, by kind.");
    describe_counter!(
        SPOOLED,
        "Webhooks that were kept in the spool because the log did not take them, by connection."
    );
    describe_counter!(PASSED_ON, "Webhooks from the spool that the log has taken, or had already.");
    describe_counter!(SET_ASIDE, "Webhooks from the spool that no log would take.");
    describe_gauge!(SPOOL_WAITING, "Webhooks that wait in the spool.");
    describe_gauge!(SPOOL_BYTES, Unit::Bytes, "How much of the disk the spool takes.");
    describe_gauge!(SPOOL_OLDEST, Unit::Seconds, "For how long the oldest webhook in the spool has waited.");
    describe_gauge!(SPOOL_UNREADABLE, "Segments of the spool that cannot be read.");
    describe_counter!(SPANS_SENT, "Spans of traces that a collector took.");
    describe_counter!(SPANS_DROPPED, "Spans of traces that no collector took in time, or that one refused.");
    describe_histogram!(FLUSH, Unit::Seconds, "How long the disk takes to keep a batch of events.");
    describe_histogram!(BATCH, "How many events share one flush.");
}

/// The counters of one connection's way in, looked up once, so that no webhook waits for a look-up.
pub struct Inlet {
    connection: ConnectionName,
    recorded: Counter,
    duplicates: Counter,
}

impl Inlet {
    /// The counters of a connection. They count from [`install`] on, so that comes first.
    pub fn of(connection: &ConnectionName) -> Self {
        let recorded = counter!(RECORDED, "connection" => connection.to_string());
        let duplicates = counter!(DUPLICATES, "connection" => connection.to_string());
        // On the page from the start: a counter that is missing cannot be told from one that is broken.
        recorded.increment(0);
        duplicates.increment(0);
        Self { connection: connection.clone(), recorded, duplicates }
    }

    /// A webhook is on disk.
    pub fn recorded(&self) {
        self.recorded.increment(1);
    }

    /// A webhook was on disk already.
    pub fn duplicate(&self) {
        self.duplicates.increment(1);
    }

    /// A request was not recorded.
    pub fn refused(&self, reason: &'static str) {
        refused(&self.connection, reason);
    }
}

/// A request to a connection was not recorded.
pub fn refused(connection: &ConnectionName, reason: &'static str) {
    counter!(REFUSED, "connection" => connection.to_string(), "reason" => reason).increment(1);
}

/// A request was refused, and its sender had been refused too often.
pub fn distrusted() {
    counter!(DISTRUSTED).increment(1);
}

/// A request came to an address that does not exist.
pub fn nowhere() {
    counter!(NOWHERE).increment(1);
}

/// An intent was raised.
pub fn raised(connection: &ConnectionName, intent: &Intent) {
    counter!(RAISED, "connection" => connection.to_string(), "intent" => intent.label()).increment(1);
}

/// An attempt came to an end.
pub fn settled(connection: &ConnectionName, outcome: &Outcome) {
    counter!(SETTLED, "connection" => connection.to_string(), "outcome" => outcome.label()).increment(1);
}

/// So many intents of a connection are not done yet.
pub fn lane_depth(connection: &ConnectionName, depth: usize) {
    gauge!(LANE_DEPTH, "connection" => connection.to_string()).set(depth as f64);
}

/// So many intents follow from the log and are not in it.
pub fn unraised(intents: usize) {
    gauge!(UNRAISED).set(intents as f64);
}

/// So many intents wait for a person now.
pub fn held(intents: usize) {
    gauge!(HELD).set(intents as f64);
}

/// How a connection's circuit stands now.
pub fn circuit(connection: &ConnectionName, standing: Standing) {
    let open = match standing {
        Standing::Closed => 0.0,
        Standing::HalfOpen => 0.5,
        Standing::Open { .. } => 1.0,
    };
    gauge!(CIRCUIT, "connection" => connection.to_string()).set(open);
}

/// Whether this engine, one of several, has a duty now.
pub fn lease(duty: &Duty, owned: bool) {
    gauge!(LEASE, "connection" => duty.label().to_owned()).set(if owned { 1.0 } else { 0.0 });
}

/// This engine, one of several, took a duty over.
pub fn taken_over(duty: &Duty) {
    counter!(TAKEN_OVER, "connection" => duty.label().to_owned()).increment(1);
}

/// When a connection last said something.
pub fn heard(connection: &ConnectionName, at: Option<Timestamp>) {
    gauge!(HEARD, "connection" => connection.to_string()).set(moment(at));
}

/// Since when the oldest intent of a connection waits.
pub fn oldest_intent(connection: &ConnectionName, raised_at: Option<Timestamp>) {
    gauge!(OLDEST, "connection" => connection.to_string()).set(moment(raised_at));
}

/// How a connection's quotas are used.
pub fn quotas(connection: &ConnectionName, used: impl IntoIterator<Item = Used>) {
    for Used { class, taken, per_second } in used {
        counter!(QUOTA_TAKEN, "connection" => connection.to_string(), "class" => class).absolute(taken);
        gauge!(QUOTA_ALLOWS, "connection" => connection.to_string(), "class" => class).set(per_second);
    }
}

fn moment(at: Option<Timestamp>) -> f64 {
    at.map_or(0.0, |at| at.as_millis() as f64 / 1000.0)
}

/// So many events are in the log and not decided yet.
pub fn lag(events: u64) {
    gauge!(LAG).set(events as f64);
}

/// A document that was asked for is on disk.
pub fn polled(connection: &ConnectionName) {
    counter!(POLLED, "connection" => connection.to_string()).increment(1);
}

/// A round of asking for news did not come to its end.
pub fn poll_failed(connection: &ConnectionName) {
    counter!(POLLS_FAILED, "connection" => connection.to_string()).increment(1);
}

/// The last good round of asking for news is so old.
pub fn poll_age(connection: &ConnectionName, age: Duration) {
    gauge!(POLL_AGE, "connection" => connection.to_string()).set(age.as_secs_f64());
}

/// A webhook is kept in the spool.
pub fn spooled(connection: &ConnectionName) {
    counter!(SPOOLED, "connection" => connection.to_string()).increment(1);
}

/// So many webhooks from the spool are in the log now; so many others no log would take.
pub fn passed_on(passed_on: u64, set_aside: u64) {
    counter!(PASSED_ON).increment(passed_on);
    counter!(SET_ASIDE).increment(set_aside);
}

/// How the spool stands.
pub fn spool(waiting: u64, bytes: u64, oldest_seconds: u64, unreadable_segments: usize) {
    gauge!(SPOOL_WAITING).set(waiting as f64);
    gauge!(SPOOL_BYTES).set(bytes as f64);
    gauge!(SPOOL_OLDEST).set(oldest_seconds as f64);
    gauge!(SPOOL_UNREADABLE).set(unreadable_segments as f64);
}

/// From here on there may be spans.
pub fn spans_begin() {
    spans_sent(0);
    spans_dropped(0);
}

/// A collector took so many spans.
pub fn spans_sent(spans: usize) {
    counter!(SPANS_SENT).increment(spans as u64);
}

/// So many spans are told to nobody.
pub fn spans_dropped(spans: usize) {
    counter!(SPANS_DROPPED).increment(spans as u64);
}

/// The disk kept a batch of events.
pub fn flushed(took: Duration, events: usize) {
    histogram!(FLUSH).record(took);
    histogram!(BATCH).record(events as f64);
}

/// Something odd was found while reading what a platform said.
pub fn remarked(kind: RemarkKind) {
    counter!(REMARKS, "kind" => kind.label()).increment(1);
}

/// Something happened that should not have.
pub fn anomaly(kind: AnomalyKind) {
    counter!(ANOMALIES, "kind" => kind.label()).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_on_the_page_with_its_meaning() {
        let page = install();
        let connection = ConnectionName::new("crm.main");
        let inlet = Inlet::of(&connection);
        inlet.recorded();
        inlet.duplicate();
        inlet.refused("forged");
        nowhere();
        settled(&connection, &Outcome::Accepted);
        lane_depth(&connection, 3);
        unraised(1);
        circuit(&connection, Standing::HalfOpen);
        held(2);
        lease(&Duty::lane(&connection), true);
        taken_over(&Duty::lane(&connection));
        lag(7);
        spooled(&connection);
        passed_on(4, 1);
        spool(5, 6000, 7, 0);
        flushed(Duration::from_millis(3), 2);
        polled(&connection);
        poll_failed(&connection);
        poll_age(&connection, Duration::from_secs(12));
        heard(&connection, Some(Timestamp::from_millis(1_500)));
        oldest_intent(&connection, None);
        quotas(&connection, [Used { class: "send", taken: 3, per_second: 0.5 }]);
        spans_begin();
        spans_sent(5);
        remarked(RemarkKind::OddValue);
        anomaly(AnomalyKind::NoRoute);
        page.fold();
        let text = install().render();
        for line in [
            "# HELP chatledger_webhooks_recorded_total Webhooks that are on disk",
            "chatledger_webhooks_recorded_total{connection=\"crm.main\"} 1",
            "chatledger_webhooks_duplicate_total{connection=\"crm.main\"} 1",
            "chatledger_webhooks_refused_total{connection=\"crm.main\",reason=\"forged\"} 1",
            "chatledger_requests_nowhere_total 1",
            "chatledger_attempts_settled_total{connection=\"crm.main\",outcome=\"accepted\"} 1",
            "chatledger_lane_depth{connection=\"crm.main\"} 3",
            "chatledger_unraised_intents 1",
            "chatledger_held_intents 2",
            "chatledger_circuit_open{connection=\"crm.main\"} 0.5",
            "chatledger_lease_owned{connection=\"crm.main\"} 1",
            "chatledger_takeovers_total{connection=\"crm.main\"} 1",
            "chatledger_pipeline_lag_events 7",
            "chatledger_spool_kept_total{connection=\"crm.main\"} 1",
            "chatledger_spool_passed_on_total 4",
            "chatledger_spool_set_aside_total 1",
            "chatledger_spool_waiting 5",
            "chatledger_spool_bytes 6000",
            "chatledger_spool_oldest_seconds 7",
            "chatledger_spool_unreadable_segments 0",
            "chatledger_log_flush_seconds_bucket{le=\"0.005\"} 1",
            "chatledger_log_batch_events_bucket{le=\"2\"} 1",
            "chatledger_polled_documents_total{connection=\"crm.main\"} 1",
            "chatledger_polls_failed_total{connection=\"crm.main\"} 1",
            "chatledger_poll_age_seconds{connection=\"crm.main\"} 12",
            "chatledger_last_webhook_timestamp_seconds{connection=\"crm.main\"} 1.5",
            "chatledger_oldest_intent_timestamp_seconds{connection=\"crm.main\"} 0",
            "chatledger_quota_calls_total{connection=\"crm.main\",class=\"send\"} 3",
            "chatledger_quota_calls_per_second{connection=\"crm.main\",class=\"send\"} 0.5",
            "chatledger_spans_sent_total 5",
            "chatledger_spans_dropped_total 0",
            "chatledger_remarks_total{kind=\"odd_value\"} 1",
            "chatledger_anomalies_total{kind=\"no_route\"} 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
