//! `playground`: a simulated CRM and a simulated messenger, for whoever wants to try the engine before connecting anything.

use std::net::SocketAddr;
use std::path::PathBuf;

use chatledger::demo::playground::Playground as Opened;
use chatledger::demo::set::SetError;
use clap::Args;
use tokio::net::TcpListener;

use super::failure::Failure;
use super::output::print;

/// Open a simulated CRM and a simulated messenger to try the engine with
///
/// Writes a configuration and made-up secrets into a folder, and answers as both platforms until it is ended. Start the engine
/// there yourself with `chatledger serve`, and let people write: `POST /client/PHONE` and `POST /manager/PHONE` with the text as
/// the body, `POST /read/PHONE`, and `GET /` for what both sides see.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger playground trial")]
pub struct Playground {
    /// The folder for the configuration, which must be empty or not there yet
    folder: PathBuf,
    /// Where people are told what to do
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090", env = "CHATLEDGER_PLAYGROUND")]
    people: SocketAddr,
    /// Where the engine is to take webhooks
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "CHATLEDGER_PLAYGROUND_LISTEN")]
    listen: SocketAddr,
    /// Where the engine is to show its health and its metrics
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", env = "CHATLEDGER_PLAYGROUND_PRIVATE")]
    private: SocketAddr,
}

impl Playground {
    pub async fn run(self) -> Result<(), Failure> {
        let people = self.people;
        let listener = TcpListener::bind(people).await.map_err(|error| {
            Failure::failed(format!("{people} cannot be listened at ({error}); give --people another address"))
        })?;
        let opened = Opened::open(&self.folder, self.listen, self.private).await.map_err(|error| match error {
            error @ SetError::NotEmpty(_) => Failure::usage(error.to_string()),
            error => Failure::because("the playground cannot be opened", &error),
        })?;
        let folder = self.folder.display();
        print(format_args!(
            "The playground is open until you end it. In another window:\n\n  \
             cd {folder} && chatledger serve\n  \
             curl -d 'Hello' {people}/client/79161234567\n  \
             curl -d 'Good morning' {people}/manager/79161234567\n  \
             curl {people}/"
        ))?;
        opened.serve(listener).await.map_err(|error| Failure::because("the playground broke off", &error))
    }
}
