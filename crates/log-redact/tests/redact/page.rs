//! The page that says what is hidden says the truth.

use log_redact::{Redaction, known_marks, known_tokens};

const PAGE: &str = include_str!("../../HIDDEN.md");

/// The cells of the rows of a section's tables, without the heads.
fn rows(section: &str) -> Vec<Vec<&'static str>> {
    let from = PAGE.find(&format!("\n## {section}\n")).unwrap();
    let section = &PAGE[from + 1..];
    let section = &section[..section[3..]
        .find("\n## ")
        .map_or(section.len(), |end| end + 3)];
    let rows = section.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split(" | ").map(str::trim).collect();
    rows.skip(2).map(cells).collect()
}

#[test]
fn the_examples_of_the_page_hold() {
    let redaction = Redaction::default();
    let rows = rows("What looks like a secret");
    assert!(rows.len() > 25, "{}", rows.len());
    for row in rows {
        let [_, example, shown] = row[..] else {
            panic!("{row:?}");
        };
        let (example, shown) = (example.trim_matches('`'), shown.trim_matches('`'));
        assert_eq!(redaction.line(example), shown);
    }
}

/// Checks that the second column of a table has exactly the known texts, each beside who gives such tokens.
#[track_caller]
fn check_table(section: &str, known: impl Iterator<Item = (&'static str, &'static str)>) {
    let rows = rows(section);
    let named = rows.iter().flat_map(|row| {
        let texts = row[1].split(' ').map(|text| text.trim_matches('`'));
        texts.map(|text| (row[0].trim(), text))
    });
    let mut named: Vec<_> = named.collect();
    let mut known: Vec<_> = known.collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn the_page_names_all_tokens_and_no_others() {
    check_table("Tokens that are known by their beginning", known_tokens());
    check_table(
        "Tokens that are known by a text inside of them",
        known_marks(),
    );
}
