//! The seeds of the fuzz targets, each held against its target's check: what fuzzing begins with, and
//! what it has found.

use std::fs;
use std::path::PathBuf;

#[path = "../../fuzz/checks.rs"]
#[expect(
    clippy::expect_used,
    reason = "a check that cannot set up should fail there"
)]
mod checks;

#[track_caller]
fn each_seed(target: &str, check: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let seeds: Vec<_> = fs::read_dir(folder.join(target)).unwrap().collect();
    assert!(seeds.len() > 3, "{target} has {} seeds", seeds.len());
    for seed in seeds {
        check(&fs::read(seed.unwrap().path()).unwrap());
    }
}

#[test]
fn line_seeds_give_the_same_lines_in_any_chunks() {
    each_seed("lines", checks::lines);
}

#[test]
fn colour_seeds_leave_nothing_that_a_terminal_obeys() {
    each_seed("colours", checks::colours);
}

#[test]
fn secret_seeds_stay_hidden() {
    each_seed("secrets", checks::secrets);
}
