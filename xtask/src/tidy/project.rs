//! Rules for manifests, for the numbers of decisions, and for the acceptance list of `auth`.

use super::file::File;

/// The folder of decisions, one in each file: `0001-a-title.md`.
const DECISIONS: &str = "docs/adr/";

/// The acceptance list of `auth`, and how many cases it has.
const ACCEPTANCE: &str = "crates/auth/tests/ACCEPTANCE.md";
const CASES: u32 = 60;

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings: Vec<String> = files.iter().flat_map(check_manifest).collect();
    findings.extend(check_decisions(files));
    findings.extend(check_acceptance(files));
    findings
}

/// A crate of this workspace has a description, and inherits the lints.
fn check_manifest(File { path, text }: &File) -> Vec<String> {
    let mut findings = Vec::new();
    if !path.ends_with("Cargo.toml") || text.contains("[workspace]") {
        return findings;
    }
    if !text.contains("\ndescription = \"") || text.contains("\ndescription = \"\"") {
        findings.push(format!("{path}: a crate has a `description`"));
    }
    if !text.contains("\n[lints]\nworkspace = true\n") {
        findings.push(format!(
            "{path}: a crate has `[lints] workspace = true`, or no lint reaches it"
        ));
    }
    findings
}

/// Decisions are numbered from 1, without a hole, each number once. The first that is not is named.
fn check_decisions(files: &[File]) -> Option<String> {
    let paths = files.iter().map(|file| file.path.as_str());
    let mut decisions: Vec<_> = paths.filter(|path| path.starts_with(DECISIONS)).collect();
    decisions.sort_unstable();
    let mut named = (1..)
        .map(|number| format!("{DECISIONS}{number:04}-"))
        .zip(decisions);
    let is_wrong =
        |(start, path): &(String, &str)| !path.starts_with(start) || !path.ends_with(".md");
    let (start, path) = named.find(is_wrong)?;
    Some(format!("{path}: should be {start}….md"))
}

/// Every case has a test, and every test in the list exists. Nothing else would notice when a test is renamed.
fn check_acceptance(files: &[File]) -> Vec<String> {
    let list = files.iter().find(|file| file.path == ACCEPTANCE);
    let list = list.map_or("", |file| file.text.as_str());
    let mut findings = Vec::new();
    for test in tests_in(list).filter(|test| !exists(test, files)) {
        findings.push(format!("{ACCEPTANCE}: there is no test `{test}`"));
    }
    for case in 1..=CASES {
        let start = format!("| {case} | ");
        let mut lines = list.lines().filter(|line| line.starts_with(&start));
        if !lines.any(|line| tests_in(line).next().is_some()) {
            findings.push(format!("{ACCEPTANCE}: case {case} has no test"));
        }
    }
    findings
}

/// The code spans that name a test: `module::name`, or `crate/module::name` for another crate than `auth`.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| span.contains("::"))
}

fn exists(test: &str, files: &[File]) -> bool {
    let (place, name) = test.split_once("::").unwrap_or_default();
    let (package, module) = place.split_once('/').unwrap_or(("auth", place));
    let (folder, end) = (format!("crates/{package}/"), format!("/{module}.rs"));
    let function = format!("fn {name}(");
    let mut files = files.iter();
    files.any(|File { path, text }| {
        path.starts_with(&folder) && path.ends_with(&end) && text.contains(&function)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_has_a_description_and_the_lints_of_the_workspace() {
        let findings = |text: &str| check_manifest(&File::new("a/Cargo.toml", text)).len();
        let (described, lints) = ("\ndescription = \"x\"\n", "\n[lints]\nworkspace = true\n");
        assert_eq!(findings(&[described, lints].concat()), 0);
        assert_eq!(findings(lints), 1);
        assert_eq!(findings(described), 1);
        assert_eq!(findings("[lints]\n[dependencies]\nworkspace = true\n"), 2);
        assert_eq!(findings("[package]\n\n[workspace]\n"), 0);
    }

    #[test]
    fn a_wrong_number_of_a_decision_is_named() {
        let (first, second) = ("docs/adr/0001-a.md", "docs/adr/0002-b.md");
        let finding = |paths: [&str; 2]| check_decisions(&paths.map(|path| File::new(path, "")));
        assert_eq!(finding([second, first]), None);
        for wrong in ["0003-c.md", "0001-b.md", "notes.txt"] {
            let wrong = format!("docs/adr/{wrong}");
            assert!(finding([first, &wrong]).unwrap().starts_with(&wrong));
        }
    }

    #[test]
    fn tests_that_do_not_exist_and_cases_without_a_test_are_named() {
        let findings = |list: String| {
            check_acceptance(&[
                File::new(ACCEPTANCE, list),
                File::new("crates/auth/tests/auth/form.rs", "fn it_holds() {}"),
                File::new("crates/log-api/tests/api/gate.rs", "fn it_holds_too() {}"),
            ])
        };
        let list = |test: &str| {
            let line = |case| format!("| {case} | what | `{test}` | – |\n");
            (1..=CASES).map(line).collect::<String>()
        };
        assert_eq!(findings(list("form::it_holds")), [""; 0]);
        assert_eq!(findings(list("log-api/gate::it_holds_too")), [""; 0]);
        for test in [
            "form::it_held",
            "gate::it_holds_too",
            "log-api/form::it_holds",
        ] {
            let expected = format!("{ACCEPTANCE}: there is no test `{test}`");
            assert_eq!(findings(list(test)), vec![expected; 60]);
        }
        let list =
            list("form::it_holds").replace("| 7 | what | `form::it_holds`", "| 7 | what | –");
        assert_eq!(
            findings(list),
            [format!("{ACCEPTANCE}: case 7 has no test")]
        );
    }
}
