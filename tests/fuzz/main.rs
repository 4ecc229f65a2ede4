//! The fuzzer's targets, tried in every ordinary run: on every seed, on everything that was once found, and on some
//! thousand alterations of those.
//!
//! `fixtures/fuzz/TARGET/` holds both: a seed is named after what it is, a finding after the bug. The alterations follow
//! from a fixed number, so that a failure repeats itself; `CHATLEDGER_FUZZ_ROUNDS` makes more of them. Without coverage
//! to steer by, they are no replacement for `just fuzz`.

#[path = "targets/engine.rs"]
mod engine;
#[path = "targets/platforms.rs"]
mod platforms;
#[path = "targets/mod.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use targets::Target;

/// Alterations of each seed, unless the environment says otherwise. All of them take seconds.
const ROUNDS: u64 = 300;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz")
}

/// A target's seeds and findings, in order.
fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = folder().join(target.name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    seeds
}

fn all() -> impl Iterator<Item = &'static Target> {
    platforms::TARGETS.iter().chain(engine::TARGETS)
}

#[test]
fn every_seed_and_everything_that_was_found_is_taken() {
    for target in all() {
        for (name, input) in seeds(target) {
            let taken = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
            assert!(taken.is_ok(), "{}/{name} is not taken; the reason stands above", target.name);
        }
    }
}

#[test]
fn alterations_of_every_seed_are_taken() {
    let rounds = std::env::var("CHATLEDGER_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    for target in all() {
        let seeds = seeds(target);
        let mut chance = Chance(0x5eed);
        for (name, input) in &seeds {
            for round in 0..rounds {
                let (_, other) = &seeds[chance.below(seeds.len())];
                let altered = alter(input, other, &mut chance);
                let taken = catch_unwind(AssertUnwindSafe(|| (target.run)(&altered)));
                assert!(
                    taken.is_ok(),
                    "{}, alteration {round} of {name} is not taken; the reason stands above:\n{:?}",
                    target.name,
                    String::from_utf8_lossy(&altered)
                );
            }
        }
    }
}

#[test]
fn every_folder_of_seeds_belongs_to_a_target() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(all().any(|target| target.name == name), "fixtures/fuzz/{name} is read by nobody");
    }
}

/// Chance that repeats itself (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }
}

/// What foreign documents trip over.
const ODDITIES: &[&[u8]] = &[
    b"",
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e999",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1.5",
    b"\"\"",
    b"[]",
    b"{}",
    b"\\ud800",
    b"\\u0000",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\"",
    b"}",
    b"]",
    b"%",
    b"%zz",
    b"&",
    b"=",
    b"\n",
    b"\r\n\r\n",
    "\u{202e}\u{200b}𝕏".as_bytes(),
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

/// A few places of a seed overwritten, cut, doubled, or filled from another seed.
fn alter(input: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut altered = input.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(altered.len() + 1);
        let end = (at + chance.below(24)).min(altered.len());
        match chance.below(6) {
            0 => {
                altered.splice(at..end, ODDITIES[chance.below(ODDITIES.len())].iter().copied());
            }
            1 => altered.truncate(at),
            2 => {
                let piece = altered[at..end].to_vec();
                altered.splice(at..at, piece);
            }
            3 => {
                let from = chance.below(other.len() + 1);
                let piece = other[from..(from + chance.below(200)).min(other.len())].to_vec();
                altered.splice(at..end, piece);
            }
            4 => {
                if let Some(byte) = altered.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            // A whole value of a document gives way to an oddity.
            _ => {
                let value = altered[at..].iter().position(|byte| *byte == b':').map(|colon| at + colon + 1);
                if let Some(start) = value {
                    let length = altered[start..].iter().position(|byte| matches!(byte, b',' | b'}'));
                    let end = length.map_or(altered.len(), |length| start + length);
                    altered.splice(start..end, ODDITIES[chance.below(ODDITIES.len())].iter().copied());
                }
            }
        }
    }
    altered
}
