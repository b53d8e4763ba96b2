//! The work of the scanner.

use super::scan::Scanner;
use super::tokens::TOKENS;
use super::*;

/// These texts are the worst case for an implementation that backtracks.
#[test]
fn the_work_is_linear_in_the_text() {
    let redaction = Redaction::builder().secret("Xq7/vR+2mZ k9é&w").unwrap();
    let rules = redaction.build().unwrap().rules.unwrap();
    for piece in [
        "sk-",
        "eyJa.",
        "://a:b",
        "password=\"",
        "password='",
        "a=",
        "-----BEGIN ",
        "Xq7/vR+2mZ k",
        "token = ",
        "=\\\"",
        "xox\n",
        "glpat-\n",
        "sk-\nghp_\nxoxb-\neyJ",
        "token=\"\n",
    ] {
        let steps = |repeats: usize| {
            let mut scanner = Scanner::new(Arc::clone(&rules));
            for line in piece.repeat(repeats).split_inclusive('\n') {
                scanner.text(line.trim_end_matches('\n'));
                if line.ends_with('\n') {
                    scanner.line_end();
                }
            }
            scanner.steps
        };
        let (short, long) = (steps(1_000), steps(8_000));
        assert!(long <= short * 9, "{piece:?}: {short} steps, then {long}");
        assert!(
            long <= 8_000 * piece.len() * TOKENS.len(),
            "{piece:?}: {long} steps"
        );
    }
}
