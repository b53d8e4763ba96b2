//! Any bytes as a webhook: nothing without a signature, and an answer with one.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses its own check")]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::webhook(bytes));
