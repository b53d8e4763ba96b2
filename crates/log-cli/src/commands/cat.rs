//! `joblog cat`: prints the whole log, page by page.

use std::time::Duration;

use log_client::Client;
use log_domain::{EntryId, JobId, Line, ReadLimit};
use log_store::redis::RedisStore;
use log_store::{Jobs as _, LogStore as _};

use crate::args::CatArgs;
use crate::environment::Environment;
use crate::event::MissingLines;
use crate::exit::Failure;
use crate::printer::LinePrinter;
use crate::source::{Server, Source};
use crate::terminal::Terminal;
use crate::wait_notice::WaitNotice;
use crate::{api, redis, stdout};

/// The most lines in one read of Redis.
const PAGE_LINES: usize = 500;

pub(crate) async fn cat(
    args: CatArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let start = args.start();
    let job = env.job_id(args.job.job, "name the job, or set JOBLOG_JOB")?;
    let source = Source::open(args.source, args.patience.give_up_after, env, terminal).await?;
    let mut printer = LinePrinter::new(args.style.into(), env);
    let after = source.position(&job, start, terminal).await?;
    let after = after.unwrap_or(EntryId::ZERO);
    match &source.server {
        Server::Api(client) => print_from_api(client, &job, after, &mut printer, terminal).await?,
        Server::Redis(store) => {
            let patience = source.patience;
            print_from_redis(store, &job, after, patience, &mut printer, terminal).await?;
        }
    }
    stdout::check(printer.finish())?;
    Ok(0)
}

async fn print_from_api(
    client: &Client,
    job: &JobId,
    after: EntryId,
    printer: &mut LinePrinter,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut history = client.history(job, after);
    loop {
        let mut wait = WaitNotice::default();
        wait.start(api::WAITING);
        let page = wait.watch(terminal, history.next()).await?;
        wait.end(terminal, api::ANSWERED);
        let Some(page) = page else { return Ok(()) };
        if let Some(gap) = page.gap {
            stdout::check(printer.make_room())?;
            terminal.message(MissingLines {
                after_id: gap.after_id,
                first_id: gap.first_id,
                count: None,
            });
        }
        if !print_page(&page.lines, printer)? {
            return Ok(());
        }
    }
}

async fn print_from_redis(
    store: &RedisStore,
    job: &JobId,
    mut after: EntryId,
    patience: Duration,
    printer: &mut LinePrinter,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let found = redis::read(patience, terminal, async || store.get(job).await).await?;
    if found.is_none() {
        return Err(Failure::no_such_job(job));
    }
    // How many lines were ever appended up to here, if this is known.
    let mut count = (after == EntryId::ZERO).then_some(0);
    loop {
        let limit = ReadLimit::lines(PAGE_LINES);
        let read = async || store.read_after(job, after, limit).await;
        let page = redis::read(patience, terminal, read).await?;
        if let Some(gap) = page.gap(after) {
            stdout::check(printer.make_room())?;
            let missing = count.and_then(|count| page.bounds.missing_after(after, count));
            terminal.message(MissingLines {
                after_id: gap.after_id,
                first_id: gap.first_id,
                count: missing,
            });
            count = count.zip(missing).map(|(count, missing)| count + missing);
            after = gap.resume_after;
        }
        count = count.map(|count| count + page.lines.len() as u64);
        after = page.lines.last().map_or(after, |line| line.id);
        if !print_page(&page.lines, printer)? || !page.more {
            return Ok(());
        }
    }
}

/// Prints lines. `false` if nobody reads standard output any more.
fn print_page(lines: &[Line], printer: &mut LinePrinter) -> Result<bool, Failure> {
    for line in lines {
        if !stdout::check(printer.print(line))? {
            return Ok(false);
        }
    }
    stdout::check(printer.flush())
}
