//! No two files of a crate may import from each other, directly or through others.
//!
//! Files in a circle can only be read, tested and moved together. A parent that declares its children and re-exports from
//! them makes no circle: a path is followed to the file that defines its name. Code for tests does not count.
//!
//! It reads formatted code, as words. Modules in braces are read as part of their file.

use std::collections::{BTreeMap, BTreeSet};

use super::file::File;

type Path<'a> = Vec<&'a str>;

/// Which file imports from which, and what.
type Imports<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>;

/// What files say about names, by the path of the module that each file is: its crate, and the modules below.
struct Modules<'a>(BTreeMap<Path<'a>, Module<'a>>);

#[derive(Default)]
struct Module<'a> {
    file: &'a str,
    /// What it defines.
    items: BTreeSet<&'a str>,
    /// Names that it imports or re-exports, and their paths.
    imports: BTreeMap<&'a str, Path<'a>>,
    /// What it imports by `*`.
    globs: Vec<Path<'a>>,
    /// Every path in it.
    paths: BTreeSet<Path<'a>>,
}

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for ((from, to), names) in in_circles(Modules::read(files).imports()) {
        let names = Vec::from_iter(names).join(", ");
        findings.push(format!(
            "{from}: in a circle, by {names} of {to}: move what is shared into a file below both"
        ));
    }
    findings
}

/// Leaves only what can be in a circle: imports by a file that others import, from a file that imports others.
fn in_circles(mut imports: Imports<'_>) -> Imports<'_> {
    loop {
        let (before, pairs) = (imports.len(), imports.keys().copied());
        let (from, to): (BTreeSet<_>, BTreeSet<_>) = pairs.unzip();
        imports.retain(|(file, other), _| to.contains(file) && from.contains(other));
        if imports.len() == before {
            return imports;
        }
    }
}

impl<'a> Modules<'a> {
    fn read(files: &'a [File]) -> Self {
        let mut modules = BTreeMap::new();
        for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
            let Some((name, path)) = file.path.split_once("/src/") else {
                continue;
            };
            let path = path.trim_end_matches(".rs").split('/');
            let mut path: Path<'_> = std::iter::once(name).chain(path).collect();
            path.pop_if(|last| ["lib", "main", "mod"].contains(last));
            // The library comes before the program: both are the root, and the first one stays.
            modules.entry(path).or_insert_with(|| Module::read(file));
        }
        Self(modules)
    }

    fn imports(&self) -> Imports<'a> {
        let mut imports = Imports::new();
        for (from, module) in &self.0 {
            for path in &module.paths {
                if let Some(target) = self.resolve(from, path, 0).filter(|other| other != from) {
                    let pair = (module.file, self.0[&target].file);
                    let names: &mut BTreeSet<_> = imports.entry(pair).or_default();
                    names.extend(path.last());
                }
            }
        }
        imports
    }

    /// The module that a path leads to, or that defines what it leads to. `None`: it leads out of the crate.
    fn resolve(&self, from: &[&'a str], path: &[&'a str], hops: usize) -> Option<Path<'a>> {
        let mut at = match *path.first()? {
            "crate" => from[..1].to_vec(),
            "self" => from.to_vec(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            name => self.find(from, name, hops)?,
        };
        for name in &path[1..] {
            if *name == "super" {
                at.pop()?;
                continue;
            }
            match self.find(&at, name, hops) {
                Some(next) if next != at => at = next,
                // An item of this module; what follows is a part of it.
                _ => break,
            }
        }
        self.0.contains_key(&at).then_some(at)
    }

    /// The module that a name in a module is, or that defines it.
    fn find(&self, at: &[&'a str], name: &'a str, hops: usize) -> Option<Path<'a>> {
        let module = self.0.get(at)?;
        let child = [at, &[name]].concat();
        if self.0.contains_key(&child) {
            return Some(child);
        }
        if module.items.contains(name) {
            return Some(at.to_vec());
        }
        // Re-exports that lead further than this lead in a circle, or out of the crate.
        if hops > 16 {
            return None;
        }
        if let Some(path) = module.imports.get(name) {
            return self.resolve(at, path, hops + 1);
        }
        module.globs.iter().find_map(|glob| {
            let target = self.resolve(at, glob, hops + 1)?;
            self.find(&target, name, hops + 1).filter(|_| target != at)
        })
    }
}

impl<'a> Module<'a> {
    fn read(file: &'a File) -> Self {
        let mut module = Self {
            file: &file.path,
            ..Self::default()
        };
        let mut words = Vec::new();
        for line in file.production() {
            module.items.extend(defined_in(line));
            words.extend(words_of(line));
        }
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            let next = words.peek().copied();
            match word {
                // `use<'a>` is a bound.
                "use" if next != Some("<") => module.read_use(&mut words),
                // `pub(in crate::x)` takes nothing from there.
                "in" if next == Some("crate") => {
                    while words.next_if(|word| *word != ")").is_some() {}
                }
                _ => {
                    let mut path = vec![word];
                    while words.next_if_eq(&"::").is_some() {
                        path.extend(words.next());
                    }
                    if path.len() > 1 {
                        module.paths.insert(path);
                    }
                }
            }
        }
        module
    }

    /// Reads what follows `use`, up to its semicolon.
    fn read_use(&mut self, words: impl Iterator<Item = &'a str>) {
        // The path up to here, and those before each open brace.
        let (mut path, mut prefixes) = (Path::new(), vec![Path::new()]);
        for word in words {
            match word {
                "::" => {}
                "{" => prefixes.push(path.clone()),
                "," | "}" | ";" => {
                    // Equal after a closing brace and before one.
                    if prefixes.last() != Some(&path) {
                        self.add_use(path);
                    }
                    if word == ";" {
                        return;
                    }
                    if word == "}" {
                        prefixes.pop();
                    }
                    path = prefixes.last().cloned().unwrap_or_default();
                }
                word if word == "*" || is_name(word) => path.push(word),
                // The word `use` of a text.
                _ => return,
            }
        }
    }

    /// Notes one path of a `use`; it may end with `*`, `self` or `as` and another name.
    fn add_use(&mut self, mut path: Path<'a>) {
        let alias = path.iter().position(|word| *word == "as");
        let alias = alias.and_then(|at| path.drain(at..).nth(1));
        match path.pop_if(|last| ["*", "self"].contains(last)) {
            Some("*") => self.globs.push(path.clone()),
            _ => {
                let name = alias.or_else(|| path.last().copied()).unwrap_or_default();
                self.imports.insert(name, path.clone());
            }
        }
        self.paths.insert(path);
    }
}

/// The name of the item that a line begins to define. Methods are indented.
fn defined_in(line: &str) -> Option<&str> {
    const KEYWORDS: &str = "fn struct enum union trait type const static";
    let is_keyword = |word: &&str| KEYWORDS.split(' ').any(|keyword| keyword == *word);
    // In `const fn f` the name comes after two.
    let mut words = words_of(line).skip_while(|word| !is_keyword(word));
    let name = words.find(|word| !is_keyword(word));
    name.filter(|_| !line.starts_with(' '))
}

/// Words, `::`, and everything else by character; no text and no comment.
fn words_of(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let parts = code.split('"').step_by(2);
    parts.flat_map(|part| {
        let mut rest = part;
        std::iter::from_fn(move || {
            rest = rest.trim_start();
            let length = match rest.find(|c: char| !(c.is_alphanumeric() || c == '_')) {
                Some(0) if rest.starts_with("::") => 2,
                Some(0) => rest.chars().next()?.len_utf8(),
                length => length.unwrap_or(rest.len()),
            };
            let (word, after) = rest.split_at(length);
            rest = after;
            (!word.is_empty()).then_some(word)
        })
    })
}

fn is_name(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a crate that are in a circle.
    fn circles_of(files: &[(&str, &str)]) -> String {
        let file = |(path, text): &(&str, &str)| File::new(format!("a/src/{path}"), *text);
        let files: Vec<_> = files.iter().map(file).collect();
        let imports = in_circles(Modules::read(&files).imports());
        let from: BTreeSet<&str> = imports.into_keys().map(|(from, _)| from).collect();
        Vec::from_iter(from).join(" ").replace("a/src/", "")
    }

    #[test]
    fn files_that_import_from_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "use crate::{b::B, c}; // c\npub struct A;"),
            ("b.rs", "use super::c::{self, C as D};\npub struct B;"),
            ("c.rs", "pub struct C;\nfn f() { crate::a::A::new() }"),
        ];
        assert_eq!(circles_of(&files), "a.rs b.rs c.rs");
    }

    #[test]
    fn a_re_export_leads_to_the_file_that_defines_the_name() {
        let parent = "mod x;\nmod y;\npub use x::X;\npub(crate) use self::y::*;";
        let (lib, x) = (("lib.rs", "mod p;"), "use super::Y;\npub struct X;");
        let files = |y| circles_of(&[lib, ("p.rs", parent), ("p/x.rs", x), ("p/y.rs", y)]);
        assert_eq!(files("pub struct Y;"), "");
        assert_eq!(files("use crate::p::X;\npub struct Y;"), "p/x.rs p/y.rs");
    }

    #[test]
    fn a_parent_gives_a_child_that_it_uses_nothing_of_its_own() {
        let x = "use super::P;\npub struct X;";
        let files = |parent| circles_of(&[("main.rs", parent), ("x.rs", x)]);
        assert_eq!(files("mod x;\npub struct P(x::X);"), "main.rs x.rs");
        assert_eq!(files("mod x;\npub struct P;"), "");
    }

    #[test]
    fn tests_comments_and_other_crates_make_no_circle() {
        let lib = "mod a;\nmod b;\nuse serde::a;";
        let a = "pub struct A; // crate::b::B\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}";
        let b = "use crate::a::A;\n#[cfg(test)]\nuse crate::c;\npub struct B;";
        let files = [("lib.rs", lib), ("a.rs", a), ("b.rs", b)];
        assert_eq!(circles_of(&files), "");
    }
}
