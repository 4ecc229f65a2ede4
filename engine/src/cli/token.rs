//! `token`: makes what opens the read API.

use chatledger::api::Role;
use chatledger::api::access::NewToken;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::failure::Failure;
use super::output::{Output, print_document};

/// Tokens for the read API at the private address
#[derive(Debug, Args)]
pub struct Token {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    /// Make a token
    ///
    /// It is shown once and kept nowhere: the configuration gets only its digest.
    New(New),
}

#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger token new olga --role operator")]
struct New {
    /// Whose it is; acts are on record under this name
    name: String,
    /// What it allows
    #[arg(long, value_enum)]
    role: Typed,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Typed {
    /// To read
    Reader,
    /// To read, and to retry, skip and switch
    Operator,
}

#[derive(Serialize)]
struct Made<'a> {
    name: &'a str,
    role: Role,
    token: &'a str,
    sha256: String,
}

impl Token {
    pub fn run(self) -> Result<(), Failure> {
        let Question::New(New { name, role, json }) = self.question;
        let role = match role {
            Typed::Reader => Role::Reader,
            Typed::Operator => Role::Operator,
        };
        let is_plain = |sign: char| sign.is_alphanumeric() || "._-".contains(sign);
        if name.is_empty() || name.chars().count() > 64 || !name.chars().all(is_plain) {
            return Err(Failure::usage("a token's name is letters, digits, dots, dashes and underscores, at most 64"));
        }
        let made =
            NewToken::make().map_err(|error| Failure::failed(format!("there is no chance to be had: {error}")))?;
        let (token, sha256) = (made.text.as_str(), hex::encode(made.sha256));
        if json {
            return print_document(&Made { name: &name, role, token, sha256 });
        }
        let key = if name.contains('.') || !name.is_ascii() { format!("{name:?}") } else { name.clone() };
        let mut output = Output::standard();
        output.line(format_args!("The token, shown this once:\n\n  {token}\n"))?;
        output.line("Write into the configuration, and start the engine again:\n")?;
        output.line(format_args!("[access.tokens.{key}]\nrole = \"{}\"\nsha256 = \"{sha256}\"", role.label()))?;
        output.flush()
    }
}
