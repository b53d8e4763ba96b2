//! `cargo xtask tidy`: house rules that no lint knows. docs/STYLE.md gives the reasons.
//!
//! It looks at what git would commit: tracked files, and new files that are not ignored. It is a command, a step of
//! `ci`, and a test of this crate.

mod acceptance;
mod circles;
mod file;
mod layers;
mod machine_paths;
mod project;
mod sources;

use anyhow::bail;
use xshell::{Shell, cmd};

use self::file::{File, Finding};
use crate::cargo::{metadata, say};

/// `cargo xtask tidy`.
pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let findings = findings(sh)?;
    for finding in &findings {
        say(finding);
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("tidy: {count} to correct"),
    }
}

/// Every breach of every rule.
fn findings(sh: &Shell) -> anyhow::Result<Vec<Finding>> {
    let files = text_files(sh)?;
    let packages = metadata(sh, "Cargo.toml")?.packages;
    let mut findings = Vec::new();
    for file in &files {
        findings.extend(sources::check(file));
        findings.extend(machine_paths::check(file));
    }
    findings.extend(acceptance::check(&files));
    findings.extend(project::check_decisions(&files));
    for package in &packages {
        findings.extend(project::check_manifest(
            package,
            &sh.read_file(&package.manifest_path)?,
        ));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_tree_is_tidy() {
        let sh = crate::cargo::shell().unwrap();
        let errors: Vec<String> = findings(&sh)
            .unwrap()
            .iter()
            .map(Finding::to_string)
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }

    #[test]
    fn new_files_are_seen_and_ignored_ones_are_not() {
        let sh = Shell::new().unwrap();
        let folder = sh.create_temp_dir().unwrap();
        sh.change_dir(folder.path());
        cmd!(sh, "git init --quiet").quiet().run().unwrap();
        for (path, bytes) in [
            (".gitignore", &b"/target\n"[..]),
            ("new.rs", b"//! New.\n"),
            ("picture", &[0xff, 0xfe, 0x00]),
            ("target/built.rs", b""),
        ] {
            sh.write_file(path, bytes).unwrap();
        }
        let files = text_files(&sh).unwrap();
        let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, [".gitignore", "new.rs"]);
    }
}
