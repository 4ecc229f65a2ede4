//! Commands of the guide that cannot be run by whoever runs these tests, and why. They stand in blocks of `sh`.

/// How such a command begins, and why it is not run here.
pub const ELSEWHERE: &[(&str, &str)] = &[
    ("cargo install", "it builds everything anew, with optimisations; `just package` builds the same"),
    ("chatledger connect ", "it speaks to a real account; tests/cli/accounts.rs tries it on a model"),
    (
        "chatledger copy --from chatledger.db --to 'esdb",
        "it needs a server; tests/cli/server_logs.rs tries it on one of ours",
    ),
    ("chatledger pact ", "it speaks to a real account; tests/cli/administer.rs tries it on a model"),
    ("docker compose", "it needs a daemon and images; `just lint-package` checks both files"),
    ("docker build", "it needs a daemon and images; `just lint-package` checks the file"),
    ("sudo ", "it changes the machine; `just lint-package` unpacks the Debian package and runs what is in it"),
    ("just ", "it builds; the recipes are run by their own names"),
];
