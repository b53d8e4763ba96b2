//! Runs the checks of the fuzz targets over their seeds: the inputs that fuzzing begins with and the
//! ones that it has found. Also runs them over random bytes, alone and inside a seed.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

#[path = "../../fuzz/checks.rs"]
#[expect(
    clippy::expect_used,
    reason = "a check whose setup fails should fail there"
)]
mod checks;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let files = fs::read_dir(folder.join(target)).unwrap();
    files
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

/// A seed with a part replaced by random bytes.
fn damaged_seed(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let seed = proptest::sample::select(seeds(target));
    let place = any::<prop::sample::Index>();
    let bytes = prop::collection::vec(any::<u8>(), 0..16);
    (seed, place, bytes).prop_map(|(mut seed, place, bytes)| {
        let start = place.index(seed.len());
        let end = seed.len().min(start + bytes.len());
        seed.splice(start..end, bytes);
        seed
    })
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..2048)
}

#[track_caller]
fn each_seed(target: &str, mut check: impl FnMut(&[u8])) {
    let seeds = seeds(target);
    assert!(seeds.len() > 3, "{target} has {} seeds", seeds.len());
    for seed in seeds {
        check(&seed);
    }
}

#[test]
fn token_seeds_are_refused() {
    each_seed("token", checks::token);
}

#[test]
fn claims_seeds_give_sessions_of_what_they_say() {
    let mut sessions = 0;
    each_seed("claims", |bytes| {
        sessions += usize::from(checks::claims(bytes));
    });
    // Otherwise the check could pass without ever seeing a session.
    assert!(sessions >= 6, "{sessions} of them make a session");
}

#[test]
fn credentials_seeds_give_one_of_their_credentials_or_none() {
    each_seed("credentials", checks::credentials);
}

#[test]
fn webhook_seeds_get_an_answer() {
    each_seed("webhook", checks::webhook);
}

proptest! {
    #[test]
    fn any_bytes_pass_the_token_check(bytes in prop_oneof![any_bytes(), damaged_seed("token")]) {
        checks::token(&bytes);
    }

    #[test]
    fn any_bytes_pass_the_claims_check(bytes in prop_oneof![any_bytes(), damaged_seed("claims")]) {
        checks::claims(&bytes);
    }

    #[test]
    fn any_bytes_pass_the_credentials_check(bytes in prop_oneof![any_bytes(), damaged_seed("credentials")]) {
        checks::credentials(&bytes);
    }

    #[test]
    fn any_bytes_pass_the_webhook_check(bytes in prop_oneof![any_bytes(), damaged_seed("webhook")]) {
        checks::webhook(&bytes);
    }
}
