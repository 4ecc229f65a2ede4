//! Putting a configuration in force: it stands in the log before anything that depends on it.
//!
//! Takes the configuration of this start; appends it unless the newest one in the log says the same. This comes before
//! the first webhook is let in: one of a connection that the log does not know yet would belong nowhere, for ever.

use chatledger_projections::configuration::Configuration;
use chatledger_projections::event::Event;
use chatledger_projections::recorded::{Revision, StreamName};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::live::{chain, pause};
use crate::log::{Append, AppendError, EventLog, ExpectedRevision, ReadError, StoredEvent, codec, naming};

/// How many configurations are read at a time.
const PAGE: usize = 256;

/// Appends a configuration unless it is in force already; tries until the log has taken it, or until told to stop.
pub async fn put_in_force(
    log: &dyn EventLog,
    clock: &dyn Clock,
    configuration: Configuration,
    stop: &CancellationToken,
) {
    let event = Event::ConfigurationApplied(configuration);
    loop {
        match newest(log).await {
            Ok(newest) => {
                let revision = newest.as_ref().map(|stored| stored.revision);
                // One that cannot be read is certainly not this one.
                if newest.and_then(|stored| codec::open(stored).ok()).is_some_and(|newest| newest.event == event) {
                    return;
                }
                match log.append(append(&event, revision, clock)).await {
                    Ok(_) => {
                        info!("another configuration is in force");
                        return;
                    }
                    // Somebody else was first: look again.
                    Err(AppendError::Conflict { .. }) => {}
                    Err(error) => warn!(error = %chain(&error), "the configuration cannot be recorded; trying again"),
                }
            }
            Err(error) => warn!(error = %chain(&error), "the configuration in force cannot be read; trying again"),
        }
        if !pause(stop).await {
            return;
        }
    }
}

fn append(event: &Event, last: Option<Revision>, clock: &dyn Clock) -> Append {
    let (expected, revision) = match last {
        Some(last) => (ExpectedRevision::Exact(last), last.next()),
        None => (ExpectedRevision::NoStream, Revision::FIRST),
    };
    let id = naming::event_id(event, revision).expect("a configuration's id is derived");
    let sealed = codec::seal(event, id, clock.now(), None, None);
    Append { stream: StreamName::configuration(), expected, events: vec![sealed] }
}

async fn newest(log: &dyn EventLog) -> Result<Option<StoredEvent>, ReadError> {
    let stream = StreamName::configuration();
    let mut newest: Option<StoredEvent> = None;
    loop {
        let from = newest.as_ref().map_or(Revision::FIRST, |stored| stored.revision.next());
        match log.read_stream(&stream, from, PAGE).await?.pop() {
            Some(last) => newest = Some(last),
            None => return Ok(newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use chatledger_projections::configuration::Route;
    use chatledger_projections::ids::RouteName;
    use chatledger_projections::time::Timestamp;

    use super::*;
    use crate::clock::ManualClock;
    use crate::log::memory::MemoryLog;

    fn with_route(name: &str) -> Configuration {
        let route: Route = serde_json::from_value(serde_json::json!({
            "crm": "crm.main", "channel": "channel.main", "manager_first": "remember", "region": "RU",
            "chat_id": "phone", "claim": { "text": "", "strict": true, "again_after_ms": 1, "at_most": 1 },
        }))
        .expect("it is a route");
        Configuration { routes: [(RouteName::new(name), route)].into(), ..Configuration::default() }
    }

    #[tokio::test]
    async fn a_configuration_is_recorded_when_it_differs_from_the_newest_and_going_back_is_news() {
        let log = MemoryLog::new();
        let clock = ManualClock::at(Timestamp::from_millis(1));
        let stop = CancellationToken::new();
        let mut lengths = Vec::new();
        for name in ["a", "a", "b", "a", "a"] {
            put_in_force(&log, &clock, with_route(name), &stop).await;
            lengths.push(log.read_all(None, 10).await.expect("it can be read").len());
        }
        assert_eq!(lengths, [1, 1, 2, 3, 3]);
    }
}
