//! Any bytes as claims under a good signature: a session only of the claims that stand there.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses its own check")]
mod checks;

fuzz_target!(|bytes: &[u8]| {
    checks::claims(bytes);
});
