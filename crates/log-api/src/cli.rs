//! The command line: `serve`, `demo`, `config`, `health`.

#![expect(
    clippy::doc_markdown,
    reason = "clap prints these comments, and a terminal shows no Markdown"
)]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::Application;
use crate::cli_result::CliResult;
use crate::config::{LogSettings, ProcessEnv, Settings, StoreSettings};
use crate::{demo, health_check, signals, telemetry, wiring};

/// Live build logs: history over REST, the live log over SSE, behind Clerk session tokens.
#[derive(Debug, Parser)]
#[command(name = "log-api", version, about, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Try it now, with nothing set up:
  log-api demo

Run it on a Redis that build workers fill:
  CLERK_PUBLISHABLE_KEY=pk_live_… CLERK_AUTHORIZED_PARTIES=https://app.example.com \\
  REDIS_URL=redis://127.0.0.1:6379 log-api serve

See what it would use, and every setting by its name:
  log-api config

Exit codes: 0 it did what was asked, 1 it could not, 2 the command line makes no sense.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or Ctrl-C
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    /// Stream a real command's output, with nothing set up: a store in a temporary folder, a throw-away key
    #[command(after_help = DEMO_HELP)]
    Demo(DemoArgs),
    /// Print the settings as `serve` would use them, secrets hidden; exits 1 and says why if it would refuse them
    Config(StoreArgs),
    /// Ask a running service whether it is alive; for container health checks
    Health(HealthArgs),
}

const SERVE_HELP: &str = "\
Settings come from the environment; `log-api config` prints them all with their values. Two are needed:
  CLERK_PUBLISHABLE_KEY      pk_test_… or pk_live_…: names your Clerk instance
  CLERK_AUTHORIZED_PARTIES   the origins of your front ends, comma-separated
Most used:
  LOG_API_BIND               where to listen (127.0.0.1:8080)
  REDIS_URL                  where the logs are (redis://127.0.0.1:6379)
  LOG_API_CORS_ORIGINS       browsers that may call (the authorized parties)
  LOG_API_METRICS_BIND       where Prometheus scrapes /metrics (off)
  LOG_API_LOG                what to log (info)

Without a Redis, on one machine:
  log-api serve --store embedded --data /var/lib/log-api

On SIGTERM it stops being ready, goes on listening for LOG_API_DRAIN_DELAY_SECS, breaks streams off so that
clients come back elsewhere with their cursor, and exits 0 within LOG_API_SHUTDOWN_SECS.";

const DEMO_HELP: &str = "\
Without a command it compiles a part of this very workspace with cargo. Any other command:
  log-api demo -- npm install
  log-api demo -- sh -c 'for i in 1 2 3; do echo line $i; sleep 1; done'

It prints an address for a browser and a curl line with a token, streams until the command ends, and goes on
serving until Ctrl-C.";

#[derive(Debug, Args)]
struct ServeArgs {
    /// Listen here instead of LOG_API_BIND; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
struct StoreArgs {
    /// Where logs and jobs are
    #[arg(long, value_enum, default_value_t = StoreKind::Redis)]
    store: StoreKind,
    /// The folder of the embedded store; made where it is missing
    #[arg(long, value_name = "DIR", required_if_eq("store", "embedded"))]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    /// A Redis, as build workers fill it (REDIS_URL)
    Redis,
    /// This machine's disk, for one process (--data)
    Embedded,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Listen here; if the default is taken, any free port
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,
    /// The command to run and its arguments, after `--`
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct HealthArgs {
    /// The service's address; by default that of LOG_API_BIND on this machine
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
        Command::Health(args) => health_check::run(args.url, &ProcessEnv),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even standard error is gone, there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "log-api: {error}");
            ExitCode::FAILURE
        }
    }
}

impl StoreArgs {
    /// `None` is the store of the environment.
    fn settings(self) -> Option<StoreSettings> {
        let dir = self.data.filter(|_| self.store == StoreKind::Embedded)?;
        Some(StoreSettings::Embedded { dir })
    }
}

fn serve(args: ServeArgs) -> CliResult {
    let mut settings = Settings::read(&ProcessEnv, args.store.settings())?;
    settings.server.bind = args.bind.unwrap_or(settings.server.bind);
    let log = settings.log.clone();
    with_log_and_runtime(&log, async move {
        let stop = signals::stop();
        let service = wiring::service(&settings).await?;
        let app = Application::bind(service.parts, settings.server, service.metrics)?;
        tracing::info!(address = %app.addr(), "listening");
        if let Some(address) = app.metrics_addr() {
            tracing::info!(%address, "metrics at /metrics");
        }
        app.run(stop).await?;
        Ok(())
    })
}

fn demo(args: DemoArgs) -> CliResult {
    // The demo's own words are on the same terminal.
    let log = LogSettings::from_env(&ProcessEnv, "warn")?;
    with_log_and_runtime(&log, demo::run(args.bind, args.command))
}

fn print_config(args: StoreArgs) -> CliResult {
    let settings = Settings::read(&ProcessEnv, args.settings())?;
    telemetry::check(&settings.log)?;
    wiring::check(&settings)?;
    let mut out = std::io::stdout().lock();
    for (key, value) in settings.describe() {
        writeln!(out, "{key}={value}")?;
    }
    Ok(())
}

fn with_log_and_runtime(log: &LogSettings, work: impl Future<Output = CliResult>) -> CliResult {
    telemetry::start(log)?;
    // Requests are served by the workers. One thread is enough for Redis and the feeds, and a line on its way from one
    // to the other then never waits for another thread to wake up.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(work)
}
