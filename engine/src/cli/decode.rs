//! `decode`: what the bytes of a webhook mean.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chatledger_connectors as connectors;
use chatledger_connectors::connector::Webhook;
use clap::Args;

use super::failure::Failure;
use super::output::{print, print_document};

/// Show what the bytes of a webhook mean: facts, and remarks on what could not be read
///
/// Prints one JSON object with `facts` and `remarks`. Any bytes will do: whatever cannot be read becomes a remark, so
/// the exit code is 0 for them too. Nothing is verified, recorded or sent.
#[derive(Debug, Args)]
#[command(after_help = format!("Example: chatledger decode {} webhook.json | jq .facts", connectors::ALL[0].platform()))]
pub struct Decode {
    /// The platform that said it
    #[arg(help = format!("The platform that said it: {}", platforms()))]
    platform: String,
    /// The body, byte for byte; `-` reads standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The content type that it came with
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Print it on one line
    #[arg(long)]
    compact: bool,
}

impl Decode {
    pub fn run(self) -> Result<(), Failure> {
        let Some(connector) = connectors::named(&self.platform) else {
            return Err(Failure::usage(format!(
                "there is no platform {:?}; known are: {}",
                self.platform,
                platforms()
            )));
        };
        let body = body(&self.file)?;
        let decoded = connector.decode(&Webhook { content_type: self.content_type.as_deref(), body: &body });
        if self.compact {
            print(serde_json::to_string(&decoded).expect("facts and remarks have only text for keys"))
        } else {
            print_document(&decoded)
        }
    }
}

/// The platforms that we speak to.
fn platforms() -> String {
    connectors::ALL.iter().map(|connector| connector.platform()).collect::<Vec<_>>().join(", ")
}

fn body(file: &Path) -> Result<Vec<u8>, Failure> {
    if file == Path::new("-") {
        let mut body = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut body);
        read.map_err(|error| Failure::because("standard input cannot be read", &error))?;
        return Ok(body);
    }
    std::fs::read(file).map_err(|error| {
        Failure::usage(format!("{} cannot be read ({error}); name a file, or `-` for standard input", file.display()))
    })
}
