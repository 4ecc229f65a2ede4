//! Connections: what came from each, what is to be done there, and whether it answers.

use chatledger_projections::event::Happening;
use chatledger_projections::fact::{ConnectionChanged, Fact};

use super::document::{HealthDocument, written};
use super::memory::Memory;
use super::{Gathered, Step};
use crate::reading::row::Row;

impl Memory {
    /// Looks whether the connections that an event is about stand otherwise than was told.
    pub(super) fn see_connections(&mut self, step: &Step<'_>, gathered: &mut Gathered) {
        match &step.happening.event {
            Happening::Observed { connection, facts } => {
                let memo = self.connection(connection, &mut gathered.rows);
                memo.version.webhooks += 1;
                memo.version.last_webhook_at = Some(step.at);
                let number = memo.number;
                // The last word counts.
                if let Some(ConnectionChanged { health, word, .. }) = facts.iter().rev().find_map(said_of_itself) {
                    let document = written(&HealthDocument { health: *health, word: word.clone() });
                    gathered.rows.push(Row::Health { connection: number, document });
                }
                gathered.connections.insert(connection.clone());
            }
            Happening::Configured(configuration) => {
                gathered.rows.push(Row::Configuration { document: written(configuration) });
            }
            Happening::Raised(_)
            | Happening::Started(_)
            | Happening::Settled { .. }
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
        let connections = std::mem::take(&mut gathered.connections);
        for name in connections {
            let depth = i64::try_from(step.state.attempts.depth(&name)).unwrap_or(i64::MAX);
            let memo = self.connection(&name, &mut gathered.rows);
            let (calls, since) = memo.circuit.silence();
            memo.version.depth = depth;
            memo.version.silent = i64::from(calls);
            memo.version.silent_since = since.map(chatledger_projections::time::Timestamp::as_millis);
            if memo.version != memo.told {
                memo.told = memo.version;
                gathered.rows.push(Row::ConnectionVersion { connection: memo.number, version: memo.version });
            }
        }
    }
}

const fn said_of_itself(fact: &Fact) -> Option<&ConnectionChanged> {
    if let Fact::ConnectionChanged(changed) = fact { Some(changed) } else { None }
}
