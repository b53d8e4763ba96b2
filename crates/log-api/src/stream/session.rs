//! What one open stream holds, from its permit to its last event. How the bytes get to the client is not decided here:
//! by a task that owns the socket ([`super::sender`]), or as the body of an answer ([`super::body`]).

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use log_domain::{Job, JobId, Start};
use log_hub::{Hub, Next, Viewer};
use log_wire::sse::write_reauth;
use tokio::time::timeout;

use crate::access::{Access, Principal, StreamPermit, StreamSignal};
use crate::error::ApiError;

/// How much a stream sends before other streams of its thread get a turn. A replay always has more to send, and must not
/// delay the new lines that others wait for.
pub(super) const TURN: usize = 32 * 1024;

/// How long a request waits to learn whether there is anything after its cursor. That normally takes the quiet period;
/// more only while the store is away.
const FIRST_FRAMES: Duration = Duration::from_secs(3);

/// The stream is broken off on purpose, so that the client sees that it is not complete.
#[derive(Debug, thiserror::Error)]
#[error("the stream is broken off; the client comes back with its cursor")]
pub struct BrokenOff;

/// One open stream. Dropping it gives back everything it holds.
#[derive(Debug)]
pub(crate) struct StreamSession {
    viewer: Viewer,
    /// What was taken from the viewer before the answer was decided.
    first: Option<Next>,
    /// The counted place, the lease, and the signal to end. `None` if the stream is outside of the service's rules.
    permit: Option<StreamPermit>,
    /// The signal that was read last.
    signal: StreamSignal,
}

impl StreamSession {
    /// Opens a stream for a reader who has passed the gate. Returns `None` if the job has ended, the client has been told so
    /// before, and there is nothing new.
    ///
    /// # Errors
    /// 429 or 503 if a limit is reached, 401 if access was revoked meanwhile, 503 if the log cannot be read.
    pub(crate) async fn open(
        access: &Access,
        hub: &Hub,
        who: Principal,
        (job_id, job): (&JobId, &Job),
        start: Start,
    ) -> Result<Option<Self>, ApiError> {
        let permit = access.permit_stream(who, job_id, job)?;
        let mut viewer = hub.open(job_id, start).await?;
        let mut first = None;
        // A client that comes back to a job that has ended.
        if start.cursor().is_some() && job.status.is_terminal() {
            first = timeout(FIRST_FRAMES, viewer.next()).await.ok();
            if matches!(first, Some(Next::Done(_))) && !viewer.has_delivered() {
                return Ok(None);
            }
        }
        let permit = Some(permit);
        Ok(Some(Self {
            first,
            permit,
            ..Self::without_permit(viewer)
        }))
    }

    /// A stream that no limit counts and nobody ends early.
    pub(super) fn without_permit(viewer: Viewer) -> Self {
        Self {
            viewer,
            first: None,
            permit: None,
            signal: StreamSignal::Continue,
        }
    }

    /// Reads the signal. `waker` is woken when it changes; then this must be called again.
    pub(super) fn read_signal(&mut self, waker: &Waker) {
        if let Some(permit) = &self.permit {
            self.signal = permit.poll_signal(waker);
        }
    }

    /// Whether nothing more may go to the client, not even the rest of an event that is half sent.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.signal == StreamSignal::BreakOff
    }

    /// What to send next. Call it when everything before is sent, and not again after the last frames.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        match self.signal {
            StreamSignal::Continue => {}
            StreamSignal::BreakOff => return Poll::Ready(Next::BrokenOff(Bytes::new())),
            StreamSignal::Reauth => {
                let mut frame = Vec::new();
                write_reauth(&mut frame, self.viewer.position());
                return Poll::Ready(Next::Done(frame.into()));
            }
        }
        match self.first.take() {
            Some(first) => Poll::Ready(first),
            None => self.viewer.poll_next(cx),
        }
    }

    /// Whether there is more to send as soon as the store has answered.
    pub(super) fn catches_up(&self) -> bool {
        self.viewer.catches_up()
    }
}
