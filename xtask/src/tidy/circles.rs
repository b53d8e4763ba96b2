//! No two files of a crate may import from each other, directly or through others.
//!
//! Files in a circle can only be read, tested and moved together. A parent that declares its children and re-exports from
//! them makes no circle: a path is followed to the file that defines its name. Code for tests does not count.
//!
//! It reads formatted code, line by line where that is enough. Modules in braces are read as part of their file.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{File, Finding, production};

type Path = Vec<String>;

/// Which file imports from which, and what.
type Imports<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>;

/// What a crate's files say about names, by the path of the module that each file is.
struct Modules<'a>(BTreeMap<Path, Module<'a>>);

#[derive(Default)]
struct Module<'a> {
    file: &'a str,
    /// What it defines.
    items: BTreeSet<&'a str>,
    /// Names that it imports or re-exports, and their paths.
    imports: BTreeMap<String, Path>,
    /// What it imports by `*`.
    globs: Vec<Path>,
    /// Every path in it.
    paths: BTreeSet<Path>,
}

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let sources = files
        .iter()
        .filter_map(|file| file.path.split_once("/src/"));
    let crates = sources
        .map(|(name, _)| name)
        .filter(|name| !name.contains("/benches/"));
    let mut findings = Vec::new();
    for name in crates.collect::<BTreeSet<_>>() {
        let modules = Modules::read(name, files);
        let imports = modules.imports();
        for circle in circles(&imports) {
            findings.push(describe(&circle, &imports));
        }
    }
    findings
}

impl<'a> Modules<'a> {
    fn read(name: &str, files: &'a [File]) -> Self {
        let mut modules = BTreeMap::new();
        // The library comes before the program: both are the root, and the first one stays.
        for file in files {
            let path = file
                .path
                .strip_suffix(".rs")
                .and_then(|path| path.split_once("/src/"));
            let Some((_, path)) = path.filter(|(prefix, _)| *prefix == name) else {
                continue;
            };
            let mut path: Path = path.split('/').map(str::to_owned).collect();
            path.pop_if(|last| ["lib", "main", "mod"].contains(&last.as_str()));
            modules.entry(path).or_insert_with(|| Module::read(file));
        }
        Self(modules)
    }

    fn imports(&self) -> Imports<'_> {
        let mut imports = Imports::new();
        for (from, module) in &self.0 {
            for path in &module.paths {
                let Some(target) = self.resolve(from, path, 0).filter(|target| target != from)
                else {
                    continue;
                };
                let names = imports
                    .entry((module.file, self.0[&target].file))
                    .or_default();
                names.extend(path.last().map(String::as_str));
            }
        }
        imports
    }

    /// The module that a path leads to, or that defines what it leads to. `None`: it leads out of the crate.
    fn resolve(&self, from: &[String], path: &[String], hops: usize) -> Option<Path> {
        let mut at = match path.first()?.as_str() {
            "crate" => Path::new(),
            "self" => from.to_vec(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            name => self.find(from, name, hops)?,
        };
        for name in &path[1..] {
            if name == "super" {
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
    fn find(&self, at: &[String], name: &str, hops: usize) -> Option<Path> {
        let module = self.0.get(at)?;
        let child = [at, &[name.to_owned()]].concat();
        if self.0.contains_key(&child) {
            return Some(child);
        }
        if module.items.contains(name) {
            return Some(at.to_vec());
        }
        // Re-exports that lead further than this lead in a circle.
        if hops > 16 {
            return None;
        }
        if let Some(path) = module.imports.get(name) {
            let is_outside = path.first().is_some_and(|first| first == name);
            return if is_outside {
                None
            } else {
                self.resolve(at, path, hops + 1)
            };
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
        let mut tokens = Vec::new();
        for line in production(&file.text) {
            module.items.extend(defined_in(line));
            // A comment, unless the slashes are in a string.
            let comment = line.match_indices("//").map(|(at, _)| at);
            let end = comment
                .filter(|at| line[..*at].matches('"').count() % 2 == 0)
                .min();
            tokens.extend(tokens_of(&line[..end.unwrap_or(line.len())]));
        }
        let mut rest = tokens.as_slice();
        while let Some((first, tail)) = rest.split_first() {
            rest = match *first {
                "use" => module.read_use(tail, &[]),
                // `pub(in crate::x)` takes nothing from there.
                "(" if tail.first() == Some(&"in") => tail.get(4..).unwrap_or_default(),
                _ if tail.first() == Some(&"::") => {
                    let end = rest.chunks(2).position(|pair| pair.get(1) != Some(&"::"));
                    let words = rest.iter().step_by(2).take(end.unwrap_or(0) + 1);
                    let path: Path = words.map(ToString::to_string).collect();
                    let length = (2 * path.len() - 1).min(rest.len());
                    module.paths.insert(path);
                    &rest[length..]
                }
                _ => tail,
            };
        }
        module
    }

    /// Reads one tree of a `use`, and returns what follows it.
    fn read_use<'t>(&mut self, mut rest: &'t [&'a str], prefix: &[String]) -> &'t [&'a str] {
        let mut path = prefix.to_vec();
        let mut name = None;
        while let Some((first, tail)) = rest.split_first() {
            match *first {
                "::" => {}
                "*" => {
                    self.paths.insert(path.clone());
                    self.globs.push(path);
                    return tail;
                }
                "{" => {
                    rest = tail;
                    while !matches!(rest.first(), None | Some(&"}")) {
                        rest = self.read_use(rest, &path);
                        rest = rest.strip_prefix(&[","]).unwrap_or(rest);
                    }
                    return rest.get(1..).unwrap_or_default();
                }
                "as" => {
                    name = tail.first().map(ToString::to_string);
                    rest = tail.get(1..).unwrap_or_default();
                    break;
                }
                ";" | "," | "}" => break,
                // `a::{self}` is `a`.
                "self" if !path.is_empty() => {}
                word => path.push(word.to_owned()),
            }
            rest = tail;
        }
        if let Some(name) = name.or_else(|| path.last().cloned()) {
            self.paths.insert(path.clone());
            self.imports.insert(name, path);
        }
        rest
    }
}

/// The name of the item that a line begins to define.
fn defined_in(line: &str) -> Option<&str> {
    const KEYWORDS: &str = "fn struct enum union trait type const static";
    let tokens = tokens_of(line);
    // Methods are indented.
    let is_item = !line.starts_with(' ');
    let is_keyword = |word: &str| KEYWORDS.split(' ').any(|keyword| keyword == word);
    let names = tokens
        .windows(2)
        .filter(|pair| is_keyword(pair[0]) && !is_keyword(pair[1]));
    names.map(|pair| pair[1]).next().filter(|_| is_item)
}

/// Words, `::`, and everything else by character.
fn tokens_of(line: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// The groups of files that reach each other.
fn circles<'a>(imports: &Imports<'a>) -> Vec<BTreeSet<&'a str>> {
    let reach = |start: &'a str| {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(file) = open.pop() {
            let next = imports
                .keys()
                .filter(|(from, _)| *from == file)
                .map(|(_, to)| *to);
            open.extend(next.filter(|to| reached.insert(*to)));
        }
        reached
    };
    let files: BTreeSet<&str> = imports.keys().map(|(from, _)| *from).collect();
    let reach: BTreeMap<_, _> = files.into_iter().map(|file| (file, reach(file))).collect();
    let with = |file: &str| {
        let mutual = reach
            .iter()
            .filter(|(other, back)| reach[file].contains(*other) && back.contains(file));
        mutual.map(|(other, _)| *other).collect::<BTreeSet<_>>()
    };
    let circles: BTreeSet<_> = reach.keys().map(|file| with(file)).collect();
    circles
        .into_iter()
        .filter(|circle| !circle.is_empty())
        .collect()
}

fn describe(circle: &BTreeSet<&str>, imports: &Imports<'_>) -> Finding {
    let mut text = "imports in a circle; move what is shared into a file below both:".to_owned();
    for ((from, to), names) in imports {
        if circle.contains(from) && circle.contains(to) {
            let names: Vec<&str> = names.iter().copied().collect();
            text += &format!("\n  {from} -> {to}: {}", names.join(", "));
        }
    }
    Finding::new(circle.first().copied().unwrap_or_default(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate of these files.
    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| File::new(format!("a/src/{path}"), *text);
        let files: Vec<_> = files.iter().map(file).collect();
        let modules = Modules::read("a", &files);
        let circles = circles(&modules.imports()).into_iter();
        let names = circles.map(|circle| circle.into_iter().collect::<Vec<_>>().join(" "));
        names.map(|names| names.replace("a/src/", "")).collect()
    }

    #[test]
    fn files_that_import_from_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "use crate::{b::B, c}; // c\npub struct A;"),
            ("b.rs", "use super::c::{self, C as D};\npub struct B;"),
            ("c.rs", "pub struct C;\nfn f() { crate::a::A::new() }"),
        ];
        assert_eq!(circles_of(&files), ["a.rs b.rs c.rs"]);
    }

    #[test]
    fn a_re_export_leads_to_the_file_that_defines_the_name() {
        let parent = "mod x;\nmod y;\npub use x::X;\npub(crate) use self::y::*;";
        let files = |y| {
            let x = "use super::Y;\npub struct X;";
            circles_of(&[
                ("lib.rs", "mod p;"),
                ("p.rs", parent),
                ("p/x.rs", x),
                ("p/y.rs", y),
            ])
        };
        assert_eq!(files("pub struct Y;"), [""; 0]);
        assert_eq!(files("use crate::p::X;\npub struct Y;"), ["p/x.rs p/y.rs"]);
    }

    #[test]
    fn a_parent_gives_a_child_that_it_uses_nothing_of_its_own() {
        let files = |parent| {
            circles_of(&[
                ("main.rs", parent),
                ("x.rs", "use super::P;\npub struct X;"),
            ])
        };
        assert_eq!(files("mod x;\npub struct P(x::X);"), ["main.rs x.rs"]);
        assert_eq!(files("mod x;\npub struct P;"), [""; 0]);
    }

    #[test]
    fn tests_comments_and_other_crates_make_no_circle() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nuse serde::a;"),
            (
                "a.rs",
                "pub struct A; // crate::b::B\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}",
            ),
            (
                "b.rs",
                "use crate::a::A;\n#[cfg(test)]\nuse crate::c;\npub struct B;",
            ),
        ];
        assert_eq!(circles_of(&files), [""; 0]);
    }
}
