//! Rules for the documents: those that a newcomer looks for are there, decisions are numbered.

use super::Finding;

/// Where decisions are, one a file: `0001-a-title.md`.
const DECISIONS: &str = "docs/adr/";

/// What every reader may count on.
const NEEDED: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "docs/STYLE.md",
];

pub(super) fn check<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<Finding> {
    let paths: Vec<&str> = paths.collect();
    let missing = NEEDED.into_iter().filter(|needed| !paths.contains(needed));
    let mut findings: Vec<Finding> = missing
        .map(|needed| Finding::error(needed, "is not there"))
        .collect();
    findings.extend(numbering(&paths));
    findings
}

/// The decisions are numbered from 1 without a hole or a number given twice.
fn numbering(paths: &[&str]) -> Vec<Finding> {
    let mut decisions: Vec<&str> = paths
        .iter()
        .filter(|path| path.starts_with(DECISIONS))
        .copied()
        .collect();
    decisions.sort_unstable();
    let mut findings = Vec::new();
    for (number, path) in (1..).zip(decisions) {
        let want = format!("{DECISIONS}{number:04}-");
        if !path.starts_with(&want) || !path.ends_with(".md") {
            findings.push(Finding::error(
                path,
                format!("should be {want}….md: no hole, no twin"),
            ));
            break;
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_document_is_named() {
        let found = check(NEEDED.into_iter().filter(|path| *path != "LICENSE"));
        assert_eq!(found, [Finding::error("LICENSE", "is not there")]);
    }

    #[test]
    fn decisions_in_a_row_pass() {
        assert!(numbering(&["docs/adr/0002-b.md", "docs/adr/0001-a.md", "README.md"]).is_empty());
        assert!(numbering(&[]).is_empty());
    }

    #[test]
    fn a_hole_a_twin_and_a_stray_file_are_named() {
        let name = |paths: &[&str]| numbering(paths)[0].place.clone();
        assert_eq!(
            name(&["docs/adr/0001-a.md", "docs/adr/0003-c.md"]),
            "docs/adr/0003-c.md"
        );
        assert_eq!(
            name(&["docs/adr/0001-a.md", "docs/adr/0001-b.md"]),
            "docs/adr/0001-b.md"
        );
        assert_eq!(
            name(&["docs/adr/0001-a.md", "docs/adr/notes.txt"]),
            "docs/adr/notes.txt"
        );
    }
}
