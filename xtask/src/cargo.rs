//! Cargo, and the workspace as cargo describes it. Also what other commands share: a line of output, a setting.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use xshell::{Cmd, Shell, cmd};

/// What `cargo metadata --no-deps` tells; only what is used here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Our own crates.
    pub(crate) packages: Vec<Package>,
    /// Where cargo puts what it builds.
    pub(crate) target_directory: PathBuf,
}

/// One of our crates.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// The registries that it may be published to: `None` is all, an empty list is none.
    pub(crate) publish: Option<Vec<String>>,
}

/// One line of a `[dependencies]` table.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
}

/// A library, binary, test or benchmark of a crate.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
    #[serde(rename = "required-features", default)]
    pub(crate) required_features: Vec<String>,
}

impl Package {
    /// Whether it is, or depends on, a crate.
    pub(crate) fn depends_on(&self, name: &str) -> bool {
        self.name == name || self.dependencies.iter().any(|other| other.name == name)
    }

    /// Whether others can have it from a registry.
    pub(crate) fn is_published(&self) -> bool {
        self.publish
            .as_ref()
            .is_none_or(|registries| !registries.is_empty())
    }

    /// The targets of one kind: `lib`, `test`, `bench`, …
    pub(crate) fn targets_of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Target> {
        let is_of_kind = move |target: &&Target| target.kind.iter().any(|name| name == kind);
        self.targets.iter().filter(is_of_kind)
    }
}

/// A cargo command, without the variables that `cargo run` has set for this program. The line is split at its spaces.
pub(crate) fn cargo<'a>(sh: &'a Shell, line: &str) -> Cmd<'a> {
    without_own_variables(cmd!(sh, "cargo").args(line.split(' ')))
}

/// A command without the variables that `cargo run` has set for this program. Build scripts that watch one of them would
/// else run again after each change between `cargo xtask …` and plain `cargo …`.
pub(crate) fn without_own_variables(command: Cmd<'_>) -> Cmd<'_> {
    let is_ours = |key: &str| key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_");
    let keys = std::env::vars_os().filter_map(|(key, _)| key.into_string().ok());
    keys.filter(|key| is_ours(key))
        .fold(command, Cmd::env_remove)
}

/// A shell in the folder of the workspace.
pub(crate) fn shell() -> anyhow::Result<Shell> {
    let sh = Shell::new()?;
    let locate = cargo(&sh, "locate-project --workspace --message-format=plain");
    let manifest = locate.quiet().read()?;
    let folder = Path::new(&manifest).parent();
    sh.change_dir(folder.context("cargo names no folder of the workspace")?);
    Ok(sh)
}

/// What cargo knows about our own crates, or about those of another manifest.
pub(crate) fn metadata(sh: &Shell, manifest: impl AsRef<Path>) -> anyhow::Result<Metadata> {
    let question = cargo(sh, "metadata --format-version=1 --no-deps --manifest-path");
    let answer = question.arg(manifest.as_ref()).quiet().read()?;
    serde_json::from_str(&answer).context("cannot read the answer of `cargo metadata`")
}

/// An environment variable that is set and not empty.
pub(crate) fn setting(key: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "its settings are there")]
    let value = std::env::var(key).ok()?;
    (!value.is_empty()).then_some(value)
}

/// Whether a command succeeds, without a word: for questions such as "is it installed?".
pub(crate) fn succeeds(command: Cmd<'_>) -> bool {
    command.quiet().ignore_stderr().read().is_ok()
}

/// Writes one line on standard output. Where nobody reads it any more (`| head`) the work goes on.
pub(crate) fn say(line: impl fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
