//! Rules for one Rust file: a module doc, a size that can be read, no test or code left undone.

use super::{File, Finding};

/// Lines of a file before its tests: beyond this it should be split …
const PRODUCTION_WISHED: usize = 400;
/// … and beyond this it must be.
const PRODUCTION_LIMIT: usize = 500;
/// All lines of a file, tests included.
const WHOLE_LIMIT: usize = 600;

pub(super) fn check(file: &File) -> Vec<Finding> {
    if !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    findings.extend(module_doc(file));
    findings.extend(size(file));
    findings.extend(left_undone(file));
    findings
}

fn module_doc(file: &File) -> Option<Finding> {
    let opens_with_doc = file.text.starts_with("//!");
    (!opens_with_doc).then(|| {
        Finding::error(
            &file.path,
            "a module begins with `//!` that says what it is for",
        )
    })
}

fn size(file: &File) -> Option<Finding> {
    let whole = file.text.lines().count();
    if whole > WHOLE_LIMIT {
        let text = format!("{whole} lines, at most {WHOLE_LIMIT}: split it by what it knows");
        return Some(Finding::error(&file.path, text));
    }
    if is_test(&file.path) {
        return None;
    }
    let production = lines_before_tests(&file.text);
    let text = format!("{production} lines before its tests, {PRODUCTION_WISHED} are the budget");
    if production > PRODUCTION_LIMIT {
        Some(Finding::error(&file.path, text))
    } else if production > PRODUCTION_WISHED {
        Some(Finding::warning(&file.path, text))
    } else {
        None
    }
}

/// The lines before the test module. A `#[cfg(test)]` on anything else ends nothing.
fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let is_test_module =
        |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].split(' ').any(|word| word == "mod");
    lines
        .windows(2)
        .position(is_test_module)
        .unwrap_or(lines.len())
}

/// Whether a file is a test from its first line, by where it is.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn left_undone(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let line = line.trim_start();
        if let Some(text) = undone(line) {
            findings.push(Finding::error(format!("{}:{number}", file.path), text));
        }
    }
    findings
}

fn undone(line: &str) -> Option<&'static str> {
    let doc = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"));
    if let Some(doc) = doc {
        let fence = doc.trim_start().strip_prefix("```")?;
        let ignored = fence.split(',').any(|word| word.trim() == "ignore");
        return ignored.then_some("an example that is not tested rots: `text` or `no_run` say why");
    }
    if line.starts_with("//") {
        return None;
    }
    if line.starts_with("#[") && words(line).any(|word| word == "ignore") {
        return Some("an ignored test proves nothing: mend it or delete it");
    }
    let left_open = ["todo", "unimplemented"]
        .iter()
        .any(|name| calls_macro(line, name));
    left_open.then_some("unfinished code does not land")
}

/// Whether the line calls the macro outside a string: `name!(`, `name![` or `name!{`.
fn calls_macro(line: &str, name: &str) -> bool {
    let open_quote = |before: &str| before.matches('"').count() % 2 == 1;
    line.match_indices(name).any(|(at, _)| {
        let (before, rest) = (&line[..at], &line[at + name.len()..]);
        let whole_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        whole_word && ["!(", "![", "!{"].iter().any(|b| rest.starts_with(b)) && !open_quote(before)
    })
}

/// The identifiers of a line up to its first string.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split('"').next().unwrap_or_default();
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
}

#[cfg(test)]
mod tests {
    use super::super::Weight;
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn checked(path: &str, text: &str) -> Vec<String> {
        check(&file(path, text))
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    /// A tidy file of so many lines, the last `tests` of them in its test module.
    fn lines(production: usize, tests: usize) -> String {
        let code = "//! A module.\n".to_owned() + &"fn f() {}\n".repeat(production - 1);
        match tests {
            0 => code,
            _ => code + "#[cfg(test)]\nmod tests {\n" + &"x\n".repeat(tests - 2),
        }
    }

    #[test]
    fn a_tidy_file_passes() {
        assert!(checked("a/src/lib.rs", &lines(400, 200)).is_empty());
    }

    #[test]
    fn a_module_without_its_doc_is_named() {
        let findings = checked("a/src/lib.rs", "use std::fmt;\n//! Too late.\n");
        assert!(
            findings[0].starts_with("error: a/src/lib.rs: a module begins"),
            "{findings:?}"
        );
    }

    #[test]
    fn files_that_are_not_rust_have_no_module_doc() {
        assert!(checked("README.md", "# Title\n").is_empty());
    }

    #[test]
    fn a_long_production_part_warns_and_then_fails() {
        let weight = |text: &str| check(&file("a/src/lib.rs", text))[0].weight;
        assert_eq!(weight(&lines(401, 0)), Weight::Warning);
        assert_eq!(weight(&lines(500, 0)), Weight::Warning);
        assert_eq!(weight(&lines(501, 0)), Weight::Error);
    }

    #[test]
    fn a_file_of_tests_has_only_the_limit_for_the_whole() {
        assert!(checked("a/tests/api/page.rs", &lines(600, 0)).is_empty());
        assert!(checked("a/src/page/tests.rs", &lines(600, 0)).is_empty());
        assert_eq!(checked("a/tests/api/page.rs", &lines(601, 0)).len(), 1);
    }

    #[test]
    fn tests_count_towards_the_whole() {
        assert_eq!(checked("a/src/lib.rs", &lines(300, 301)).len(), 1);
    }

    #[test]
    fn an_item_for_tests_does_not_end_the_production_part() {
        let text = format!(
            "//! A module.\n#[cfg(test)]\nuse a::b;\n{}",
            "x\n".repeat(500)
        );
        assert_eq!(checked("a/src/lib.rs", &text).len(), 1);
    }

    #[test]
    fn an_ignored_test_is_found_in_each_of_its_forms() {
        let forms = [
            "    #[ignore]",
            "#[ignore = \"slow\"]",
            "#[cfg_attr(windows, ignore)]",
            "/// ```ignore",
            "//! ```rust,ignore",
        ];
        for form in forms {
            assert!(undone(form.trim_start()).is_some(), "{form}");
        }
    }

    #[test]
    fn the_word_alone_is_no_ignored_test() {
        let others = [
            "#[doc = \"ignore\"]",
            "// ignore it",
            "/// ```no_run",
            "fn ignore() {}",
            "/// ignore",
        ];
        for other in others {
            assert_eq!(undone(other), None, "{other}");
        }
    }

    #[test]
    fn unfinished_code_is_found() {
        let name = "todo";
        assert!(undone(&format!("    Self::Other => {name}!(\"later\"),")).is_some());
        assert!(undone(&format!("{name}![]")).is_some());
        assert_eq!(undone(&format!("let text = \"{name}!()\";")), None);
        assert_eq!(undone(&format!("my_{name}!()")), None);
        assert_eq!(undone(&format!("// {name}!()")), None);
    }
}
