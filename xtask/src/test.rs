//! `cargo xtask test`: the README's test command.
//!
//! The tests find their Redis themselves and fail where there is none; this command sets one up
//! where it can, says which it will be, and then lets cargo's own output through untouched.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use crate::cli::TestArgs;
use crate::docker;
use crate::host;
use crate::process::{Cmd, RunError};
use crate::redis_image;
use crate::rootfs::ImageError;
use crate::say::say;
use crate::workspace::{Workspace, WorkspaceError};

/// Where the tests' Redis runs: `docker`, `binary` or `auto`. `test-support` reads it too.
const MODE_SETTING: &str = "TEST_REDIS";
/// Names another image for the tests. `test-support` reads it too.
const IMAGE_SETTING: &str = "TEST_REDIS_IMAGE";

/// Tells the tests which Redis they share. `test-support` reads it.
const SHARED_SETTING: &str = "TEST_REDIS_URL";

/// Why the tests did not pass, or did not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TestError {
    /// The runner said no; it has said which tests.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The workspace could not be read.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The server that the tests share did not start; it has said why.
    #[error("the Redis of the tests did not start: its reason is above")]
    NoRedis,
}

/// All tests there are: what `ci` runs.
pub(crate) fn everything() -> TestArgs {
    TestArgs {
        packages: Vec::new(),
        no_doc: false,
        runner_args: Vec::new(),
    }
}

/// `cargo xtask test`.
pub(crate) fn test(workspace: &Workspace, args: &TestArgs) -> Result<(), TestError> {
    let redis = prepare_redis();
    let nextest = workspace
        .cargo()
        .args(["nextest", "--version"])
        .read()
        .is_ok();
    let runner = if nextest {
        "cargo-nextest"
    } else {
        "cargo test (cargo-nextest is not here)"
    };
    say(format_args!("Tests: {redis}; run by {runner}."));

    // First, because the runner's summary of all others has to be the last thing on the screen.
    if !args.no_doc && args.runner_args.is_empty() {
        run_doc_tests(workspace, args)?;
    }
    let redis = SharedRedis::start(workspace, &args.packages)?;
    let tests = if nextest {
        workspace.cargo().args(["nextest", "run"])
    } else {
        workspace
            .cargo()
            .args(["test", "--lib", "--bins", "--tests", "--examples"])
    };
    Ok(with_selection(tests, &args.packages)
        .args(&args.runner_args)
        .env(SHARED_SETTING, &redis.url)
        .run()?)
}

/// The Redis of all tests that use jobs of their own. It ends with this value, or with this process.
struct SharedRedis {
    process: Child,
    url: String,
}

impl SharedRedis {
    fn start(workspace: &Workspace, packages: &[String]) -> Result<Self, TestError> {
        let name = "shared-redis";
        // The selection of the tests: with another one, dependencies would be compiled a second time.
        let mut packages = packages.to_vec();
        if !packages.is_empty() {
            packages.push("test-support".to_owned());
        }
        with_selection(workspace.cargo().arg("build"), &packages)
            .args(["--example", name])
            .run()?;
        let target = workspace.metadata()?.target_directory;
        let program = target.join("debug/examples").join(name);
        let mut process = Cmd::new(program).start_piped()?;
        let mut url = String::new();
        if let Some(out) = process.stdout.take() {
            // An error leaves the address empty, which the next line reports.
            let _ = BufReader::new(out).read_line(&mut url);
        }
        let url = url.trim().to_owned();
        if url.is_empty() {
            return Err(TestError::NoRedis);
        }
        Ok(Self { process, url })
    }
}

impl Drop for SharedRedis {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn run_doc_tests(workspace: &Workspace, args: &TestArgs) -> Result<(), TestError> {
    let packages = workspace.metadata()?.packages;
    let has_library = |name: &String| packages.iter().any(|p| p.name == *name && p.has_library());
    let chosen: Vec<String> = args
        .packages
        .iter()
        .filter(|n| has_library(n))
        .cloned()
        .collect();
    if chosen.is_empty() && !args.packages.is_empty() {
        return Ok(());
    }
    Ok(with_selection(workspace.cargo().args(["test", "--doc"]), &chosen).run()?)
}

/// Cargo ignores `--package` beside `--workspace`, so it is one or the other.
fn with_selection(cargo: Cmd, packages: &[String]) -> Cmd {
    let cargo = cargo.args(["--locked", "--all-features"]);
    if packages.is_empty() {
        return cargo.arg("--workspace");
    }
    cargo.args(packages.iter().flat_map(|package| ["--package", package]))
}

/// Sets up a Redis where that is possible and says what the tests will find. Nothing here fails:
/// tests that need no Redis run anyway, and those that do say themselves what is missing.
fn prepare_redis() -> String {
    let mode = host::setting(MODE_SETTING);
    let ready = match mode.as_deref() {
        Some("docker") => redis_in_docker(),
        Some("binary") => redis_on_path(),
        _ if docker::answers() => redis_in_docker(),
        _ => redis_on_path().map(|redis| format!("no Docker engine answers, so {redis}")),
    };
    ready.unwrap_or_else(|error| format!("no Redis, so those that need one will fail ({error})"))
}

fn redis_in_docker() -> Result<String, ImageError> {
    let image = host::setting(IMAGE_SETTING);
    let image = image.as_deref().unwrap_or(redis_image::REDIS_IMAGE);
    redis_image::ensure(image)?;
    Ok(format!("Redis in containers of {image}"))
}

fn redis_on_path() -> Result<String, ImageError> {
    let server = redis_image::find_or_install("redis-server")?;
    Ok(format!("Redis as {}", server.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_choice_the_whole_workspace_is_tested() {
        let line = with_selection(Cmd::new("cargo").arg("test"), &[]).to_string();
        assert_eq!(line, "cargo test --locked --all-features --workspace");
    }

    #[test]
    fn chosen_crates_take_the_place_of_the_workspace() {
        let chosen = ["auth".to_owned(), "log-hub".to_owned()];
        let line = with_selection(Cmd::new("cargo").arg("test"), &chosen).to_string();
        let want = "cargo test --locked --all-features --package auth --package log-hub";
        assert_eq!(line, want);
    }
}
