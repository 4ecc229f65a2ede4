//! The laws that the engine keeps, whatever happens: nine of them, tried on the logs of all stories and on logs that
//! generated scripts leave behind.
//!
//! 1 and 2 in [`folding`]; 3 and 4 in [`order`]; 5, 6, 7 and 8 in [`living`]; the ninth,
//! that nothing of one account ever reaches another, in [`isolation`]; [`found`] keeps what they have found. A failed law prints its script, shrunk, and
//! the chronicle of what happened. `PROPTEST_CASES=1000` tries harder.

mod folding;
mod found;
mod isolation;
mod living;
mod order;

use proptest::test_runner::Config;

/// So many cases, unless the environment says otherwise.
fn cases(usually: u32) -> Config {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    Config {
        cases: wanted.unwrap_or(usually),
        max_shrink_iters: 600,
        // A script that failed is written down as a test, not as a seed.
        failure_persistence: None,
        ..Config::default()
    }
}
