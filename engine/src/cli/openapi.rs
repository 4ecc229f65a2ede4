//! `openapi`: the description of the read API.

use clap::Args;

use super::failure::Failure;
use super::output::print_document;

/// Print the description of the read API, OpenAPI 3.1
///
/// A running engine shows the same at /api/v1/openapi.json of its private address.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger openapi > chatledger.openapi.json")]
pub struct OpenApi {}

impl OpenApi {
    pub fn run(self) -> Result<(), Failure> {
        print_document(&chatledger::api::description())
    }
}
