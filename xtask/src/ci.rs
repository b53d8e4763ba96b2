//! `cargo xtask ci`: everything that must pass, step by step.
//!
//! Cheap steps come first, so that a small mistake shows within seconds. The tests come last, so that their summary is
//! the end of the output.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use xshell::{Cmd, Shell};

use crate::cargo::{Stopwatch, cargo, metadata, say};
use crate::{install, test, tidy};

/// The version of cargo-deny that is installed where it is missing.
const CARGO_DENY: &str = "0.20.2";

/// Crates that others use alone, each with the features to build it with. A build of the whole workspace would hide a
/// missing feature, because cargo unifies them.
const ALONE: [(&str, &str); 10] = [
    ("log-domain", "default"),
    ("log-wire", "default"),
    ("log-store", "default"),
    ("log-store", ""),
    ("auth", "default"),
    ("auth", ""),
    ("log-hub", "default"),
    ("log-writer", "default"),
    ("log-writer", ""),
    ("log-client", "default"),
];

/// Run everything that must pass, step by step.
///
/// Stops at the first step that fails and says how to run it alone. Installs what it needs and this machine lacks
/// (cargo-deny, redis-server), and says so. The steps share one target folder and, as far as cargo lets them, one set of
/// features, so that little is compiled twice.
#[derive(Args, Debug)]
pub(crate) struct CiArgs {
    /// Run this step only. May be given several times.
    #[arg(long, value_name = "STEP", conflicts_with = "from")]
    only: Vec<Step>,
    /// Begin at this step.
    #[arg(long, value_name = "STEP")]
    from: Option<Step>,
    /// Show the steps, and run none.
    #[arg(long)]
    list: bool,
}

/// One thing that must pass, in the order of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Step {
    /// the code is formatted
    Fmt,
    /// house rules that no lint knows
    Tidy,
    /// lints, warnings denied, all targets and features
    Clippy,
    /// each lower crate by itself, without the features of others
    Alone,
    /// documentation builds, warnings denied
    Doc,
    /// the load generator in bench/ compiles
    Bench,
    /// layers, bans, licences and sources of dependencies
    Deny,
    /// known vulnerabilities in dependencies (needs a network)
    Advisories,
    /// doc tests and tests, on a real Redis
    Test,
}

/// `cargo xtask ci`.
pub(crate) fn run(sh: &Shell, args: &CiArgs) -> anyhow::Result<()> {
    let steps = chosen(&args.only, args.from);
    let whole = Stopwatch::start();
    let mut times = Vec::new();
    for (number, step) in (1..).zip(&steps) {
        let value = step.to_possible_value().context("each step has a name")?;
        let (name, watch) = (value.get_name(), Stopwatch::start());
        let summary = value
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if args.list {
            say(format_args!("{name:12}{summary}"));
            continue;
        }
        let place = format!("[{number}/{}] {name}", steps.len());
        say(format_args!("{place} … {summary}"));
        let advice = || {
            format!(
                "step {name} failed after {watch}; this step alone: cargo xtask ci --only {name}; \
                 from here on: cargo xtask ci --from {name}"
            )
        };
        run_step(sh, *step).with_context(advice)?;
        say(format_args!("{place}  {watch}"));
        times.push(format!("{name} {watch}"));
    }
    if !args.list {
        say(format_args!("ci: passed in {whole} ({})", times.join(", ")));
    }
    Ok(())
}

fn chosen(only: &[Step], from: Option<Step>) -> Vec<Step> {
    let mut steps = Step::value_variants().to_vec();
    steps.retain(|step| only.is_empty() || only.contains(step));
    steps.retain(|step| from.is_none_or(|from| from <= *step));
    steps
}

fn run_step(sh: &Shell, step: Step) -> anyhow::Result<()> {
    match step {
        Step::Fmt => fmt(sh),
        Step::Tidy => tidy::run(sh),
        Step::Clippy => clippy(sh),
        Step::Alone => alone(sh),
        Step::Doc => doc(sh),
        Step::Bench => bench(sh),
        Step::Deny => deny(sh),
        Step::Advisories => advisories(sh),
        Step::Test => test::run(sh, &test::everything()),
    }
}

fn fmt(sh: &Shell) -> anyhow::Result<()> {
    for manifest in ["Cargo.toml", "bench/Cargo.toml"] {
        let check = ["fmt", "--all", "--check", "--manifest-path", manifest];
        cargo(sh).args(check).run()?;
    }
    Ok(())
}

fn clippy(sh: &Shell) -> anyhow::Result<()> {
    let all = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--all-features",
    ];
    Ok(denying_warnings(cargo(sh).args(all)).run()?)
}

/// Clippy and not `check`: the build is the same, and code that only one set of features leaves unused is a warning.
fn alone(sh: &Shell) -> anyhow::Result<()> {
    for (package, features) in ALONE {
        let one = ["clippy", "--locked", "--quiet", "--package", package];
        let one = cargo(sh)
            .args(one)
            .args(["--no-default-features", "--features", features]);
        denying_warnings(one).run()?;
    }
    Ok(())
}

fn denying_warnings(clippy: Cmd<'_>) -> Cmd<'_> {
    clippy.args(["--", "--deny", "warnings"])
}

/// Examples are named so that cargo includes dev-dependencies: without them tokio has other features than for clippy,
/// and everything that uses it would be checked a second time. (`--bins` would clash with libraries of the same name.)
fn doc(sh: &Shell) -> anyhow::Result<()> {
    let all = [
        "doc",
        "--locked",
        "--workspace",
        "--all-features",
        "--no-deps",
    ];
    let targets = ["--lib", "--examples", "--bin", "xtask", "--bin", "joblog"];
    let doc = cargo(sh).args(all).args(targets);
    Ok(doc.env("RUSTDOCFLAGS", "-D warnings").run()?)
}

/// In our own target folder, where most of what it needs is checked already.
fn bench(sh: &Shell) -> anyhow::Result<()> {
    let target = metadata(sh, "Cargo.toml")?.target_directory;
    let check = ["check", "--locked", "--manifest-path", "bench/Cargo.toml"];
    let check = cargo(sh).args(check).arg("--target-dir").arg(target);
    Ok(check.run()?)
}

/// Everything that needs no network: the lock file and the manifests are enough.
fn deny(sh: &Shell) -> anyhow::Result<()> {
    install::cargo_command(sh, "deny", CARGO_DENY)?;
    // Quiet about crates that are there twice, and about wrappers that do not use their right: the layers say who may
    // depend on a crate, not who must.
    let quiet = ["--allow", "duplicate", "--allow", "unused-wrapper"];
    let check = cargo(sh).args(["deny", "--locked", "check"]).args(quiet);
    Ok(check.args(["bans", "licenses", "sources"]).run()?)
}

/// Where the list of vulnerabilities cannot be fetched, this step says so and passes: a machine without a network could
/// never pass otherwise.
fn advisories(sh: &Shell) -> anyhow::Result<()> {
    install::cargo_command(sh, "deny", CARGO_DENY)?;
    if cargo(sh).args(["deny", "fetch", "db"]).run().is_err() {
        say(
            "NOT CHECKED: the list of known vulnerabilities cannot be fetched; the reason is above.",
        );
        return Ok(());
    }
    let check = ["deny", "--locked", "check", "--disable-fetch", "advisories"];
    Ok(cargo(sh).args(check).run()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_and_from_choose_steps_and_keep_their_order() {
        assert_eq!(chosen(&[], None).len(), Step::value_variants().len());
        assert_eq!(
            chosen(&[Step::Test, Step::Fmt], None),
            [Step::Fmt, Step::Test]
        );
        let steps = chosen(&[], Some(Step::Deny));
        assert_eq!(steps, [Step::Deny, Step::Advisories, Step::Test]);
    }
}
