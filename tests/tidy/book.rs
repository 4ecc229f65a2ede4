//! The book: every page is in it, and no link leads nowhere.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::source::{exists, files, read};

const SUMMARY: &str = "docs/SUMMARY.md";

fn pages() -> Vec<String> {
    files("docs").into_iter().filter(|path| path.ends_with(".md")).collect()
}

/// The targets of the links in a text, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        // What stands in backticks is code, too.
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        links.extend(plain.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
    }
    links
}

/// What `docs/` or the root has under this relative path, seen from a page.
fn beside(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors that a page's headings have.
fn anchors(text: &str) -> BTreeSet<String> {
    let anchor = |heading: &str| {
        let kept = heading.trim().chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    text.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_page_of_docs_is_in_the_book() {
    let listed: BTreeSet<String> = links(&read(SUMMARY)).into_iter().map(|link| beside(SUMMARY, &link)).collect();
    let forgotten: Vec<String> = pages().into_iter().filter(|page| page != SUMMARY && !listed.contains(page)).collect();
    assert_none(&forgotten, "List it in docs/SUMMARY.md.");
}

#[test]
fn no_link_leads_nowhere() {
    let mut broken = Vec::new();
    for page in pages().into_iter().chain(["README.md".to_owned()]) {
        for link in links(&read(&page)) {
            if link.starts_with("http") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() { page.clone() } else { beside(&page, path) };
            if !exists(&target) {
                broken.push(format!("{page}: {link}"));
            } else if let Some(anchor) = anchor.filter(|anchor| !anchors(&read(&target)).contains(*anchor)) {
                broken.push(format!("{page}: {link}: no heading #{anchor}"));
            }
        }
    }
    assert_none(&broken, "Correct the link.");
}
