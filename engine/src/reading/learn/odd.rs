//! Oddities and things that should not have happened, gathered by kind.

use std::collections::BTreeMap;

use chatledger_projections::change::{Anomaly, AnomalyKind};
use chatledger_projections::fact::{Remark, RemarkKind};

use crate::reading::row::{Number, Row};

/// How many kinds of remarks are told apart: what platforms send is not ours to bound. Beyond that, all further ones of a
/// connection and a kind are counted as one.
const GROUPS_AT_MOST: usize = 1000;

/// What stands for the place of those that there was no room to tell apart.
const ELSEWHERE: &str = "…";

/// How much of a place or a word is kept, in signs.
const SIGNS_AT_MOST: usize = 120;

#[derive(Debug, Default)]
struct Group {
    number: Number,
    count: i64,
}

/// What was met so far.
#[derive(Debug, Default)]
pub(super) struct Odd {
    remarks: BTreeMap<(RemarkKind, Number, String, String), Group>,
    anomalies: BTreeMap<(AnomalyKind, Option<Number>), Group>,
}

impl Odd {
    /// A decoder found something odd.
    pub fn remark(&mut self, connection: Number, remark: &Remark, rows: &mut Vec<Row>) {
        let kind = remark.remark;
        let mut key = (kind, connection, shortened(&remark.at), shortened(&remark.found));
        if !self.remarks.contains_key(&key) && self.remarks.len() >= GROUPS_AT_MOST {
            key = (kind, connection, ELSEWHERE.to_owned(), String::new());
        }
        let next = self.remarks.len() as Number + 1;
        let (at, found) = (key.2.clone(), key.3.clone());
        let group = self.remarks.entry(key).or_default();
        if group.count == 0 {
            group.number = next;
            rows.push(Row::RemarkGroup { group: next, kind, connection, at, found });
        }
        group.count += 1;
        // Twice in one event is one row with the later count.
        rows.retain(|row| !matches!(row, Row::Remarked { group: other, .. } if *other == group.number));
        rows.push(Row::Remarked { group: group.number, count: group.count });
    }

    /// Something happened that should not have.
    pub fn anomaly(&mut self, connection: Option<Number>, anomaly: &Anomaly, rows: &mut Vec<Row>) {
        let next = self.anomalies.len() as Number + 1;
        let group = self.anomalies.entry((anomaly.anomaly, connection)).or_default();
        if group.count == 0 {
            group.number = next;
            rows.push(Row::AnomalyGroup { group: next, kind: anomaly.anomaly, connection });
        }
        group.count += 1;
        rows.retain(|row| !matches!(row, Row::Anomaly { group: other, .. } if *other == group.number));
        rows.push(Row::Anomaly { group: group.number, count: group.count, detail: shortened(&anomaly.detail) });
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(SIGNS_AT_MOST).collect()
}
