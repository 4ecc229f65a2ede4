//! Doing what a page says: one bash for the whole page, in a folder of its own, so that what was exported, entered and
//! started stays; and ended with everything that it started.
//!
//! The addresses of the guide are everybody's; here each is a free one, so that pages run side by side.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::page::Deed;

/// The addresses in the guide.
const ADDRESSES: [&str; 3] = ["127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8090"];

/// However busy the machine is, a page is done by then.
const AT_MOST: Duration = Duration::from_secs(240);

/// Where a command begins and ends in what the session printed; nobody else prints this.
const MARK: &str = "\u{1e}guide";

/// A folder and addresses for one page.
pub struct Session {
    folder: TempDir,
    addresses: Vec<(&'static str, String)>,
}

/// What came of a command.
#[derive(Debug)]
pub struct Outcome {
    pub status: i32,
    pub output: String,
}

impl Session {
    /// An empty folder, and addresses that nobody uses.
    pub fn begin() -> Self {
        // All at once, so that they differ.
        let free = ADDRESSES.map(|_| TcpListener::bind("127.0.0.1:0").expect("there are free addresses"));
        let free = free.map(|listener| listener.local_addr().expect("it listens somewhere").to_string());
        Self { folder: TempDir::new().expect("there is room"), addresses: ADDRESSES.into_iter().zip(free).collect() }
    }

    /// Does it all, up to the end or to a command that ends the session; gives what came of each command.
    pub fn run(&self, deeds: &[Deed]) -> Vec<Outcome> {
        let script = self.folder.path().join(".script");
        std::fs::write(&script, self.here(&self.script(deeds))).expect("there is room");
        let printed = self.folder.path().join(".printed");
        let file = File::create(&printed).expect("there is room");
        let work = self.folder.path().join("work");
        std::fs::create_dir(&work).expect("there is room");
        let program = chatledger_tests::chatledger();
        let bin = program.parent().expect("the program lies in a folder");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("bash")
            .arg(&script)
            .current_dir(&work)
            .env("PATH", path)
            .env("HOME", &work)
            .env("USER", "anna")
            // What stands in the repository, for pages that tell of it.
            .env("CHATLEDGER_SOURCE", root)
            .env("CHATLEDGER_PLAYGROUND_LISTEN", &self.addresses[0].1)
            .env("CHATLEDGER_PLAYGROUND_PRIVATE", &self.addresses[1].1)
            .env("CHATLEDGER_PLAYGROUND", &self.addresses[2].1)
            .env("NO_COLOR", "1")
            .env("NO_PROXY", "127.0.0.1")
            .env("COLUMNS", "120")
            .env_remove("CHATLEDGER_LOG")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file can be shared"))
            .stderr(file)
            .process_group(0)
            .spawn()
            .expect("bash is there");
        wait(&mut child);
        end_group(child.id());
        let said = std::fs::read(&printed).expect("it was made");
        outcomes(&self.there(&String::from_utf8_lossy(&said)))
    }

    fn script(&self, deeds: &[Deed]) -> String {
        let mut script = String::from("set -o pipefail\n");
        for (nth, deed) in deeds.iter().enumerate() {
            match deed {
                Deed::Write { name, text } => {
                    // Quoted, so that nothing in it is replaced.
                    script
                        .push_str(&format!("mkdir -p \"$(dirname '{name}')\"\ncat > '{name}' <<'END-OF-FILE-{nth}'\n"));
                    script.push_str(&format!("{text}END-OF-FILE-{nth}\n"));
                }
                Deed::Run(run) => {
                    script.push_str(&format!("printf '{MARK} begin\\n'\n{}\n", run.command));
                    script.push_str(&format!("printf '{MARK} end %d\\n' $?\n"));
                }
            }
        }
        script
    }

    fn here(&self, text: &str) -> String {
        self.addresses.iter().fold(text.to_owned(), |text, (guide, here)| text.replace(guide, here))
    }

    fn there(&self, text: &str) -> String {
        self.addresses.iter().fold(text.to_owned(), |text, (guide, here)| text.replace(here, guide))
    }
}

fn wait(child: &mut Child) {
    let began = Instant::now();
    while child.try_wait().expect("a child can be asked").is_none() {
        if began.elapsed() > AT_MOST {
            end_group(child.id());
            panic!("a page took longer than {AT_MOST:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends what a session has left behind: its own group of processes, and no other.
fn end_group(leader: u32) {
    let _gone = Command::new("kill").args(["-KILL", "--", &format!("-{leader}")]).stderr(Stdio::null()).status();
}

/// What was printed between the marks. Servers print whenever they like, so nothing else may print beside commands.
fn outcomes(printed: &str) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for part in printed.split(&format!("{MARK} begin\n")).skip(1) {
        let Some((output, status)) = part.split_once(&format!("{MARK} end ")) else {
            outcomes.push(Outcome { status: -1, output: part.to_owned() });
            continue;
        };
        let status = status.lines().next().and_then(|status| status.parse().ok()).unwrap_or(-1);
        outcomes.push(Outcome { status, output: output.to_owned() });
    }
    outcomes
}
