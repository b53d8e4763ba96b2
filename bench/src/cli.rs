//! The command line, and the order of things: the machine, the cases run by run, the result.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::accounting::allow_files;
use crate::bench::{Bench, Programs};
use crate::cases::{Case, PEERS, SCALE};
use crate::clock::Stop;
use crate::error::BenchError;
use crate::figures::Figures;
use crate::load::work;
use crate::{document, plan, say};

/// Files that the largest case opens in one process: 10,000 streams, and some.
const FILES: u64 = 10_500;

/// The scale benchmarks of the log service.
#[derive(Debug, Parser)]
#[command(name = "bench-load")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure the service alone
    Scale(RunArgs),
    /// Measure it beside other servers on the same load
    Peers(RunArgs),
    /// Work out what one million viewers need, from the results of both
    Plan(PlanArgs),
    /// Be a load process: read what to do from standard input
    #[command(hide = true)]
    Load,
}

#[derive(Args, Debug)]
struct PlanArgs {
    /// Where the results are
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Put it into this document as well, between its marks
    #[arg(long)]
    document: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct RunArgs {
    /// The cases to run; none: all of them
    cases: Vec<String>,
    /// How many runs of each; the median is judged
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    runs: u32,
    /// Small and short, to see that it works; its figures are not for quoting
    #[arg(long)]
    quick: bool,
    /// Say what the cases are and how long they take, and run none
    #[arg(long)]
    list: bool,
    /// Where the results go: scale.json and scale.md, or peers.json and peers.md
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Put the table into this document as well, between its marks
    #[arg(long)]
    document: Option<PathBuf>,
    /// The version to write into the results
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// The service
    #[arg(long, default_value = "target/release/log-api")]
    log_api: PathBuf,
    /// The command line, as a worker
    #[arg(long, default_value = "target/release/joblog")]
    joblog: PathBuf,
    /// Redis
    #[arg(long, default_value = "redis-server")]
    redis_server: PathBuf,
    /// The first peer
    #[arg(long, default_value = "target/peers/bin/durable-streams-server")]
    durable_streams: PathBuf,
    /// The second peer
    #[arg(long, default_value = "/usr/sbin/nginx")]
    nginx: PathBuf,
    /// The second peer's module
    #[arg(long, default_value = "/usr/lib/nginx/modules/ngx_nchan_module.so")]
    nchan: PathBuf,
}

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> Result<(), BenchError> {
    match cli.command {
        Command::Load => work::run(),
        Command::Scale(args) => measure("scale", &SCALE, args),
        Command::Peers(args) => measure("peers", &PEERS, args),
        Command::Plan(args) => plan_from(&args),
    }
}

fn measure(name: &str, all: &[Case], args: RunArgs) -> Result<(), BenchError> {
    let cases = chosen(all, &args.cases)?;
    if args.list {
        for case in cases {
            say::result(format_args!(
                "{:14}{:4} s a run  {}",
                case.name, case.seconds, case.about
            ));
        }
        return Ok(());
    }
    let stop = Stop::on_signals()?;
    allow_files(FILES)?;
    let programs = Programs {
        log_api: absolute(&args.log_api)?,
        joblog: absolute(&args.joblog)?,
        redis_server: args.redis_server,
        durable_streams: absolute(&args.durable_streams)?,
        nginx: args.nginx,
        nchan: args.nchan,
    };
    let bench = Bench::new(programs, stop, args.quick)?;
    let mut figures = Figures::new(args.commit, args.quick);
    for case in cases {
        say::progress(format_args!("{}: {}", case.name, case.about));
        for run in 1..=args.runs {
            say::progress(format_args!("  run {run} of {}", args.runs));
            match (case.run)(&bench, &mut figures) {
                Ok(()) => {}
                Err(
                    error @ (BenchError::Stopped
                    | BenchError::Absent { .. }
                    | BenchError::Files { .. }),
                ) => {
                    return Err(error);
                }
                Err(error) => figures.fail(case.name, &error.to_string()),
            }
        }
    }
    write_results(name, &args.out, &figures)?;
    if let Some(document) = &args.document {
        document::put(document, name, &figures.table())?;
    }
    match figures.beyond() {
        (0, _) => Ok(()),
        (failed, all) => Err(BenchError::Beyond { failed, all }),
    }
}

fn plan_from(args: &PlanArgs) -> Result<(), BenchError> {
    let text = plan::plan(&args.out)?;
    if let Some(document) = &args.document {
        document::put(document, "plan", &text)?;
    }
    say::result(text);
    Ok(())
}

fn write_results(
    name: &str,
    folder: &std::path::Path,
    figures: &Figures,
) -> Result<(), BenchError> {
    let table = figures.table();
    let json = serde_json::to_string_pretty(figures)?;
    std::fs::create_dir_all(folder).map_err(BenchError::io("make the folder of results"))?;
    for (file, text) in [
        (format!("{name}.md"), &table),
        (format!("{name}.json"), &json),
    ] {
        let file = folder.join(file);
        std::fs::write(&file, text).map_err(BenchError::io(format!("write {}", file.display())))?;
        say::progress(format_args!("Written: {}", file.display()));
    }
    say::result(table);
    Ok(())
}

fn chosen<'a>(all: &'a [Case], names: &[String]) -> Result<Vec<&'a Case>, BenchError> {
    let unknown = names
        .iter()
        .find(|name| all.iter().all(|case| case.name != **name));
    if let Some(name) = unknown {
        let known: Vec<&str> = all.iter().map(|case| case.name).collect();
        return Err(BenchError::UnknownCase {
            name: name.clone(),
            known: known.join(", "),
        });
    }
    let is_chosen = |case: &&Case| names.is_empty() || names.iter().any(|name| name == case.name);
    Ok(all.iter().filter(is_chosen).collect())
}

/// Servers run in folders of their own.
fn absolute(path: &std::path::Path) -> Result<PathBuf, BenchError> {
    std::path::absolute(path).map_err(BenchError::io("find the current folder"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_table_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_unknown_case_is_answered_with_those_there_are() {
        let Err(error) = chosen(&PEERS, &["slow".to_owned()]) else {
            panic!("it is known");
        };
        assert_eq!(
            error.to_string(),
            "there is no case `slow`; there are: fan-out, fan-out-fast"
        );
        assert_eq!(
            chosen(&SCALE, &[]).map(|cases| cases.len()).unwrap(),
            SCALE.len()
        );
    }
}
