//! How the program tells what it does: fields on standard error, as text for people or as JSON for machines.
//!
//! Takes the configuration and the variable `CHATLEDGER_LOG`. Payloads and people are absent by the rule that nobody
//! puts them into a field; what other crates say is let through from warnings on, for some print what they send.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, Logging};

/// The variable that goes before the configured level, such as `debug` or `chatledger::dispatch=trace,info`.
pub const VARIABLE: &str = "CHATLEDGER_LOG";

/// Why the program cannot tell what it does.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The variable says nothing that could be followed.
    #[error("the variable {VARIABLE} is not a filter; write a level such as `debug`, or take it away")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Somebody was first.
    #[error("somebody else receives the logs already")]
    Taken(#[source] tracing_subscriber::util::TryInitError),
}

/// From here on, everything that is logged goes to standard error.
pub fn start(logging: &Logging) -> Result<(), LoggingError> {
    let filter = std::env::var(VARIABLE).ok().filter(|filter| !filter.trim().is_empty());
    subscriber(logging, filter.as_deref(), std::io::stderr, std::io::stderr().is_terminal())?
        .try_init()
        .map_err(LoggingError::Taken)
}

/// Whoever writes what is logged to `writer`; `filter` goes before the configured level.
pub fn subscriber<W>(
    logging: &Logging,
    filter: Option<&str>,
    writer: W,
    colours: bool,
) -> Result<Box<dyn Subscriber + Send + Sync>, LoggingError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = match filter {
        // A bare level means ours, not that of every crate beneath us.
        Some(filter) => match filter.trim().parse::<LevelFilter>() {
            Ok(level) => ours(level),
            Err(_) => EnvFilter::try_new(filter).map_err(LoggingError::Filter)?,
        },
        None => ours(LevelFilter::from_level(logging.level)),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(colours)
        // By default it would complain on standard error, and panic where that takes nothing: a full disk, a reader that
        // has gone. What cannot be told is no reason to stop working.
        .log_internal_errors(false);
    Ok(match logging.format {
        LogFormat::Text => Box::new(builder.finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).with_current_span(false).finish()),
    })
}

fn ours(level: LevelFilter) -> EnvFilter {
    let others = level.min(LevelFilter::WARN);
    EnvFilter::new(format!("{others},chatledger={level}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("nobody panics with it").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, filter: Option<&str>) -> String {
        let paper = Paper::default();
        let writer = paper.clone();
        let logging = Logging { format, level: Level::INFO };
        let subscriber = subscriber(&logging, filter, move || writer.clone(), false).expect("the filter is sound");
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "chatledger::ingress", connection = "crm.main", "webhook recorded");
            tracing::debug!(target: "chatledger::ingress", "a detail");
            tracing::info!(target: "hyper", "somebody else's");
        });
        String::from_utf8(paper.0.lock().expect("nobody panics with it").clone()).expect("it is text")
    }

    #[test]
    fn text_is_for_people_and_json_for_machines() {
        let text = written(LogFormat::Text, None);
        assert!(text.contains("INFO") && text.contains("webhook recorded connection=\"crm.main\""), "{text}");
        let json: serde_json::Value = serde_json::from_str(&written(LogFormat::Json, None)).expect("it is one object");
        assert_eq!((&json["message"], &json["connection"]), (&"webhook recorded".into(), &"crm.main".into()));
    }

    #[test]
    fn only_ours_is_let_through_and_the_variable_goes_first() {
        let text = written(LogFormat::Text, None);
        assert!(!text.contains("a detail") && !text.contains("somebody else's"), "{text}");
        let text = written(LogFormat::Text, Some("debug"));
        assert!(text.contains("a detail") && !text.contains("somebody else's"), "{text}");
        let text = written(LogFormat::Text, Some("info"));
        assert!(!text.contains("a detail"), "{text}");
        let text = written(LogFormat::Text, Some("hyper=info"));
        assert!(!text.contains("recorded") && text.contains("somebody else's"), "{text}");
    }
}
