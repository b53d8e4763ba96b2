//! The acceptance list of `auth`: every case is in its table, and every test that it names is there.
//!
//! A table of tests rots silently: one is renamed, and the case is shown by nothing.

use super::{File, Finding};

/// Where the table is.
const LIST: &str = "crates/auth/tests/ACCEPTANCE.md";

/// The cases that there are.
const CASES: std::ops::RangeInclusive<u32> = 1..=60;

/// The crate of a test that is named without one.
const HOME: &str = "auth";

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(list) = files.iter().find(|file| file.path == LIST) else {
        return vec![Finding::error(LIST, "is not there")];
    };
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(list.text.lines()) {
        for test in tests_in(line).filter(|test| !is_there(test, files)) {
            let text = format!(
                "there is no test {}::{} in {}",
                test.module, test.name, test.package
            );
            findings.push(Finding::error(format!("{LIST}:{number}"), text));
        }
    }
    let is_listed = |case: &u32| {
        let start = format!("| {case} | ");
        list.text
            .lines()
            .any(|line| line.starts_with(&start) && tests_in(line).next().is_some())
    };
    for case in CASES.filter(|case| !is_listed(case)) {
        findings.push(Finding::error(LIST, format!("case {case} has no test")));
    }
    findings
}

/// A test as the table names it: `module::name`, or `crate/module::name`.
struct Test<'a> {
    package: &'a str,
    module: &'a str,
    name: &'a str,
}

/// The code spans of a line that name a test.
fn tests_in(line: &str) -> impl Iterator<Item = Test<'_>> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.filter_map(|span| {
        let (place, name) = span.split_once("::")?;
        let (package, module) = place.split_once('/').unwrap_or((HOME, place));
        Some(Test {
            package,
            module,
            name,
        })
    })
}

fn is_there(test: &Test<'_>, files: &[File]) -> bool {
    let folder = format!("crates/{}/", test.package);
    let file = format!("/{}.rs", test.module);
    let function = format!("fn {}(", test.name);
    files.iter().any(|candidate| {
        candidate.path.starts_with(&folder)
            && candidate.path.ends_with(&file)
            && candidate.text.contains(&function)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &str) -> Vec<File> {
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        vec![
            file(LIST, list),
            file(
                "crates/auth/tests/auth/form.rs",
                "#[test]\nfn it_holds() {}",
            ),
            file(
                "crates/log-api/tests/api/gate.rs",
                "async fn it_holds_too() {}",
            ),
        ]
    }

    fn whole_list(test: &str) -> String {
        CASES
            .map(|case| format!("| {case} | what | `{test}` | – |\n"))
            .collect()
    }

    #[test]
    fn a_list_whose_tests_are_there_is_fine() {
        assert!(check(&files(&whole_list("form::it_holds"))).is_empty());
        assert!(check(&files(&whole_list("log-api/gate::it_holds_too"))).is_empty());
    }

    #[test]
    fn a_test_that_is_not_there_is_named() {
        for test in [
            "form::it_held",
            "gate::it_holds_too",
            "log-api/form::it_holds",
        ] {
            let found = check(&files(&whole_list(test)));
            assert_eq!(found.len(), 60, "{test}");
            assert!(
                found[0].text.starts_with("there is no test "),
                "{}",
                found[0]
            );
        }
    }

    #[test]
    fn a_case_without_a_test_is_named() {
        let list = whole_list("form::it_holds")
            .replace("| 7 | what | `form::it_holds`", "| 7 | what | `later`");
        let found = check(&files(&list));
        assert_eq!(found, [Finding::error(LIST, "case 7 has no test")]);
    }
}
