//! The acceptance list of `auth`: every case is in its table, and every test that the table names exists.
//!
//! Nothing else would notice when a test is renamed and its case has no test any more.

use super::file::{File, Finding};

/// The table.
const LIST: &str = "crates/auth/tests/ACCEPTANCE.md";

/// How many cases there are.
const CASES: u32 = 60;

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(list) = files.iter().find(|file| file.path == LIST) else {
        return vec![Finding::new(LIST, "is missing")];
    };
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(list.text.lines()) {
        for test in tests_in(line).filter(|test| !exists(test, files)) {
            let text = format!("there is no test `{test}`");
            findings.push(Finding::new(format!("{LIST}:{number}"), text));
        }
    }
    for case in 1..=CASES {
        let start = format!("| {case} | ");
        let mut lines = list.text.lines().filter(|line| line.starts_with(&start));
        if !lines.any(|line| tests_in(line).next().is_some()) {
            findings.push(Finding::new(LIST, format!("case {case} has no test")));
        }
    }
    findings
}

/// The code spans of a line that name a test: `module::name`, or `crate/module::name` for another crate than `auth`.
fn tests_in(line: &str) -> impl Iterator<Item = &str> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.filter(|span| span.contains("::"))
}

fn exists(test: &str, files: &[File]) -> bool {
    let (place, name) = test.split_once("::").unwrap_or_default();
    let (package, module) = place.split_once('/').unwrap_or(("auth", place));
    let (folder, file) = (format!("crates/{package}/"), format!("/{module}.rs"));
    let function = format!("fn {name}(");
    files.iter().any(|candidate| {
        let path = &candidate.path;
        path.starts_with(&folder) && path.ends_with(&file) && candidate.text.contains(&function)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(list: &str) -> Vec<String> {
        let files = [
            File::new(LIST, list),
            File::new("crates/auth/tests/auth/form.rs", "fn it_holds() {}"),
            File::new("crates/log-api/tests/api/gate.rs", "fn it_holds_too() {}"),
        ];
        check(&files)
            .into_iter()
            .map(|finding| finding.text)
            .collect()
    }

    fn list(test: &str) -> String {
        let line = |case| format!("| {case} | what | `{test}` | – |\n");
        (1..=CASES).map(line).collect()
    }

    #[test]
    fn tests_that_do_not_exist_and_cases_without_a_test_are_named() {
        assert_eq!(findings(&list("form::it_holds")), [""; 0]);
        assert_eq!(findings(&list("log-api/gate::it_holds_too")), [""; 0]);
        for test in [
            "form::it_held",
            "gate::it_holds_too",
            "log-api/form::it_holds",
        ] {
            let expected = format!("there is no test `{test}`");
            assert_eq!(findings(&list(test)), vec![expected; 60]);
        }
        let list =
            list("form::it_holds").replace("| 7 | what | `form::it_holds`", "| 7 | what | –");
        assert_eq!(findings(&list), ["case 7 has no test"]);
    }
}
