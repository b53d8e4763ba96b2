//! The project's own commands: `cargo xtask --help`.
//!
//! This file only reads the command line and hands over. Each command has a module of its own:
//!
//! | command | module | in one line |
//! |---|---|---|
//! | `ci` | [`mod@ci`] | everything that has to pass, step by step |
//! | `test` | [`mod@test`] | the tests, with the Redis that they need |
//! | `tidy` | [`tidy`] | house rules that no lint knows |
//! | `dev` | [`dev`] | Redis by compose, and the API against it |
//! | `bench` | [`mod@bench`] | the benchmarks there are |
//! | `fuzz` | [`mod@fuzz`] | the fuzz targets there are |
//! | `redis-image` | [`redis_image`] | a Redis image without a registry |
//! | `image` | [`image`] | the API's image without a registry |

mod bench;
mod bench_scale;
mod ci;
mod cli;
mod clock;
mod compose;
mod deny;
mod dev;
mod docker;
mod fuzz;
mod host;
mod image;
mod process;
mod redis_image;
mod rootfs;
mod say;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::say::say;
use crate::workspace::Workspace;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(format_args!("xtask: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// What can go wrong, by command. The texts are whole sentences: they are all that a person sees.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Workspace(#[from] workspace::WorkspaceError),
    #[error(transparent)]
    Ci(#[from] ci::CiError),
    #[error(transparent)]
    Test(#[from] test::TestError),
    #[error(transparent)]
    Tidy(#[from] tidy::TidyError),
    #[error(transparent)]
    Dev(#[from] dev::DevError),
    #[error(transparent)]
    Bench(#[from] bench::BenchError),
    #[error(transparent)]
    Fuzz(#[from] fuzz::FuzzError),
    #[error(transparent)]
    Image(#[from] rootfs::ImageError),
}

fn run(command: Command) -> Result<(), Failure> {
    let workspace = Workspace::find()?;
    match command {
        Command::Ci(args) => ci::ci(&workspace, &args)?,
        Command::Test(args) => test::test(&workspace, &args)?,
        Command::Tidy => tidy::tidy(&workspace)?,
        Command::Dev(args) => dev::dev(&workspace, &args)?,
        Command::Bench(args) => bench::bench(&workspace, &args)?,
        Command::Fuzz(args) => fuzz::fuzz(&workspace, &args)?,
        Command::RedisImage(args) => redis_image::build(&args)?,
        Command::Image(args) => image::build(&workspace, &args)?,
    }
    Ok(())
}
