//! `cargo xtask test`: the tests, with the Redis that they need.
//!
//! One Redis is started for all tests that use jobs of their own. Tests that stop or configure a server start their own;
//! `test-support` does that. Suites that need more than a Redis run with `--full` only; what did not run is listed at
//! the end, with the reason.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use xshell::{Shell, cmd};

use crate::cargo::{
    Metadata, Package, cargo, metadata, say, setting, succeeds, without_own_variables,
};
use crate::image;
use crate::outside::{self, OutsideArgs};

/// Run the tests, with the Redis that they need.
///
/// Where a Docker engine answers, Redis runs in containers: the image is pulled, or made by `redis-image` where there is
/// no registry. Elsewhere `redis-server` from the PATH is started; on Debian, as root, it is installed first. Then the
/// crates of `examples/outside` are tested, then the doc tests run, and then all others: by cargo-nextest if it is there (it
/// ends a test that hangs), else by `cargo test`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Examples:
  cargo xtask test                        everything that needs a Redis and nothing else
  cargo xtask test --full                 also the suites that need a browser, proxies or other people's clients
  cargo xtask test -p log-store           one crate
  cargo xtask test -p log-store redis::   its tests with `redis::` in their names
  cargo xtask test -- --no-capture        any other argument of the runner")]
pub(crate) struct TestArgs {
    /// Test this crate only. May be given several times.
    #[arg(short, long = "package", value_name = "CRATE")]
    pub(crate) packages: Vec<String>,
    /// Also run the suites that need more than a Redis, and install what they need.
    #[arg(long)]
    pub(crate) full: bool,
    /// Leave out the crates of `examples/outside`. They also stay out where crates or arguments for the runner are given.
    #[arg(long)]
    pub(crate) no_outside: bool,
    /// Leave the doc tests out. They also stay out where arguments for the runner are given.
    #[arg(long)]
    pub(crate) no_doc: bool,
    /// Passed to the runner as they are: a part of a test's name, or its options after `--`.
    #[arg(value_name = "ARGS", trailing_var_arg = true)]
    pub(crate) runner_args: Vec<String>,
}

/// Kinds of test targets that need more than a Redis, and the programs that they need. Debian has each program in a
/// package of its name, or of the name behind a `=`. `python:` is a list of Python packages, `rust:` a folder with a workspace
/// of its own. Any crate may have such a target: `tests/<name>/main.rs`.
const SUITES: [(&str, &[&str]); 2] = [
    (
        "browser",
        &[
            "chromium",
            "chromedriver=chromium-driver",
            "nginx",
            "openssl",
        ],
    ),
    (
        "clients",
        &[
            "nginx",
            "haproxy",
            "caddy",
            "apache2",
            "varnishd=varnish",
            "chromium",
            "node=nodejs",
            "curl",
            "openssl",
            "unshare=util-linux",
            "python:crates/log-api/tests/clients/requirements.txt",
            "rust:crates/log-api/tests/clients/rust",
        ],
    ),
];

/// `cargo xtask test`.
pub(crate) fn run(sh: &Shell, args: &TestArgs) -> anyhow::Result<()> {
    let metadata = metadata(sh, "Cargo.toml")?;
    let chosen = chosen(&metadata, &args.packages)?;
    let not_run = suites_left_out(&chosen, |programs| {
        prepare_suite(sh, programs, args.full, &metadata)
    });
    // First, because the runner's summary of all others should be the last thing on the screen.
    if !args.no_outside && args.packages.is_empty() && args.runner_args.is_empty() {
        outside::run(sh, &OutsideArgs::default())?;
    }
    if !args.no_doc && args.runner_args.is_empty() {
        run_doc_tests(sh, args, &chosen)?;
    }
    let needs_redis = |package: &&Package| package.depends_on("test-support");
    let runner = if chosen.iter().any(needs_redis) {
        let program = with_redis(sh, &args.packages, &metadata)?;
        sh.cmd(program).arg("cargo")
    } else {
        sh.cmd("cargo")
    };
    let tests = without_own_variables(runner).args(arguments(sh, &not_run));
    let tests = tests.args(selection(&args.packages));
    let outcome = tests.args(&args.runner_args).run();
    for (suite, reason) in &not_run {
        say(format_args!("Not run: tests/{suite}: {reason}"));
    }
    if args.packages.is_empty() && args.runner_args.is_empty() {
        say("Not run, because they are no tests: cargo xtask fuzz, cargo xtask bench.");
    }
    Ok(outcome?)
}

fn chosen<'a>(metadata: &'a Metadata, names: &[String]) -> anyhow::Result<Vec<&'a Package>> {
    let packages = metadata.packages.iter();
    for name in names {
        let is_there = packages.clone().any(|package| package.name == *name);
        ensure!(is_there, "there is no crate `{name}`");
    }
    let is_chosen = |package: &&Package| names.is_empty() || names.contains(&package.name);
    Ok(packages.filter(is_chosen).collect())
}

/// Cargo's arguments for nextest, with more threads than cores because most tests wait most of the time; or for
/// `cargo test`.
fn arguments(sh: &Shell, not_run: &[(&str, String)]) -> Vec<String> {
    let words = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    if !succeeds(cargo(sh, "nextest --version")) {
        say("cargo-nextest is missing: `cargo test` runs the tests. It ends none that hangs.");
        return words("test --lib --bins --tests --examples");
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut run = words(&format!("nextest run --test-threads={}", 4 * cores));
    if !not_run.is_empty() {
        let names = not_run.iter().map(|(name, _)| format!("binary({name})"));
        let names = names.collect::<Vec<_>>().join(" + ");
        run.extend(["--filterset".to_owned(), format!("not ({names})")]);
    }
    run
}

/// Says why a suite cannot run, or installs what it needs.
fn prepare_suite(
    sh: &Shell,
    programs: &[&str],
    full: bool,
    metadata: &Metadata,
) -> Result<(), String> {
    if !full {
        return Err("it runs with --full".to_owned());
    }
    for program in programs {
        let reason = |_| format!("{program} is missing and cannot be installed");
        let prepared = match program.split_once(':') {
            Some(("python", list)) => install_python(sh, list, metadata),
            Some((_, folder)) => build_rust(sh, folder, metadata),
            None => install(sh, program),
        };
        prepared.map_err(reason)?;
    }
    Ok(())
}

/// Installs a program that is missing: `program`, or `program=package`.
pub(crate) fn install(sh: &Shell, program: &str) -> xshell::Result<()> {
    let (name, package) = program.split_once('=').unwrap_or((program, program));
    cmd!(sh, "sh xtask/install.sh program {name} {package}")
        .quiet()
        .run()
}

/// Installs Python packages of a list for the tests that look for them in `python-clients`.
fn install_python(sh: &Shell, list: &str, metadata: &Metadata) -> xshell::Result<()> {
    let folder = metadata.target_directory.join("tmp/python-clients");
    cmd!(sh, "sh xtask/install.sh python {folder} {list}")
        .quiet()
        .run()
}

/// Builds programs in Rust that are no part of the workspace, for the tests that look for them in `rust-clients`.
fn build_rust(sh: &Shell, folder: &str, metadata: &Metadata) -> xshell::Result<()> {
    say(format_args!(
        "Building {folder} (some minutes for the first time)."
    ));
    let manifest = format!("{folder}/Cargo.toml");
    let target = metadata.target_directory.join("tmp/rust-clients");
    let build = cargo(sh, "build --locked").args(["--manifest-path", &manifest]);
    build.arg("--target-dir").arg(target).quiet().run()
}

/// The suites that some crate has and that cannot run, each with the reason.
fn suites_left_out(
    packages: &[&Package],
    prepare: impl Fn(&[&str]) -> Result<(), String>,
) -> Vec<(&'static str, String)> {
    let has = |package: &Package, suite: &str| {
        let mut targets = package.targets_of_kind("test");
        targets.any(|target| target.name == suite)
    };
    let mut left_out = Vec::new();
    for (suite, programs) in SUITES {
        if packages.iter().any(|package| has(package, suite)) {
            left_out.extend(prepare(programs).err().map(|reason| (suite, reason)));
        }
    }
    left_out
}

fn run_doc_tests(sh: &Shell, args: &TestArgs, chosen: &[&Package]) -> anyhow::Result<()> {
    let has_library = |package: &&&Package| package.targets_of_kind("lib").next().is_some();
    let libraries = chosen.iter().filter(has_library);
    let mut libraries: Vec<_> = libraries.map(|package| package.name.clone()).collect();
    if libraries.is_empty() {
        return Ok(());
    }
    if args.packages.is_empty() {
        libraries.clear();
    }
    Ok(cargo(sh, "test --doc").args(selection(&libraries)).run()?)
}

/// Cargo ignores `--package` beside `--workspace`, so it is one or the other.
fn selection(packages: &[String]) -> Vec<&str> {
    let mut selection = vec!["--locked", "--all-features"];
    if packages.is_empty() {
        selection.push("--workspace");
    }
    selection.extend(packages.iter().flat_map(|package| ["--package", package]));
    selection
}

/// The program that starts a Redis and runs the tests with its address. It is compiled with the selection of the tests:
/// with another one, cargo would compile the dependencies a second time.
fn with_redis(sh: &Shell, packages: &[String], metadata: &Metadata) -> anyhow::Result<PathBuf> {
    prepare_redis(sh)?;
    let mut packages = packages.to_vec();
    if !packages.is_empty() {
        packages.push("test-support".to_owned());
    }
    let build = cargo(sh, "build --example with-redis");
    build.args(selection(&packages)).run()?;
    Ok(metadata.target_directory.join("debug/examples/with-redis"))
}

/// Makes sure that `test-support` can start servers, and says where they will run. It reads the same settings:
/// `TEST_REDIS` is `docker`, `binary` or `auto`; `TEST_REDIS_IMAGE` names another image.
fn prepare_redis(sh: &Shell) -> anyhow::Result<()> {
    let mode = setting("TEST_REDIS");
    let in_docker = match mode.as_deref() {
        Some("docker") => true,
        Some("binary") => false,
        _ => image::engine_answers(sh),
    };
    if in_docker {
        let image = setting("TEST_REDIS_IMAGE").unwrap_or_else(|| image::REDIS_IMAGE.to_owned());
        image::ensure_redis(sh, &image)?;
        say(format_args!("The tests use Redis containers of {image}."));
    }
    // Clusters and Sentinels are processes in any case.
    cmd!(sh, "sh xtask/install.sh program redis-server").run()?;
    if !in_docker {
        say("The tests use the `redis-server` of the PATH.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::{Target, shell};

    #[test]
    fn chosen_crates_take_the_place_of_the_workspace() {
        let start = ["--locked", "--all-features"];
        assert_eq!(selection(&[]), [&start[..], &["--workspace"]].concat());
        let chosen = selection(&["auth".to_owned()]).join(" ");
        assert_eq!(chosen, "--locked --all-features --package auth");
    }

    #[test]
    fn a_suite_that_cannot_run_is_left_out_and_named() {
        let mut package = Package::default();
        package.targets.push(Target {
            name: "browser".to_owned(),
            kind: vec!["test".to_owned()],
            ..Target::default()
        });
        assert_eq!(suites_left_out(&[&package], |_| Ok(())), []);
        assert_eq!(suites_left_out(&[], |_| Err("no chromium".to_owned())), []);
        let left_out = suites_left_out(&[&package], |_| Err("no chromium".to_owned()));
        assert_eq!(left_out, [("browser", "no chromium".to_owned())]);
        let line = arguments(&shell().unwrap(), &left_out).join(" ");
        assert!(line.starts_with("test ") || line.ends_with("not (binary(browser))"));
    }
}
