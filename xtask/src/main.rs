//! The project's own commands: `cargo xtask help`.
//!
//! Each command has a file of its own with its arguments and its help text; this file only calls it. Errors are
//! `anyhow` errors: nobody matches on them, a person reads them.

mod bench;
mod cargo;
mod ci;
mod dev;
mod fuzz;
mod image;
mod outside;
mod readmes;
mod semver;
mod targets;
mod test;
mod tidy;
mod weight;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cargo::say;

const EXAMPLES: &str = "\
Where to begin:
  cargo xtask test             all tests, on a real Redis that the command sets up
  cargo xtask ci               what must pass before a change lands
  cargo xtask ci --only clippy one step of it
  cargo xtask dev              the API on http://127.0.0.1:8080, with Redis by compose

`cargo xtask help COMMAND` says more about each command.";

/// The project's own commands.
///
/// Plain cargo does the everyday work (`cargo check`, `cargo run -- demo`). These commands do what takes more than one
/// program.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ci(ci::CiArgs),
    Test(test::TestArgs),
    Outside(outside::OutsideArgs),
    /// Check the house rules that no lint knows.
    ///
    /// Module docs, file sizes, files that import each other in a circle, paths of somebody's machine, ignored tests,
    /// manifests, layers between crates, documents. docs/STYLE.md gives the reasons.
    Tidy,
    Dev(dev::DevArgs),
    Bench(bench::BenchArgs),
    Fuzz(fuzz::FuzzArgs),
    Semver(semver::SemverArgs),
    Weight(weight::WeightArgs),
    RedisImage(image::RedisImageArgs),
    Image(image::ImageArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let sh = cargo::shell()?;
    match command {
        Command::Ci(args) => ci::run(&sh, &args),
        Command::Test(args) => test::run(&sh, &args),
        Command::Outside(args) => outside::run(&sh, &args),
        Command::Tidy => tidy::run(&sh),
        Command::Dev(args) => dev::run(&sh, &args),
        Command::Bench(args) => bench::run(&sh, &args),
        Command::Fuzz(args) => fuzz::run(&sh, &args),
        Command::Semver(args) => semver::run(&sh, &args),
        Command::Weight(args) => weight::run(&sh, &args),
        Command::RedisImage(args) => image::redis(&sh, &args),
        Command::Image(args) => image::api(&sh, &args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_table_is_sound() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }
}
