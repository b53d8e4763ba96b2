//! The command line: commands and options, without any behaviour.

#![expect(
    clippy::doc_markdown,
    reason = "clap prints these comments, and a terminal shows no Markdown"
)]

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::SignedDuration;
use log_writer::Progress;

use crate::help;
use crate::since::{self, Since};
use crate::style::{Color, Column, Style};

/// Build logs in a terminal: run a command as a job, follow the log of a job, print it.
#[derive(Debug, Parser)]
#[command(name = "joblog", version, after_help = help::top(), arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a command as a job: show its output, write it to the job's log, and end the job when the command ends
    #[command(after_help = help::run())]
    Run(RunArgs),
    /// Follow the log of a job until the job ends
    #[command(after_help = help::tail())]
    Tail(TailArgs),
    /// Print the whole log of a job, as it is now
    #[command(after_help = help::cat())]
    Cat(CatArgs),
    /// Create a queued job, for a command that runs later
    #[command(after_help = help::create())]
    Create(CreateArgs),
    /// Print the status of a job
    #[command(after_help = help::status())]
    Status(StatusArgs),
    /// Print a script that completes joblog's commands and options in your shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of joblog, or of one of its commands
    #[command(after_help = help::MANUAL)]
    Man {
        /// The command
        command: Option<String>,
    },
    /// Read what others write to the standard input and error of this process, and discard it
    #[command(name = DISCARD, hide = true)]
    Discard,
}

/// The command by which joblog leaves a reader behind. Not for users.
pub(crate) const DISCARD: &str = "discard-output";

/// The job.
#[derive(Debug, Args)]
pub(crate) struct JobArg {
    /// The id of the job [env: JOBLOG_JOB]
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
}

/// The Redis server.
#[derive(Debug, Args)]
pub(crate) struct RedisArgs {
    /// The Redis server with the jobs and logs. If the URL has a password, use the environment variable: other users can
    /// see the options of a process [env: JOBLOG_REDIS_URL, or else REDIS_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,
    /// A PEM file with the authorities whose certificates Redis may show, instead of those of the system
    /// [env: JOBLOG_REDIS_CA_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) redis_ca_file: Option<String>,
    /// A PEM file with the certificate to show to Redis [env: JOBLOG_REDIS_CERT_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) redis_cert_file: Option<String>,
    /// A PEM file with the key of that certificate [env: JOBLOG_REDIS_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) redis_key_file: Option<String>,
    /// How many replicas of Redis must have a line before it counts as written. Without them lines wait
    /// [env: JOBLOG_REDIS_MIN_REPLICAS] [default: 0]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) redis_min_replicas: Option<String>,
    /// The Redis key of a job
    #[arg(long, value_name = "PATTERN", default_value = "job:{job_id}")]
    pub(crate) job_key: String,
}

/// Redis or the API.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// The API, instead of Redis [env: JOBLOG_URL]
    #[arg(long, value_name = "URL", conflicts_with = "redis")]
    pub(crate) url: Option<String>,
    /// A shell command that prints a session token. It runs before each connection [default: the token in JOBLOG_TOKEN]
    #[arg(long, value_name = "COMMAND")]
    pub(crate) token_command: Option<String>,
    #[command(flatten)]
    pub(crate) redis: RedisArgs,
}

/// How long a question may take.
#[derive(Debug, Args)]
pub(crate) struct PatienceArg {
    /// How long to try while Redis or the API cannot be reached: 15, 15s, 2m
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = time)]
    pub(crate) give_up_after: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct StyleArgs {
    /// Print each line as a JSON object, in the format of the API
    #[arg(long, conflicts_with_all = ["show", "color"])]
    json: bool,
    /// Columns to print before the text
    #[arg(long, value_enum, value_delimiter = ',', value_name = "COLUMNS")]
    show: Vec<Column>,
    /// Whether to print colours: those of the text, and one for each source
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

impl From<StyleArgs> for Style {
    fn from(args: StyleArgs) -> Self {
        Self {
            json: args.json,
            columns: args.show,
            color: args.color,
        }
    }
}

/// What must not appear in the log.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// An environment variable whose value must not appear in the log, or a pattern: '*_TOKEN'. May be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) secret_env: Vec<String>,
    /// A file whose content, lines and secret values must not appear in the log. May be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Vec<PathBuf>,
    /// Do not hide the values of variables just because of their names (*_TOKEN, *_SECRET, *_PASSWORD, *_KEY and the like)
    #[arg(long)]
    pub(crate) no_default_secrets: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Write to the API at this address, instead of Redis; the credential is in JOBLOG_KEY [env: JOBLOG_URL]
    #[arg(long, value_name = "URL", conflicts_with = "redis")]
    pub(crate) url: Option<String>,
    /// Certificates of authorities that the API's server may have its own from, in PEM form
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) redis: RedisArgs,
    /// The id of the job [env: JOBLOG_JOB]
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,
    /// The owner of the job, if joblog creates it [env: JOBLOG_USER]
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// The phase of all lines: scaffold, code, install or checks [default: the phase of the job's status, or else code]
    #[arg(long, value_name = "PHASE")]
    pub(crate) phase: Option<String>,
    /// Keep colours in the log, for viewers that can show them
    #[arg(long)]
    pub(crate) keep_colors: bool,
    /// Give the command one pipe for both outputs, like 2>&1: the log and the screen have the exact order of its lines. Lost is
    /// which output a line came from: all count as standard output, here and in the log
    #[arg(long)]
    pub(crate) merge: bool,
    /// When to write the state of a line that has not ended yet, such as a prompt or a progress bar: `every=10s`, `last`
    /// (when it has not changed for 2 seconds) or `off`. No state is written in the first 2 seconds of a line
    #[arg(long, value_name = "WHEN", default_value = "every=10s", value_parser = progress)]
    pub(crate) progress: Progress,
    /// How long to wait for Redis or the API after the command has ended: 90, 90s, 5m
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = time)]
    pub(crate) give_up_after: Duration,
    /// How long the command may go on after TERM, INT or HUP before it is killed. Not on a terminal
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub(crate) kill_after: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    pub(crate) job: JobArg,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// How long to try while Redis or the API cannot be reached: 60, 60s, 5m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub(crate) give_up_after: Duration,
    /// Start with the first line of the log, or print new lines only [default: end]
    #[arg(long, value_enum, value_name = "PLACE", conflicts_with_all = ["since", "lines"])]
    from: Option<Edge>,
    /// Start with the lines after a time, or of the last hours: 10m, 1h30m, 1d, 2026-01-02, 2026-01-02T03:04:05Z. Times
    /// without a zone are UTC
    #[arg(long, value_name = "TIME", value_parser = since::parse, conflicts_with = "lines")]
    since: Option<Since>,
    /// Start with the last lines of the log
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
    /// Follow the log until the job ends, as tail always does
    #[arg(id = "follow", short = 'f', long = "follow")]
    _follow: bool,
    #[command(flatten)]
    pub(crate) style: StyleArgs,
}

impl TailArgs {
    pub(crate) fn start(&self) -> StartAt {
        match (self.from, self.since, self.lines) {
            (Some(Edge::Start), _, _) => StartAt::FirstLine,
            (None, Some(since), _) => StartAt::Since(since),
            (None, None, Some(lines @ 1..)) => StartAt::Last(lines),
            (Some(Edge::End), _, _) | (None, None, None | Some(0)) => StartAt::Now,
        }
    }
}

/// An end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Edge {
    /// Before the first line
    Start,
    /// After the last line
    End,
}

#[derive(Debug, Args)]
pub(crate) struct CatArgs {
    #[command(flatten)]
    pub(crate) job: JobArg,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) patience: PatienceArg,
    /// Start with the lines after a time, or of the last hours: 10m, 1h30m, 1d, 2026-01-02, 2026-01-02T03:04:05Z. Times
    /// without a zone are UTC
    #[arg(long, value_name = "TIME", value_parser = since::parse)]
    since: Option<Since>,
    #[command(flatten)]
    pub(crate) style: StyleArgs,
}

impl CatArgs {
    pub(crate) fn start(&self) -> StartAt {
        self.since.map_or(StartAt::FirstLine, StartAt::Since)
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Write to the API at this address, instead of Redis; the credential is in JOBLOG_KEY [env: JOBLOG_URL]
    #[arg(long, value_name = "URL", conflicts_with = "redis")]
    pub(crate) url: Option<String>,
    /// Certificates of authorities that the API's server may have its own from, in PEM form
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) job: JobArg,
    #[command(flatten)]
    pub(crate) redis: RedisArgs,
    #[command(flatten)]
    pub(crate) patience: PatienceArg,
    /// The owner of the job, who may read its log [env: JOBLOG_USER]
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) job: JobArg,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) patience: PatienceArg,
}

/// Where in the log to start.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StartAt {
    /// New lines only.
    Now,
    /// The first line of the log.
    FirstLine,
    /// The first line after a time.
    Since(Since),
    /// The last lines.
    Last(usize),
}

/// A whole number of seconds, or of minutes with an `m`.
fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let number = number.parse::<u64>().ok();
    match number.and_then(|number| number.checked_mul(unit)) {
        Some(seconds @ 0..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => {
            Err("must be a whole number of seconds (10, 10s) or minutes (2m), at most a day".into())
        }
    }
}

fn progress(text: &str) -> Result<Progress, String> {
    let every = || {
        let interval = text
            .strip_prefix("every=")?
            .parse::<SignedDuration>()
            .ok()?;
        let interval = Duration::try_from(interval).ok()?;
        (Duration::from_secs(1)..=Duration::from_secs(86_400))
            .contains(&interval)
            .then_some(Progress::Every(interval))
    };
    match text {
        "last" => Ok(Progress::Last),
        "off" => Ok(Progress::Off),
        _ => every().ok_or_else(|| {
            "must be `last`, `off`, or `every=` and a time from 1s to 1 day, such as every=10s"
                .to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_is_in_seconds_or_minutes() {
        for (text, seconds) in [("0", 0), ("90", 90), ("10s", 10), ("2m", 120)] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "-1", "1.5s", "10h", "1441m", "10 s"] {
            assert!(time(text).is_err(), "{text}");
        }
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

    #[test]
    fn a_time_for_progress_is_parsed_and_a_wrong_one_is_refused() {
        let every = |seconds| Ok(Progress::Every(Duration::from_secs(seconds)));
        assert_eq!(progress("every=10s"), every(10));
        assert_eq!(progress("every=1m30s"), every(90));
        assert_eq!(progress("last"), Ok(Progress::Last));
        assert_eq!(progress("off"), Ok(Progress::Off));
        for text in [
            "",
            "on",
            "every",
            "every=",
            "every=0s",
            "every=-5s",
            "every=10",
            "every=2d",
        ] {
            assert!(progress(text).is_err(), "{text}");
        }
    }
}
