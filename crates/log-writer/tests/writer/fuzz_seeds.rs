//! Runs the check of each fuzz target with all of its seeds: the first inputs of fuzzing, and the inputs that it has found.

use std::fs;
use std::path::PathBuf;

#[path = "../../fuzz/checks.rs"]
#[expect(
    clippy::expect_used,
    reason = "test code: a step that fails is a failed test"
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
fn the_lines_of_the_seeds_do_not_depend_on_the_chunks() {
    each_seed("lines", checks::lines);
}

#[test]
fn the_output_of_the_colour_seeds_contains_no_control_sequence() {
    each_seed("colours", checks::colours);
}

#[test]
fn the_secret_in_the_seeds_is_never_visible() {
    each_seed("secrets", checks::secrets);
}
