//! `check-config`: reads a configuration and does nothing else.

use std::path::PathBuf;

use chatledger::config::{Config, Problem};
use clap::Args;
use serde::Serialize;

use super::CONFIG;
use super::failure::{Failure, USAGE};
use super::output::{Output, print_document};

/// Check a configuration: every problem with its line and its remedy
///
/// Secrets are looked up where the document says they are, so run it with the environment of the engine. Nothing is
/// connected to and nothing is written. The exit code is 2 if there is a problem; warnings are no problems.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger check-config chatledger.toml --json")]
pub struct CheckConfig {
    /// The configuration
    #[arg(default_value = CONFIG)]
    file: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    problems: Vec<Told<'a>>,
    warnings: Vec<Told<'a>>,
    log: Option<String>,
    connections: Vec<Connection<'a>>,
    routes: Vec<&'a str>,
}

#[derive(Serialize)]
struct Told<'a> {
    line: Option<usize>,
    key: &'a str,
    value: Option<&'a str>,
    reason: &'a str,
    remedy: &'a str,
}

#[derive(Serialize)]
struct Connection<'a> {
    name: &'a str,
    platform: &'static str,
    /// Where its webhooks arrive, behind the proxy's host; some platforms have more in their path.
    webhooks: String,
}

impl<'a> From<&'a Problem> for Told<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            line: problem.line,
            key: &problem.key,
            value: problem.value.as_deref(),
            reason: &problem.reason,
            remedy: &problem.remedy,
        }
    }
}

impl CheckConfig {
    pub fn run(self) -> Result<(), Failure> {
        match (Config::load(&self.file), self.json) {
            (Ok(config), true) => print_document(&report(&config)),
            (Ok(config), false) => self.tell(&config),
            (Err(invalid), true) => {
                let problems = invalid.problems.iter().map(Told::from).collect();
                let (warnings, connections, routes) = (Vec::new(), Vec::new(), Vec::new());
                print_document(&Report { ok: false, problems, warnings, log: None, connections, routes })?;
                Err(Failure::Told(USAGE))
            }
            (Err(invalid), false) => Err(Failure::usage(invalid.to_string())),
        }
    }

    fn tell(&self, config: &Config) -> Result<(), Failure> {
        let report = report(config);
        let mut output = Output::standard();
        output.line(format_args!("{} is sound.", self.file.display()))?;
        if let Some(log) = &report.log {
            output.line(format_args!("  log         {log}"))?;
        }
        for connection in &report.connections {
            let Connection { name, platform, webhooks } = connection;
            output.line(format_args!("  connection  {name} ({platform}), webhooks at {webhooks}"))?;
        }
        for (name, route) in &config.routes {
            let helped = route.assistant.as_ref().map(|assistant| format!(", helped by {}", assistant.connection));
            let helped = helped.unwrap_or_default();
            output.line(format_args!("  route       {name}: {} and {}{helped}", route.crm, route.channel))?;
        }
        for warning in &config.warnings {
            output.line(format_args!("  warning     {warning}"))?;
        }
        output.flush()
    }
}

fn report(config: &Config) -> Report<'_> {
    let connections = config.connections.iter().map(|(name, account)| Connection {
        name: name.as_str(),
        platform: account.connector.platform(),
        webhooks: format!("/hooks/{name}/"),
    });
    Report {
        ok: true,
        problems: Vec::new(),
        warnings: config.warnings.iter().map(Told::from).collect(),
        log: Some(config.log.to_string()),
        connections: connections.collect(),
        routes: config.routes.keys().map(|name| name.as_str()).collect(),
    }
}
