//! How a message that a platform refused as it was can be said otherwise, before a person is asked.
//!
//! Takes what was refused and why; gives what is to be said instead, or nothing if there is no other way to say it. What was
//! too long is said in pieces of half its length. What a CRM did not take is said more plainly: without a picture of its
//! author and without naming what it answers, for either may be what was wrong with it (amoCRM contract, 7), and then with
//! its files in words. Every step leaves less to take away, so there is an end. What may have been done all the same is not
//! asked here: that was refused for certain is for the caller to know.

use std::num::NonZeroU32;

use crate::content::{Content, File, Part};
use crate::fact::FailureKind;
use crate::files::{fitting, signs};
use crate::ids::MessageId;
use crate::intent::SendMessage;

/// No platform that takes texts at all takes fewer signs than this; what is shorter was not refused for its length.
const SHORTEST: u32 = 100;

/// What is said instead of a refused message, in order; empty if nothing is.
pub fn otherwise(refused: &SendMessage, why: FailureKind, by_crm: bool) -> Vec<SendMessage> {
    match why {
        FailureKind::TooLong => smaller(refused),
        FailureKind::Other if by_crm => plainer(refused).into_iter().collect(),
        FailureKind::Other
        | FailureKind::ConversationDeleted
        | FailureKind::ConnectionOff
        | FailureKind::Internal
        | FailureKind::CannotOpen => Vec::new(),
    }
}

/// How many signs a message may have where one like this was too long: half of it, and never less than any platform takes.
pub fn half_of(refused: &Content) -> NonZeroU32 {
    let said = refused.text.as_deref().map_or(0, signs);
    let half = u32::try_from(said / 2).unwrap_or(u32::MAX).max(SHORTEST);
    NonZeroU32::new(half).expect("it is a hundred at least")
}

/// The same in pieces that are half as long. What opens a conversation cannot be followed before it is open.
fn smaller(refused: &SendMessage) -> Vec<SendMessage> {
    let half = half_of(&refused.content);
    let pieces = fitting(refused.content.clone(), usize::try_from(half.get()).unwrap_or(usize::MAX));
    if pieces.len() < 2 || refused.to.opens() {
        return Vec::new();
    }
    let piece = |(place, content)| SendMessage { ours: name(&refused.ours, half, place), content, ..refused.clone() };
    (0_usize..).zip(pieces).map(piece).collect()
}

/// Our id of a piece; the first keeps the name of the whole, for nothing was taken under it.
fn name(whole: &MessageId, half: NonZeroU32, place: usize) -> MessageId {
    if place == 0 { whole.clone() } else { MessageId::new(format!("{whole}.{half}.{place}")) }
}

fn plainer(refused: &SendMessage) -> Option<SendMessage> {
    let mut plain = refused.clone();
    plain.author.avatar = None;
    plain.client.avatar = None;
    if let Some(quote) = &mut plain.content.quote {
        (quote.theirs, quote.ours) = (None, None);
        if quote.text.is_none() {
            plain.content.quote = None;
        }
    }
    if plain == *refused {
        plain.content = files_in_words(plain.content);
    }
    (plain != *refused).then_some(plain)
}

/// Under the text a line for each file, with its link.
fn files_in_words(content: Content) -> Content {
    let Content { text, parts, quote } = content;
    let mut lines: Vec<String> = text.into_iter().collect();
    let mut rest = Vec::new();
    for part in parts {
        match part {
            Part::File(File { url: Some(url), name, .. }) => {
                lines.push(name.map_or_else(|| url.clone(), |name| format!("{name}: {url}")));
            }
            other => rest.push(other),
        }
    }
    Content { text: (!lines.is_empty()).then(|| lines.join("\n")), parts: rest, quote }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{FileKind, Person, Quote};
    use crate::fact::ConversationKey;
    use crate::ids::ConversationId;
    use crate::intent::{Destination, Speaker};
    use crate::phone::PhoneNumber;
    use crate::time::Timestamp;

    fn saying(content: Content) -> SendMessage {
        SendMessage {
            to: Destination::Conversation(ConversationKey::theirs(ConversationId::new("1"))),
            speaker: Speaker::Client,
            author: Person::default(),
            client: Person::default(),
            ours: MessageId::new("pact.sales:7"),
            written_at: Timestamp::default(),
            content,
            source: None,
            silent: false,
        }
    }

    #[test]
    fn what_is_too_long_is_said_in_halves_until_nothing_is() {
        let long = saying(Content::text("слово ".repeat(100)));
        let halves = otherwise(&long, FailureKind::TooLong, false);
        assert_eq!(
            halves.iter().map(|half| half.ours.as_str()).collect::<Vec<_>>()[..2],
            ["pact.sales:7", "pact.sales:7.300.1"]
        );
        assert!(halves.iter().all(|half| half.content.text.as_deref().is_some_and(|text| signs(text) <= 300)));
        let said: Vec<&str> =
            halves.iter().flat_map(|half| half.content.text.as_deref()).flat_map(str::split_whitespace).collect();
        assert_eq!(said.len(), 100, "nothing is left out");
        assert!(otherwise(&saying(Content::text("слово")), FailureKind::TooLong, false).is_empty());
        let phone = PhoneNumber::international("79135292926").expect("a number");
        let first = SendMessage { to: Destination::Phone(phone), ..long };
        assert!(otherwise(&first, FailureKind::TooLong, false).is_empty(), "nothing could follow it");
    }

    #[test]
    fn what_a_crm_does_not_take_is_said_more_and_more_plainly() {
        let url = Some("https://files.example/1.jpg".to_owned());
        let content = Content {
            text: Some("вот".to_owned()),
            parts: vec![Part::File(File {
                url: url.clone(),
                name: Some("1.jpg".to_owned()),
                ..File::of(FileKind::Picture)
            })],
            quote: Some(Quote { theirs: Some(MessageId::new("m")), ours: None, text: Some("где?".to_owned()) }),
        };
        let mut refused = saying(content);
        refused.author.avatar = url;
        let plain = otherwise(&refused, FailureKind::Other, true).remove(0);
        assert_eq!((plain.author.avatar.as_ref(), plain.content.parts.len()), (None, 1));
        assert_eq!(plain.content.quote, Some(Quote { text: Some("где?".to_owned()), ..Quote::default() }));
        let plainest = otherwise(&plain, FailureKind::Other, true).remove(0);
        assert_eq!(plainest.content.text.as_deref(), Some("вот\n1.jpg: https://files.example/1.jpg"));
        assert!(otherwise(&plainest, FailureKind::Other, true).is_empty(), "there is no plainer way");
        assert!(otherwise(&refused, FailureKind::Other, false).is_empty(), "a client is not shown less without a word");
        assert!(otherwise(&refused, FailureKind::ConnectionOff, true).is_empty());
    }
}
