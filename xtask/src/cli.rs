//! The command table: names, arguments and the help that teaches them.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::{ci, redis_image};

const EXAMPLES: &str = "\
Where to begin:
  cargo xtask test             all tests, on a real Redis that is set up where it can be
  cargo xtask ci               what has to pass before a change lands
  cargo xtask ci --only clippy one step of it
  cargo xtask dev              the API on http://127.0.0.1:8080, against Redis by compose

`cargo xtask help COMMAND` says more about each.";

/// The project's own commands.
///
/// Plain cargo does the everyday work (`cargo check`, `cargo run -- demo`); these commands do what
/// takes more than one program.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ci(CiArgs),
    Test(TestArgs),
    /// Check the house rules that no lint knows.
    ///
    /// Module docs, file sizes, paths of somebody's machine, ignored tests, layers between crates,
    /// manifests, documents. docs/STYLE.md gives the reasons. It is also a test of the xtask crate.
    Tidy,
    Dev(DevArgs),
    Bench(BenchArgs),
    Fuzz(FuzzArgs),
    RedisImage(RedisImageArgs),
    Image(ImageArgs),
}

/// Run everything that has to pass, step by step.
///
/// Stops at the first step that fails and says how to run it alone. Installs what it needs where
/// that is missing (cargo-deny), and says so. The steps share one target folder and, as far as
/// cargo lets them, one set of features, so that nothing is built twice.
#[derive(Args, Debug)]
pub(crate) struct CiArgs {
    /// Run this step only. May be given several times.
    #[arg(long, value_name = "STEP", value_parser = step_names(), conflicts_with = "from")]
    pub(crate) only: Vec<String>,
    /// Begin at this step.
    #[arg(long, value_name = "STEP", value_parser = step_names())]
    pub(crate) from: Option<String>,
    /// Say what the steps are, and run none.
    #[arg(long)]
    pub(crate) list: bool,
}

/// Run the tests, with the Redis that they need.
///
/// Where a Docker engine answers, the tests start Redis containers: the image is pulled, or made by
/// `redis-image` where there is no registry. Where none answers, they start `redis-server` from the
/// PATH: on Debian it is installed, if this is root. One line says which it is. Then the doc tests
/// run, and then all others, by cargo-nextest if it is there (it ends a test that hangs), else by
/// `cargo test`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask test                        everything
  cargo xtask test -p log-store           one crate
  cargo xtask test -p log-store redis::   its tests with `redis::` in their names
  cargo xtask test -- --no-capture        any other argument of the runner")]
pub(crate) struct TestArgs {
    /// Test this crate only. May be given several times.
    #[arg(short, long = "package", value_name = "CRATE")]
    pub(crate) packages: Vec<String>,
    /// Leave the doc tests out. They also stay out where arguments for the runner are given.
    #[arg(long)]
    pub(crate) no_doc: bool,
    /// Handed to the runner as they stand: a part of a test's name, or its options after `--`.
    #[arg(value_name = "ARGS", trailing_var_arg = true)]
    pub(crate) runner_args: Vec<String>,
}

/// Run Redis by compose, and the API against it.
///
/// Redis comes from docker-compose.yml (append-only, on 127.0.0.1 only) and is stopped at the end;
/// its data stays in a volume. The API is compiled and run here, with the settings of `.env` (see
/// .env.example) and, for what that leaves out, settings for development. Ctrl-C ends both.
#[derive(Args, Debug)]
pub(crate) struct DevArgs {
    /// Handed to `log-api serve` as they stand.
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) serve_args: Vec<String>,
}

/// List the benchmarks, or run one.
///
/// Every bench target of the workspace is known by itself; its line here is the first of its file.
/// `scale` and `peers` measure whole servers in processes of their own, `peers` beside
/// durable-streams and nchan, which it installs; the results are in target/bench, and `plan` works
/// out from them what one million viewers need.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask bench                     what there is
  cargo xtask bench pages               one
  cargo xtask bench scale --list        the cases at scale, and how long they take
  cargo xtask bench scale idle --runs 1 one of them, once
  cargo xtask bench peers --quick       a quick look, not for quoting")]
pub(crate) struct BenchArgs {
    /// The benchmark to run, or `all`. None: a list of them.
    pub(crate) name: Option<String>,
    /// Handed to the benchmark as they stand, after `--`: a filter, `--quick`, …
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) bench_args: Vec<String>,
}

/// Run the fuzz targets, each for a minute.
///
/// A target is a binary of a `fuzz` folder beside a crate. It begins with the seeds that are committed
/// there, keeps what it learns below `target/fuzz`, and fails at the first input that breaks its check:
/// put that among the seeds, where an ordinary test goes on running it. Needs a nightly toolchain by
/// rustup; installs cargo-fuzz where it is missing, and says so.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask fuzz                  every target, a minute each
  cargo xtask fuzz auth             one crate's
  cargo xtask fuzz token --secs 5   one target, shortly")]
pub(crate) struct FuzzArgs {
    /// Run the targets of this crate, or of this name, only. May be given several times.
    #[arg(value_name = "CRATE|TARGET")]
    pub(crate) names: Vec<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) secs: u64,
    /// Say what the targets are, and run none.
    #[arg(long)]
    pub(crate) list: bool,
}

/// Make a Redis image from Debian's redis-server, without a registry.
///
/// The image gets the name that the tests and docker-compose.yml use, so that they find it where
/// the official one cannot be pulled. It takes a second.
#[derive(Args, Debug)]
pub(crate) struct RedisImageArgs {
    /// The name to give it.
    #[arg(default_value = redis_image::REDIS_IMAGE)]
    pub(crate) tag: String,
    /// Make it even where an image of that name is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Make the API's image from the binary compiled here, without a registry.
///
/// The same shape as the last stage of the Dockerfile, for machines where base images cannot be
/// pulled: docker-compose.yml finds it under its name.
#[derive(Args, Debug)]
pub(crate) struct ImageArgs {
    /// The name to give it.
    #[arg(default_value = crate::image::API_IMAGE)]
    pub(crate) tag: String,
}

fn step_names() -> PossibleValuesParser {
    PossibleValuesParser::new(ci::STEPS.map(|step| step.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_table_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_command_says_what_it_is_for() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }

    #[test]
    fn an_unknown_step_is_answered_with_the_steps_there_are() {
        let error = Cli::try_parse_from(["xtask", "ci", "--only", "lint"]).unwrap_err();
        assert!(error.to_string().contains("clippy"), "{error}");
    }

    #[test]
    fn arguments_of_the_runner_pass_as_they_stand() {
        let args = ["xtask", "test", "-p", "log-store", "--", "--no-capture"];
        let Command::Test(test) = Cli::try_parse_from(args).unwrap().command else {
            panic!("another command");
        };
        assert_eq!(test.packages, ["log-store"]);
        assert_eq!(test.runner_args, ["--no-capture"]);
    }
}
