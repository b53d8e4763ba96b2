//! Rules for one Rust file: a module doc, a readable size, no ignored test, no example that is not compiled.

use super::file::File;

/// Lines of a file without its tests.
const PRODUCTION_LIMIT: usize = 400;
/// All lines of a file, tests included.
const WHOLE_LIMIT: usize = 600;

pub(super) fn check(file: &File) -> Vec<String> {
    let path = &file.path;
    let mut findings = Vec::new();
    if !path.ends_with(".rs") {
        return findings;
    }
    if !file.text.starts_with("//!") {
        findings.push(format!(
            "{path}: a module begins with `//!` that says what it is for"
        ));
    }
    let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
    let whole = file.text.lines().count();
    let production = file.production().len();
    if whole > WHOLE_LIMIT {
        findings.push(format!(
            "{path}: {whole} lines, at most {WHOLE_LIMIT}: split it"
        ));
    } else if production > PRODUCTION_LIMIT && !is_test {
        findings.push(format!(
            "{path}: {production} lines before its tests, at most {PRODUCTION_LIMIT}: split it"
        ));
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        let text = ignored(line.trim_start());
        findings.extend(text.map(|text| format!("{path}:{number}: {text}")));
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
        assert_eq!(check(&File::new("README.md", "# Title\n")), [""; 0]);
    }

    #[test]
    fn ignored_tests_and_examples_are_found_in_each_form() {
        for form in [
            "#[ignore]",
            "#[ignore = \"x\"]",
            "#[cfg_attr(windows, ignore)]",
            "/// ```ignore",
            "//! ```rust,ignore",
        ] {
            assert!(ignored(form).is_some(), "{form}");
        }
        for other in [
            "#[doc = \"ignore\"]",
            "// ignore it",
            "/// ```no_run",
            "fn ignore() {}",
        ] {
            assert_eq!(ignored(other), None, "{other}");
        }
    }
}
