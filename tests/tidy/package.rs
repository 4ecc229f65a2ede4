//! The package beside the code: alerts, panels and pages name metrics that there are, and every alert is explained.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::source::{files, read};

const RULES: &str = "packaging/prometheus/chatledger.rules.yaml";
const TESTS: &str = "packaging/prometheus/chatledger.test.yaml";
const DASHBOARD: &str = "packaging/grafana/dashboard.json";
const ALERTS: &str = "docs/guide/alerts.md";

/// The words in a text that look like a metric of ours.
fn named_in(text: &str) -> BTreeSet<String> {
    let is_part = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    let words = text.split(|sign| !is_part(sign)).filter(|word| word.starts_with("chatledger_"));
    words.map(str::to_owned).collect()
}

/// Every metric that the engine has, histograms with what becomes of them.
fn metrics() -> BTreeSet<String> {
    let source = read("engine/src/metrics.rs");
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let constants = code.lines().filter(|line| line.starts_with("const ") && line.contains("\"chatledger_"));
    let names: BTreeSet<String> = constants.flat_map(named_in).collect();
    assert!(names.len() > 20, "metrics.rs names only {names:?}");
    let parts = |name: &String| ["", "_bucket", "_sum", "_count"].map(|part| format!("{name}{part}"));
    names.iter().flat_map(parts).collect()
}

fn alerts() -> Vec<String> {
    read(RULES).lines().filter_map(|line| Some(line.trim().strip_prefix("- alert: ")?.to_owned())).collect()
}

#[test]
fn alerts_panels_and_pages_name_metrics_that_there_are() {
    let known = metrics();
    let mut unknown = Vec::new();
    let pages = files("docs").into_iter().filter(|path| path.ends_with(".md"));
    for path in [RULES, TESTS, DASHBOARD, "README.md"].map(str::to_owned).into_iter().chain(pages) {
        // Names of crates and tests are no metrics: those end as none of ours does, or are known.
        let crates = ["chatledger_projections", "chatledger_connectors", "chatledger_tests", "chatledger_eventstoredb"];
        for name in named_in(&read(&path)) {
            let is_pattern = name.ends_with('_');
            if !known.contains(&name) && !crates.contains(&name.as_str()) && !is_pattern {
                unknown.push(format!("{path}: {name}"));
            }
        }
    }
    assert_none(&unknown, "Take its name from engine/src/metrics.rs.");
}

#[test]
fn every_alert_is_explained_in_the_guide_and_every_explanation_has_its_alert() {
    let alerts = alerts();
    assert!(alerts.len() > 5, "{RULES} has only {alerts:?}");
    let guide = read(ALERTS);
    let explained: Vec<&str> = guide.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let mut wrong: Vec<String> = alerts
        .iter()
        .filter(|alert| !explained.contains(&alert.as_str()))
        .map(|alert| format!("{alert}: no section"))
        .collect();
    wrong.extend(
        explained
            .iter()
            .filter(|heading| !alerts.iter().any(|alert| alert == *heading))
            .map(|heading| format!("{heading}: no alert")),
    );
    let rules = read(RULES);
    wrong.extend(
        alerts
            .iter()
            .filter(|alert| !rules.contains(&format!("guide: {ALERTS}#{}", alert.to_lowercase())))
            .map(|alert| format!("{alert}: its annotation `guide` does not lead to its section")),
    );
    assert_none(
        &wrong,
        "Each alert has a section `## Name` in docs/guide/alerts.md, and an annotation that leads there.",
    );
}

#[test]
fn the_dashboard_can_be_read_and_its_panels_differ() {
    let dashboard: serde_json::Value = serde_json::from_str(&read(DASHBOARD)).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels have one id");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(
            panel["description"].as_str().is_some_and(|said| !said.is_empty()),
            "{} says nothing of itself",
            panel["title"]
        );
        assert!(
            panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()),
            "{} asks nothing",
            panel["title"]
        );
    }
}
