//! libFuzzer around the targets that need the whole engine. `CHATLEDGER_FUZZ_TARGET` says which of them.

#![no_main]

#[path = "../../targets/engine.rs"]
mod engine;
#[path = "../../targets/mod.rs"]
mod targets;

#[path = "chosen.rs"]
mod chosen;

libfuzzer_sys::fuzz_target!(|input: &[u8]| chosen::run(engine::TARGETS, input));
