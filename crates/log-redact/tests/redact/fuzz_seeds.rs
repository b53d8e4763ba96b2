//! Runs the check of the fuzz target with all of its seeds: the first inputs of fuzzing, and the inputs that it has found.

use std::fs;
use std::path::PathBuf;

#[path = "../../fuzz/checks.rs"]
#[expect(
    clippy::expect_used,
    reason = "test code: a step that fails is a failed test"
)]
mod checks;

#[test]
fn a_line_comes_out_for_each_line_of_the_seeds_without_a_secret() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/redactor");
    let seeds: Vec<_> = fs::read_dir(folder).unwrap().collect();
    assert!(seeds.len() > 3, "{} seeds", seeds.len());
    for seed in seeds {
        checks::redactor(&fs::read(seed.unwrap().path()).unwrap());
    }
}
