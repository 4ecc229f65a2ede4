//! Commands of the guide that cannot be run by whoever runs these tests, and why. They stand in blocks of `sh`.

/// How such a command begins, and why it is not run here.
pub const ELSEWHERE: &[(&str, &str)] = &[
    ("cargo install", "it builds everything anew, with optimisations; `just package` builds the same"),
    ("docker compose", "it needs a daemon and images; `just lint-package` checks both files"),
    ("docker build", "it needs a daemon and images; `just lint-package` checks the file"),
    ("sudo ", "it changes the machine; `just lint-package` installs the Debian package into a folder of its own"),
    ("just ", "it builds; the recipes are run by their own names"),
];
