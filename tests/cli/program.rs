//! Starting the program and looking at what came of it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What came of a start.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

/// The program, with nothing of this machine's environment that it would listen to.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(chatledger_tests::chatledger());
    command.current_dir(folder).env_remove("CHATLEDGER_LOG").env("NO_COLOR", "1");
    command
}

/// Starts the program in a folder and waits for its end.
pub fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Ended {
    run_with(folder, arguments, &[])
}

/// The same with something to read.
pub fn run_with<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>, input: &[u8]) -> Ended {
    let mut child = command(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end without having read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let ended = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ended {
        code: ended.status.code(),
        output: String::from_utf8(ended.stdout).unwrap(),
        errors: String::from_utf8(ended.stderr).unwrap(),
    }
}

impl Ended {
    /// It ended well and had nothing to complain of.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!((self.code, self.errors.as_str()), (Some(0), ""), "{self:?}");
        self.output
    }

    /// It ended well with one JSON document.
    #[track_caller]
    pub fn document(self) -> Value {
        serde_json::from_str(&self.well()).unwrap()
    }

    /// It ended with this code and one message, which holds all of these words and no Rust.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.errors.contains(word), "{word:?} is missing: {}", self.errors);
        }
        for dump in ["Some(", "Err(", "panicked", "Error {", "RUST_BACKTRACE"] {
            assert!(!self.errors.contains(dump), "{}", self.errors);
        }
    }
}
