//! `cargo xtask fuzz`: the fuzz targets there are.
//!
//! There is no list to keep: each binary of a `fuzz` folder beside a crate is a target. What a target
//! checks is the first line of its file.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::FuzzArgs;
use crate::clock::Stopwatch;
use crate::process::{Cmd, RunError};
use crate::say::say;
use crate::workspace::{Workspace, WorkspaceError};

/// The version of cargo-fuzz that is installed where none is there.
const VERSION: &str = "0.13.2";

/// How long a question to a tool may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Limits for every target: inputs of 16 KiB, no allocation beyond 64 MiB, 10 s for one input. An
/// input that makes a check slow or greedy is a finding. And no word about each function that is
/// reached for the first time.
const OPTIONS: [&str; 5] = [
    "-max_len=16384",
    "-malloc_limit_mb=64",
    "-rss_limit_mb=1024",
    "-timeout=10",
    "-print_funcs=0",
];

/// Why fuzzing failed, or did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FuzzError {
    /// There is no compiler for it.
    #[error(
        "fuzzing needs a nightly compiler by rustup: `rustup toolchain install nightly --profile minimal`, and \
         `cargo xtask fuzz` again. The seeds run without it, as tests of their crates."
    )]
    NoNightly,
    /// There is none of that name.
    #[error("there is no crate or fuzz target `{name}`; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A target found something, or did not build.
    #[error(
        "{source}\n{} of {} failed. An input that breaks it is below {}: put it into {}, mend what it shows, and the \
         crate's tests go on running it.",
        target.name,
        target.package,
        target.artifacts().display(),
        target.seeds().display()
    )]
    Failed {
        /// The target.
        target: Box<Target>,
        /// How it ended.
        source: RunError,
    },
    /// A tool could not be installed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The workspace could not be read.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The folder for what is learnt could not be made.
    #[error("cannot make {}: {source}", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// One fuzz target.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    name: String,
    /// The crate that it is for.
    package: String,
    /// The `fuzz` folder.
    folder: PathBuf,
    /// What must hold.
    checks: String,
}

impl Target {
    fn seeds(&self) -> PathBuf {
        self.folder.join("seeds").join(&self.name)
    }

    fn artifacts(&self) -> PathBuf {
        self.folder.join("artifacts").join(&self.name)
    }

    /// The command that runs it. What it learns goes to the first folder, the seeds are only read.
    fn command(&self, build: &Path, corpus: &Path, seconds: u64) -> Cmd {
        let run = Cmd::new("rustup").args(["run", "nightly", "cargo", "fuzz", "run"]);
        let run = run.arg("--fuzz-dir").arg(&self.folder);
        let run = run.arg("--target-dir").arg(build).arg(&self.name);
        let run = run.arg(corpus);
        let seeds = self.seeds();
        let run = if seeds.is_dir() { run.arg(seeds) } else { run };
        run.arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .args(OPTIONS)
    }
}

/// `cargo xtask fuzz`.
pub(crate) fn fuzz(workspace: &Workspace, args: &FuzzArgs) -> Result<(), FuzzError> {
    let metadata = workspace.metadata()?;
    let mut targets = Vec::new();
    for package in &metadata.packages {
        let folder = package.manifest_path.with_file_name("fuzz");
        if folder.join("Cargo.toml").is_file() {
            targets.extend(targets_in(workspace, &package.name, &folder)?);
        }
    }
    let chosen = chosen(&targets, &args.names)?;
    if args.list {
        for target in chosen {
            say(format_args!(
                "{:12}{:12}{}",
                target.name, target.package, target.checks
            ));
        }
        return Ok(());
    }
    prepare(workspace)?;
    let build = metadata.target_directory.join("fuzz");
    for target in chosen {
        let corpus = build
            .join("corpus")
            .join(&target.package)
            .join(&target.name);
        std::fs::create_dir_all(&corpus).map_err(|source| FuzzError::Folder {
            path: corpus.clone(),
            source,
        })?;
        say(format_args!(
            "{} of {}, {} s: {}",
            target.name, target.package, args.secs, target.checks
        ));
        let command = target.command(&build, &corpus, args.secs);
        let outcome = command.within(workspace.root()).run();
        outcome.map_err(|source| FuzzError::Failed {
            target: Box::new(target.clone()),
            source,
        })?;
    }
    Ok(())
}

fn targets_in(
    workspace: &Workspace,
    package: &str,
    folder: &Path,
) -> Result<Vec<Target>, WorkspaceError> {
    let metadata = workspace.metadata_of(&folder.join("Cargo.toml"))?;
    let mut targets = Vec::new();
    for target in metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets)
    {
        let source = workspace.read(&target.src_path)?;
        let first = source.lines().next().unwrap_or_default();
        targets.push(Target {
            name: target.name.clone(),
            package: package.to_owned(),
            folder: folder.to_owned(),
            checks: first.trim_start_matches("//!").trim().to_owned(),
        });
    }
    Ok(targets)
}

/// The targets of these names, or of crates of these names; all where there are none.
fn chosen<'a>(targets: &'a [Target], names: &[String]) -> Result<Vec<&'a Target>, FuzzError> {
    let is_named = |target: &Target, name: &String| target.name == *name || target.package == *name;
    for name in names {
        if !targets.iter().any(|target| is_named(target, name)) {
            let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            return Err(FuzzError::Unknown {
                name: name.clone(),
                known: known.join(", "),
            });
        }
    }
    let wanted =
        |target: &&Target| names.is_empty() || names.iter().any(|name| is_named(target, name));
    Ok(targets.iter().filter(wanted).collect())
}

/// Looks for the compiler, and installs the driver where it is missing.
fn prepare(workspace: &Workspace) -> Result<(), FuzzError> {
    let nightly = Cmd::new("rustup").args(["run", "nightly", "rustc", "--version"]);
    if !nightly.succeeds_within(PATIENCE) {
        return Err(FuzzError::NoNightly);
    }
    if workspace
        .cargo()
        .args(["fuzz", "--version"])
        .succeeds_within(PATIENCE)
    {
        return Ok(());
    }
    say(format_args!(
        "cargo-fuzz is not here: installing {VERSION}, about 2 minutes on two cores."
    ));
    let watch = Stopwatch::start();
    let install = ["install", "--locked", "cargo-fuzz", "--version", VERSION];
    workspace.cargo().args(install).run()?;
    say(format_args!("cargo-fuzz is installed after {watch}."));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, package: &str) -> Target {
        Target {
            name: name.to_owned(),
            package: package.to_owned(),
            folder: PathBuf::from("/x/fuzz"),
            checks: String::new(),
        }
    }

    fn names<'a>(chosen: &[&'a Target]) -> Vec<&'a str> {
        chosen.iter().map(|target| target.name.as_str()).collect()
    }

    #[test]
    fn a_name_stands_for_a_target_or_for_all_of_a_crate() {
        let targets = [
            target("token", "auth"),
            target("claims", "auth"),
            target("lines", "log-writer"),
        ];
        let some = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            chosen(&targets, &names)
        };
        assert_eq!(names(&some(&[]).unwrap()), ["token", "claims", "lines"]);
        assert_eq!(names(&some(&["auth"]).unwrap()), ["token", "claims"]);
        assert_eq!(
            names(&some(&["lines", "token"]).unwrap()),
            ["token", "lines"]
        );
        let error = some(&["tokens"]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("there are: token, claims, lines"),
            "{error}"
        );
    }

    #[test]
    fn a_target_runs_for_its_time_within_its_limits() {
        let command = target("token", "auth").command(Path::new("/t"), Path::new("/t/corpus"), 5);
        assert_eq!(
            command.to_string(),
            "rustup run nightly cargo fuzz run --fuzz-dir /x/fuzz --target-dir /t token /t/corpus -- \
             -max_total_time=5 -max_len=16384 -malloc_limit_mb=64 -rss_limit_mb=1024 -timeout=10 -print_funcs=0"
        );
    }

    #[test]
    fn every_target_says_what_it_checks_and_has_seeds() {
        let workspace = Workspace::find().unwrap();
        let folder = workspace.root().join("crates/auth/fuzz");
        let targets = targets_in(&workspace, "auth", &folder).unwrap();
        assert!(targets.len() >= 4);
        for target in targets {
            assert!(!target.checks.is_empty(), "{}", target.name);
            assert!(target.seeds().is_dir(), "{}", target.name);
        }
    }
}
