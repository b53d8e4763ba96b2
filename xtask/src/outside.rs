//! `cargo xtask outside`: the crates in `examples/outside`, each a workspace of its own.
//!
//! They use our crates as a stranger does: no feature of a neighbour and no dependency of a test helps them. A build of our own
//! workspace would hide that. So do the examples of our READMEs, see [`crate::readmes`].

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::Shell;

use crate::cargo::{cargo, metadata, say};
use crate::readmes;

const FOLDER: &str = "examples/outside";

/// What the examples of the READMEs are called here.
const READMES: &str = "readmes";

/// Build and test the crates in `examples/outside`, and the examples of the READMEs, each as a program.
///
/// `cargo xtask test` does this too. They share one target folder, and have the versions of our lock file where they use the
/// same crates.
#[derive(Args, Debug, Default)]
pub(crate) struct OutsideArgs {
    /// Test these crates only; `readmes` are the examples of the READMEs.
    #[arg(value_name = "CRATE")]
    names: Vec<String>,
}

/// `cargo xtask outside`.
pub(crate) fn run(sh: &Shell, args: &OutsideArgs) -> anyhow::Result<()> {
    let target = metadata(sh, "Cargo.toml")?.target_directory.join("outside");
    let all = manifests(sh)?;
    for name in &args.names {
        let is_there = name == READMES || all.iter().any(|manifest| name_of(manifest) == name);
        ensure!(is_there, "there is no {FOLDER}/{name}");
    }
    let is_wanted = |name: &str| args.names.is_empty() || args.names.iter().any(|n| n == name);
    if is_wanted(READMES) {
        readmes::test(sh, &target)?;
    }
    for manifest in all {
        let name = name_of(&manifest).to_owned();
        if is_wanted(&name) {
            say(format_args!("Outside of the workspace: {name}"));
            test(sh, &manifest, &target).with_context(|| {
                format!("{FOLDER}/{name} failed; to repeat it: cargo xtask outside {name}")
            })?;
        }
    }
    Ok(())
}

/// The manifests, sorted.
pub(crate) fn manifests(sh: &Shell) -> anyhow::Result<Vec<PathBuf>> {
    let folders = sh.read_dir(FOLDER)?;
    let manifests = folders.into_iter().map(|folder| folder.join("Cargo.toml"));
    let mut manifests: Vec<_> = manifests.filter(|manifest| manifest.exists()).collect();
    manifests.sort();
    Ok(manifests)
}

/// The name of the folder, which is that of the crate.
fn name_of(manifest: &Path) -> &str {
    let folder = manifest.parent().and_then(Path::file_name);
    folder.and_then(|name| name.to_str()).unwrap_or_default()
}

fn test(sh: &Shell, manifest: &Path, target: &Path) -> anyhow::Result<()> {
    // Not committed: a lock file of each of them would be out of date whenever one of our crates gets a dependency.
    sh.copy_file("Cargo.lock", manifest.with_file_name("Cargo.lock"))?;
    let test = cargo(sh, "test --manifest-path").arg(manifest);
    let test = test.arg("--target-dir").arg(target);
    // They are built to run once.
    let test = test.envs([("CARGO_INCREMENTAL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0")]);
    Ok(test.run()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_outside_is_a_workspace_of_its_own_with_a_real_check() {
        let sh = crate::cargo::shell().unwrap();
        let manifests = manifests(&sh).unwrap();
        assert!(manifests.len() >= 3, "{manifests:?}");
        for manifest in manifests {
            let text = sh.read_file(&manifest).unwrap();
            assert!(text.contains("\n[workspace]\n"), "{}", manifest.display());
            let name = format!("name = \"{}\"", name_of(&manifest));
            assert!(text.contains(&name), "{}", manifest.display());
            let tests = sh.read_dir(manifest.with_file_name("tests")).unwrap();
            let tests = tests.iter().filter_map(|path| sh.read_file(path).ok());
            let has_test = |text: String| text.contains("assert") && text.contains("test]");
            let checks = tests.filter(|text| has_test(text.clone())).count();
            assert!(checks > 0, "{}: no test", manifest.display());
        }
    }
}
