//! `joblog tail`: follows a log to its end.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use log_client::Event;
use tokio::time::timeout;

use crate::cli::{From, JobArg, OriginArgs};
use crate::environment::Environment;
use crate::exit::{self, Failure};
use crate::origin::{self, Following, Happening, Origin};
use crate::pages::done;
use crate::say::Say;
use crate::show::{Show, Style, reader_has_gone};
use crate::waiting::{TICK, Waiting};

pub(crate) async fn tail(
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
    let mut log = origin.follow(&job, from, say).await?;
    let mut waiting = Waiting::default();
    let mut printed = false;
    waiting.on("connecting");
    loop {
        // What is there is printed at one go, and seen before anything is waited for.
        let happening = match at_once(log.next()).await {
            Some(happening) => happening?,
            None => {
                if !done(show.flush())? {
                    return Ok(0);
                }
                match wait(&mut log, &mut waiting, say).await? {
                    Waited::For(happening) => happening,
                    Waited::ForNobody => return Ok(0),
                }
            }
        };
        match happening {
            Some(Happening::Event(Event::Line(line))) => {
                waiting.over(say, "reading again");
                printed = true;
                if !done(show.line(&line))? {
                    return Ok(0);
                }
            }
            Some(Happening::Event(Event::Gap { after_id, first_id })) => {
                done(show.flush())?;
                say.note(missing(after_id, first_id));
            }
            Some(Happening::Event(Event::Done(ending))) => {
                done(show.flush())?;
                waiting.over(say, "reading again");
                let hint = if printed {
                    ""
                } else {
                    "; its lines: joblog cat, or --from start"
                };
                say.note(format_args!("the job has ended: {ending}{hint}"));
                return Ok(exit::of_ending(&ending));
            }
            Some(Happening::Away(what)) => waiting.on(what),
            Some(Happening::Back | Happening::Quiet | Happening::Event(_)) => {
                waiting.over(say, "reading again");
            }
            None => return Ok(0),
        }
    }
}

/// What a gap is to people.
pub(crate) fn missing(after: log_domain::EntryId, first: Option<log_domain::EntryId>) -> String {
    match first {
        Some(first) => format!("lines between {after} and {first} are missing here"),
        None => format!("lines after {after} are missing here"),
    }
}

enum Waited {
    For(Option<Happening>),
    /// Whoever read standard output has gone.
    ForNobody,
}

async fn wait(
    log: &mut Following,
    waiting: &mut Waiting,
    say: &mut Say,
) -> Result<Waited, Failure> {
    let mut next = pin!(log.next());
    loop {
        if reader_has_gone() {
            return Ok(Waited::ForNobody);
        }
        waiting.tick(say);
        if let Ok(happening) = timeout(TICK, &mut next).await {
            return Ok(Waited::For(happening?));
        }
    }
}

/// What is ready without waiting.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}
