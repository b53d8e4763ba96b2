//! A module without its comments and indentation: a third less to send. Lines keep their numbers, so that an error in a
//! browser names the right one.
//!
//! It knows the form in which `web/` is written: a comment begins its line, and no text of several lines needs its
//! indentation.

/// The module as it is sent.
pub(super) fn slim(module: &str) -> String {
    let mut text = String::with_capacity(module.len());
    let mut in_comment = false;
    for line in module.lines() {
        let code = line.trim_start();
        let begins = code.starts_with("/**");
        if in_comment || begins {
            in_comment = !code.contains("*/");
            // A cast stands in one line with what it is for.
            let rest = code.rsplit_once("*/").map_or("", |(_, rest)| rest);
            if begins && !rest.trim().is_empty() {
                text.push_str(code);
            }
        } else if !code.starts_with("//") {
            text.push_str(code);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::files::FILES;
    use super::*;

    #[test]
    fn comments_and_indentation_go_and_lines_stay() {
        let module = "// What it is for.\n\n/** One. */\nfunction f() {\n  /**\n   * Two.\n   * @param {x} y\n   */\n  return \"/** text */\"; // three\n  /** @type {x} */ (y).z();\n}\n";
        let expected = "\n\n\nfunction f() {\n\n\n\n\nreturn \"/** text */\"; // three\n/** @type {x} */ (y).z();\n}\n";
        assert_eq!(slim(module), expected);
    }

    #[test]
    fn every_module_keeps_its_lines_and_gets_smaller() {
        for file in FILES.iter().filter(|file| file.path.ends_with(".js")) {
            let slim = slim(file.text);
            assert_eq!(
                slim.lines().count(),
                file.text.lines().count(),
                "{}",
                file.path
            );
            assert!(slim.len() < file.text.len(), "{}", file.path);
        }
    }
}
