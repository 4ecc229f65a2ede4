//! The target that the environment names.

use std::sync::OnceLock;

use crate::targets::Target;

/// Runs the chosen target on one input.
pub fn run(targets: &[Target], input: &[u8]) {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let wanted = std::env::var("CHATLEDGER_FUZZ_TARGET").unwrap_or_default();
        let found = targets.iter().find(|target| target.name == wanted);
        let names: Vec<_> = targets.iter().map(|target| target.name).collect();
        *found.unwrap_or_else(|| panic!("CHATLEDGER_FUZZ_TARGET names none of {names:?}"))
    });
    (chosen.run)(input);
}
