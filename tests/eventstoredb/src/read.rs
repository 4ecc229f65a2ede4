//! Reads of a stream or of the whole log, forwards and backwards, and subscriptions, with and without a filter.

use fancy_regex::Regex;
use tokio::sync::{broadcast, mpsc};
use tonic::Status;

use crate::faults::{Call, Ending, afterwards};
use crate::node::{Node, Rights, access_denied};
use crate::protocol::streams::ReadResp;
use crate::protocol::streams::read_req::Options;
use crate::protocol::streams::read_req::options::all_options::AllOption;
use crate::protocol::streams::read_req::options::filter_options::{Filter, Window};
use crate::protocol::streams::read_req::options::stream_options::RevisionOption;
use crate::protocol::streams::read_req::options::{
    CountOption, FilterOption, FilterOptions, ReadDirection, StreamOption, uuid_option,
};
use crate::protocol::streams::read_resp::{CaughtUp, Checkpoint, Content, StreamNotFound, SubscriptionConfirmation};
use crate::store::{Expected, Kept, kept};
use crate::wire::{identifier, name, read_event, refused, said};

/// How many events are taken from the store at a time.
const PAGE: usize = 32;

/// How many events a filter looks through between two checkpoints unless it is told.
const WINDOW: u64 = 32;

type Give = mpsc::Sender<Result<ReadResp, Status>>;

/// The reader is gone; nothing is left to do.
struct Gone;

/// Why a read ends before its end.
enum End {
    Gone,
    With(Status),
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::With(status)
    }
}

impl From<chatledger::log::ReadError> for End {
    fn from(error: chatledger::log::ReadError) -> Self {
        Self::With(Status::unavailable(error.to_string()))
    }
}

/// Answers a read into a channel.
pub(crate) async fn read(node: Node, rights: Rights, options: Options, give: Give) {
    let reader = Reader {
        ids_as_text: matches!(
            options.uuid_option.as_ref().and_then(|option| option.content.as_ref()),
            Some(uuid_option::Content::String(_))
        ),
        node,
        give,
    };
    if let Err(End::With(status)) = reader.answer(rights, options).await {
        // If nobody hears it, nobody waits for it.
        let _gone = reader.give.send(Err(status)).await;
    }
}

struct Reader {
    node: Node,
    give: Give,
    ids_as_text: bool,
}

/// Whose events are read.
enum Target {
    Stream { name: String, after: Option<u64> },
    All { after: Option<u64>, filter: Option<Matching> },
}

impl Reader {
    async fn answer(&self, rights: Rights, options: Options) -> Result<(), End> {
        let is_subscription = matches!(options.count_option, Some(CountOption::Subscription(_)));
        let call = if is_subscription { Call::Subscribe } else { Call::Read };
        let after = self.node.faults.before(call).await?;
        let endings = self.node.faults.endings();
        let backwards = options.read_direction() == ReadDirection::Backwards;
        let talks = options.control_option.is_some_and(|control| control.compatibility > 0);
        let filter = match options.filter_option {
            Some(FilterOption::Filter(filter)) => Some(Matching::of(filter)?),
            Some(FilterOption::NoFilter(_)) | None => None,
        };
        let count = match options.count_option {
            Some(CountOption::Count(0)) | None => return Err(Status::invalid_argument("nothing is to be read").into()),
            Some(CountOption::Count(count)) => Some(count),
            Some(CountOption::Subscription(_)) => None,
        };
        let result = match (options.stream_option, count) {
            (None, _) => Err(Status::invalid_argument("no stream is named").into()),
            (Some(StreamOption::All(_)), _) if rights == Rights::StreamsOnly => Err(access_denied().into()),
            (Some(StreamOption::All(all)), Some(count)) if backwards => {
                self.all_backwards(all.all_option, filter, count).await
            }
            (Some(StreamOption::All(all)), Some(count)) => self.all_forwards(all.all_option, filter, count).await,
            (Some(StreamOption::Stream(stream)), Some(count)) => {
                let name = name(stream.stream_identifier.as_ref())?;
                self.stream(&name, stream.revision_option, backwards, count, talks).await
            }
            (Some(StreamOption::All(all)), None) => {
                let after = match all.all_option {
                    Some(AllOption::Position(position)) => Some(position.commit_position),
                    Some(AllOption::Start(_)) | None => None,
                    Some(AllOption::End(_)) => self.node.store.newest(1).await?.first().map(|newest| newest.position),
                };
                self.node.faults.note_subscription(after);
                self.subscribe(Target::All { after, filter }, endings).await
            }
            (Some(StreamOption::Stream(stream)), None) => {
                let name = name(stream.stream_identifier.as_ref())?;
                let readable =
                    self.node.store.readable(&name).await.map_err(|refusal| refused(&name, Expected::Any, &refusal))?;
                let after = match stream.revision_option {
                    Some(RevisionOption::Revision(revision)) => Some(revision),
                    Some(RevisionOption::Start(_)) | None => None,
                    Some(RevisionOption::End(_)) => readable.map(|(_, last)| last),
                };
                self.subscribe(Target::Stream { name, after }, endings).await
            }
        };
        afterwards(after).await?;
        result
    }

    async fn stream(
        &self,
        name: &str,
        from: Option<RevisionOption>,
        backwards: bool,
        count: u64,
        talks: bool,
    ) -> Result<(), End> {
        let readable =
            self.node.store.readable(name).await.map_err(|refusal| refused(name, Expected::Any, &refusal))?;
        let Some((first, last)) = readable else {
            let missing = StreamNotFound { stream_identifier: Some(identifier(name)) };
            return Ok(self.tell(Content::StreamNotFound(missing)).await?);
        };
        let mut left = count;
        if backwards {
            let from = match from {
                Some(RevisionOption::Revision(revision)) => revision.min(last),
                Some(RevisionOption::Start(_)) => 0,
                Some(RevisionOption::End(_)) | None => last,
            };
            let mut next = Some(from).filter(|from| *from >= first);
            while let Some(high) = next.filter(|_| left > 0) {
                let low = high.saturating_sub(PAGE as u64 - 1).max(first);
                let page = self.node.store.in_stream(name, low, PAGE).await?;
                for kept in page.iter().filter(|kept| kept.revision <= high).rev() {
                    left = self.give_of_stream(kept, left).await?;
                }
                next = low.checked_sub(1).filter(|next| *next >= first);
            }
        } else {
            let mut next = match from {
                Some(RevisionOption::Revision(revision)) => revision.max(first),
                Some(RevisionOption::Start(_)) | None => first,
                Some(RevisionOption::End(_)) => last.saturating_add(1),
            };
            while next <= last && left > 0 {
                let page = self.node.store.in_stream(name, next, PAGE).await?;
                let Some(newest) = page.last() else { break };
                next = newest.revision + 1;
                for kept in &page {
                    left = self.give_of_stream(kept, left).await?;
                }
            }
        }
        if talks {
            self.tell(Content::LastStreamPosition(last)).await?;
        }
        Ok(())
    }

    async fn give_of_stream(&self, kept: &Kept, left: u64) -> Result<u64, End> {
        if left == 0 || self.node.store.is_too_old(kept).await {
            return Ok(left);
        }
        self.event(kept).await?;
        Ok(left - 1)
    }

    async fn all_forwards(&self, from: Option<AllOption>, filter: Option<Matching>, count: u64) -> Result<(), End> {
        let mut after = match from {
            // The place itself is read, too.
            Some(AllOption::Position(position)) => position.commit_position.checked_sub(1),
            Some(AllOption::Start(_)) | None => None,
            Some(AllOption::End(_)) => return Ok(()),
        };
        let mut left = count;
        while left > 0 {
            let page = self.node.store.after(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.position);
            for kept in page.iter().filter(|kept| matches(filter.as_ref(), kept)) {
                if left > 0 {
                    self.event(kept).await?;
                    left -= 1;
                }
            }
        }
        Ok(())
    }

    async fn all_backwards(&self, from: Option<AllOption>, filter: Option<Matching>, count: u64) -> Result<(), End> {
        let mut below = match from {
            Some(AllOption::Position(position)) => position.commit_position.saturating_add(1),
            Some(AllOption::Start(_)) => return Ok(()),
            Some(AllOption::End(_)) | None => u64::MAX,
        };
        let mut left = count;
        let mut looked_through = PAGE;
        while left > 0 {
            // The log underneath is read from its end only, so each look reaches further than the one before.
            let page = self.node.store.newest(looked_through).await?;
            let is_whole = page.len() < looked_through;
            for kept in page.iter().filter(|kept| kept.position < below) {
                if left > 0 && matches(filter.as_ref(), kept) {
                    self.event(kept).await?;
                    left -= 1;
                }
            }
            below = page.last().map_or(below, |oldest| below.min(oldest.position));
            if is_whole {
                return Ok(());
            }
            looked_through *= 8;
        }
        Ok(())
    }

    async fn subscribe(&self, target: Target, mut endings: broadcast::Receiver<Ending>) -> Result<(), End> {
        let id = uuid::Uuid::new_v4().to_string();
        self.tell(Content::Confirmation(SubscriptionConfirmation { subscription_id: id })).await?;
        let following = self.follow(target);
        let ending = tokio::select! {
            ended = following => return ended,
            ending = endings.recv() => ending,
            () = self.give.closed() => return Ok(()),
        };
        match ending {
            Ok(Ending::Well) => Ok(()),
            Ok(Ending::Silence) => {
                self.give.closed().await;
                Ok(())
            }
            Ok(Ending::Unavailable) | Err(_) => Err(Status::unavailable("ended on purpose").into()),
        }
    }

    async fn follow(&self, target: Target) -> Result<(), End> {
        let (position, filter) = match &target {
            Target::All { after, filter } => (*after, filter.as_ref()),
            Target::Stream { .. } => (None, None),
        };
        let mut following = self.node.store.follow(position).await?;
        let mut is_live = false;
        let mut considered = 0;
        loop {
            if following.is_caught_up() && !is_live {
                is_live = true;
                self.tell(Content::CaughtUp(CaughtUp {})).await?;
            }
            for stored in following.next(PAGE).await? {
                let Some(kept) = kept(&stored) else { continue };
                let is_wanted = match &target {
                    Target::Stream { name, after } => {
                        kept.stream == *name && after.is_none_or(|after| kept.revision > after)
                    }
                    Target::All { after, filter } => {
                        after.is_none_or(|after| kept.position > after) && matches(filter.as_ref(), &kept)
                    }
                };
                if is_wanted {
                    self.event(&kept).await?;
                }
                considered += 1;
                if let Some(filter) = filter
                    && considered % filter.interval == 0
                {
                    let checkpoint = Checkpoint { commit_position: kept.position, prepare_position: kept.position };
                    self.tell(Content::Checkpoint(checkpoint)).await?;
                }
            }
        }
    }

    async fn event(&self, kept: &Kept) -> Result<(), Gone> {
        self.give.send(Ok(read_event(kept, self.ids_as_text))).await.map_err(|_| Gone)
    }

    async fn tell(&self, content: Content) -> Result<(), Gone> {
        self.give.send(Ok(said(content))).await.map_err(|_| Gone)
    }
}

/// Which events a filter lets through.
struct Matching {
    by_stream: bool,
    regex: Option<Regex>,
    prefixes: Vec<String>,
    /// How many events it looks through between two checkpoints.
    interval: u64,
}

impl Matching {
    fn of(options: FilterOptions) -> Result<Self, Status> {
        let (by_stream, expression) = match options.filter {
            Some(Filter::StreamIdentifier(expression)) => (true, expression),
            Some(Filter::EventType(expression)) => (false, expression),
            None => return Err(Status::invalid_argument("the filter says nothing")),
        };
        let regex = match expression.regex.as_str() {
            "" => None,
            regex => Some(Regex::new(regex).map_err(|_| Status::invalid_argument("the filter's expression is none"))?),
        };
        let window = match options.window {
            Some(Window::Max(max)) => u64::from(max),
            Some(Window::Count(_)) | None => WINDOW,
        };
        let interval = window.saturating_mul(u64::from(options.checkpoint_interval_multiplier)).max(1);
        // An expression makes the server ignore the prefixes.
        let prefixes = if regex.is_some() { Vec::new() } else { expression.prefix };
        Ok(Self { by_stream, regex, prefixes, interval })
    }

    fn lets_through(&self, kept: &Kept) -> bool {
        let text = if self.by_stream { &kept.stream } else { &kept.event_type };
        match &self.regex {
            // One that takes too long matches nothing.
            Some(regex) => regex.is_match(text).unwrap_or(false),
            None => self.prefixes.iter().any(|prefix| text.starts_with(prefix)),
        }
    }
}

fn matches(filter: Option<&Matching>, kept: &Kept) -> bool {
    filter.is_none_or(|filter| filter.lets_through(kept))
}
