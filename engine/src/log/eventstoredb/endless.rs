//! A guard against the client's endless loop.
//!
//! When a server ends a subscription without an error, the client asks the ended stream again and again, without ever
//! pausing: no timer fires on that thread, and nobody can stop the task. All it does in each round is to warn that it
//! received something unknown. So while it is polled, its warnings come here first; the first goes on to whoever listens,
//! and too many within one poll unwind the poll, which is caught. A subscription that was caught is thrown away.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;

use tracing::dispatcher::{Dispatch, get_default, with_default};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// How many warnings of the client one poll may bring: far more than a server's messages of an unknown kind that come at
/// once, and few enough to be over in a moment.
const TOO_MANY: u32 = 1000;

/// The client would never have come back.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the server ended the subscription")]
pub(super) struct Ended;

thread_local! {
    static WARNINGS: Cell<u32> = const { Cell::new(0) };
    static LISTENER: RefCell<Option<Dispatch>> = const { RefCell::new(None) };
}

/// Waits for the client; gives up when it is in its loop, or when it panics.
pub(super) async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Ended> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let guard = guard();
        let listener = get_default(Clone::clone);
        let outer = LISTENER.replace(Some(listener));
        WARNINGS.set(0);
        let polled = catch_unwind(AssertUnwindSafe(|| with_default(guard, || work.as_mut().poll(context))));
        LISTENER.set(outer);
        match polled {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            // A panic has been told by the panic hook.
            Err(_) => Poll::Ready(Err(Ended)),
        }
    })
    .await
}

fn guard() -> &'static Dispatch {
    static GUARD: OnceLock<Dispatch> = OnceLock::new();
    GUARD.get_or_init(|| Dispatch::new(Guard))
}

/// Stands before whoever listens while the client is polled.
struct Guard;

fn is_a_warning_of_the_client(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && *metadata.level() <= Level::WARN && metadata.target().starts_with("eventstore")
}

/// Asks whoever listened before the poll.
fn listener<T>(ask: impl FnOnce(&Dispatch) -> T) -> Option<T> {
    LISTENER.with_borrow(|listener| listener.as_ref().map(ask))
}

impl Subscriber for Guard {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Whatever else listens decides for itself.
        if is_a_warning_of_the_client(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_a_warning_of_the_client(metadata)
            // A span would have to come back here after the poll, from any thread.
            || (metadata.is_event() && listener(|listener| listener.enabled(metadata)).unwrap_or(false))
    }

    fn event(&self, event: &Event<'_>) {
        if is_a_warning_of_the_client(event.metadata()) {
            let warnings = WARNINGS.get() + 1;
            WARNINGS.set(warnings);
            if warnings > TOO_MANY {
                // Not a panic: nothing is to be told of it.
                resume_unwind(Box::new(Ended));
            }
            if warnings > 1 {
                return;
            }
        }
        let _nobody = listener(|listener| {
            if listener.enabled(event.metadata()) {
                listener.event(event);
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Never asked for: no span is enabled.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
