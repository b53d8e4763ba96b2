//! The redactor: a registered secret never comes out, however it is cut and surrounded.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses its own check")]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::secrets(bytes));
