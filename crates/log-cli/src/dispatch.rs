//! Parses the command line, runs the command, and returns its exit code.

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::{Cli, Command, RedisArgs};
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
        Err(error) => print_parse_error(&error, &mut terminal),
    };
    let code = result.unwrap_or_else(|failure| {
        terminal.message(&failure);
        failure.code
    });
    ExitCode::from(code)
}

/// Prints the help or the version to standard output, and a usage error to standard error.
fn print_parse_error(error: &clap::Error, terminal: &mut Terminal) -> Result<u8, Failure> {
    // The command line that could not be parsed is known only as text.
    let is_run = std::env::args_os().nth(1).is_some_and(|word| word == "run");
    let code = if is_run {
        Failure::RUN_FAILED
    } else {
        Failure::USAGE
    };
    if is_run && let Some(word) = command_without_dashes(error) {
        terminal.message(format_args!(
            "put `--` before the command: joblog run [OPTIONS] -- {word} …"
        ));
        return Ok(code);
    }
    let printed = error.print();
    if error.use_stderr() {
        // If standard error cannot be written, the exit code has to be enough.
        return Ok(code);
    }
    stdout::check(printed)?;
    Ok(0)
}

/// The word that would be the command, if only the `--` before it is missing.
fn command_without_dashes(error: &clap::Error) -> Option<&str> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(word) if !word.starts_with('-') => Some(word),
        _ => None,
    }
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
        Command::Run(args) => {
            let url = api_url(args.url.clone(), &args.redis, env);
            run::run(url.as_deref(), args, env, terminal).await
        }
        Command::Tail(args) => tail::tail(args, env, terminal).await,
        Command::Cat(args) => cat::cat(args, env, terminal).await,
        Command::Create(args) => match api_url(args.url.clone(), &args.redis, env) {
            Some(url) => create::create_at(&url, args, env, terminal).await,
            None => create::create(args, env, terminal).await,
        },
        Command::Status(args) => status::status(args, env, terminal).await,
        Command::Completions { shell } => pages::print_completions(shell),
        Command::Man { command } => pages::print_manual(command.as_deref()),
        Command::Discard => run::discard(),
    }
}

/// The API to write to: that of the option or, where nothing names a Redis, that of the environment.
fn api_url(option: Option<String>, redis: &RedisArgs, env: Environment) -> Option<String> {
    let names_redis = redis.redis.is_some()
        || ["JOBLOG_REDIS_URL", "REDIS_URL"]
            .iter()
            .any(|name| env.get(name).is_some());
    option.or_else(|| env.get("JOBLOG_URL").filter(|_| !names_redis))
}
