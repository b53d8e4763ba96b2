//! `cargo xtask fuzz`: the fuzz targets.
//!
//! There is no list to keep: each binary of a `fuzz` folder beside a crate is a target, and the first line of its file
//! says what it checks.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::cargo::{metadata, say, succeeds};
use crate::install;

/// The version of cargo-fuzz that is installed where it is missing.
const CARGO_FUZZ: &str = "0.13.2";

/// Limits for every target: inputs of 16 KiB, no allocation above 64 MiB, 10 s for one input. An input that makes a check
/// slow or greedy is a finding. The last option silences a line for each function that is reached for the first time.
const OPTIONS: &str =
    "-max_len=16384 -malloc_limit_mb=64 -rss_limit_mb=1024 -timeout=10 -print_funcs=0";

/// Run the fuzz targets, each for a minute.
///
/// A target is a binary of a `fuzz` folder beside a crate. It begins with the seeds that are committed there, keeps what
/// it learns below `target/fuzz`, and fails at the first input that breaks its check: add that input to the seeds, and
/// an ordinary test runs it from then on. Needs a nightly toolchain by rustup; installs cargo-fuzz where it is missing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask fuzz                  every target, a minute each
  cargo xtask fuzz auth             those of one crate
  cargo xtask fuzz token --secs 5   one target, for five seconds")]
pub(crate) struct FuzzArgs {
    /// Run the targets of this crate, or of this name, only. May be given several times.
    #[arg(value_name = "CRATE|TARGET")]
    names: Vec<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    secs: u64,
    /// Show the targets, and run none.
    #[arg(long)]
    list: bool,
}

#[derive(Debug)]
struct FuzzTarget {
    name: String,
    /// The crate that it is for.
    package: String,
    /// The `fuzz` folder.
    folder: PathBuf,
    summary: String,
}

/// `cargo xtask fuzz`.
pub(crate) fn run(sh: &Shell, args: &FuzzArgs) -> anyhow::Result<()> {
    let targets = chosen(targets(sh)?, &args.names)?;
    if args.list {
        for FuzzTarget {
            name,
            package,
            summary,
            ..
        } in targets
        {
            say(format_args!("{name:12}{package:12}{summary}"));
        }
        return Ok(());
    }
    ensure!(
        succeeds(cmd!(sh, "rustup run nightly rustc --version")),
        "fuzzing needs a nightly compiler: `rustup toolchain install nightly --profile minimal`. \
         The seeds run without it, as tests of their crates."
    );
    install::cargo_command(sh, "fuzz", CARGO_FUZZ)?;
    let build = metadata(sh, "Cargo.toml")?.target_directory.join("fuzz");
    let (secs, options) = (args.secs, OPTIONS.split(' '));
    for FuzzTarget {
        name,
        package,
        folder,
        summary,
    } in targets
    {
        say(format_args!("{name} of {package}, {secs} s: {summary}"));
        // What it learns goes to the first folder; the seeds are only read.
        let corpus = sh.create_dir(build.join("corpus").join(&package).join(&name))?;
        let seeds = folder.join("seeds").join(&name);
        let run = cmd!(sh, "rustup run nightly cargo fuzz run --fuzz-dir {folder}");
        let run = run
            .arg("--target-dir")
            .arg(&build)
            .args([&name])
            .args([corpus, seeds]);
        let run = run.arg("--").arg(format!("-max_total_time={secs}"));
        let advice = || {
            let found = folder.join("artifacts").join(&name);
            format!(
                "copy the input from {} to the seeds, and correct what it shows",
                found.display()
            )
        };
        run.args(options.clone()).run().with_context(advice)?;
    }
    Ok(())
}

fn targets(sh: &Shell) -> anyhow::Result<Vec<FuzzTarget>> {
    let mut targets = Vec::new();
    for package in sh.read_dir("crates")? {
        let folder = package.join("fuzz");
        for file in sh.read_dir(folder.join("fuzz_targets")).unwrap_or_default() {
            let name = |path: &Path| {
                path.file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned()
            };
            let source = sh.read_file(&file)?;
            let summary = source.lines().next().unwrap_or_default();
            targets.push(FuzzTarget {
                name: name(&file),
                package: name(&package),
                folder: folder.clone(),
                summary: summary.trim_start_matches("//!").trim().to_owned(),
            });
        }
    }
    Ok(targets)
}

/// The targets of these names, or of crates of these names. No names: all of them.
fn chosen(mut targets: Vec<FuzzTarget>, names: &[String]) -> anyhow::Result<Vec<FuzzTarget>> {
    let is_named =
        |target: &FuzzTarget, name: &String| [&target.name, &target.package].contains(&name);
    for name in names {
        let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        let is_known = targets.iter().any(|target| is_named(target, name));
        ensure!(
            is_known,
            "there is no crate or target `{name}`; there are: {}",
            known.join(", ")
        );
    }
    targets.retain(|target| names.is_empty() || names.iter().any(|name| is_named(target, name)));
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_says_what_it_checks_has_seeds_and_is_found_by_its_name_and_its_crate() {
        let sh = crate::cargo::shell().unwrap();
        for target in targets(&sh).unwrap() {
            assert!(!target.summary.is_empty(), "{target:?}");
            let seeds = target.folder.join("seeds").join(&target.name);
            assert!(seeds.is_dir(), "{target:?}");
        }
        let chosen = |name: &str| chosen(targets(&sh).unwrap(), &[name.to_owned()]);
        assert_eq!(chosen("token").unwrap().len(), 1);
        assert!(chosen("auth").unwrap().len() >= 4);
        let error = chosen("tokens").unwrap_err().to_string();
        assert!(error.contains("token, "), "{error}");
    }
}
