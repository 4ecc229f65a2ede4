//! The repository as text: its files, their lines of code, its manifests.

use std::path::{Path, PathBuf};

/// One Rust file.
pub struct Source {
    /// From the repository's root, with slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file's text.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a file is there.
pub fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// Every file under a folder, in order; build results and hidden folders are passed over.
pub fn files(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    walk(&root().join(folder), &mut files);
    files.sort();
    files
}

fn walk(folder: &Path, files: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "target" || name == ".git" || name.ends_with(".snap.new") {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else {
            let from_the_root = path.strip_prefix(root()).expect("it lies under the root");
            files.push(from_the_root.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// The folders right under a folder, in order.
pub fn folders(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut folders: Vec<String> = entries
        .map(|entry| entry.expect("a readable folder"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()))
        .collect();
    folders.sort();
    folders
}

/// Every Rust file of the repository.
pub fn workspace() -> Vec<Source> {
    let sources = ["projections", "connectors", "engine", "tests"].into_iter().flat_map(files);
    let sources = sources.filter(|path| path.ends_with(".rs"));
    sources.map(|path| Source { text: read(&path), path }).collect()
}

/// Every file that is text, with its path. The lock file is the package manager's.
pub fn every_text() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for path in files(".") {
        let text = std::fs::read(root().join(&path)).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        texts.extend(text.filter(|_| path != "Cargo.lock").map(|text| (path, text)));
    }
    texts
}

/// Whether a file lies under one of these folders.
pub fn is_under(source: &Source, folders: &[&str]) -> bool {
    folders.iter().any(|folder| source.path.starts_with(&format!("{folder}/")))
}

impl Source {
    /// Whether the whole file is a test, or a measurement, which nobody ships either.
    pub fn is_test(&self) -> bool {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.contains("/benches/")
            || file == "tests.rs"
    }

    /// The lines of code with their numbers: without comments, and without the module of tests, which stands last in a
    /// file by our convention.
    pub fn code(&self) -> Vec<(usize, String)> {
        if self.is_test() {
            return Vec::new();
        }
        let code = self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = (1..).zip(code.lines());
        lines.map(|(number, line)| (number, without_comment(line).to_owned())).collect()
    }
}

/// A line up to its comment. A slash within a text is taken for one only if it is doubled and follows a space.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.find(" // ").map_or(line, |at| &line[..at])
}

/// Whether a line names something, as a word of its own.
pub fn names(line: &str, word: &str) -> bool {
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_part);
        let after = line[at + word.len()..].chars().next().is_some_and(is_part);
        !before && !after
    })
}

/// Whether a line contains a word that is no part of a longer one; an underscore or a number ends it.
pub fn speaks_of(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(char::is_alphabetic);
        let after = line[at + word.len()..].chars().next().is_some_and(char::is_alphabetic);
        !before && !after
    })
}

/// A package's manifest.
pub struct Package {
    text: String,
}

/// The manifest of one of our packages.
pub fn package(folder: &str) -> Package {
    Package { text: read(&format!("{folder}/Cargo.toml")) }
}

impl Package {
    /// What it depends on, by name, in order; what only its tests need does not count.
    pub fn dependencies(&self) -> Vec<String> {
        let mut names: Vec<String> = section(&self.text, "[dependencies]")
            .filter_map(|(_, line)| Some(line.split(['.', '=', ' ']).next()?.to_owned()))
            .filter(|name| !name.is_empty() && !name.starts_with('#'))
            .collect();
        names.sort();
        names
    }
}

/// The lines of a section, with their numbers.
fn section<'a>(text: &'a str, heading: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let after = (1..).zip(text.lines()).skip_while(move |(_, line)| line.trim() != heading).skip(1);
    after.take_while(|(_, line)| !line.starts_with('['))
}

/// The dependencies of the workspace above which, or above whose group, no comment stands. A group ends with an empty
/// line or with the next comment; a line between dashes is a heading and says nothing.
pub fn dependencies_without_a_word(manifest: &str) -> Vec<String> {
    let mut said = false;
    let mut found = Vec::new();
    for (number, line) in section(manifest, "[workspace.dependencies]") {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            // Of our own crates the heading says enough.
            said = !comment.trim_start().starts_with("----") || comment.contains("our own");
        } else if line.is_empty() {
            said = false;
        } else if !said {
            found.push(format!("Cargo.toml:{number}: {line}"));
        }
    }
    found
}

#[test]
fn a_dependency_without_a_comment_is_found() {
    let manifest =
        "[workspace.dependencies]\n# ---- data ----\none = \"1\"\n\n# Two and three.\ntwo = \"1\"\nthree = \"1\"\n";
    assert_eq!(dependencies_without_a_word(manifest), ["Cargo.toml:3: one = \"1\""]);
}

#[test]
fn a_name_is_found_only_as_a_word() {
    assert!(names("use rand::Rng;", "rand") && !names("the operand", "rand") && names("std::fs::read(x)", "std::fs"));
}

#[test]
fn a_platform_is_found_within_names_but_not_within_words() {
    assert!(speaks_of("let pact_v1 = 1;", "pact") && speaks_of("\"pact\"", "pact") && !speaks_of("compact", "pact"));
}

#[test]
fn comments_are_no_code() {
    assert_eq!(without_comment("let a = 1; // why"), "let a = 1;");
    assert_eq!(without_comment("  /// A word."), "");
    assert_eq!(without_comment("\"https://example.org\""), "\"https://example.org\"");
}
