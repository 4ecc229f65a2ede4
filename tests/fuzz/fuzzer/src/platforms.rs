//! libFuzzer around the targets that need connectors alone. `CHATLEDGER_FUZZ_TARGET` says which of them.

#![no_main]

#[path = "../../targets/platforms.rs"]
mod platforms;
#[path = "../../targets/mod.rs"]
mod targets;

#[path = "chosen.rs"]
mod chosen;

libfuzzer_sys::fuzz_target!(|input: &[u8]| chosen::run(platforms::TARGETS, input));
