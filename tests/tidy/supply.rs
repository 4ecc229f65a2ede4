//! What we build upon: under which licences, from where, and what must never be among it.
//!
//! Takes the lock file, which holds every platform's crates, and what Cargo knows of the crates for this one. No network
//! is needed. Advisories are not looked at here: they need a database that changes daily, see `just audit`.

use std::process::Command;

use serde_json::Value;

use crate::rules;
use crate::source::read;

/// A package of the lock file.
struct Locked {
    name: String,
    /// Absent for our own.
    source: Option<String>,
}

fn locked() -> Vec<Locked> {
    let text = read("Cargo.lock");
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{key} = \""))).map(str::to_owned);
        line.map(|line| line.trim_end_matches('"').to_owned())
    };
    let packages = text.split("[[package]]").skip(1);
    let locked = packages.map(|block| Locked {
        name: value(block, "name").expect("every package has a name"),
        source: value(block, "source"),
    });
    locked.collect()
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let ended = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let ended = ended.unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    assert!(ended.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("it speaks text")
}

/// Every foreign crate that is built on this machine, with its licence.
fn licences() -> Vec<(String, Option<String>)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let versions = said_by(&cargo, &["-vV"]);
    let host = versions.lines().find_map(|line| line.strip_prefix("host: ")).expect("Cargo names its host");
    let metadata =
        said_by(&cargo, &["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&metadata).expect("Cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let foreign = packages.iter().filter(|package| !package["source"].is_null());
    let told = |package: &Value, key: &str| package[key].as_str().map(str::to_owned);
    foreign.map(|package| (told(package, "name").expect("it has a name"), told(package, "license"))).collect()
}

#[test]
fn every_crate_may_be_used_under_a_licence_that_we_keep() {
    let licences = licences();
    assert!(licences.len() > 100, "Cargo names only {} crates", licences.len());
    let strangers: Vec<String> = licences
        .into_iter()
        .filter(|(_, licence)| !licence.as_deref().is_some_and(is_kept))
        .map(|(name, licence)| format!("{name}: {}", licence.unwrap_or_else(|| "says nothing".to_owned())))
        .collect();
    super::assert_none(
        &strangers,
        "Use another crate; or, if the licence asks nothing of us but its notice, add it in tests/tidy/rules.rs and deny.toml.",
    );
}

#[test]
fn every_crate_comes_from_the_registry() {
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let others: Vec<String> = locked()
        .into_iter()
        .filter_map(|Locked { name, source }| Some(format!("{name}: {}", source.filter(|from| from != registry)?)))
        .collect();
    super::assert_none(&others, "A crate from elsewhere can change under its name: use a released version.");
}

#[test]
fn our_own_packages_alone_have_no_source() {
    let own: Vec<String> = locked().into_iter().filter(|one| one.source.is_none()).map(|one| one.name).collect();
    let strangers: Vec<String> = own.into_iter().filter(|name| !name.starts_with("chatledger")).collect();
    super::assert_none(&strangers, "A foreign crate lies in the repository: use a released version.");
}

#[test]
fn no_library_of_the_system_encrypts_for_us() {
    let found: Vec<String> = locked()
        .into_iter()
        .map(|one| one.name)
        .filter(|name| rules::NEVER_BUILT_UPON.contains(&name.as_str()))
        .collect();
    super::assert_none(
        &found,
        "Some crate's default features brought it in: switch them off and ask for rustls; `cargo tree -i NAME` says whose.",
    );
}

#[test]
fn no_package_of_ours_lets_itself_off_the_lints() {
    for package in ["projections", "connectors", "engine", "tests/eventstoredb"] {
        let manifest = read(&format!("{package}/Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{package}/Cargo.toml has lints of its own");
    }
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""), "unsafe code is forbidden, not warned of");
}

#[test]
fn the_same_licences_stand_where_cargo_deny_looks() {
    let deny = read("deny.toml");
    for licence in rules::LICENCES_KEPT {
        assert!(deny.contains(&format!("\"{licence}\"")), "deny.toml does not name {licence}");
    }
    for name in rules::NEVER_BUILT_UPON {
        assert!(deny.contains(&format!("\"{name}\"")), "deny.toml does not ban {name}");
    }
}

/// Whether an expression can be fulfilled with the licences that we keep. `/` is an old way to write OR.
fn is_kept(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = words.as_slice();
    let kept = either(&mut words);
    kept && words.is_empty()
}

fn either(words: &mut &[&str]) -> bool {
    let mut kept = both(words);
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        kept |= both(words);
    }
    kept
}

fn both(words: &mut &[&str]) -> bool {
    let mut kept = one(words);
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        kept &= one(words);
    }
    kept
}

fn one(words: &mut &[&str]) -> bool {
    let Some((&first, rest)) = words.split_first() else { return false };
    *words = rest;
    if first == "(" {
        let kept = either(words);
        let Some((&")", rest)) = words.split_first() else { return false };
        *words = rest;
        return kept;
    }
    let mut licence = first.to_owned();
    if let [with @ "WITH", exception, rest @ ..] = *words {
        licence = format!("{first} {with} {exception}");
        *words = rest;
    }
    rules::LICENCES_KEPT.contains(&licence.as_str())
}

#[test]
fn an_expression_is_kept_if_it_can_be() {
    for kept in
        ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(GPL-3.0 OR ISC) AND MIT", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_kept(kept), "{kept}");
    }
    for refused in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT )", "MIT WITH Something", "AND", "GPL-3.0 OR AGPL-3.0"]
    {
        assert!(!is_kept(refused), "{refused}");
    }
}
