//! The terminal filter: nothing that a terminal obeys comes out, colours on request apart.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses its own check")]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::colours(bytes));
