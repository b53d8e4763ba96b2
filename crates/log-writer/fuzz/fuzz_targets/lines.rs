//! The line assembler: any bytes in any chunks give the same lines, within their limit.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses its own check")]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::lines(bytes));
