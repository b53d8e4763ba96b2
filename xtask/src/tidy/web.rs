//! Rules for the log page in `web/`: no text becomes HTML or code, and a file can be read in one sitting.

use super::file::File;

/// The folder of the page.
const FOLDER: &str = "crates/log-api/web/";

/// Lines of a file.
const LIMIT: usize = 450;
/// Lines of a file with tests.
const TEST_LIMIT: usize = 600;

/// What makes HTML or code of a text. A log holds the text of strangers.
const REFUSED: [&str; 13] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "setHTML",
    "document.write",
    "createContextualFragment",
    "DOMParser",
    "srcdoc",
    "eval(",
    "new Function",
    "javascript:",
    "ts-ignore",
    "ts-nocheck",
];

pub(super) fn check(file: &File) -> Vec<String> {
    let File { path, text } = file;
    let mut findings = Vec::new();
    let Some(name) = path.strip_prefix(FOLDER) else {
        return findings;
    };
    let (is_script, is_test) = (name.ends_with(".js"), name.starts_with("test/"));
    if is_script && !is_test && !text.starts_with("// ") {
        findings.push(format!(
            "{path}: a module begins with `//` and what it is for"
        ));
    }
    let (lines, limit) = (
        text.lines().count(),
        if is_test { TEST_LIMIT } else { LIMIT },
    );
    if is_script && lines > limit {
        findings.push(format!("{path}: {lines} lines, at most {limit}: split it"));
    }
    for (number, line) in (1..).zip(text.lines()).filter(|_| !is_test) {
        let refused = REFUSED.iter().find(|word| line.contains(*word));
        findings.extend(refused.map(|word| {
            format!("{path}:{number}: no `{word}`: elements are made by `element`, text is text")
        }));
        if name.ends_with(".html") && is_inline(line) {
            findings.push(format!(
                "{path}:{number}: no style and no script in the page itself: its policy refuses them"
            ));
        }
    }
    findings
}

/// A script without an address, a style, or a handler in an attribute.
fn is_inline(line: &str) -> bool {
    line.contains("<style")
        || line.contains(" style=")
        || line.contains(" on")
        || (line.contains("<script") && !line.contains(" src="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, text: &str) -> usize {
        check(&File::new(format!("{FOLDER}{name}"), text)).len()
    }

    #[test]
    fn text_never_becomes_html_or_code() {
        for line in [
            "row.innerHTML = text;",
            "eval(text)",
            "x.insertAdjacentHTML('a', b)",
        ] {
            assert_eq!(findings("element/a.js", &format!("// A.\n{line}\n")), 1);
            assert_eq!(findings("test/a.test.js", line), 0);
            assert_eq!(check(&File::new("docs/a.js", line)).len(), 0);
        }
    }

    #[test]
    fn a_page_holds_no_script_and_no_style() {
        for line in [
            "<script>x</script>",
            "<p style=\"\">",
            "<body onload=\"x\">",
        ] {
            assert_eq!(findings("page/a.html", line), 1, "{line}");
        }
        let module = "<script type=\"module\" src=\"/viewer/a.js\"></script>";
        assert_eq!(findings("page/a.html", module), 0);
    }

    #[test]
    fn a_module_says_what_it_is_for_and_is_short() {
        assert_eq!(findings("model/a.js", "export {};\n"), 1);
        assert_eq!(
            findings("model/a.js", &format!("// A.\n{}", "x\n".repeat(LIMIT))),
            1
        );
    }
}
