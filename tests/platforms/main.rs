//! `docs/platforms.md`: what crosses at each platform, and what does not. Made by asking the connectors themselves.
//!
//! Takes the connectors, and the documented pairs in `fixtures/contracts/`; gives the page. The test fails when the page
//! says something else than the code; `just accept` writes it anew. Every empty place has its reason in [`reasons`], and
//! a reason for a place that is not empty fails, too.

mod asked;
mod heard;
mod particular;
mod reasons;
mod shown;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use chatledger_connectors::connector::{Connection, Connector};
use chatledger_projections::ids::ConnectionName;
use serde_json::{Value, json};

/// A column: a platform, or one of its generations.
struct Column {
    title: &'static str,
    connector: &'static dyn Connector,
    settings: Value,
}

impl Column {
    /// An account with as few settings as there can be.
    fn account(&self) -> Box<dyn Connection> {
        let name = ConnectionName::new(format!("{}.example", self.connector.platform()));
        self.connector.connect(&name, &self.settings).expect("the page's own settings are right")
    }
}

/// The columns, in the page's order.
fn columns() -> Vec<Column> {
    let named = |name: &str| chatledger_connectors::named(name).expect("it is one of the platforms");
    let scope = "344a5002-f8ca-454d-af3d-396180102ac7_2b13cae0-24f7-4058-b9ad-c13ee05e1b53";
    let bot = "dd6e40cd-bbd2-42f2-a92e-ce7db79ae6bb";
    let manager = "76fc2bea-902f-425c-9a3d-dcdac4766090";
    vec![
        Column {
            title: "amoCRM",
            connector: named("amocrm"),
            settings: json!({ "scope_id": scope, "bot_id": bot, "manager_id": manager }),
        },
        Column { title: "Pact, v1", connector: named("pact"), settings: json!({ "company_id": 1, "api": "v1" }) },
        Column { title: "Pact, v2", connector: named("pact"), settings: json!({ "company_id": 1, "api": "v2" }) },
        Column { title: "Carrot quest", connector: named("carrotquest"), settings: json!({}) },
        Column { title: "Selarti", connector: named("selarti"), settings: json!({ "task_id": "1x1" }) },
    ]
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The JSON and text files of a folder of pairs, in order.
fn pairs(platform: &str, folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = root().join("fixtures/contracts").join(platform).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json" || ending == "txt"));
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, fs::read(path).expect("a readable file"))
    };
    paths.into_iter().map(named).collect()
}

/// A table in Markdown; signs that would break it are written otherwise.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |text: &String| text.replace('|', "\\|").replace('\n', " ⏎ ");
    let mut table = format!("| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len()));
    for row in rows {
        assert_eq!(row.len(), heads.len(), "a row has a cell for each column: {row:?}");
        writeln!(table, "| {} |", row.iter().map(cell).collect::<Vec<_>>().join(" | "))
            .expect("a text takes everything");
    }
    table
}

/// The whole page.
fn page() -> String {
    let columns = columns();
    let mut page = String::from(HEAD);
    let mut add = |title: &str, about: &str, table: &str| {
        write!(page, "\n## {title}\n\n{about}\n\n{table}").expect("a text takes everything");
    };
    add("What is shown there: messages", shown::ABOUT_MESSAGES, &shown::messages(&columns));
    add("What is done there beside messages", shown::ABOUT_DEEDS, &shown::deeds(&columns));
    add("What is heard from there", heard::ABOUT, &heard::table(&columns));
    add("What an answer proves", asked::ABOUT, &asked::answers(&columns));
    add("amoCRM: error codes of a delivery report", particular::ABOUT_AMO, &particular::amo_errors(&columns));
    add("Pact: every call", particular::ABOUT_PACT, &particular::pact_calls(&columns));
    add("Carrot quest: every type of part", particular::ABOUT_PARTS, &particular::carrot_parts());
    add("Carrot quest: every way in which a part is sent", particular::ABOUT_WAYS, &particular::carrot_ways());
    add("Selarti: every parameter of the webhook", particular::ABOUT_SELARTI, &particular::selarti_parameters());
    add("What is left out on purpose", particular::ABOUT_LEFT_OUT, &particular::left_out());
    page
}

const HEAD: &str = "# What crosses, platform by platform

This page is made from the code (`just accept`), and a test fails when it is stale: each cell is what a connector answered when
it was asked. *As itself* means that the platform has a field for it, which is named; *in words* that it becomes readable text,
which is quoted; *no* that it cannot be, with the connector's own reason, which also stands in the log where it happens.
";

#[test]
fn the_page_of_platforms_says_what_the_connectors_say() {
    let path = root().join("docs/platforms.md");
    let page = page();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let stale = written.lines().zip(page.lines()).position(|(old, new)| old != new);
    if let Some(line) = stale {
        let (old, new) = (written.lines().nth(line), page.lines().nth(line));
        panic!("docs/platforms.md is stale at line {}; `just accept` writes it anew.\n{old:?}\n{new:?}", line + 1);
    }
    assert_eq!(
        written.lines().count(),
        page.lines().count(),
        "docs/platforms.md is stale; `just accept` writes it anew"
    );
}
