//! The command line: `run`, `tail`, `cat`, `create`, `status`.

#![expect(
    clippy::doc_markdown,
    reason = "clap prints these comments, and a terminal shows no Markdown"
)]

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::environment::{self, Environment};
use crate::exit::{self, Failure};
use crate::say::Say;
use crate::show::{Color, Column, Style};
use crate::since::{self, Since};
use crate::{cat, job, pages, run, tail};

/// Build logs from a terminal: runs a command as a job, follows a job's log, prints it.
#[derive(Debug, Parser)]
#[command(name = "joblog", version, after_help = help(), arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
In one terminal:
  export REDIS_URL=redis://127.0.0.1:6379 JOBLOG_JOB=build-1
  joblog run --user user_ann -- cargo build
In another:
  export REDIS_URL=redis://127.0.0.1:6379 JOBLOG_JOB=build-1
  joblog tail --from start
From anywhere, through the API:
  JOBLOG_TOKEN=eyJ… joblog tail --url https://logs.example.com build-1";

fn help() -> String {
    [EXAMPLES, environment::HELP, exit::CODES].join("\n\n")
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command as a job: show its output, ship it to the job's log, end the job as the command ends
    #[command(after_help = run_help())]
    Run(RunArgs),
    /// Follow a job's log, to its end
    #[command(after_help = tail_help())]
    Tail(TailArgs),
    /// Print a job's whole log, as far as it is there
    #[command(after_help = cat_help())]
    Cat(CatArgs),
    /// Create a job, queued, for a command that is run later
    Create(CreateArgs),
    /// Print where a job is: its status; through the API `ready`, `failed`, or `running` for all others
    Status(StatusArgs),
    /// Print the completions of a shell
    #[command(
        after_help = "For example: joblog completions bash > ~/.local/share/bash-completion/completions/joblog"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of joblog, or of one of its commands
    #[command(after_help = "For example: joblog man > joblog.1; joblog man run | man -l -")]
    Man {
        /// A command
        command: Option<String>,
    },
}

fn run_help() -> String {
    let text = "\
The command's output is shown as it is, colours and secrets included. The log holds no terminal control, and no
secret: neither the values of --secret-env nor what looks like one. Signals are passed on to the command.

The job is made where it is missing, which takes --user: nobody could read a job without an owner. One that has
ended is refused. A job that is queued becomes `starting`; at the end it walks on to `ready` if the command ended
with 0, else to `failed`.

While Redis is away the command goes on and its lines wait, 8 MiB of them; a buffer that stays full for 30 s drops
lines, and the log says how many. At the end joblog waits for Redis, up to --give-up-after; Ctrl-C ends the wait.

Many tools print colours to a terminal only, and here they write to a pipe: CARGO_TERM_COLOR=always, FORCE_COLOR=1.

Examples:
  joblog run --redis redis://127.0.0.1:6379 --job build-1 --user user_ann -- cargo build
  joblog run --job build-2 --secret-env NPM_TOKEN --phase install -- npm ci
  joblog run --job build-3 -- sh -c 'make && make test'";
    [text, exit::RUN_CODES].join("\n\n")
}

fn tail_help() -> String {
    let text = "\
Without --from and --since only lines from now on are printed. A broken connection is taken up where it broke off.
`joblog: lines … are missing` on standard error tells of lines that were gone before they could be read.

Examples:
  joblog tail build-1 --from start
  joblog tail build-1 --since 10m --show ts,source
  joblog tail build-1 --json | jq -r .text
  joblog tail build-1 --url https://logs.example.com --token-command 'my-cli session-token'";
    [text, exit::CODES].join("\n\n")
}

fn cat_help() -> String {
    let text = "\
Examples:
  joblog cat build-1 | less
  joblog cat build-1 --show ts,source,phase
  joblog cat build-1 --since 2026-01-02T03:04:05Z --json";
    [text, exit::CODES].join("\n\n")
}

/// The job.
#[derive(Debug, Args)]
pub(crate) struct JobArg {
    /// The job's id [env: JOBLOG_JOB]
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
}

/// Redis.
#[derive(Debug, Args)]
pub(crate) struct RedisArgs {
    /// The Redis that holds jobs and logs; one with a password belongs in the environment, where others do not see it [env: REDIS_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,
    /// Where a job is in Redis
    #[arg(long, value_name = "PATTERN", default_value = "job:{job_id}")]
    pub(crate) job_key: String,
}

/// Redis or the API.
#[derive(Debug, Args)]
pub(crate) struct OriginArgs {
    /// The API, instead of Redis [env: JOBLOG_URL]
    #[arg(long, value_name = "URL", conflicts_with = "redis")]
    pub(crate) url: Option<String>,
    /// A shell command that prints a session token, run anew for each connection [else: the token in JOBLOG_TOKEN]
    #[arg(long, value_name = "COMMAND")]
    pub(crate) token_command: Option<String>,
    #[command(flatten)]
    pub(crate) redis: RedisArgs,
    /// How long to try while Redis or the API is away
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) give_up_after: Duration,
}

#[derive(Debug, Args)]
struct StyleArgs {
    /// Print each line as a JSON object, as the API gives it
    #[arg(long, conflicts_with_all = ["show", "color"])]
    json: bool,
    /// Columns before the text
    #[arg(long, value_enum, value_delimiter = ',', value_name = "COLUMNS")]
    show: Vec<Column>,
    /// Colours: the text's own, and one for each source
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) redis: RedisArgs,
    /// The job's id [env: JOBLOG_JOB]
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,
    /// The owner of the job, where it is to be made [env: JOBLOG_USER]
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// A variable whose value must not get into the log; may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) secret_env: Vec<String>,
    /// The phase that the lines carry: scaffold, code, install, checks
    #[arg(long, value_name = "PHASE")]
    pub(crate) phase: Option<String>,
    /// Keep colours in the log, for viewers that render them
    #[arg(long)]
    pub(crate) keep_colors: bool,
    /// How long to wait for Redis when the command has ended
    #[arg(long, value_name = "SECONDS", default_value = "90", value_parser = seconds)]
    pub(crate) give_up_after: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
struct TailArgs {
    #[command(flatten)]
    job: JobArg,
    #[command(flatten)]
    origin: OriginArgs,
    /// Begin with the first line that is there
    #[arg(long, value_name = "start", value_parser = ["start"], conflicts_with = "since")]
    from: Option<String>,
    /// Begin with the lines of so long ago, or of a time: 10m, 1h30m, 2026-01-02T03:04:05Z
    #[arg(long, value_name = "TIME", value_parser = since::parse)]
    since: Option<Since>,
    #[command(flatten)]
    style: StyleArgs,
}

#[derive(Debug, Args)]
struct CatArgs {
    #[command(flatten)]
    job: JobArg,
    #[command(flatten)]
    origin: OriginArgs,
    /// Begin with the lines of so long ago, or of a time: 10m, 1h30m, 2026-01-02T03:04:05Z
    #[arg(long, value_name = "TIME", value_parser = since::parse)]
    since: Option<Since>,
    #[command(flatten)]
    style: StyleArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    pub(crate) job: JobArg,
    #[command(flatten)]
    pub(crate) redis: RedisArgs,
    /// Who may read it [env: JOBLOG_USER]
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) job: JobArg,
    #[command(flatten)]
    pub(crate) origin: OriginArgs,
}

/// Where a log is printed from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    /// Lines from now on.
    Now,
    /// All that is there.
    Start,
    /// Lines of a time, and later.
    Since(Since),
}

impl StyleArgs {
    fn style(self) -> Style {
        Style {
            json: self.json,
            columns: self.show,
            color: self.color,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 0..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a whole number of seconds, a day at most".to_owned()),
    }
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut say = Say::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(Box::pin(command(cli.command, &mut say)));
            // A write to a standard output that nobody reads may hang for ever.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::new(Failure::OTHER, error)),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            say.note(&failure);
            ExitCode::from(failure.code)
        }
    }
}

async fn command(command: Command, say: &mut Say) -> Result<u8, Failure> {
    let env = Environment;
    match command {
        Command::Run(args) => run::run(args, env, say).await,
        Command::Tail(args) => {
            let from = match (args.from, args.since) {
                (Some(_), _) => From::Start,
                (None, Some(since)) => From::Since(since),
                (None, None) => From::Now,
            };
            tail::tail(args.job, args.origin, from, args.style.style(), env, say).await
        }
        Command::Cat(args) => {
            let from = args.since.map_or(From::Start, From::Since);
            cat::cat(args.job, args.origin, from, args.style.style(), env, say).await
        }
        Command::Create(args) => job::create(args, env, say).await,
        Command::Status(args) => job::status(args, env, say).await,
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { command } => pages::manual(command.as_deref()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_option_takes_a_secret() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments() {
                let long = argument.get_long().unwrap_or_default();
                assert!(!matches!(long, "token" | "password" | "secret"), "--{long}");
            }
        }
    }
}
