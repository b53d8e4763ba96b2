//! `cargo xtask ci`: everything that must pass, step by step.
//!
//! Cheap steps come first, so that a small mistake shows within seconds. The tests come last, so that their summary is
//! the end of the output.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use xshell::{Shell, cmd};

use crate::cargo::{cargo, metadata, say};
use crate::outside;
use crate::test::{self, TestArgs};
use crate::tidy;

/// The version of cargo-deny that is installed where it is missing.
const CARGO_DENY: &str = "0.20.2";

/// Crates that others use alone, with or without their default features. A build of the whole workspace would hide a
/// missing feature, because cargo unifies them.
const ALONE: &str =
    "log-domain log-redact log-wire log-store auth log-hub log-writer log-client log-api";

/// Further sets of features that somebody builds.
const SETS: [&str; 6] = [
    "--package log-api --no-default-features --features server",
    "--package log-store --features redis",
    "--package log-store --features tls",
    "--package log-store --features embedded",
    "--package log-store --features memory",
    "--package log-store --features conformance",
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
    /// the log page: its types, and its rules without a browser
    Web,
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
    let whole = now();
    let mut times = Vec::new();
    for (number, step) in (1..).zip(&steps) {
        let value = step.to_possible_value().context("each step has a name")?;
        let (name, start) = (value.get_name(), now());
        let summary = value.get_help().map(ToString::to_string);
        let summary = summary.unwrap_or_default();
        if args.list {
            say(format_args!("{name:12}{summary}"));
            continue;
        }
        let place = format!("[{number}/{}] {name}", steps.len());
        say(format_args!("{place} … {summary}"));
        let again = format!("cargo xtask ci --only {name} (or --from {name})");
        let advice = || format!("step {name} failed; to repeat it: {again}");
        run_step(sh, *step).with_context(advice)?;
        let time = start.elapsed();
        say(format_args!("{place}  {time:.1?}"));
        times.push(format!("{name} {time:.1?}"));
    }
    if !args.list {
        let (whole, times) = (whole.elapsed(), times.join(", "));
        say(format_args!("ci: passed in {whole:.1?} ({times})"));
    }
    Ok(())
}

#[expect(clippy::disallowed_types, reason = "no test pauses this clock")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn chosen(only: &[Step], from: Option<Step>) -> Vec<Step> {
    let mut steps = Step::value_variants().to_vec();
    steps.retain(|step| only.is_empty() || only.contains(step));
    steps.retain(|step| from.is_none_or(|from| from <= *step));
    steps
}

fn run_step(sh: &Shell, step: Step) -> anyhow::Result<()> {
    match step {
        Step::Fmt => {
            cargo(sh, "fmt --all --check").run()?;
            for other in ["bench", "crates/log-api/tests/clients/rust"] {
                let check = format!("fmt --all --check --manifest-path {other}/Cargo.toml");
                cargo(sh, &check).run()?;
            }
            for manifest in outside::manifests(sh)? {
                cargo(sh, "fmt --check --manifest-path")
                    .arg(manifest)
                    .run()?;
            }
        }
        Step::Tidy => tidy::run(sh)?,
        Step::Web => {
            for program in ["node=nodejs", "tsc=node-typescript"] {
                test::install(sh, program)?;
            }
            cmd!(sh, "tsc --project crates/log-api/web").run()?;
            cmd!(sh, "node --test crates/log-api/web/test/").run()?;
        }
        Step::Clippy => clippy(sh, "--workspace --all-targets --all-features")?,
        // Clippy and not `check`: the build is the same, and code that only one set of features leaves unused is a
        // warning.
        Step::Alone => {
            for package in ALONE.split(' ') {
                clippy(sh, &format!("--quiet --package {package}"))?;
                clippy(
                    sh,
                    &format!("--quiet --package {package} --no-default-features"),
                )?;
            }
            for set in SETS {
                clippy(sh, &format!("--quiet {set}"))?;
            }
        }
        // Examples are named so that cargo includes dev-dependencies: without them tokio has other features than for
        // clippy, and everything that uses it would be checked a second time. (`--bins` would clash with libraries of
        // the same name.)
        Step::Doc => {
            let doc = cargo(sh, "doc --locked --workspace --all-features --no-deps");
            let doc = doc.args(["--lib", "--examples", "--bin=xtask", "--bin=joblog"]);
            doc.env("RUSTDOCFLAGS", "-D warnings").run()?;
        }
        // In our own target folder, where most of what it needs is checked already.
        Step::Bench => {
            let target = metadata(sh, "Cargo.toml")?.target_directory;
            let check = cargo(sh, "check --locked --manifest-path bench/Cargo.toml");
            check.arg("--target-dir").arg(target).run()?;
        }
        Step::Deny => deny(sh)?,
        Step::Advisories => advisories(sh)?,
        Step::Test => {
            let everything = TestArgs {
                full: true,
                ..TestArgs::default()
            };
            test::run(sh, &everything)?;
        }
    }
    Ok(())
}

fn clippy(sh: &Shell, selection: &str) -> anyhow::Result<()> {
    let line = format!("clippy --locked {selection} -- --deny warnings");
    Ok(cargo(sh, &line).run()?)
}

/// Everything that needs no network: the lock file and the manifests are enough.
fn deny(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "sh xtask/install.sh cargo deny {CARGO_DENY}")
        .quiet()
        .run()?;
    // Quiet about crates that are there twice, and about wrappers that do not use their right: the layers say who may
    // depend on a crate, not who must.
    let quiet = "deny --locked check --allow duplicate --allow unused-wrapper";
    let check = cargo(sh, quiet).args(["bans", "licenses", "sources"]);
    Ok(check.run()?)
}

/// Where the list of vulnerabilities cannot be fetched, this step says so and passes: a machine without a network could
/// never pass otherwise.
fn advisories(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "sh xtask/install.sh cargo deny {CARGO_DENY}")
        .quiet()
        .run()?;
    if cargo(sh, "deny fetch db").run().is_err() {
        say("NOT CHECKED: the list of known vulnerabilities cannot be fetched (see above).");
        return Ok(());
    }
    let check = cargo(sh, "deny --locked check --disable-fetch advisories");
    Ok(check.run()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_and_from_choose_steps_and_keep_their_order() {
        assert_eq!(chosen(&[], None).len(), Step::value_variants().len());
        let steps = chosen(&[Step::Test, Step::Fmt], None);
        assert_eq!(steps, [Step::Fmt, Step::Test]);
        let steps = chosen(&[], Some(Step::Deny));
        assert_eq!(steps, [Step::Deny, Step::Advisories, Step::Test]);
    }
}
