//! What is allowed where, and why.

/// What projections may depend on: data, ids, numbers. Nothing that reads, sends, waits, asks the time or throws dice.
pub const PROJECTIONS_MAY_USE: &[&str] = &[
    "arcstr",
    "base64",
    "foldhash",
    "hex",
    // Without "std" it cannot ask for the time; see the root manifest.
    "jiff",
    "phonenumber",
    "serde",
    "serde_json",
    "sha1",
    "sha2",
    "thin-vec",
    "thiserror",
    "unicode-segmentation",
    // Only derived ids; see the root manifest.
    "uuid",
];

/// What connectors may depend on: the same, and what signatures and forms are made of.
pub const CONNECTORS_MAY_USE: &[&str] = &[
    "chatledger-projections",
    "base64",
    "form_urlencoded",
    "hex",
    "hmac",
    "jiff",
    "md-5",
    "percent-encoding",
    "serde",
    "serde_json",
    "sha1",
    "sha2",
    "subtle",
    "thiserror",
    "uuid",
];

/// Names through which code could touch the world. `std::net` is not among them: an address can be read without one.
pub const OF_THE_WORLD_OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::process",
    "std::thread",
    "std::env",
    "SystemTime",
    "Instant::now",
    "tokio",
    "reqwest",
    "rand",
];

/// How platforms are called, in small letters.
pub const PLATFORMS: &[&str] = &["amocrm", "kommo", "amojo", "pact", "selarti", "carrot", "carrotquest"];

/// Wildcards in projections that stand for cases of a type that is not ours, each with its reason.
pub const MAY_STAND_FOR_THE_REST: &[(&str, &str)] =
    &[("_ => Err(NotAPosition(text.to_owned())),", "a position is read from pieces of a text")];

/// Licences that ask nothing of us but their notice; the same stand in `deny.toml`.
pub const LICENCES_KEPT: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-3-Clause",
    // Of the list of certificate authorities: data, not code.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that would encrypt with a library of the system, which nobody here looks after; the same stand in `deny.toml`.
pub const NEVER_BUILT_UPON: &[&str] =
    &["boring", "boring-sys", "hyper-tls", "native-tls", "openssl", "openssl-src", "openssl-sys", "tokio-native-tls"];

/// The endings of data.
pub const ENDINGS_OF_DATA: &[&str] = &[".http", ".json", ".md", ".snap", ".toml", ".txt", ".ndjson", ".form", ".png"];

/// Beginnings of absolute paths that only one machine has; put together here so that this file does not break its rule.
pub fn places() -> Vec<String> {
    ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/")).to_vec()
}

/// Marks of what somebody meant to do.
pub fn left_for_later() -> Vec<String> {
    [("TO", "DO"), ("FIX", "ME"), ("X", "XX")].map(|(one, other)| format!("{one}{other}")).to_vec()
}
