//! `joblog cat`: the whole history, page by page.

use std::pin::pin;
use std::time::Duration;

use log_client::Client;
use log_domain::{EntryId, JobId, Line, ReadLimit};
use log_store::redis::RedisStore;
use log_store::{Jobs as _, LogStore as _};
use tokio::time::timeout;

use crate::cli::{From, JobArg, OriginArgs};
use crate::direct::patiently;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::origin::{self, Origin};
use crate::pages::done;
use crate::say::Say;
use crate::show::{Show, Style};
use crate::tail::missing;
use crate::waiting::{TICK, Waiting};

/// Most lines of one read of Redis.
const PAGE: usize = 500;

pub(crate) async fn cat(
    job: JobArg,
    origin: OriginArgs,
    from: From,
    style: Style,
    env: Environment,
    say: &mut Say,
) -> Result<u8, Failure> {
    let job = origin::job(job, env)?;
    let origin = Origin::open(origin, env, say).await?;
    let mut show = Show::new(style, env);
    let after = origin
        .position(&job, from, say)
        .await?
        .unwrap_or(EntryId::ZERO);
    match &origin {
        Origin::Api(client, _) => through_the_api(client, &job, after, &mut show, say).await?,
        Origin::Redis(store, patience) => {
            straight(store, &job, after, *patience, &mut show, say).await?;
        }
    }
    Ok(0)
}

async fn through_the_api(
    client: &Client,
    job: &JobId,
    after: EntryId,
    show: &mut Show,
    say: &mut Say,
) -> Result<(), Failure> {
    let mut history = client.history(job, after);
    loop {
        let mut waiting = Waiting::default();
        waiting.on("waiting for the API");
        let page = {
            let mut page = pin!(history.next());
            loop {
                match timeout(TICK, &mut page).await {
                    Ok(page) => break page?,
                    Err(_) => waiting.tick(say),
                }
            }
        };
        waiting.over(say, "the API is there");
        let Some(page) = page else { return Ok(()) };
        if let Some(gap) = page.gap {
            say.note(missing(gap.after_id, gap.first_id));
        }
        if !print(&page.lines, show)? {
            return Ok(());
        }
    }
}

async fn straight(
    store: &RedisStore,
    job: &JobId,
    mut after: EntryId,
    patience: Duration,
    show: &mut Show,
    say: &mut Say,
) -> Result<(), Failure> {
    let found = patiently(patience, say, async || store.get(job).await).await?;
    if found.is_none() {
        return Err(Failure::no_such_job(job));
    }
    loop {
        let limit = ReadLimit::lines(PAGE);
        let onward = patiently(patience, say, async || {
            store.read_after(job, after, limit).await
        });
        let onward = onward.await?;
        if let Some(gap) = onward.gap(after) {
            say.note(missing(gap.after_id, gap.first_id));
            after = gap.resume_after;
        }
        after = onward.lines.last().map_or(after, |line| line.id);
        if !print(&onward.lines, show)? || !onward.more {
            return Ok(());
        }
    }
}

/// `false` where nobody reads any more.
fn print(lines: &[Line], show: &mut Show) -> Result<bool, Failure> {
    for line in lines {
        if !done(show.line(line))? {
            return Ok(false);
        }
    }
    done(show.flush())
}
