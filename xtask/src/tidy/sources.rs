//! Rules for one Rust file: a module doc, a readable size, no ignored test, no example that is not compiled.

use super::file::{File, Finding, production};

/// Lines of a file without its tests.
const PRODUCTION_LIMIT: usize = 400;
/// All lines of a file, tests included.
const WHOLE_LIMIT: usize = 600;

pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.path.ends_with(".rs") {
        return findings;
    }
    if !file.text.starts_with("//!") {
        let text = "a module begins with `//!` that says what it is for";
        findings.push(Finding::new(&file.path, text));
    }
    let whole = file.text.lines().count();
    let is_test = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    let lines = if is_test {
        0
    } else {
        production(&file.text).len()
    };
    if whole > WHOLE_LIMIT {
        let text = format!("{whole} lines with its tests, at most {WHOLE_LIMIT}: split it");
        findings.push(Finding::new(&file.path, text));
    } else if lines > PRODUCTION_LIMIT {
        let text = format!("{lines} lines before its tests, at most {PRODUCTION_LIMIT}: split it");
        findings.push(Finding::new(&file.path, text));
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        let place = || format!("{}:{number}", file.path);
        findings.extend(ignored(line.trim_start()).map(|text| Finding::new(place(), text)));
    }
    findings
}

/// An ignored test, or an example in a doc comment that is not compiled.
fn ignored(line: &str) -> Option<&'static str> {
    let doc = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"));
    if let Some(doc) = doc {
        let fence = doc.trim_start().strip_prefix("```")?;
        let is_ignored = fence.split(',').any(|word| word.trim() == "ignore");
        let text = "an example that is not compiled goes stale: use `no_run` or `text`";
        return is_ignored.then_some(text);
    }
    // Words in a string are no attribute.
    let code = line.split('"').next().unwrap_or_default();
    let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_ignored = line.starts_with("#[") && words.any(|word| word == "ignore");
    is_ignored.then_some("an ignored test proves nothing: correct it or delete it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, production: usize, tests: usize) -> usize {
        let code = "fn f() {}\n".repeat(production - 1);
        let tests = "x\n".repeat(tests);
        let text = format!("//! A module.\n{code}#[cfg(test)]\nmod tests {{\n{tests}");
        check(&File::new(path, text)).len()
    }

    #[test]
    fn long_files_are_refused_and_tests_count_towards_the_whole() {
        assert_eq!(findings("a/src/lib.rs", 400, 198), 0);
        assert_eq!(findings("a/src/lib.rs", 401, 0), 1);
        assert_eq!(findings("a/src/lib.rs", 300, 299), 1);
        assert_eq!(findings("a/tests/api/page.rs", 598, 0), 0);
        assert_eq!(findings("a/src/page/tests.rs", 599, 0), 1);
    }

    #[test]
    fn a_rust_file_begins_with_a_module_doc() {
        let late = "use std::fmt;\n//! Too late.\n";
        assert_eq!(check(&File::new("a/src/lib.rs", late)).len(), 1);
        assert_eq!(check(&File::new("README.md", "# Title\n")), []);
    }

    #[test]
    fn ignored_tests_and_examples_are_found_in_each_form() {
        let forms = [
            "#[ignore]",
            "#[ignore = \"x\"]",
            "#[cfg_attr(windows, ignore)]",
        ];
        for form in forms
            .into_iter()
            .chain(["/// ```ignore", "//! ```rust,ignore"])
        {
            assert!(ignored(form).is_some(), "{form}");
        }
        let others = [
            "#[doc = \"ignore\"]",
            "// ignore it",
            "/// ```no_run",
            "fn ignore() {}",
        ];
        for other in others {
            assert_eq!(ignored(other), None, "{other}");
        }
    }
}
