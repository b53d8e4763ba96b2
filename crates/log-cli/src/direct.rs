//! Straight on Redis: the same events as the API's, by the same hub.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use log_client::{Ending, Event};
use log_domain::{JobId, Start};
use log_hub::{Hub, HubOptions, Next, OpenError, Viewer};
use log_store::redis::{CheckError, RedisStore};
use log_store::{Jobs as _, StoreError};
use log_wire::sse::{Decoder, Event as WireEvent};
use tokio::time::{Instant, sleep, timeout};

use crate::exit::Failure;
use crate::origin::Happening;
use crate::say::Say;
use crate::waiting::{TICK, Waiting};

/// What is said while Redis is away.
pub(crate) const AWAY: &str = "Redis cannot be reached; trying again";

/// Waits until Redis answers, and says whether it suits.
pub(crate) async fn reachable(
    store: &RedisStore,
    patience: Duration,
    say: &mut Say,
) -> Result<(), Failure> {
    let deadline = Instant::now() + patience;
    let mut waiting = Waiting::default();
    waiting.on(AWAY);
    loop {
        let mut check = std::pin::pin!(store.check());
        let checked = loop {
            match timeout(TICK, &mut check).await {
                Ok(checked) => break checked,
                Err(_) => waiting.tick(say),
            }
        };
        match checked {
            Ok(_) => {
                waiting.over(say, "Redis is there");
                return Ok(());
            }
            Err(error @ CheckError::Unavailable(_)) if Instant::now() >= deadline => {
                return Err(error.into());
            }
            Err(CheckError::Unavailable(_)) => {
                waiting.tick(say);
                sleep(TICK).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Repeats a read while Redis is away.
pub(crate) async fn patiently<T>(
    patience: Duration,
    say: &mut Say,
    mut read: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + patience;
    let mut waiting = Waiting::default();
    loop {
        match read().await {
            Ok(found) => {
                waiting.over(say, "Redis is back");
                return Ok(found);
            }
            Err(error) if !error.is_retryable() || Instant::now() >= deadline => {
                return Err(error.into());
            }
            Err(_) => {
                waiting.on(AWAY);
                waiting.tick(say);
                sleep(TICK).await;
            }
        }
    }
}

/// Follows a log on Redis.
pub(crate) struct Direct {
    store: RedisStore,
    viewer: Viewer,
    decoder: Decoder,
    /// Decoded, and not handed out yet.
    events: VecDeque<Event>,
    /// Since when Redis is away.
    away: Option<Instant>,
    patience: Duration,
    finished: bool,
}

impl Direct {
    pub(crate) async fn open(
        store: RedisStore,
        job: &JobId,
        start: Start,
        patience: Duration,
    ) -> Result<Self, Failure> {
        if store.get(job).await?.is_none() {
            return Err(Failure::no_such_job(job));
        }
        let shared = Arc::new(store.clone());
        let hub = Hub::new(shared.clone(), shared, HubOptions::default());
        let viewer = hub.open(job, start).await.map_err(|error| match error {
            OpenError::Read(error) => error.into(),
            error @ OpenError::Draining => Failure::new(Failure::OTHER, error),
        })?;
        Ok(Self {
            store,
            viewer,
            decoder: Decoder::new(),
            events: VecDeque::new(),
            away: None,
            patience,
            finished: false,
        })
    }

    /// The next thing that happens; `None` after the end. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Happening>, Failure> {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.finished = matches!(event, Event::Done(_));
                return Ok(Some(Happening::Event(event)));
            }
            if self.finished {
                return Ok(None);
            }
            match timeout(TICK, self.viewer.next()).await {
                Ok(Next::Frames(frames) | Next::Done(frames)) => self.decode(&frames)?,
                Ok(Next::BrokenOff(_)) => {
                    let text = "Redis refuses to be read any further";
                    return Err(Failure::new(Failure::OTHER, text));
                }
                Err(_) => return self.look().map(Some),
            }
        }
    }

    fn decode(&mut self, frames: &[u8]) -> Result<(), Failure> {
        for raw in self.decoder.feed(frames) {
            let event = WireEvent::from_raw(&raw);
            let event = event.map_err(|error| Failure::new(Failure::OTHER, error))?;
            self.events.extend(match event {
                WireEvent::Log(line) => Some(Event::Line(line)),
                WireEvent::Gap { after_id, first_id } => Some(Event::Gap { after_id, first_id }),
                WireEvent::Done { status } => Some(Event::Done(Ending::parse(&status))),
                // The hub, which is asked here, knows no tokens.
                WireEvent::Heartbeat | WireEvent::Reauth { .. } | WireEvent::Other(_) => None,
            });
        }
        Ok(())
    }

    /// The hub waits out an outage by itself, for ever; a person wants to know.
    fn look(&mut self) -> Result<Happening, Failure> {
        if self.store.state().connected {
            let was_away = self.away.take().is_some();
            return Ok(if was_away {
                Happening::Back
            } else {
                Happening::Quiet
            });
        }
        let since = *self.away.get_or_insert_with(Instant::now);
        if since.elapsed() > self.patience {
            let seconds = self.patience.as_secs();
            let text = format_args!("gave up: Redis was away for {seconds} s");
            return Err(Failure::new(Failure::AWAY, text));
        }
        Ok(Happening::Away(AWAY.to_owned()))
    }
}
