//! The program under test: the real binary, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program, built as these tests were. Whoever asks first in a process waits for the build.
///
/// # Panics
/// If it cannot be built: then there is nothing to test.
pub fn chatledger() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            // Tests lie in `target/PROFILE/deps`, programs in `target/PROFILE`.
            let test = std::env::current_exe().expect("a running test has a file");
            let folder = test.ancestors().nth(2).expect("tests lie two folders deep").to_path_buf();
            let profile = match folder.file_name().and_then(|name| name.to_str()) {
                Some("debug") | None => "dev",
                Some(profile) => profile,
            };
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            // What Cargo tells this test of itself is not the program's: build scripts that look at it would think that
            // something has changed, and everything above them would be built anew, here and again for the next test.
            for (name, _) in std::env::vars_os() {
                let is_of_this_test = |start: &str| name.to_str().is_some_and(|name| name.starts_with(start));
                if is_of_this_test("CARGO_PKG_") || is_of_this_test("CARGO_MANIFEST_") {
                    build.env_remove(name);
                }
            }
            let built = build
                .args(["build", "--quiet", "--package", "chatledger", "--bin", "chatledger", "--profile", profile])
                .arg("--target-dir")
                .arg(folder.parent().expect("a profile's folder lies in the target folder"))
                .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
                .status()
                .expect("cargo is there, for it started this test");
            assert!(built.success(), "the program cannot be built");
            folder.join("chatledger")
        })
        .clone()
}
