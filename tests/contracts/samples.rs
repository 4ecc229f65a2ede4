//! Every sample of recorded traffic is looked at somewhere: in a pair or in a story.
//!
//! Takes `fixtures/contracts/SAMPLES-<platform>.txt`; fails for a sample without a place, for a place that is not there,
//! and for a pair whose sample is named twice. The traffic itself is no part of the repository: the list is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is said of a sample.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Said {
    /// It is looked at in these places.
    Covered(Vec<String>),
    /// It is left out for good, for a reason.
    LeftOut(String),
    /// It waits for its pair.
    NotYet,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Reads an index. Every line belongs to a section and says what its section asks for.
fn read(text: &str) -> Result<BTreeMap<String, Said>, String> {
    let mut samples = BTreeMap::new();
    let mut section = "";
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        let odd = |what: &str| format!("line {number}: {what}: {line}");
        let (sample, said) = match (section, line) {
            (_, line) if line.is_empty() || line.starts_with('#') => continue,
            (_, "[covered]" | "[left out]" | "[not yet]") => {
                section = line;
                continue;
            }
            ("[covered]", _) => {
                let (sample, places) = line.split_once(" = ").ok_or_else(|| odd("there is no place after ` = `"))?;
                let places: Vec<String> = places.split(',').map(|place| place.trim().to_owned()).collect();
                (sample, Said::Covered(places))
            }
            ("[left out]", _) => {
                let (sample, reason) = line.split_once(": ").ok_or_else(|| odd("there is no reason after `: `"))?;
                (sample, Said::LeftOut(reason.to_owned()))
            }
            ("[not yet]", _) => (line, Said::NotYet),
            _ => return Err(odd("it stands before the first section")),
        };
        if samples.insert(sample.to_owned(), said).is_some() {
            return Err(odd("the sample is named twice"));
        }
    }
    Ok(samples)
}

/// Where a place lies.
fn path_of(place: &str) -> PathBuf {
    match place.strip_prefix("stories/") {
        Some(story) => fixtures().join("stories").join(story).join("expected.snap"),
        None => fixtures().join("contracts").join(place),
    }
}

#[test]
fn every_sample_of_every_platform_has_a_pair_or_a_story() {
    let mut faults = Vec::new();
    for connector in chatledger_connectors::ALL {
        let platform = connector.platform();
        let path = fixtures().join("contracts").join(format!("SAMPLES-{platform}.txt"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let samples = read(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert!(!samples.is_empty(), "{} names no sample", path.display());
        let mut waiting = Vec::new();
        for (sample, said) in &samples {
            match said {
                Said::Covered(places) => {
                    let missing = places.iter().filter(|place| !path_of(place).is_file());
                    faults
                        .extend(missing.map(|place| format!("{platform}: {sample} = {place}: there is no such file")));
                }
                Said::LeftOut(reason) if reason.trim().is_empty() => {
                    faults.push(format!("{platform}: {sample} is left out without a reason"));
                }
                Said::LeftOut(_) => {}
                Said::NotYet => waiting.push(sample.as_str()),
            }
        }
        println!("{platform}: {} samples, {} of them not looked at yet: {waiting:?}", samples.len(), waiting.len());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_index_says_what_is_wrong_with_it() {
    let complaint = |text: &str| read(text).expect_err("it is wrong");
    assert!(complaint("a.json = x/a.json").starts_with("line 1: it stands before"));
    assert!(complaint("[covered]\na.json").starts_with("line 2: there is no place"));
    assert!(complaint("[left out]\na.json").starts_with("line 2: there is no reason"));
    assert!(complaint("[covered]\na.json = x\n[not yet]\na.json").starts_with("line 4: the sample is named twice"));
    let good = read("# a\n\n[covered]\na.json = x/a.json, stories/y\n[not yet]\nb.json\n").expect("it is right");
    assert_eq!(good["a.json"], Said::Covered(vec!["x/a.json".to_owned(), "stories/y".to_owned()]));
    assert_eq!(good["b.json"], Said::NotYet);
}
