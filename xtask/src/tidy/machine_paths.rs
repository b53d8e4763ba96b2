//! No path of somebody's machine: a file that names one works on that machine only, and shows who wrote it.

use super::file::{File, Finding};

/// Where people and build machines keep their work. Written in two halves, so that this file obeys its own rule.
const ROOTS: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/t", "mp/"),
];

/// Files with paths inside a container, patterns or recorded output: by the end of their name, or a folder in it.
const FINE: [&str; 6] = [
    "Dockerfile",
    "docker-compose.yml",
    ".dockerignore",
    ".snap",
    "/fixtures/",
    "/recordings/",
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let path = format!("/{}", file.path);
    let is_fine = |part: &str| path.ends_with(part) || (part.ends_with('/') && path.contains(part));
    let mut findings = Vec::new();
    if FINE.into_iter().any(is_fine) {
        return findings;
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        if let Some(root) = machine_path(line) {
            let text = format!("names a path of some machine ({root}…): use a relative one");
            findings.push(Finding::new(format!("{}:{number}", file.path), text));
        }
    }
    findings
}

/// The first of `ROOTS` that begins a path in this line. In `a/b`, `$X/b`, `https://host/b` and `~/b` the `/b` only
/// continues one.
fn machine_path(line: &str) -> Option<&'static str> {
    let begins_a_path = |before: &str| {
        !before.ends_with(|c: char| c.is_alphanumeric() || "_-.~*}])>$%".contains(c))
    };
    ROOTS.into_iter().find(|root| {
        line.match_indices(root)
            .any(|(at, _)| begins_a_path(&line[..at]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_machine_is_found_where_it_begins() {
        for root in ROOTS {
            for before in ["", "let a = \"", "see file://", "PATH=/bin:"] {
                assert_eq!(machine_path(&format!("{before}{root}x")), Some(root));
            }
            for before in [
                "crates",
                "https://example.org",
                "$HOME",
                "${base}",
                "~",
                "..",
            ] {
                assert_eq!(machine_path(&format!("{before}{root}x")), None, "{before}");
            }
        }
    }

    #[test]
    fn the_line_is_named_and_recordings_may_have_such_paths() {
        let places = |path: &str| {
            let findings = check(&File::new(path, format!("one\ntwo {}x\n", ROOTS[3])));
            findings
                .into_iter()
                .map(|finding| finding.place)
                .collect::<Vec<_>>()
        };
        assert_eq!(places("README.md"), ["README.md:2"]);
        assert_eq!(places("a/src/fixtures.rs"), ["a/src/fixtures.rs:2"]);
        assert_eq!(places("a/tests/fixtures/cargo.log"), [""; 0]);
        assert_eq!(places("Dockerfile"), [""; 0]);
    }
}
