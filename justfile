# The only commands anyone needs. The first one lists the others.

# List the commands.
default:
    @just --list --unsorted

# Everything that can be wrong: stories, contracts, laws, the log, the real program started and killed.
test *ARGS:
    cargo test --workspace --locked {{ARGS}}

# Form and lints: formatting, clippy and the documentation's links, warnings being errors.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Fuzz every target, or one, for so many seconds each: `just fuzz amocrm-webhook 60`; see docs/security.md.
fuzz TARGET="all" SECONDS="30":
    tests/fuzz/run {{TARGET}} {{SECONDS}}

# What we build upon: licences, sources and bans, and known weaknesses where the database of advisories can be reached.
audit:
    tests/tidy/audit

# The main job, played before your eyes on simulated platforms.
demo *ARGS:
    cargo run --release --locked -- demo {{ARGS}}

# What the engine makes of one story: `just story manager-writes-first-claim`.
story NAME:
    cargo run --quiet --locked -- story fixtures/stories/{{NAME}}

# Accept what the stories and contracts say now as what they shall say. Read the difference before you commit it.
accept:
    INSTA_UPDATE=always cargo test --locked --package chatledger-tests --test stories --test contracts --test platforms --test cli

# The engine, and the log's server beside it, killed so often while people write: `just kills 200`; see tests/service/kills.rs.
kills N='200':
    CHATLEDGER_KILLS={{N}} cargo test --locked --package chatledger-tests --test service -- --nocapture however_often

# Throughput and memory, as ratios to a bare baseline in the same run; see docs/benchmarks.md.
bench *ARGS:
    cargo bench --locked --package chatledger --bench throughput -- {{ARGS}}

# The read side: every question's time over a long history under load, and what followers cost; see docs/benchmarks.md.
bench-reading *ARGS:
    cargo bench --locked --package chatledger --bench reading -- {{ARGS}}

# The read API held against its own description by schemathesis, fetched into a scratch folder.
api-check *ARGS:
    cargo build --locked --package chatledger
    tests/reading/api-check {{ARGS}}

# The adapter to EventStoreDB beside the bare client, and the way in with the log on a server and away; see docs/benchmarks.md.
bench-esdb *ARGS:
    cargo build --release --locked --package chatledger
    cargo bench --locked --package chatledger-eventstoredb --bench adapter -- {{ARGS}}
    CHATLEDGER={{justfile_directory()}}/target/release/chatledger cargo bench --locked --package chatledger-eventstoredb --bench ingest -- {{ARGS}}

# Many small worlds on virtual time, with faults of every kind: `just simulate --seed N --messages M`, or `--hours H`.
simulate *ARGS:
    cargo run --release --quiet --locked --package chatledger-tests --example simulate -- {{ARGS}}

# The code's own documentation, opened in a browser.
doc:
    cargo doc --workspace --no-deps --open

# The test server against the official Python and Node clients of EventStoreDB, fetched into a scratch folder.
esdb-clients:
    tests/eventstoredb/clients/run
