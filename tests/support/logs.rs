//! The logs of all stories, and folding logs.

use std::path::PathBuf;

use chatledger::pipeline::{Pipeline, Step};
use chatledger::story;
use chatledger_projections::event::Event;
use chatledger_projections::ids::EventId;
use chatledger_projections::projection::Digest;
use chatledger_projections::recorded::{Position, Recorded};

/// A whole log.
pub type Log = Vec<Recorded<Event>>;

/// Where the stories lie, in order of their names.
pub fn stories() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories");
    let entries = std::fs::read_dir(root).expect("there are stories");
    let mut folders: Vec<_> =
        entries.map(|entry| entry.expect("a readable folder").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The log of every story, by its name.
pub fn of_stories() -> Vec<(String, Log)> {
    let told = |folder: PathBuf| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let told = story::tell(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, told.log)
    };
    stories().into_iter().map(told).collect()
}

/// Folds a log from the start; gives every step.
pub fn fold(log: &[Recorded<Event>]) -> (Pipeline, Vec<Step>) {
    let mut pipeline = Pipeline::default();
    let steps = log.iter().map(|recorded| pipeline.take(recorded.clone())).collect();
    (pipeline, steps)
}

/// What every projection is after these events, by name.
pub fn digests(pipeline: &Pipeline) -> Vec<(&'static str, Digest)> {
    pipeline.state().digests()
}

/// The same events at their new places: positions rise again.
pub fn renumbered(mut log: Log) -> Log {
    for (place, recorded) in (1..).zip(&mut log) {
        recorded.position = Position::new(place);
    }
    log
}

/// The webhook again, as if the platform had not sent the same delivery: same bytes, another id.
pub fn repeated(recorded: &Recorded<Event>) -> Recorded<Event> {
    let id = EventId::derived(&[b"again", recorded.id.as_uuid().as_bytes()]);
    Recorded { id, stream: chatledger_projections::recorded::StreamName::webhook(id), ..recorded.clone() }
}
