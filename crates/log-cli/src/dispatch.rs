//! Parses the command line, runs the command, and returns its exit code.

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::commands::{cat, create, pages, run, status, tail};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::stdout;
use crate::terminal::Terminal;

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let mut terminal = Terminal::new();
    let result = match Cli::try_parse() {
        Ok(cli) => run_command(cli.command, &mut terminal),
        Err(error) => print_parse_error(&error),
    };
    let code = result.unwrap_or_else(|failure| {
        terminal.message(&failure);
        failure.code
    });
    ExitCode::from(code)
}

/// Prints the help or the version to standard output, and a usage error to standard error.
fn print_parse_error(error: &clap::Error) -> Result<u8, Failure> {
    let printed = error.print();
    if error.use_stderr() {
        // If standard error cannot be written, the exit code has to be enough.
        return Ok(Failure::USAGE);
    }
    stdout::check(printed)?;
    Ok(0)
}

fn run_command(command: Command, terminal: &mut Terminal) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Failure::OTHER, error))?;
    let result = runtime.block_on(Box::pin(dispatch(command, terminal)));
    // A write to a standard output that nobody reads may block for ever. Do not wait for it.
    runtime.shutdown_background();
    result
}

async fn dispatch(command: Command, terminal: &mut Terminal) -> Result<u8, Failure> {
    let env = Environment;
    match command {
        Command::Run(args) => run::run(args, env, terminal).await,
        Command::Tail(args) => tail::tail(args, env, terminal).await,
        Command::Cat(args) => cat::cat(args, env, terminal).await,
        Command::Create(args) => create::create(args, env, terminal).await,
        Command::Status(args) => status::status(args, env, terminal).await,
        Command::Completions { shell } => pages::print_completions(shell),
        Command::Man { command } => pages::print_manual(command.as_deref()),
    }
}
