//! The command line: `serve`, `demo`, `config`, `health`.

#![expect(
    clippy::doc_markdown,
    reason = "clap prints these comments, and a terminal shows no Markdown"
)]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::Application;
use crate::cli_result::CliResult;
use crate::config::{
    self, ConfigError, Draft, LogSettings, ProcessEnv, Settings, StoreSettings, parse_address,
};
use crate::keys::{self, KeysCommand};
#[cfg(not(feature = "mint"))]
use crate::without_mint::{demo, dev};
#[cfg(feature = "mint")]
use crate::{demo, dev};
use crate::{health_check, signals, telemetry, wiring};

/// Build logs over HTTP: pages of history, and the live log as Server-Sent Events. Readers show a Clerk session token.
#[derive(Debug, Parser)]
#[command(name = "log-api", version, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Try it now; nothing needs to be set up:
  log-api demo

Serve the logs that build workers write to a Redis:
  CLERK_PUBLISHABLE_KEY=pk_live_… CLERK_AUTHORIZED_PARTIES=https://app.example.com \\
  REDIS_URL=redis://127.0.0.1:6379 log-api serve

Check the settings, and see the value of each:
  log-api config

Exit codes: 0 success, 1 failure, 2 the command line is wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or Ctrl-C
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    /// Run a command and stream its output; needs no Redis, no Clerk and no settings
    #[command(after_help = DEMO_HELP)]
    Demo(DemoArgs),
    /// Check the settings and print them, secrets hidden; exits with 1 if `serve` would refuse them
    #[command(after_help = CONFIG_HELP)]
    Config(ConfigArgs),
    /// Make an API key for workers, and the entry for LOG_API_KEYS
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Ask a running service whether it is alive; for health checks of containers
    Health(HealthArgs),
}

/// What `serve` needs, a line for each way of running. For somebody who has set nothing.
const WAYS: &str = "
To show logs of a Redis to people: CLERK_PUBLISHABLE_KEY, CLERK_AUTHORIZED_PARTIES and REDIS_URL.
For workers without a Redis: LOG_API_KEYS (make a key with `log-api keys new`), and --store embedded --data DIR.
To try it on this machine: `log-api serve --dev`, and `joblog run --url http://127.0.0.1:8080 -- make` beside it.";

const SERVE_HELP: &str = "\
Settings are environment variables. Two are needed:
  CLERK_PUBLISHABLE_KEY      the publishable key of your Clerk instance, pk_test_… or pk_live_…
  CLERK_AUTHORIZED_PARTIES   the origins of your front ends, comma-separated
Others that are often set, with their defaults:
  REDIS_URL                  the Redis with the logs (redis://127.0.0.1:6379)
  LOG_API_BIND               the address to listen on (127.0.0.1:8080)
  LOG_API_CORS_ORIGINS       front ends whose pages may call the API (the authorized parties)
  LOG_API_METRICS_BIND       the address where Prometheus reads /metrics (off)
  LOG_API_LOG                which messages to log (info)
All settings, each with an explanation:
  log-api config --format env

On one machine, without Redis:
  log-api serve --store embedded --data /var/lib/log-api
To try it, with nothing set up:
  log-api serve --dev

After SIGTERM the service says that it is not ready, listens for LOG_API_DRAIN_DELAY_SECS more, ends its streams
so that clients come back to another process with their cursor, and exits with 0 within LOG_API_SHUTDOWN_SECS.
A second SIGTERM or Ctrl-C ends it at once, with 1.";

const DEMO_HELP: &str = "\
Without a command, the demo compiles a part of this workspace with cargo. You can give it any other command:
  log-api demo -- npm install
  log-api demo -- sh -c 'for i in 1 2 3; do echo line $i; sleep 1; done'

It prints an address for a browser and a curl command with a token. It streams the output until the command ends,
and goes on serving until Ctrl-C. The log is in a temporary folder, which is deleted at the end.";

const CONFIG_HELP: &str = "\
To begin a file of settings:
  log-api config --format env > .env";

/// How long the end of the process waits for the file of the embedded store to be closed.
const CLOSING_FILE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
struct ServeArgs {
    /// Listen here instead of at LOG_API_BIND; with port 0, on any free port
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_address)]
    bind: Option<SocketAddr>,
    /// For development, on this machine alone: no settings, and a key and a user that everybody knows. Without --data
    /// the logs are gone at the end
    #[arg(long, conflicts_with = "store")]
    dev: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
struct StoreArgs {
    /// Where logs and jobs are
    #[arg(long, value_enum, default_value_t = StoreKind::Redis)]
    store: StoreKind,
    /// The folder of the embedded store; it is created if it is missing
    #[arg(long, value_name = "DIR", required_if_eq("store", "embedded"))]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    /// The Redis that build workers write to (REDIS_URL)
    Redis,
    /// A folder on this machine, for one process (--data)
    Embedded,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// What to print
    #[arg(long, value_enum, default_value_t = ConfigFormat::Values)]
    format: ConfigFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ConfigFormat {
    /// The value of each setting, as `serve` would use it
    Values,
    /// All settings with their explanations, as a file to begin with; reads no settings
    Env,
    /// The same as a page of documentation; reads no settings
    Markdown,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Listen here; the default is port 8080 of this machine, or any free port if that one is in use
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_address)]
    bind: Option<SocketAddr>,
    /// The command to run and its arguments, after `--`
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct HealthArgs {
    /// The address of the service; the default is that of LOG_API_BIND on this machine
    #[arg(long, value_name = "http://HOST:PORT")]
    url: Option<String>,
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(args) => serve(args),
        Command::Demo(args) => demo(args),
        Command::Config(args) => print_config(args),
        Command::Keys(command) => keys::run(command),
        Command::Health(args) => health_check::run(args.url, &ProcessEnv),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

impl StoreArgs {
    /// The embedded store; `None` means the store of the environment.
    fn settings(self) -> Option<StoreSettings> {
        let dir = self.data.filter(|_| self.store == StoreKind::Embedded)?;
        Some(StoreSettings::Embedded { dir })
    }
}

fn serve(args: ServeArgs) -> CliResult {
    if args.dev {
        // It prints to the same terminal, so only warnings are logged.
        let log = LogSettings::from_env(&ProcessEnv, "warn")?;
        return with_log_and_runtime(&log, dev::run(args.bind, args.store.data));
    }
    let nothing_set = !config::is_anything_set(&ProcessEnv);
    let mut settings = read_settings(args.store).map_err(|error| {
        let ways = if nothing_set { WAYS } else { "" };
        format!("{error}{ways}")
    })?;
    settings.server.bind = args.bind.unwrap_or(settings.server.bind);
    let log = settings.log.clone();
    let file_closed = with_log_and_runtime(&log, async move {
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        let stop = signals::stop();
        // Boxed: with its checks of Redis it is a large future.
        let service = Box::pin(wiring::service(&settings)).await?;
        let app = Application::bind(service.state, settings.server, service.metrics)?;
        tracing::info!(address = %app.addr(), "listening");
        if let Some(address) = app.metrics_addr() {
            tracing::info!(%address, "metrics at /metrics");
        }
        app.run(stop).await?;
        Ok(service.file_closed)
    })?;
    // The runtime is gone, and with it everything that held the store.
    file_closed.map_or(Ok(()), wait_until_closed)
}

/// Waits until the file of the embedded store is closed. A file that was not closed is checked as a whole at the next start,
/// which takes about a second for 200 MB.
fn wait_until_closed(file_closed: CancellationToken) -> CliResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let closed = runtime.block_on(async { timeout(CLOSING_FILE, file_closed.cancelled()).await });
    if closed.is_err() {
        tracing::warn!("the file of the store was not closed in time; the next start checks it");
    }
    Ok(())
}

fn demo(args: DemoArgs) -> CliResult {
    // The demo prints to the same terminal, so only warnings are logged.
    let log = LogSettings::from_env(&ProcessEnv, "warn")?;
    with_log_and_runtime(&log, demo::run(args.bind, args.command))
}

fn print_config(args: ConfigArgs) -> CliResult {
    let text = match args.format {
        ConfigFormat::Env => config::env_example(),
        ConfigFormat::Markdown => config::settings_page(),
        ConfigFormat::Values => {
            let settings = read_settings(args.store)?;
            for warning in &settings.warnings {
                print_error(format_args!("warning: {warning}"));
            }
            let values = settings.values().into_iter();
            values
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect()
        }
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Reads the settings of the environment and checks everything that can be checked without asking anybody, so that one
/// message names all mistakes.
fn read_settings(store: StoreArgs) -> Result<Settings, ConfigError> {
    let mut draft = Draft::read(&ProcessEnv, store.settings());
    draft.check(wiring::problems);
    draft.finish()
}

fn print_error(text: std::fmt::Arguments<'_>) {
    // If even standard error cannot be written, there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "log-api: {text}");
}

fn with_log_and_runtime<T>(
    log: &LogSettings,
    work: impl Future<Output = CliResult<T>>,
) -> CliResult<T> {
    telemetry::start(log)?;
    // actix serves requests on workers of its own. One thread is enough for Redis and the feeds: a line on its way from
    // one to the other then never waits for a second thread to wake up.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(work)
}
