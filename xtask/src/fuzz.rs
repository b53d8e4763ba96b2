//! `cargo xtask fuzz`: the fuzz targets.
//!
//! A target is a binary of the `fuzz` folder beside a crate.

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::cargo::{metadata, say, succeeds};
use crate::targets::{Entry, choose, entries};

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

/// `cargo xtask fuzz`.
pub(crate) fn run(sh: &Shell, args: &FuzzArgs) -> anyhow::Result<()> {
    let targets = choose(targets(sh)?, &args.names)?;
    if args.list {
        targets.iter().for_each(say);
        return Ok(());
    }
    ensure!(
        succeeds(cmd!(sh, "rustup run nightly rustc --version")),
        "fuzzing needs a nightly compiler: `rustup toolchain install nightly --profile minimal`. \
         The seeds run without it, as tests of their crates."
    );
    cmd!(sh, "sh xtask/install.sh cargo fuzz {CARGO_FUZZ}")
        .quiet()
        .run()?;
    let build = metadata(sh, "Cargo.toml")?.target_directory.join("fuzz");
    let (secs, options) = (args.secs.to_string(), OPTIONS.split(' '));
    for target in targets {
        let (name, package) = (&target.name, &target.package);
        say(format_args!("{secs} s of {name}: {}", target.summary));
        let folder = target.manifest.with_file_name("");
        // What it learns goes to the first folder; the seeds are only read.
        let corpus = sh.create_dir(build.join("corpus").join(package).join(name))?;
        let seeds = folder.join("seeds").join(name);
        let options = options.clone();
        let run = cmd!(
            sh,
            "rustup run nightly cargo fuzz run --fuzz-dir {folder} --target-dir {build}
             {name} {corpus} {seeds} -- -max_total_time={secs} {options...}"
        );
        let advice = || {
            let found = folder.join("artifacts").join(name);
            let found = found.display();
            format!("copy the input from {found} to the seeds, and correct what it shows")
        };
        run.run().with_context(advice)?;
    }
    Ok(())
}

fn targets(sh: &Shell) -> anyhow::Result<Vec<Entry>> {
    let mut targets = Vec::new();
    for folder in sh.read_dir("crates")? {
        let manifest = folder.join("fuzz/Cargo.toml");
        if manifest.exists() {
            targets.extend(entries(&metadata(sh, manifest)?.packages, "bin")?);
        }
    }
    for target in &mut targets {
        target.package = target.package.trim_end_matches("-fuzz").to_owned();
    }
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
            let seeds = target.manifest.with_file_name("seeds").join(&target.name);
            assert!(seeds.is_dir(), "{target:?}");
        }
        let choose = |name: &str| choose(targets(&sh).unwrap(), &[name.to_owned()]);
        assert_eq!(choose("token").unwrap().len(), 1);
        assert!(choose("auth").unwrap().len() >= 4);
        let error = choose("tokens").unwrap_err().to_string();
        assert!(error.contains("token, "), "{error}");
    }
}
