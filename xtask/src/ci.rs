//! `cargo xtask ci`: everything that has to pass, step by step.
//!
//! Cheap steps come first, so that a slip is told within seconds, and the tests last, so that their
//! summary closes the output.

use crate::cli::CiArgs;
use crate::clock::Stopwatch;
use crate::deny;
use crate::process::{Cmd, RunError};
use crate::say::say;
use crate::test;
use crate::tidy;
use crate::workspace::{Package, Workspace, WorkspaceError};

/// One thing that has to pass.
pub(crate) struct Step {
    /// What `--only` and `--from` call it.
    pub(crate) name: &'static str,
    /// What it checks, in a few words.
    what: &'static str,
    check: fn(&Workspace) -> Result<(), StepError>,
}

/// All steps, in their order.
pub(crate) const STEPS: [Step; 8] = [
    Step {
        name: "fmt",
        what: "the code is formatted",
        check: fmt,
    },
    Step {
        name: "tidy",
        what: "house rules that no lint knows",
        check: tidy,
    },
    Step {
        name: "clippy",
        what: "lints, warnings denied, all targets and features",
        check: clippy,
    },
    Step {
        name: "alone",
        what: "each lower crate by itself, without others' features",
        check: alone,
    },
    Step {
        name: "doc",
        what: "documentation builds, warnings denied",
        check: doc,
    },
    Step {
        name: "deny",
        what: "layers, bans, licences and sources of dependencies",
        check: deny::rules,
    },
    Step {
        name: "advisories",
        what: "known holes in dependencies, by network",
        check: deny::advisories,
    },
    Step {
        name: "test",
        what: "doc tests and tests, on a real Redis",
        check: all_tests,
    },
];

/// Crates that others take alone, lowest layer first: each has to build with its own features only. A workspace build
/// would hide a missing one, because cargo unifies features.
const ALONE: [&str; 7] = [
    "log-domain",
    "log-wire",
    "log-store",
    "auth",
    "log-hub",
    "log-writer",
    "log-client",
];

/// Why the whole did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CiError {
    /// One step did not.
    #[error(
        "{source}\nstep {name} failed after {time}. It alone: cargo xtask ci --only {name}; from there on: cargo xtask ci --from {name}"
    )]
    Step {
        /// Its name.
        name: &'static str,
        /// How long it ran.
        time: String,
        /// Why.
        source: StepError,
    },
}

/// Why one step did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// A program said no; it has said why.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The workspace could not be read.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The tests.
    #[error(transparent)]
    Test(#[from] test::TestError),
    /// The house rules.
    #[error(transparent)]
    Tidy(#[from] tidy::TidyError),
}

/// `cargo xtask ci`.
pub(crate) fn ci(workspace: &Workspace, args: &CiArgs) -> Result<(), CiError> {
    let chosen: Vec<&Step> = STEPS.iter().filter(|step| is_chosen(step, args)).collect();
    if args.list {
        for step in chosen {
            say(format_args!("{:12}{}", step.name, step.what));
        }
        return Ok(());
    }
    let whole = Stopwatch::start();
    let mut times = Vec::new();
    for (number, step) in chosen.iter().enumerate() {
        let place = format!("[{}/{}] {}", number + 1, chosen.len(), step.name);
        say(format_args!("{place} … {}", step.what));
        let watch = Stopwatch::start();
        (step.check)(workspace).map_err(|source| CiError::Step {
            name: step.name,
            time: watch.to_string(),
            source,
        })?;
        say(format_args!("{place}  {watch}"));
        times.push(format!("{} {watch}", step.name));
    }
    say(format_args!("ci: passed in {whole} ({})", times.join(", ")));
    Ok(())
}

fn is_chosen(step: &Step, args: &CiArgs) -> bool {
    let place = |name: &str| STEPS.iter().position(|other| other.name == name);
    let late_enough = args
        .from
        .as_ref()
        .is_none_or(|from| place(from) <= place(step.name));
    let named = args.only.is_empty() || args.only.iter().any(|name| name == step.name);
    late_enough && named
}

fn fmt(workspace: &Workspace) -> Result<(), StepError> {
    Ok(workspace.cargo().args(["fmt", "--all", "--check"]).run()?)
}

fn tidy(workspace: &Workspace) -> Result<(), StepError> {
    Ok(tidy::tidy(workspace)?)
}

fn clippy(workspace: &Workspace) -> Result<(), StepError> {
    let all = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--all-features",
    ];
    Ok(denying_warnings(workspace.cargo().args(all)).run()?)
}

/// Clippy and not `check`: it is the same build, and code that only one set of features leaves
/// unused is a warning there.
fn alone(workspace: &Workspace) -> Result<(), StepError> {
    let packages = workspace.metadata()?.packages;
    for package in ALONE
        .iter()
        .filter_map(|name| packages.iter().find(|p| p.name == *name))
    {
        for features in feature_sets(package) {
            say(format_args!("  {} {}", package.name, features.join(" ")));
            let one = ["clippy", "--locked", "--quiet", "--package", &package.name];
            denying_warnings(workspace.cargo().args(one).args(features)).run()?;
        }
    }
    Ok(())
}

/// The default features and none at all, which is the same thing for a crate that has none.
fn feature_sets(package: &Package) -> Vec<&'static [&'static str]> {
    let mut sets: Vec<&[&str]> = vec![&[]];
    if package
        .features
        .get("default")
        .is_some_and(|default| !default.is_empty())
    {
        sets.push(&["--no-default-features"]);
    }
    sets
}

fn denying_warnings(clippy: Cmd) -> Cmd {
    clippy.args(["--", "--deny", "warnings"])
}

/// Examples are named so that cargo counts dev-dependencies in: without them tokio has other
/// features than for clippy, and all that stands on it would be checked a second time. (`--bins`
/// would clash with libraries of the same name.)
fn doc(workspace: &Workspace) -> Result<(), StepError> {
    let all = [
        "doc",
        "--locked",
        "--workspace",
        "--all-features",
        "--no-deps",
    ];
    let targets = ["--lib", "--examples", "--bin", "xtask", "--bin", "joblog"];
    let doc = workspace.cargo().args(all).args(targets);
    Ok(doc.env("RUSTDOCFLAGS", "-D warnings").run()?)
}

fn all_tests(workspace: &Workspace) -> Result<(), StepError> {
    Ok(test::test(workspace, &test::everything())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(only: &[&str], from: Option<&str>) -> Vec<&'static str> {
        let only = only.iter().map(ToString::to_string).collect();
        let args = CiArgs {
            only,
            from: from.map(str::to_owned),
            list: false,
        };
        STEPS
            .iter()
            .filter(|step| is_chosen(step, &args))
            .map(|step| step.name)
            .collect()
    }

    #[test]
    fn without_a_choice_every_step_runs() {
        assert_eq!(chosen(&[], None).len(), STEPS.len());
    }

    #[test]
    fn only_runs_what_it_names_in_the_order_of_the_steps() {
        assert_eq!(chosen(&["test", "fmt"], None), ["fmt", "test"]);
    }

    #[test]
    fn from_runs_that_step_and_all_after_it() {
        assert_eq!(chosen(&[], Some("deny")), ["deny", "advisories", "test"]);
    }

    #[test]
    fn a_failed_step_says_how_to_run_it_alone() {
        let source = StepError::Run(Cmd::new("no-such-program").run().unwrap_err());
        let error = CiError::Step {
            name: "clippy",
            time: "41 s".to_owned(),
            source,
        };
        assert!(
            error.to_string().contains("cargo xtask ci --only clippy"),
            "{error}"
        );
    }

    #[test]
    fn every_crate_that_is_checked_alone_is_there() {
        let packages = Workspace::find().unwrap().metadata().unwrap().packages;
        for name in ALONE {
            assert!(
                packages.iter().any(|package| package.name == name),
                "{name}"
            );
        }
    }
}
