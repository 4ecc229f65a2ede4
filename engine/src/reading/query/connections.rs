//! Connections as they stood.

use std::collections::BTreeSet;

use chatledger_projections::configuration::Configuration;
use chatledger_projections::ids::{ConnectionName, RouteName};
use chatledger_projections::time::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::search::configuration;
use super::{Scene, document};
use crate::reading::answer::{At, ConnectionRow, Health, Silence};
use crate::reading::learn::document::HealthDocument;
use crate::reading::row::{ConnectionVersion, Number, Seq};

/// The connections of the configuration that was in force, and those of which intents were still open. `now` is the
/// moment that is asked about.
pub(in crate::reading) fn connections(
    scene: &Scene<'_>,
    now: Timestamp,
) -> Result<Vec<ConnectionRow>, rusqlite::Error> {
    let configuration = configuration(scene)?;
    let names: BTreeSet<&ConnectionName> = configuration.connections.keys().collect();
    names.into_iter().map(|name| connection(scene, &configuration, name, now)).collect()
}

fn connection(
    scene: &Scene<'_>,
    configuration: &Configuration,
    name: &ConnectionName,
    now: Timestamp,
) -> Result<ConnectionRow, rusqlite::Error> {
    let number = scene.connections.number(name);
    let version = match number {
        Some(number) => version_at(scene, number, scene.moment.seq)?,
        None => ConnectionVersion::default(),
    };
    let health = match number {
        Some(number) => health(scene, number)?,
        None => None,
    };
    let routes: Vec<RouteName> = configuration
        .routes
        .iter()
        .filter(|(_, route)| {
            let assists = route.assistant.as_ref().is_some_and(|assistant| assistant.connection == *name);
            route.crm == *name || route.channel == *name || assists
        })
        .map(|(route, _)| route.clone())
        .collect();
    let last = version.last_webhook_at.map(Timestamp::from_millis);
    let silence = match version.silent_since {
        Some(since) if version.silent > 0 => {
            let calls = u32::try_from(version.silent).unwrap_or(u32::MAX);
            Some(Silence { calls, since: At(Timestamp::from_millis(since)) })
        }
        Some(_) | None => None,
    };
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let few = |number: i64| u32::try_from(number).unwrap_or(0);
    Ok(ConnectionRow {
        name: name.clone(),
        platform: configuration.connections.get(name).map(|known| known.platform.clone()).unwrap_or_default(),
        role: configuration.role_of(name),
        routes,
        webhooks: count(version.webhooks),
        last_webhook_at: last.map(At),
        last_webhook_age_ms: last.map(|last| u64::try_from(now.since(last).as_millis()).unwrap_or(u64::MAX)),
        depth: few(version.depth),
        held: few(version.held),
        accepted: count(version.accepted),
        refused: count(version.refused),
        unsettled: count(version.unsettled),
        health,
        silence,
        live: None,
    })
}

/// How a connection stood after an event.
pub(in crate::reading) fn version_at(
    scene: &Scene<'_>,
    connection: Number,
    seq: Seq,
) -> Result<ConnectionVersion, rusqlite::Error> {
    let mut version = scene.rows.prepare_cached(
        "SELECT webhooks, last_webhook_at, depth, held, accepted, refused, unsettled, silent, silent_since
         FROM connection_versions WHERE connection = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1",
    )?;
    let version = version.query_row(params![connection, seq], |row| {
        Ok(ConnectionVersion {
            webhooks: row.get(0)?,
            last_webhook_at: row.get(1)?,
            depth: row.get(2)?,
            held: row.get(3)?,
            accepted: row.get(4)?,
            refused: row.get(5)?,
            unsettled: row.get(6)?,
            silent: row.get(7)?,
            silent_since: row.get(8)?,
        })
    });
    Ok(version.optional()?.unwrap_or_default())
}

fn health(scene: &Scene<'_>, connection: Number) -> Result<Option<Health>, rusqlite::Error> {
    let mut health = scene.rows.prepare_cached(
        "SELECT since, document FROM healths WHERE connection = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1",
    )?;
    let health = health.query_row(params![connection, scene.moment.seq], |row| {
        Ok((row.get::<_, Seq>(0)?, document::<HealthDocument>(row.get_ref(1)?.as_str()?)?))
    });
    let Some((since, HealthDocument { health, word })) = health.optional()? else { return Ok(None) };
    Ok(Some(Health { health, word, position: scene.position(since)? }))
}
