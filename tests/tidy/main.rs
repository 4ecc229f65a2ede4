//! What holds of the source itself: which way imports run, which words stand where, what every file begins with.
//!
//! These are checks of text, on purpose simple: they read the files as they lie in the repository. Each is one test,
//! named as the sentence that holds; its message says what to do.

mod book;
mod package;
mod rules;
mod source;
mod supply;

use source::{Source, is_under, package, workspace};

/// Fails with everything that breaks a rule, and with what to do about it.
#[track_caller]
fn assert_none(found: &[String], remedy: &str) {
    assert!(found.is_empty(), "{}\n\n{remedy}", found.join("\n"));
}

/// Every line of code of these sources in which `breaks` finds something.
fn lines(sources: &[Source], breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let broken = |source: &Source| {
        let lines = source.code().into_iter().filter(|(_, line)| breaks(line));
        lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())).collect::<Vec<_>>()
    };
    sources.iter().flat_map(broken).collect()
}

#[test]
fn the_core_depends_on_nothing_that_could_do_anything() {
    for (name, allowed) in [("projections", rules::PROJECTIONS_MAY_USE), ("connectors", rules::CONNECTORS_MAY_USE)] {
        let strangers: Vec<String> =
            package(name).dependencies().into_iter().filter(|used| !allowed.contains(&used.as_str())).collect();
        assert_none(
            &strangers,
            &format!(
                "{name} may not depend on these. If one is pure (no files, no sockets, no clock, no chance), add it to tests/tidy/rules.rs; otherwise it belongs in engine/."
            ),
        );
    }
}

#[test]
fn imports_run_from_engine_to_connectors_to_projections() {
    let ours = |name: &str| -> Vec<String> {
        package(name).dependencies().into_iter().filter(|used| used.starts_with("chatledger")).collect()
    };
    assert_eq!(ours("projections"), Vec::<String>::new(), "projections imports nothing of ours");
    assert_eq!(ours("connectors"), ["chatledger-projections"], "connectors imports only projections");
    assert_eq!(ours("engine"), ["chatledger-connectors", "chatledger-projections"], "engine imports both");
}

#[test]
fn the_core_names_nothing_of_the_world_outside() {
    let sources: Vec<Source> =
        workspace().into_iter().filter(|source| is_under(source, &["projections/src", "connectors/src"])).collect();
    let found = lines(&sources, |line| rules::OF_THE_WORLD_OUTSIDE.iter().any(|word| source::names(line, word)));
    assert_none(&found, "Projections and connectors are pure: take the time, the bytes, the answer as arguments.");
}

#[test]
fn the_engine_names_no_platform() {
    let sources: Vec<Source> = workspace().into_iter().filter(|source| is_under(source, &["engine/src"])).collect();
    let named = |line: &str| {
        // A story's error message shows by example how its files are called.
        let example = line.contains("`01-from-amo.http`");
        !example && rules::PLATFORMS.iter().any(|platform| source::speaks_of(&line.to_lowercase(), platform))
    };
    assert_none(
        &lines(&sources, named),
        "The engine knows platforms only through connectors::ALL. What is true of one platform belongs in its connector.",
    );
}

#[test]
fn every_file_opens_with_what_it_is() {
    let silent = workspace().into_iter().filter(|source| !source.text.starts_with("//! "));
    let silent: Vec<String> = silent.map(|source| source.path).collect();
    assert_none(&silent, "Begin the file with `//!`: what comes in, what goes out, what is absent.");
}

#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    let sources: Vec<Source> = workspace().into_iter().filter(|source| !source.is_test()).collect();
    let found = lines(&sources, |line| line.contains(".unwrap()") || line.contains(".unwrap_err()"));
    assert_none(&found, "Return an error, or write `expect(\"why this always holds\")`.");
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let found = source::dependencies_without_a_word(&source::read("Cargo.toml"));
    assert_none(
        &found,
        "Write a comment above the line, or above its group, in [workspace.dependencies]: why it is there.",
    );
}

#[test]
fn folds_and_policies_name_every_case() {
    let sources: Vec<Source> =
        workspace().into_iter().filter(|source| is_under(source, &["projections/src"]) && !source.is_test()).collect();
    let found = lines(&sources, |line| {
        let wildcard =
            ["_ =>", "_ if "].iter().any(|arm| line.trim_start().starts_with(arm)) || line.contains("| _ =>");
        wildcard && !rules::MAY_STAND_FOR_THE_REST.iter().any(|(allowed, _)| line.trim() == *allowed)
    });
    assert_none(
        &found,
        "A new fact, change or outcome must not be passed over in silence: name every case. If the type is not ours, add the line with its reason to MAY_STAND_FOR_THE_REST in tests/tidy/rules.rs.",
    );
}

#[test]
fn every_exception_is_still_needed() {
    let sources = workspace();
    let stale = rules::MAY_STAND_FOR_THE_REST.iter().filter(|(line, _)| {
        !sources.iter().any(|source| {
            is_under(source, &["projections/src"]) && source.text.lines().any(|known| known.trim() == *line)
        })
    });
    let stale: Vec<String> = stale.map(|(line, _)| (*line).to_owned()).collect();
    assert_none(&stale, "Nothing needs this exception any more: take it out of tests/tidy/rules.rs.");
}

#[test]
fn no_file_names_the_place_where_it_was_written() {
    let mut found = Vec::new();
    for (path, text) in source::every_text() {
        for (number, line) in (1..).zip(text.lines()) {
            if rules::places().iter().any(|place| line.contains(place)) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none(&found, "Write a path from the repository's root, or one that everybody has.");
}

#[test]
fn nothing_is_left_for_later_in_the_source() {
    let mut found = Vec::new();
    // What platforms wrote is data: theirs to leave as it is.
    for (path, text) in source::every_text().into_iter().filter(|(path, _)| !path.starts_with("fixtures/contracts")) {
        for (number, line) in (1..).zip(text.lines()) {
            if rules::left_for_later().iter().any(|mark| line.contains(mark)) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none(&found, "Do it now, or say in plain words what is absent and why.");
}

#[test]
fn every_story_is_told_in_words() {
    let untold: Vec<String> = source::folders("fixtures/stories")
        .into_iter()
        .filter(|folder| !source::exists(&format!("{folder}/story.md")))
        .collect();
    assert_none(&untold, "Add story.md: what happened, when it was recorded, what was altered.");
}

#[test]
fn every_folder_of_fixtures_is_read_by_a_test() {
    let tests: String = workspace()
        .into_iter()
        .filter(|source| is_under(source, &["tests/contracts", "tests/stories"]))
        .map(|source| source.text)
        .collect();
    let mut unread = Vec::new();
    for platform in source::folders("fixtures/contracts") {
        for folder in source::folders(&platform) {
            let name = folder.rsplit('/').next().unwrap_or_default();
            if !tests.contains(&format!("\"{name}\"")) {
                unread.push(folder);
            }
        }
    }
    assert_none(&unread, "Read it in tests/contracts/, or take it away: a pair that nobody compares proves nothing.");
}

#[test]
fn fixtures_hold_data_only() {
    let other: Vec<String> = source::files("fixtures")
        .into_iter()
        .filter(|path| !rules::ENDINGS_OF_DATA.iter().any(|ending| path.ends_with(ending)))
        .collect();
    assert_none(&other, "Programs belong in tests/; of data, name the ending in tests/tidy/rules.rs.");
}

#[test]
fn every_folder_of_tests_is_run() {
    let manifest = source::read("Cargo.toml");
    let forgotten: Vec<String> = source::folders("tests")
        .into_iter()
        .map(|folder| format!("{folder}/main.rs"))
        .filter(|main| source::exists(main) && !manifest.contains(&format!("path = \"{main}\"")))
        .collect();
    assert_none(&forgotten, "Give it a [[test]] in the root manifest: Cargo finds none of them by itself.");
}
