//! The page that says what is hidden says the truth.

use log_redact::{Redaction, known_tokens};

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

#[test]
fn the_page_names_all_tokens_and_no_others() {
    let rows = rows("Tokens that are known by their beginning");
    let named = rows.iter().flat_map(|row| {
        let prefixes = row[1].split(' ').map(|prefix| prefix.trim_matches('`'));
        prefixes.map(|prefix| (row[0].trim(), prefix))
    });
    let mut named: Vec<_> = named.collect();
    let mut known: Vec<_> = known_tokens().collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
}
