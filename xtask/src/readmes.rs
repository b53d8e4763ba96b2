//! The examples in the READMEs of our crates, as a stranger takes them: the block of TOML is the manifest, the block of Rust
//! the program.
//!
//! They are doc tests, too. But a doc test is compiled with the features and the dependencies that the tests of its crate have,
//! so it does not show what a README forgets to name.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use xshell::Shell;

use crate::cargo::{cargo, metadata, say};

/// Where a README says that our crates are: in a checkout beside the manifest.
const CHECKOUT: &str = "\"joblog/";

/// What the README of a crate shows.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    /// The name of the crate.
    name: String,
    manifest: String,
    program: String,
    /// Whether the program ends by itself. One that serves, or asks a server, is only built.
    runs: bool,
}

/// Builds the examples, each as a program of its own, and runs those that end by themselves.
pub(crate) fn test(sh: &Shell, target: &Path) -> anyhow::Result<()> {
    let root = sh.current_dir();
    let examples = examples(sh)?;
    let folder = target.join("readmes");
    sh.remove_path(&folder)?;
    let members = examples
        .iter()
        .map(|example| format!("\"{}\"", example.name));
    let members = members.collect::<Vec<_>>().join(", ");
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n");
    sh.write_file(folder.join("Cargo.toml"), workspace)?;
    // The versions that our own tests have.
    sh.copy_file("Cargo.lock", folder.join("Cargo.lock"))?;
    for example in &examples {
        let member = folder.join(&example.name);
        sh.write_file(member.join("Cargo.toml"), example.manifest(&root))?;
        sh.write_file(member.join("src/main.rs"), &example.program)?;
    }
    for example in &examples {
        let name = &example.name;
        say(format_args!("The README of {name}, as a program"));
        let verb = if example.runs { "run" } else { "build" };
        let run = cargo(sh, verb).args(["--quiet", "--package", &format!("readme-{name}")]);
        let run = run.arg("--manifest-path").arg(folder.join("Cargo.toml"));
        let run = run.arg("--target-dir").arg(target);
        let run = run.envs([("CARGO_INCREMENTAL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0")]);
        run.run().with_context(|| {
            format!("the example of crates/{name}/README.md does not work for a stranger")
        })?;
    }
    Ok(())
}

/// The examples of all libraries that are published.
fn examples(sh: &Shell) -> anyhow::Result<Vec<Example>> {
    let packages = metadata(sh, "Cargo.toml")?.packages.into_iter();
    let libraries = packages.filter(|package| {
        package.is_published() && package.targets_of_kind("lib").next().is_some()
    });
    let example = |name: String, manifest: PathBuf| {
        let readme = sh.read_file(manifest.with_file_name("README.md"))?;
        let missing = || format!("crates/{name}/README.md needs a block of TOML and one of Rust");
        Example::from_readme(&name, &readme).with_context(missing)
    };
    libraries
        .map(|package| example(package.name, package.manifest_path))
        .collect()
}

impl Example {
    /// The first block of TOML, and the first one of Rust. `None` if one of them is missing.
    fn from_readme(name: &str, readme: &str) -> Option<Self> {
        let (_, manifest) = block(readme, "toml")?;
        let (info, program) = block(readme, "rust")?;
        Some(Self {
            name: name.to_owned(),
            manifest: manifest.to_owned(),
            program: program.to_owned(),
            runs: !info.contains("no_run"),
        })
    }

    fn manifest(&self, root: &Path) -> String {
        let name = &self.name;
        let ours = self
            .manifest
            .replace(CHECKOUT, &format!("\"{}/", root.display()));
        format!(
            "[package]\nname = \"readme-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n{ours}"
        )
    }
}

/// The words after the fence of a block of some language, and the block.
fn block<'a>(readme: &'a str, language: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = readme.split_once(&format!("\n```{language}"))?;
    let (info, rest) = rest.split_once('\n')?;
    let (block, _) = rest.split_once("\n```")?;
    Some((info, block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_is_a_manifest_and_a_program() {
        let readme = "# a\n\n```toml\n[dependencies]\na = { path = \"joblog/crates/a\" }\n```\n\n\
                      ```rust,no_run\nfn main() {}\n```\n";
        let example = Example::from_readme("a", readme).unwrap();
        assert_eq!(example.program, "fn main() {}");
        assert!(!example.runs);
        let manifest = example.manifest(Path::new("/src"));
        assert!(manifest.contains("name = \"readme-a\"\n"), "{manifest}");
        assert!(
            manifest.ends_with("[dependencies]\na = { path = \"/src/crates/a\" }"),
            "{manifest}"
        );
        for without in [
            readme.replace("toml", "text"),
            readme.replace("rust", "text"),
        ] {
            assert_eq!(Example::from_readme("a", &without), None);
        }
    }

    #[test]
    fn every_library_shows_one_and_most_of_them_run() {
        let sh = crate::cargo::shell().unwrap();
        let examples = examples(&sh).unwrap();
        let names: Vec<_> = examples
            .iter()
            .map(|example| example.name.as_str())
            .collect();
        for name in ["log-domain", "auth", "log-api"] {
            assert!(names.contains(&name), "{names:?}");
        }
        let runs = examples.iter().filter(|example| example.runs).count();
        assert!(2 * runs > examples.len(), "{examples:?}");
        for example in examples {
            let own = format!("\"joblog/crates/{}\"", example.name);
            assert!(
                example.manifest.contains(&own),
                "{own}: {}",
                example.manifest
            );
        }
    }
}
