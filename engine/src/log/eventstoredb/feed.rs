//! A feed of our events from a place on, for ever: a subscription, supervised.
//!
//! The client's own resubscribing asks from where it began, not from where it is, so it is not used. One task holds the
//! subscription, knows our own place, moves it with events and with the server's checkpoints, and makes a new subscription
//! from there whenever the old one fails, falls silent or is merely old. Nothing is awaited beside the subscription but
//! time: if time runs out, the whole subscription is thrown away, never a pending question alone.

use std::sync::Arc;

use chatledger_projections::recorded::Position;
use eventstore::{StreamPosition, SubscribeToAllOptions, Subscription, SubscriptionEvent, SubscriptionFilter};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::answer::{Health, NoAnswer, Proof, sort};
use super::endless::guarded;
use super::reach::{Reach, no_client};
use crate::live::chain;
use crate::log::{ReadError, StoredEvent};

/// How many events wait to be taken. When it is full, the subscription waits, and at last the server.
const AHEAD: usize = 1024;

/// How many events the server looks through before it tells how far it is.
const CHECKPOINT_EVERY: u32 = 1000;

/// What a feed gives.
#[derive(Debug)]
pub(super) enum Item {
    /// The next event.
    Event(StoredEvent),
    /// Everything that was there has been given; what follows is new.
    CaughtUp,
    /// Nothing will follow.
    Failed(ReadError),
}

/// What a subscription says.
#[derive(Debug)]
pub(super) enum Sign {
    /// An event of ours.
    Event(StoredEvent),
    /// There is nothing of ours up to here.
    Checkpoint(Position),
    /// Everything that was there has been given.
    CaughtUp,
    /// It is alive.
    Nothing,
}

/// A subscription to our own streams.
pub(super) struct Subscribed {
    subscription: Subscription,
}

impl Subscribed {
    /// Subscribes after a place. Nothing is sent before the first question.
    pub(super) async fn to(reach: &Reach, client: &eventstore::Client, after: Option<Position>) -> Self {
        let start = after.map_or(StreamPosition::Start, |position| {
            StreamPosition::Position(eventstore::Position { commit: position.commit(), prepare: position.prepare() })
        });
        let filter = SubscriptionFilter::on_stream_name().add_prefix(&reach.prefix).max(CHECKPOINT_EVERY);
        let mut options = SubscribeToAllOptions::default().position(start).filter(filter);
        if let Some(credentials) = &reach.credentials {
            options = options.authenticated(credentials.for_the_client());
        }
        Self { subscription: client.subscribe_to_all(&options).await }
    }

    /// The next sign. After an error, or if it is not awaited to the end, the subscription must be thrown away.
    pub(super) async fn next(&mut self, reach: &Reach) -> Result<Sign, (Proof, Health)> {
        match guarded(self.subscription.next_subscription_event()).await {
            Ok(Ok(SubscriptionEvent::EventAppeared(resolved))) => {
                Ok(reach.stored(resolved.get_original_event()).map_or(Sign::Nothing, Sign::Event))
            }
            Ok(Ok(SubscriptionEvent::Checkpoint(position))) => {
                Ok(Sign::Checkpoint(Position::pair(position.commit, position.prepare)))
            }
            Ok(Ok(SubscriptionEvent::CaughtUp)) => Ok(Sign::CaughtUp),
            Ok(Ok(
                SubscriptionEvent::Confirmed(_)
                | SubscriptionEvent::FirstStreamPosition(_)
                | SubscriptionEvent::LastStreamPosition(_)
                | SubscriptionEvent::LastAllPosition(_)
                | SubscriptionEvent::FellBehind,
            )) => Ok(Sign::Nothing),
            Ok(Err(error)) => Err(sort(error)),
            Err(ended) => Err((Proof::NotDone(ended.into()), Health::Doubtful)),
        }
    }
}

/// Why one subscription was left.
enum Left {
    /// Nobody takes what it gives.
    Unread,
    /// It was silent for long; perhaps it is forgotten.
    Silent,
    /// It failed.
    Failed(Proof),
}

/// Starts a feed after a place. It ends when nobody takes from it any more, or with the log.
pub(super) fn start(reach: Arc<Reach>, closed: CancellationToken, after: Option<Position>) -> mpsc::Receiver<Item> {
    let (give, take) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let unread = give.clone();
        tokio::select! {
            () = closed.cancelled() => {}
            () = unread.closed() => {}
            () = supervise(&reach, after, give) => {}
        }
    });
    take
}

async fn supervise(reach: &Reach, after: Option<Position>, give: mpsc::Sender<Item>) {
    let mut place = after;
    let mut pauses = reach.timing.pauses();
    let mut is_told = false;
    loop {
        let before = place;
        match one_subscription(reach, &mut place, &give).await {
            Left::Unread => return,
            Left::Silent => debug!("a silent subscription is made anew"),
            Left::Failed(proof) => {
                if !proof.is_passing() {
                    // If nobody takes it, nobody wants to know.
                    let _unread = give.send(Item::Failed(ReadError::Unavailable(proof.into_cause()))).await;
                    return;
                }
                if place > before {
                    pauses = reach.timing.pauses();
                    is_told = false;
                }
                if !is_told {
                    warn!(error = %chain(&*proof.into_cause()), "the log cannot be followed; trying again from where we are");
                    is_told = true;
                }
                sleep(pauses.next().unwrap_or_default()).await;
            }
        }
    }
}

async fn one_subscription(reach: &Reach, place: &mut Option<Position>, give: &mpsc::Sender<Item>) -> Left {
    let lease = match reach.subscriptions.lease().await {
        Ok(lease) => lease,
        Err(none) => return Left::Failed(no_client(none)),
    };
    let went = |health| reach.subscriptions.went(lease.generation, health);
    let mut subscribed = Subscribed::to(reach, &lease.client, *place).await;
    let mut patience = reach.timing.answer;
    let (mut is_live, mut is_sound) = (false, false);
    loop {
        let item = match timeout(patience, subscribed.next(reach)).await {
            Err(_) if is_live => return Left::Silent,
            Err(_) => {
                went(Health::Doubtful);
                return Left::Failed(Proof::Unknown(NoAnswer.into()));
            }
            Ok(Err((proof, health))) => {
                went(health);
                return Left::Failed(proof);
            }
            Ok(Ok(Sign::Event(event))) if Some(event.position) > *place => {
                *place = Some(event.position);
                Some(Item::Event(event))
            }
            Ok(Ok(Sign::Checkpoint(position))) => {
                *place = (*place).max(Some(position));
                None
            }
            Ok(Ok(Sign::CaughtUp)) => {
                is_live = true;
                Some(Item::CaughtUp)
            }
            Ok(Ok(Sign::Event(_) | Sign::Nothing)) => None,
        };
        if !is_sound {
            went(Health::Sound);
            is_sound = true;
        }
        patience = if is_live { reach.timing.renewal } else { reach.timing.silence };
        if let Some(item) = item
            && give.send(item).await.is_err()
        {
            return Left::Unread;
        }
    }
}
