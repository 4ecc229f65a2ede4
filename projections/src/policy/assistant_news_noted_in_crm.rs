//! What has come to be so by the assistant's word is noted in the CRM: once, silently, for managers alone.
//!
//! The words are the route's ([`crate::configuration::Notes`]); one that is empty is not said. The note goes to the CRM
//! and nowhere else: it holds the address of the assistant's desk, which no client may see (Selarti contract, 9).

use crate::assistance::News;
use crate::configuration::Notes;
use crate::content::{Content, Person};
use crate::ids::{EventId, MessageId, ThreadId};
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;
use crate::time::Timestamp;

use super::Decision;

pub(super) fn decide(
    state: &State,
    thread: ThreadId,
    news: &[News],
    client: &Person,
    event: EventId,
    at: Timestamp,
) -> Option<Decision> {
    let (_, route) = state.route_of(thread)?;
    let assistant = route.assistant.as_ref()?;
    let endpoint = state.bindings.current(thread, &route.crm)?;
    let text = worded(&assistant.notes, news, client, state.assistance.links(thread))?;
    let intent = Intent::SendMessage(SendMessage {
        to: Destination::Conversation(endpoint.address()),
        speaker: Speaker::Bot,
        author: Person::default(),
        client: endpoint.client(state.contacts.of(thread)),
        // One event brings one report, and one report one note.
        ours: MessageId::new(format!("note-{event}")),
        written_at: at,
        content: Content::text(text),
        source: endpoint.source.clone().or_else(|| route.source.clone()),
        silent: true,
    });
    Some(Decision {
        policy: "assistant_news_noted_in_crm",
        connection: route.crm.clone(),
        thread,
        intent,
        carries: None,
    })
}

/// A line for each thing, and under a hand-over the address at which a person can answer; `None` if there is nothing to say.
fn worded(notes: &Notes, news: &[News], client: &Person, links: (Option<&str>, Option<&str>)) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |words: &str, behind: Option<&str>| {
        if !words.is_empty() {
            lines.push(behind.map_or_else(|| words.to_owned(), |behind| format!("{words}: {behind}")));
        }
    };
    let (desk, view) = links;
    for one in news {
        match one {
            News::HandedOver => add(&notes.handed_over, None),
            News::Closed => add(&notes.closed, None),
            News::Succeeded => add(&notes.succeeded, None),
            News::Interested => add(&notes.interested, None),
            News::ContactGiven => add(&notes.contact_given, contacts(client).as_deref()),
            News::ClientIsMachine => add(&notes.client_is_machine, None),
            // Below.
            News::Links => {}
        }
    }
    let is_new = news.contains(&News::Links);
    if let Some(desk) = desk.filter(|_| is_new || news.contains(&News::HandedOver)) {
        add(&notes.desk, Some(desk));
    }
    if let Some(view) = view.filter(|_| is_new) {
        add(&notes.view, Some(view));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn contacts(client: &Person) -> Option<String> {
    let username = client.username.as_ref().map(|name| format!("@{name}"));
    let known: Vec<String> = [client.phone.clone(), username, client.email.clone()].into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> Notes {
        Notes {
            handed_over: "handed over".to_owned(),
            contact_given: "contacts".to_owned(),
            desk: "desk".to_owned(),
            view: "view".to_owned(),
            ..Notes::default()
        }
    }

    #[test]
    fn a_note_says_what_is_new_and_where_to_go() {
        let links = (Some("https://desk"), Some("https://view"));
        let client = Person { phone: Some("+7 900".to_owned()), ..Person::default() };
        let said = |news: &[News]| worded(&notes(), news, &client, links);
        assert_eq!(said(&[News::HandedOver]).as_deref(), Some("handed over\ndesk: https://desk"));
        assert_eq!(said(&[News::ContactGiven]).as_deref(), Some("contacts: +7 900"));
        assert_eq!(said(&[News::Links]).as_deref(), Some("desk: https://desk\nview: https://view"));
        assert_eq!(said(&[News::Interested]), None, "an empty wording is not said");
        assert_eq!(worded(&notes(), &[News::ContactGiven], &Person::default(), links).as_deref(), Some("contacts"));
    }
}
