//! The seeds of the fuzz targets, each held against its target's check: what fuzzing begins with,
//! and what it has found.

use std::fs;
use std::path::PathBuf;

#[path = "../../fuzz/checks.rs"]
#[expect(
    clippy::expect_used,
    reason = "a check that cannot set up should fail there"
)]
mod checks;

#[track_caller]
fn each_seed(target: &str, mut check: impl FnMut(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut seeds = 0;
    for entry in fs::read_dir(folder.join(target)).unwrap() {
        check(&fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 3, "{target} has {seeds} seeds");
}

#[test]
fn token_seeds_are_refused() {
    each_seed("token", checks::token);
}

#[test]
fn claims_seeds_give_sessions_of_what_they_say() {
    let mut sessions = 0;
    each_seed("claims", |bytes| {
        sessions += usize::from(checks::claims(bytes))
    });
    // A check that nothing gets to would hold for ever.
    assert!(sessions >= 6, "{sessions} of them make a session");
}

#[test]
fn carrier_seeds_give_a_credential_of_theirs_or_none() {
    each_seed("carriers", checks::carriers);
}

#[test]
fn webhook_seeds_get_an_answer() {
    each_seed("webhook", checks::webhook);
}
