//! Several modules as one file: a page then needs one request instead of sixty, and what is alike in its modules is
//! compressed once.
//!
//! This is no bundler: it knows the form in which `web/` is written, and only that. An `import` or an `export` has a line of
//! its own, names are exported as they are declared, and no module imports itself through another. Each module becomes a
//! function that is called once, in the order of the imports, and returns what the module exports.

use super::asset::File;
use super::files::FILES;
use super::slim::slim;

/// A joined file and the module that it begins with.
pub(super) struct Joined {
    /// Below `/viewer/`.
    pub(super) path: &'static str,
    entry: &'static str,
}

/// The two pages, and the element for other sites.
pub(super) static JOINED: [Joined; 3] = [
    Joined {
        path: "page.js",
        entry: "page/page.js",
    },
    Joined {
        path: "embed.js",
        entry: "page/embed.js",
    },
    Joined {
        path: "job-log.js",
        entry: "element/job-log.js",
    },
];

impl Joined {
    /// The file: one module, which exports what its first module exports.
    pub(super) fn text(&self) -> String {
        let mut joining = Joining::default();
        let (entry, exports) = joining.add(self.entry);
        if !exports.is_empty() {
            let names = exports.join(", ");
            joining
                .text
                .push_str(&format!("export const {{ {names} }} = ${entry};\n"));
        }
        joining.text
    }
}

#[derive(Default)]
struct Joining {
    /// The modules so far. The place of one is its name in the text.
    done: Vec<(String, Vec<String>)>,
    text: String,
}

impl Joining {
    /// Adds a module and before it what it imports. Returns its place and what it exports.
    fn add(&mut self, path: &str) -> (usize, Vec<String>) {
        if let Some(at) = self.done.iter().position(|(known, _)| known == path) {
            return (at, self.done[at].1.clone());
        }
        let file = FILES.iter().find(|file| file.path == path);
        let text = slim(file.map_or("", |file: &File| file.text));
        let (mut code, mut exports) = (String::new(), Vec::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            self.add_line(path, line, &mut code, &mut exports);
        }
        let at = self.done.len();
        let names = exports.join(", ");
        self.text.push_str(&format!(
            "const ${at} = (() => {{\n{code}return {{ {names} }};\n}})();\n"
        ));
        self.done.push((path.to_owned(), exports.clone()));
        (at, exports)
    }

    fn add_line(&mut self, path: &str, line: &str, code: &mut String, exports: &mut Vec<String>) {
        if let Some((names, from)) = imported(line) {
            let (at, _) = self.add(&resolve(path, from));
            code.push_str(&format!("const {{{names}}} = ${at};\n"));
            if line.starts_with("export") {
                exports.extend(names.split(',').map(|name| name.trim().to_owned()));
            }
            return;
        }
        let declared = line.strip_prefix("export ");
        exports.extend(declared.map(|declared| name_of(declared).to_owned()));
        code.push_str(declared.unwrap_or(line));
        code.push('\n');
    }
}

/// The names and the path of `import { A, B } from "./x.js";` and of the same with `export`.
fn imported(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("import {");
    let rest = rest.or_else(|| line.strip_prefix("export {"))?;
    let (names, from) = rest.split_once("} from \"")?;
    Some((names, from.strip_suffix("\";")?))
}

/// The name that a declaration declares.
fn name_of(declaration: &str) -> &str {
    let words = declaration.split(|end: char| !(end.is_alphanumeric() || end == '_' || end == '$'));
    let mut names =
        words.filter(|word| !matches!(*word, "" | "async" | "function" | "class" | "const"));
    names.next().unwrap_or_default()
}

/// The path of an import, below `web/`.
fn resolve(importer: &str, path: &str) -> String {
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_file_has_every_module_that_is_needed_once_and_behind_what_it_imports() {
        for joined in &JOINED {
            let mut joining = Joining::default();
            joining.add(joined.entry);
            let paths: Vec<_> = joining.done.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(paths.last(), Some(&joined.entry));
            for (at, path) in paths.iter().enumerate() {
                let file = FILES.iter().find(|file| file.path == *path);
                let text = file.unwrap_or_else(|| panic!("{path} is no file")).text;
                for (_, from) in text.lines().filter_map(imported) {
                    let place = paths.iter().position(|one| *one == resolve(path, from));
                    assert!(place.is_some_and(|place| place < at), "{path}: {from}");
                }
                assert!(!paths[..at].contains(path), "{path} twice");
            }
        }
    }

    #[test]
    fn every_import_and_export_has_the_form_that_is_known() {
        for file in FILES.iter().filter(|file| file.path.ends_with(".js")) {
            for line in file.text.lines() {
                let (is_import, is_export) =
                    (line.starts_with("import"), line.starts_with("export"));
                let declares = ["function ", "async function", "class ", "const "];
                let declares = |rest: &str| declares.iter().any(|word| rest.starts_with(word));
                let is_known =
                    imported(line).is_some() || line.strip_prefix("export ").is_some_and(declares);
                assert!(
                    is_known || !(is_import || is_export),
                    "{}: {line}",
                    file.path
                );
                let renames = imported(line).is_some_and(|(names, _)| names.contains(" as "));
                assert!(!renames, "{}: {line}", file.path);
                assert!(
                    !line.contains("import.meta") && !line.starts_with("await "),
                    "{}: {line}",
                    file.path
                );
            }
        }
    }

    #[test]
    fn imports_become_what_an_earlier_function_returned() {
        let joined = Joined {
            path: "x.js",
            entry: "client/backoff.js",
        };
        let text = joined.text();
        assert!(text.starts_with("const $0 = (() => {\n"), "{text}");
        assert!(text.contains("\nclass Backoff {\n"), "{text}");
        assert!(text.ends_with("return { Backoff };\n})();\nexport const { Backoff } = $0;\n"));
        let ended = Joined {
            path: "x.js",
            entry: "client/ended.js",
        };
        let text = ended.text();
        assert!(text.contains("const { ApiError } = $0;\n"), "{text}");
        assert!(text.contains("return { Ended, asEnded };\n"), "{text}");
    }

    #[test]
    fn declarations_are_known_by_their_names() {
        assert_eq!(name_of("async function* readAll(options) {"), "readAll");
        assert_eq!(name_of("function isId(text) {"), "isId");
        assert_eq!(name_of("class Log {"), "Log");
        assert_eq!(name_of("const ROW = 20;"), "ROW");
    }
}
