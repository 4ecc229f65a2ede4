//! What was odd, by kind.

use chatledger_projections::change::AnomalyKind;
use chatledger_projections::fact::RemarkKind;
use rusqlite::{OptionalExtension as _, params};

use super::{Scene, word};
use crate::reading::RemarkFilter;
use crate::reading::answer::{AnomalyRow, RemarkRow};
use crate::reading::row::{Number, Seq};

/// What platforms sent and we do not know or found odd, the most frequent first.
pub(in crate::reading) fn remarks(scene: &Scene<'_>, filter: &RemarkFilter) -> Result<Vec<RemarkRow>, rusqlite::Error> {
    let wanted = filter.connection.as_ref().map(|name| scene.connections.number(name).unwrap_or(-1));
    let mut groups = scene
        .rows
        .prepare_cached("SELECT grp, kind, connection, at, found, since FROM remark_groups WHERE since <= ?1")?;
    let mut groups = groups.query([scene.moment.seq])?;
    let mut newest = scene.rows.prepare_cached(
        "SELECT count, since FROM remarked WHERE grp = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1",
    )?;
    let mut told = Vec::new();
    while let Some(row) = groups.next()? {
        let kind: RemarkKind = word(row.get(1)?)?;
        let connection: Number = row.get(2)?;
        if filter.remark.is_some_and(|wanted| wanted != kind)
            || filter.anomaly.is_some() && filter.remark.is_none()
            || wanted.is_some_and(|wanted| wanted != connection)
        {
            continue;
        }
        let newest = newest.query_row(params![row.get::<_, Number>(0)?, scene.moment.seq], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Seq>(1)?))
        });
        let Some((count, last)) = newest.optional()? else { continue };
        let ((first, first_at), (last, last_at)) = (scene.place(row.get(5)?)?, scene.place(last)?);
        told.push(RemarkRow {
            kind,
            connection: scene.connections.name(connection),
            at: row.get(3)?,
            found: row.get(4)?,
            count: u64::try_from(count).unwrap_or(0),
            first,
            first_at,
            last,
            last_at,
        });
    }
    told.sort_by(|one, other| {
        let place = |row: &RemarkRow| (row.kind, row.connection.clone(), row.at.clone(), row.found.clone());
        other.count.cmp(&one.count).then_with(|| place(one).cmp(&place(other)))
    });
    Ok(told)
}

/// What should not have happened, the most frequent first.
pub(in crate::reading) fn anomalies(
    scene: &Scene<'_>,
    filter: &RemarkFilter,
) -> Result<Vec<AnomalyRow>, rusqlite::Error> {
    let wanted = filter.connection.as_ref().map(|name| scene.connections.number(name).unwrap_or(-1));
    let mut groups =
        scene.rows.prepare_cached("SELECT grp, kind, connection, since FROM anomaly_groups WHERE since <= ?1")?;
    let mut groups = groups.query([scene.moment.seq])?;
    let mut newest = scene.rows.prepare_cached(
        "SELECT count, since, detail FROM anomalies WHERE grp = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1",
    )?;
    let mut told = Vec::new();
    while let Some(row) = groups.next()? {
        let kind: AnomalyKind = word(row.get(1)?)?;
        let connection: Option<Number> = row.get(2)?;
        if filter.anomaly.is_some_and(|wanted| wanted != kind)
            || filter.remark.is_some() && filter.anomaly.is_none()
            || wanted.is_some() && wanted != connection
        {
            continue;
        }
        let newest = newest.query_row(params![row.get::<_, Number>(0)?, scene.moment.seq], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Seq>(1)?, row.get::<_, String>(2)?))
        });
        let Some((count, last, detail)) = newest.optional()? else { continue };
        let ((first, first_at), (last, last_at)) = (scene.place(row.get(3)?)?, scene.place(last)?);
        told.push(AnomalyRow {
            kind,
            connection: connection.map(|number| scene.connections.name(number)),
            count: u64::try_from(count).unwrap_or(0),
            detail,
            first,
            first_at,
            last,
            last_at,
        });
    }
    told.sort_by(|one, other| {
        other.count.cmp(&one.count).then_with(|| (one.kind, &one.connection).cmp(&(other.kind, &other.connection)))
    });
    Ok(told)
}

/// How often anything was odd, and anything happened that should not have.
pub(in crate::reading) fn totals(scene: &Scene<'_>) -> Result<(u64, u64), rusqlite::Error> {
    let count = |table: &str| -> Result<u64, rusqlite::Error> {
        let sql = format!(
            "SELECT coalesce(sum((SELECT count FROM {table} WHERE {table}.grp = groups.grp AND since <= ?1
                                  ORDER BY since DESC LIMIT 1)), 0) FROM {} AS groups",
            if table == "remarked" { "remark_groups" } else { "anomaly_groups" }
        );
        let total: i64 = scene.rows.prepare_cached(&sql)?.query_row([scene.moment.seq], |row| row.get(0))?;
        Ok(u64::try_from(total).unwrap_or(0))
    };
    Ok((count("remarked")?, count("anomalies")?))
}
