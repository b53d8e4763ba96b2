//! No path of somebody's machine: a file that names one works there only, and tells who wrote it.

use super::{File, Finding};

/// Where people and build machines have their work. Written in two halves, so that this file
/// obeys its own rule.
const ROOTS: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/t", "mp/"),
];

/// Files where such a path is not of a machine, by the end of their name or a folder in it.
const FINE: [(&str, &str); 6] = [
    ("Dockerfile", "paths inside an image"),
    ("docker-compose.yml", "paths inside a container"),
    (".dockerignore", "patterns"),
    (".snap", "recorded output"),
    ("/fixtures/", "recorded output of real builds"),
    ("/recordings/", "recorded output of real builds"),
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let path = format!("/{}", file.path);
    let is_fine = |part: &str| {
        if part.ends_with('/') {
            path.contains(part)
        } else {
            path.ends_with(part)
        }
    };
    if FINE.iter().any(|(part, _)| is_fine(part)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        if let Some(root) = machine_path(line) {
            let text = format!("names a path of some machine ({root}…): use a relative one");
            findings.push(Finding::error(format!("{}:{number}", file.path), text));
        }
    }
    findings
}

/// The first of `ROOTS` that begins a path in this line. In `a/b`, `$X/b`, `https://host/b` and
/// `~/b` the `/b` only goes on with one.
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

    fn checked(path: &str, text: String) -> usize {
        check(&File {
            path: path.to_owned(),
            text,
        })
        .len()
    }

    #[test]
    fn a_path_of_a_machine_is_found_wherever_it_begins() {
        for root in ROOTS {
            assert_eq!(machine_path(&format!("{root}ann/x")), Some(root));
            assert_eq!(machine_path(&format!("let a = \"{root}x\";")), Some(root));
            assert_eq!(machine_path(&format!("see file://{root}x")), Some(root));
            assert_eq!(machine_path(&format!("PATH=/bin:{root}bin")), Some(root));
        }
    }

    #[test]
    fn a_path_that_only_goes_on_like_that_is_none() {
        for root in ROOTS {
            for before in [
                "crates",
                "https://example.org",
                "$HOME",
                "${base}",
                "~",
                "..",
            ] {
                assert_eq!(
                    machine_path(&format!("{before}{root}x")),
                    None,
                    "{before}{root}"
                );
            }
        }
    }

    #[test]
    fn the_line_is_told() {
        let text = format!("one\ntwo {}x\n", ROOTS[3]);
        let found = check(&File {
            path: "README.md".to_owned(),
            text,
        });
        assert_eq!(found[0].place, "README.md:2");
    }

    #[test]
    fn images_and_recordings_have_paths_of_their_own() {
        let text = || format!("{}build\n", ROOTS[2]);
        assert_eq!(checked("Dockerfile", text()), 0);
        assert_eq!(
            checked("crates/log-writer/tests/fixtures/cargo.log", text()),
            0
        );
        assert_eq!(checked("crates/log-writer/src/fixtures.rs", text()), 1);
    }
}
