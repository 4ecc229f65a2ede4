//! Dialogues: how each stands, where it is shown, by what its client is found.

use chatledger_projections::bindings::Endpoint;
use chatledger_projections::contacts::Contact;
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::ThreadId;
use chatledger_projections::threads::{Side, Thread};

use super::document::{FacesDocument, written};
use super::memory::{Memory, ThreadMemo};
use super::{Gathered, Step, mark};
use crate::reading::answer::{ClientCard, EndpointRow, ThreadCounts, ThreadState};
use crate::reading::row::{Named, Number, Row, ThreadVersion};

impl Memory {
    /// Looks whether the dialogues that an event is about stand otherwise than was told.
    pub(super) fn see_threads(&mut self, step: &Step<'_>, gathered: &mut Gathered) {
        let before = self.counts;
        let threads: Vec<ThreadId> = gathered.threads.iter().copied().collect();
        for id in threads {
            self.thread(id, &mut gathered.rows);
            if let Some(thread) = step.state.threads.get(id) {
                self.see_faces(step, id, gathered);
                self.see_version(step, id, thread, gathered);
            }
        }
        if self.counts != before {
            gathered.rows.push(Row::ThreadCounts(self.counts));
        }
    }

    fn see_version(&mut self, step: &Step<'_>, id: ThreadId, thread: &Thread, gathered: &mut Gathered) {
        let Some(memo) = self.threads.get_mut(&id) else { return };
        if !memo.is_open {
            memo.is_open = true;
            let (number, opened_at) = (memo.number, thread.opened_at.as_millis());
            gathered.rows.push(Row::ThreadOpened { thread: number, route: thread.route.to_string(), opened_at });
        }
        let helped = step.state.assistance.of(id);
        let version = ThreadVersion {
            state: state_of(step, id, memo),
            active_at: thread.last_message_at.unwrap_or(thread.opened_at).as_millis(),
            last: memo.last.map(|(index, _)| Number::from(index.place())),
            from_client: thread.from_client,
            from_company: thread.from_company,
            open: memo.open,
            held: memo.held,
            helped: helped.is_some(),
            silence: helped.and_then(|helped| helped.silence),
        };
        let told = memo.version;
        if told.is_some_and(|(_, told)| told == version) {
            return;
        }
        memo.version = Some((step.seq, version));
        match told {
            None => self.counts.all += 1,
            Some((_, told)) => *count_of(&mut self.counts, told.state) -= 1,
        }
        *count_of(&mut self.counts, version.state) += 1;
        let (thread, before) = (memo.number, told.map(|(since, _)| since));
        gathered.rows.push(Row::ThreadVersion { thread, before, version });
    }

    fn see_faces(&mut self, step: &Step<'_>, id: ThreadId, gathered: &mut Gathered) {
        let contact = step.state.contacts.of(id);
        let endpoints = step.state.bindings.of(id);
        let row = |endpoint: &Endpoint| EndpointRow {
            connection: endpoint.connection.clone(),
            role: step.state.configuration.role_of(&endpoint.connection),
            theirs: endpoint.theirs.clone(),
            ours: endpoint.ours.clone(),
            client_theirs: endpoint.client_theirs.clone(),
            client_ours: endpoint.client_name(),
            standing: endpoint.standing,
            waiting: u32::try_from(endpoint.waiting.len()).unwrap_or(u32::MAX),
        };
        let faces = FacesDocument { client: card(contact), endpoints: endpoints.iter().map(row).collect() };
        let document = written(&faces);
        let marked = mark(&document);
        let Some(memo) = self.threads.get_mut(&id) else { return };
        if memo.faces == marked {
            return;
        }
        memo.faces = marked;
        let thread = memo.number;
        gathered.rows.push(Row::Faces { thread, document });
        let client = &faces.client;
        for name in [&client.name, &client.username, &client.email].into_iter().flatten() {
            let marked = mark(name);
            if !memo.names.contains(&marked) {
                memo.names.push(marked);
                gathered.rows.push(Row::ClientName { thread, name: name.clone() });
            }
        }
        let mut name = |name: String, what, connection| {
            gathered.rows.push(Row::Name { name, what, connection, thread, message: -1 });
        };
        if let Some(phone) = contact.and_then(|contact| contact.phone.as_ref()) {
            name(phone.digits().to_owned(), Named::Phone, 0);
        }
        if let Some(username) = &client.username {
            name(username.trim_start_matches('@').to_lowercase(), Named::Username, 0);
        }
        if let Some(email) = &client.email {
            name(email.to_lowercase(), Named::Email, 0);
        }
        for endpoint in endpoints {
            let connection = self.connection(&endpoint.connection, &mut gathered.rows).number;
            let rows = &mut gathered.rows;
            rows.push(Row::ShownAt { thread, connection });
            let conversations = endpoint.theirs.iter().chain(&endpoint.ours).chain(&endpoint.called);
            let conversations = conversations.map(|id| (id.to_string(), Named::Conversation));
            let persons = endpoint.client_theirs.iter().chain(&endpoint.client_ours);
            let persons = persons.map(|id| (id.to_string(), Named::Person));
            for (name, what) in conversations.chain(persons) {
                rows.push(Row::Name { name, what, connection, thread, message: -1 });
            }
        }
    }
}

/// What a dialogue waits for.
fn state_of(step: &Step<'_>, id: ThreadId, memo: &ThreadMemo) -> ThreadState {
    let waits = step.state.bindings.of(id).iter().any(|endpoint| !endpoint.waiting.is_empty());
    let last = memo.last.map(|(index, side)| (step.state.delivery.get(index).state, side));
    match last {
        _ if memo.held > 0 => ThreadState::Held,
        Some((DeliveryState::Failed, _)) => ThreadState::Failed,
        _ if memo.open > 0 || waits => ThreadState::UnderWay,
        Some((_, Side::Client)) => ThreadState::Unanswered,
        Some((_, Side::Company)) => ThreadState::Answered,
        None => ThreadState::Opened,
    }
}

const fn count_of(counts: &mut ThreadCounts, state: ThreadState) -> &mut u64 {
    match state {
        ThreadState::Held => &mut counts.held,
        ThreadState::Failed => &mut counts.failed,
        ThreadState::UnderWay => &mut counts.under_way,
        ThreadState::Unanswered => &mut counts.unanswered,
        ThreadState::Answered => &mut counts.answered,
        ThreadState::Opened => &mut counts.opened,
    }
}

fn card(contact: Option<&Contact>) -> ClientCard {
    let text = |value: &Option<Box<str>>| value.as_deref().map(str::to_owned);
    contact.map_or_else(ClientCard::default, |contact| ClientCard {
        name: text(&contact.name),
        phone: contact.phone.as_ref().map(ToString::to_string),
        username: text(&contact.username),
        email: text(&contact.email),
    })
}
