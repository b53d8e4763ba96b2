//! `cargo xtask tidy`: house rules that no lint knows. docs/STYLE.md gives the reasons.
//!
//! It looks at what git would commit: tracked files, and new files that are not ignored. It is a command, a step of
//! `ci`, and a test of this crate.

mod circles;
mod file;
mod layers;
mod project;
mod published;
mod sources;
mod web;

use anyhow::bail;
use xshell::{Shell, cmd};

use self::file::File;
use crate::cargo::say;

/// `cargo xtask tidy`.
pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let findings = findings(sh)?;
    findings.iter().for_each(say);
    match findings.len() {
        0 => Ok(()),
        count => bail!("tidy: {count} to correct"),
    }
}

/// Every breach of every rule: where it is, what is wrong there, and what would be right.
fn findings(sh: &Shell) -> anyhow::Result<Vec<String>> {
    let files = text_files(sh)?;
    let mut findings: Vec<String> = files.iter().flat_map(sources::check).collect();
    findings.extend(files.iter().flat_map(web::check));
    findings.extend(machine_paths(sh)?);
    findings.extend(project::check(&files));
    findings.extend(published::check(&files));
    findings.extend(circles::check(&files));
    findings.extend(layers::check(sh)?);
    Ok(findings)
}

/// The text files that git would commit.
fn text_files(sh: &Shell) -> anyhow::Result<Vec<File>> {
    let list = cmd!(sh, "git ls-files -z --cached --others --exclude-standard");
    let list = list.quiet().read()?;
    let file = |path: &str| {
        // A file that cannot be read as text is none; one that is gone is deleted and not committed yet.
        let text = sh.read_file(path).ok()?;
        Some(File::new(path, text))
    };
    Ok(list.split_terminator('\0').filter_map(file).collect())
}

/// Lines with a path of somebody's machine: they work on that machine only, and show who wrote them.
fn machine_paths(sh: &Shell) -> anyhow::Result<Vec<String>> {
    // In `a/b`, `$X/b`, `https://host/b` and `~/b` the `/b` only continues a path.
    let path = "(^|[^])}>[:alnum:]_.~*$%-])/(home|root|work|tmp)/";
    // Not in files with paths inside a container or with recorded output. Without such a line it exits with 1.
    let grep = cmd!(
        sh,
        "git grep --untracked --line-number -I -E {path} -- :!*Dockerfile :!*docker-compose.yml
         :!*.dockerignore :!*.snap :!*/fixtures/* :!*/recordings/*"
    );
    let lines = grep.quiet().ignore_status().read()?;
    let finding = |line: &str| format!("{line}: use a path that every machine has");
    Ok(lines.lines().map(finding).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_tree_is_tidy() {
        let findings = findings(&crate::cargo::shell().unwrap()).unwrap();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn new_files_are_seen_and_ignored_ones_are_not() {
        let sh = Shell::new().unwrap();
        let folder = sh.create_temp_dir().unwrap();
        sh.change_dir(folder.path());
        cmd!(sh, "git init --quiet").quiet().run().unwrap();
        // In two parts, so that this file obeys its own rule.
        let path = concat!("/t", "mp/x");
        let begins = ["", "let a = \"", "see file://", "PATH=/bin:"];
        let continues = ["crates", "https://a.org", "$HOME", "${base}", "~", ".."];
        let text = [&begins[..], &continues]
            .concat()
            .join(&format!("{path}\n"))
            + path;
        for (path, bytes) in [
            (".gitignore", &b"/target\n"[..]),
            ("new.rs", text.as_bytes()),
            ("src/fixtures.rs", path.as_bytes()),
            ("tests/fixtures/cargo.log", path.as_bytes()),
            ("Dockerfile", path.as_bytes()),
            ("picture", &[0xff, 0xfe, 0x00]),
            ("target/built.rs", path.as_bytes()),
        ] {
            sh.write_file(path, bytes).unwrap();
        }
        let files = text_files(&sh).unwrap();
        let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        let expected = ".gitignore Dockerfile new.rs src/fixtures.rs tests/fixtures/cargo.log";
        assert_eq!(paths.join(" "), expected);
        let found = machine_paths(&sh).unwrap();
        let places = found.iter().map(|line| line.split(path).next().unwrap());
        let expected = (1..)
            .zip(begins)
            .map(|(number, begin)| format!("new.rs:{number}:{begin}"));
        let expected = expected.chain(["src/fixtures.rs:1:".to_owned()]);
        assert_eq!(places.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
