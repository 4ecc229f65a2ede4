//! The guide, done: every command in it is run as it stands there, and must print what the guide says that it prints.
//!
//! ```text
//! docs/guide/*.md ──▶ page: what is done ──▶ session: bash in a folder that vanishes ──▶ likeness: said, and done
//! ```
//!
//! * [`page`]: what a page wants done; [`session`]: doing it; [`likeness`]: what counts as the same;
//! * [`elsewhere`]: what cannot be done on the machine of whoever runs these tests, each with its reason.
//!
//! A block of `console` is run, and each line behind `$` must end well; a block whose first line names a `file=` is
//! written; a block of `sh` is for another machine, and must be known in [`elsewhere`]. After a change that is meant,
//! `CHATLEDGER_GUIDE=write cargo test --test guide` writes what was printed into the pages. Read it before you commit it.

mod elsewhere;
mod likeness;
mod page;
mod session;

use std::path::{Path, PathBuf};

use page::{Deed, Page};
use session::Session;

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide")
}

/// Every page of the guide, by its name below `docs/guide`.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![guide()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "md") {
                found.push(entry.strip_prefix(guide()).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

fn read(name: &str) -> Page {
    let text = std::fs::read_to_string(guide().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Page::parse(&text).unwrap_or_else(|wrong| panic!("docs/guide/{name}: {wrong}"))
}

/// Does what a page says, and compares.
fn follow(name: &str) {
    let page = read(name);
    let session = Session::begin();
    let done = session.run(&page.deeds);
    let writes = std::env::var_os("CHATLEDGER_GUIDE").is_some_and(|wish| wish == "write");
    let mut wrong = Vec::new();
    let mut outcomes = done.into_iter();
    for deed in &page.deeds {
        let Deed::Run(run) = deed else { continue };
        let Some(outcome) = outcomes.next() else {
            wrong.push(format!("line {}: `{}` was never come to", run.line, run.command));
            continue;
        };
        if outcome.status != 0 {
            wrong.push(format!(
                "line {}: `{}` ended with {}:\n{}",
                run.line, run.command, outcome.status, outcome.output
            ));
        } else if let Err(difference) = likeness::compare(&run.expected, &outcome.output) {
            wrong.push(format!("line {}: `{}` printed something else:\n{difference}", run.line, run.command));
        }
        if writes && likeness::compare(&run.expected, &outcome.output).is_err() {
            let path = guide().join(name);
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(path, page::with_output(&text, &run.command, &outcome.output)).unwrap();
        }
    }
    assert!(wrong.is_empty() || writes, "docs/guide/{name}\n\n{}", wrong.join("\n\n"));
}

#[test]
fn the_quick_start_goes_as_it_says() {
    follow("quick-start.md");
}

#[test]
fn the_russian_quick_start_goes_as_it_says() {
    follow("quick-start.ru.md");
}

#[test]
fn replay_rebuild_and_heal_go_as_the_guide_says() {
    follow("replay-rebuild-heal.md");
}

#[test]
fn every_alerts_remedy_goes_as_the_guide_says() {
    follow("alerts.md");
}

#[test]
fn all_other_pages_go_as_they_say() {
    let own = ["quick-start.md", "quick-start.ru.md", "replay-rebuild-heal.md", "alerts.md"];
    for name in pages().iter().filter(|name| !own.contains(&name.as_str())) {
        follow(name);
    }
}

#[test]
fn what_is_not_run_here_says_why() {
    let mut unknown = Vec::new();
    let mut used = Vec::new();
    for name in pages() {
        for command in read(&name).elsewhere {
            match elsewhere::ELSEWHERE.iter().find(|(start, _)| command.starts_with(start)) {
                Some((start, _)) => used.push(*start),
                None => unknown.push(format!("docs/guide/{name}: {command}")),
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "{}\n\nRun it (```console), or say in tests/guide/elsewhere.rs why not.",
        unknown.join("\n")
    );
    let stale: Vec<_> = elsewhere::ELSEWHERE.iter().filter(|(start, _)| !used.contains(start)).collect();
    assert!(stale.is_empty(), "{stale:?}\n\nNo page says this any more: take it out of tests/guide/elsewhere.rs.");
}
