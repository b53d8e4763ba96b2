//! `cargo xtask tidy`: house rules that no lint knows. docs/STYLE.md gives the reasons.
//!
//! It looks at what git would commit: tracked files and new ones that are not ignored. It is a
//! command, a step of `ci`, and a test of this crate.

mod acceptance;
mod documents;
mod layers;
mod machine_paths;
mod manifests;
mod sources;

use std::fmt;

use crate::process::{Cmd, RunError};
use crate::say::say;
use crate::workspace::{Workspace, WorkspaceError};

/// Why the tree is not tidy, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TidyError {
    /// Some rule is broken; each breach has been said.
    #[error("tidy: {0} to put right")]
    Untidy(usize),
    /// The workspace could not be read.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// Git or cargo could not say what there is.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    weight: Weight,
    /// Where: `path` or `path:line`, relative to the root, or a crate's name.
    place: String,
    /// What is wrong there, and what would be right.
    text: String,
}

/// Whether a breach fails the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Warning,
    Error,
}

/// One text file of the tree.
struct File {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

impl Finding {
    fn error(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            weight: Weight::Error,
            place: place.into(),
            text: text.into(),
        }
    }

    fn warning(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            weight: Weight::Warning,
            ..Self::error(place, text)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Warning => "warning",
            Weight::Error => "error",
        };
        write!(out, "{weight}: {}: {}", self.place, self.text)
    }
}

/// `cargo xtask tidy`.
pub(crate) fn tidy(workspace: &Workspace) -> Result<(), TidyError> {
    let findings = findings(workspace)?;
    for finding in &findings {
        say(finding);
    }
    match findings
        .iter()
        .filter(|finding| finding.weight == Weight::Error)
        .count()
    {
        0 => Ok(()),
        errors => Err(TidyError::Untidy(errors)),
    }
}

/// Every breach of every rule.
fn findings(workspace: &Workspace) -> Result<Vec<Finding>, TidyError> {
    let files = text_files(workspace)?;
    let metadata = workspace.metadata()?;
    let mut findings = Vec::new();
    for file in &files {
        findings.extend(sources::check(file));
        findings.extend(machine_paths::check(file));
    }
    findings.extend(acceptance::check(&files));
    findings.extend(documents::check(
        files.iter().map(|file| file.path.as_str()),
    ));
    for package in &metadata.packages {
        findings.extend(manifests::check(
            package,
            &workspace.read(&package.manifest_path)?,
        ));
        findings.extend(layers::check(package));
    }
    for layer in &layers::LAYERS {
        findings.extend(layers::check_reach(
            layer,
            &layers::reach(workspace, layer)?,
        ));
    }
    Ok(findings)
}

/// The text files that git would commit.
fn text_files(workspace: &Workspace) -> Result<Vec<File>, TidyError> {
    let list = Cmd::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .within(workspace.root())
        .read()?;
    let file = |path: &str| {
        // What cannot be read as text is no text; what is gone has been deleted but not committed.
        let text = workspace.read(path).ok()?;
        Some(File {
            path: path.to_owned(),
            text,
        })
    };
    Ok(list.split_terminator('\0').filter_map(file).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_tree_is_tidy() {
        let workspace = Workspace::find().unwrap();
        let findings = findings(&workspace).unwrap();
        let errors: Vec<String> = findings
            .iter()
            .filter(|f| f.weight == Weight::Error)
            .map(Finding::to_string)
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }

    #[test]
    fn the_tree_is_seen_with_new_files_and_without_ignored_ones() {
        let folder = tempfile::TempDir::new().unwrap();
        let git = |args: &[&str]| {
            Cmd::new("git")
                .args(args)
                .within(folder.path())
                .read()
                .unwrap()
        };
        git(&["init", "--quiet"]);
        std::fs::write(folder.path().join(".gitignore"), "/target\n").unwrap();
        std::fs::write(folder.path().join("new.rs"), "//! New.\n").unwrap();
        std::fs::write(folder.path().join("picture"), [0xff, 0xfe, 0x00]).unwrap();
        std::fs::create_dir(folder.path().join("target")).unwrap();
        std::fs::write(folder.path().join("target/built.rs"), "").unwrap();

        let files = text_files(&Workspace::at(folder.path())).unwrap();
        let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, [".gitignore", "new.rs"]);
    }
}
