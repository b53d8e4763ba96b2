//! The workspace as cargo sees it: where it is, and which crates, dependencies and targets it has.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::process::{Cmd, RunError};

/// Why the workspace could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    /// Cargo could not say.
    #[error(transparent)]
    Cargo(#[from] RunError),
    /// Cargo's answer was not what its documentation promises.
    #[error("cannot read the answer of `cargo metadata`: {0}")]
    Answer(#[from] serde_json::Error),
    /// A file of the workspace could not be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The workspace that the caller stands in.
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    root: PathBuf,
}

/// What `cargo metadata --no-deps` tells; only what is used here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Our own crates.
    pub(crate) packages: Vec<Package>,
    /// Where cargo puts what it builds.
    pub(crate) target_directory: PathBuf,
}

/// One of our crates.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    pub(crate) features: std::collections::BTreeMap<String, Vec<String>>,
}

/// One line of a `[dependencies]` table.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package's name, whatever it is renamed to.
    pub(crate) name: String,
    /// `None` is a normal dependency; else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

/// A library, binary, test or benchmark of a crate.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
    /// The features that it is built with only; none is an empty list.
    #[serde(rename = "required-features", default)]
    pub(crate) required_features: Vec<String>,
}

impl Workspace {
    /// Asks cargo for the workspace around the current folder.
    pub(crate) fn find() -> Result<Self, WorkspaceError> {
        let manifest = Cmd::new("cargo")
            .args(["locate-project", "--workspace", "--message-format", "plain"])
            .read()?;
        let manifest = Path::new(manifest.trim());
        Ok(Self {
            root: manifest.parent().unwrap_or(manifest).to_owned(),
        })
    }

    /// The workspace in a given folder, for tests.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The folder of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `cargo`, started in the root.
    pub(crate) fn cargo(&self) -> Cmd {
        Cmd::new("cargo").within(&self.root)
    }

    /// What cargo knows about our own crates.
    pub(crate) fn metadata(&self) -> Result<Metadata, WorkspaceError> {
        self.metadata_of(Path::new("Cargo.toml"))
    }

    /// The same of a manifest that is no member, such as a fuzz crate's.
    pub(crate) fn metadata_of(&self, manifest: &Path) -> Result<Metadata, WorkspaceError> {
        let answer = self
            .cargo()
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .arg("--manifest-path")
            .arg(self.root.join(manifest))
            .read()?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Reads a file named relative to the root.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Result<String, WorkspaceError> {
        let path = self.root.join(path);
        std::fs::read_to_string(&path).map_err(|source| WorkspaceError::File { path, source })
    }
}

impl Package {
    /// A crate with nothing in it, for tests of rules.
    #[cfg(test)]
    pub(crate) fn named(name: &str, description: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            description: description.map(str::to_owned),
            manifest_path: PathBuf::new(),
            dependencies: Vec::new(),
            targets: Vec::new(),
            features: std::collections::BTreeMap::new(),
        }
    }

    /// Whether it has a library, which is what doc tests belong to.
    pub(crate) fn has_library(&self) -> bool {
        self.targets
            .iter()
            .any(|target| target.kind.iter().any(|kind| kind == "lib"))
    }
}
