//! `cargo xtask semver`: whether the public API broke since a revision.

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::cargo::{Metadata, cargo, metadata, say, succeeds};

/// The version of cargo-semver-checks that is installed where it is missing.
const CARGO_SEMVER_CHECKS: &str = "0.51.0";

/// Compare the public API of our crates with an older revision.
///
/// Fails where a user's program may no longer compile although the version says that it does. Before 1.0, a new second number
/// (0.1 to 0.2) may break. Installs cargo-semver-checks where it is missing, which takes some minutes. No step of `ci`: it builds
/// the documentation of each crate twice.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask semver                              since the last tag
  cargo xtask semver --baseline HEAD~20           since a revision
  cargo xtask semver log-hub --baseline HEAD~20   one crate")]
pub(crate) struct SemverArgs {
    /// Compare these crates only.
    #[arg(value_name = "CRATE")]
    names: Vec<String>,
    /// The revision to compare with; the default is the last tag.
    #[arg(long, value_name = "REV")]
    baseline: Option<String>,
}

/// `cargo xtask semver`.
pub(crate) fn run(sh: &Shell, args: &SemverArgs) -> anyhow::Result<()> {
    let names = chosen(&metadata(sh, "Cargo.toml")?, &args.names)?;
    let baseline = match &args.baseline {
        Some(revision) => revision.clone(),
        None => last_tag(sh)?,
    };
    let commit = format!("{baseline}^{{commit}}");
    ensure!(
        succeeds(cmd!(sh, "git rev-parse --verify --quiet {commit}")),
        "git knows no revision `{baseline}`"
    );
    cmd!(
        sh,
        "sh xtask/install.sh cargo semver-checks {CARGO_SEMVER_CHECKS}"
    )
    .quiet()
    .run()?;
    say(format_args!(
        "Comparing with {baseline}: {}",
        names.join(", ")
    ));
    let check = cargo(
        sh,
        "semver-checks check-release --all-features --baseline-rev",
    );
    let packages = names.iter().flat_map(|name| ["--package", name]);
    Ok(check.arg(baseline).args(packages).run()?)
}

fn last_tag(sh: &Shell) -> anyhow::Result<String> {
    let tag = cmd!(sh, "git describe --tags --abbrev=0")
        .quiet()
        .ignore_stderr();
    tag.read()
        .context("there is no tag to compare with: name a revision, for example --baseline HEAD~20")
}

/// The libraries that are published, or those of these names.
fn chosen(metadata: &Metadata, names: &[String]) -> anyhow::Result<Vec<String>> {
    let packages = metadata.packages.iter();
    let libraries = packages.filter(|package| {
        package.is_published() && package.targets_of_kind("lib").next().is_some()
    });
    let libraries: Vec<_> = libraries.map(|package| package.name.clone()).collect();
    for name in names {
        ensure!(
            libraries.contains(name),
            "there is no library `{name}`; there are: {}",
            libraries.join(", ")
        );
    }
    Ok(if names.is_empty() {
        libraries
    } else {
        names.to_vec()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_compared_that_others_use() {
        let sh = crate::cargo::shell().unwrap();
        let metadata = metadata(&sh, "Cargo.toml").unwrap();
        let all = chosen(&metadata, &[]).unwrap();
        assert!(
            all.contains(&"log-hub".to_owned()) && all.contains(&"log-api".to_owned()),
            "{all:?}"
        );
        assert!(
            !all.contains(&"test-support".to_owned()) && !all.contains(&"xtask".to_owned()),
            "{all:?}"
        );
        let one = chosen(&metadata, &["auth".to_owned()]).unwrap();
        assert_eq!(one, ["auth"]);
        let error = chosen(&metadata, &["xtask".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("log-store"), "{error}");
    }
}
