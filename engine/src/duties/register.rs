//! Which engines have run from this spool since the machine was started: they certainly run no more.
//!
//! Whoever has a spool in hand holds its lock, and the system gives that to nobody else before the process that held it has
//! ended. So those who stand here need not be waited for when this engine starts again after it was killed. Only engines of
//! this start of this machine count: a disk may have been taken to another machine while the first still runs without it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chatledger_projections::ids::EngineId;
use uuid::Uuid;

use crate::spool::Spool;

/// The file in the spool's folder: a line for each engine, with the start of the machine before it.
const FILE: &str = "engines";

/// How many lines are kept. One that is forgotten is waited for, as one at another place is.
const LINES: usize = 64;

/// The register of one spool, which stays in hand as long as there is one.
#[derive(Debug)]
pub struct Register {
    file: PathBuf,
    start: String,
    _in_hand: Arc<Spool>,
}

impl Register {
    /// That of a spool; `None` where the system does not tell one start of the machine from another.
    pub fn of(spool: Arc<Spool>) -> Option<Self> {
        let start = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let start = start.trim().to_owned();
        (!start.is_empty()).then(|| Self { file: spool.folder().join(FILE), start, _in_hand: spool })
    }

    /// Enters an engine before anybody else can hear of it. Gives those that stand there already: they are no more.
    pub fn enter(&self, engine: EngineId) -> io::Result<Vec<EngineId>> {
        enter(&self.file, &self.start, engine)
    }
}

/// Blocks for a moment. What it writes need not survive a loss of power: after that, it would not count.
fn enter(file: &Path, start: &str, engine: EngineId) -> io::Result<Vec<EngineId>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    // A line that cannot be read says nothing, and goes.
    let known: Vec<EngineId> = text
        .lines()
        .filter_map(|line| line.strip_prefix(start)?.strip_prefix(' '))
        .filter_map(|id| Some(EngineId::from_uuid(Uuid::parse_str(id).ok()?)))
        .filter(|known| *known != engine)
        .collect();
    let forgotten = (known.len() + 1).saturating_sub(LINES);
    let lines = known[forgotten..].iter().chain([&engine]).map(|engine| format!("{start} {engine}\n"));
    let beside = file.with_extension("new");
    fs::write(&beside, lines.collect::<String>())?;
    fs::rename(beside, file)?;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(number: u128) -> EngineId {
        EngineId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn those_before_are_known_unless_the_machine_was_started_anew() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let file = folder.path().join(FILE);
        assert_eq!(enter(&file, "monday", engine(1)).expect("it can be written"), []);
        assert_eq!(enter(&file, "monday", engine(2)).expect("it can be written"), [engine(1)]);
        assert_eq!(enter(&file, "monday", engine(2)).expect("it can be written"), [engine(1)], "never itself");
        assert_eq!(enter(&file, "tuesday", engine(3)).expect("it can be written"), []);
        assert_eq!(
            enter(&file, "monday", engine(4)).expect("it can be written"),
            [],
            "another machine's were forgotten"
        );
    }

    #[test]
    fn it_does_not_grow_without_end_and_what_cannot_be_read_says_nothing() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let file = folder.path().join(FILE);
        fs::write(&file, "monday no-id\nmondayish 1\n\u{feff}\nmonday\n").expect("it can be written");
        for number in 0..200 {
            let known = enter(&file, "monday", engine(number)).expect("it can be written");
            assert!(known.len() <= LINES && known.last() == number.checked_sub(1).map(engine).as_ref(), "{known:?}");
        }
        assert_eq!(fs::read_to_string(&file).expect("it was written").lines().count(), LINES);
    }
}
