//! What one open stream holds, from its permit to its last event. How the bytes get to the client is not decided here:
//! by a task that owns the socket ([`super::sender`]), or as the body of an answer ([`super::body`]).

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use log_domain::{EntryId, Job, JobId};
use log_hub::{Hub, Next, Opening, Viewer};
use log_wire::StreamFormat;
use log_wire::sse::{write_heartbeat, write_reauth};

use crate::access::{Access, Principal, StreamPermit, StreamSignal};
use crate::error::ApiError;
use crate::http::StreamQuery;

/// How much a stream sends before other streams of its thread get a turn. A replay always has more to send, and must not
/// delay the new lines that others wait for.
pub(super) const TURN: usize = 32 * 1024;

/// The stream is broken off on purpose, so that the client sees that it is not complete.
#[derive(Debug, thiserror::Error)]
#[error("the stream is broken off; the client comes back with its cursor")]
pub struct BrokenOff;

/// One open stream. Dropping it gives back everything it holds.
#[derive(Debug)]
pub(crate) struct StreamSession {
    viewer: Viewer,
    format: StreamFormat,
    /// The position to greet the client with. Proxies hold a head back until the first byte of the body comes, and a client
    /// that is cut off before the first line must know where it was.
    greeting: Option<EntryId>,
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
        query: StreamQuery,
    ) -> Result<Option<Self>, ApiError> {
        let permit = access.permit_stream(who, job_id, job)?;
        let opening = Opening::new(query.start)
            .came_back(query.came_back)
            .has_ended(job.status.is_terminal());
        let opened = hub.open(job_id, opening).await?;
        Ok(opened.into_viewer().map(|viewer| Self {
            permit: Some(permit),
            format: query.format,
            ..Self::without_permit(viewer)
        }))
    }

    /// A stream that no limit counts and nobody ends early.
    pub(super) fn without_permit(viewer: Viewer) -> Self {
        Self {
            greeting: Some(viewer.position()),
            viewer,
            format: StreamFormat::EventStream,
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
            StreamSignal::Reauth if !self.format.has_reauth() => {
                return Poll::Ready(Next::BrokenOff(Bytes::new()));
            }
            StreamSignal::Reauth => {
                let reauth = event(|out| write_reauth(out, self.viewer.position()));
                return Poll::Ready(self.in_format(Next::Done(reauth)));
            }
        }
        if let Some(position) = self.greeting.take() {
            let greeting = event(|out| write_heartbeat(out, position));
            return Poll::Ready(self.in_format(Next::Frames(greeting)));
        }
        self.viewer.poll_next(cx).map(|next| self.in_format(next))
    }

    /// Converts what the hub has encoded, if the client wants something else.
    fn in_format(&self, next: Next) -> Next {
        let format = match self.format {
            StreamFormat::EventStream => return next,
            format @ (StreamFormat::Ndjson | StreamFormat::Text) => format,
        };
        match next {
            Next::Frames(events) => Next::Frames(format.convert(&events).into()),
            Next::Done(events) => Next::Done(format.convert(&events).into()),
            Next::BrokenOff(events) => Next::BrokenOff(format.convert(&events).into()),
        }
    }

    /// Whether there is more to send as soon as the store has answered.
    pub(super) fn catches_up(&self) -> bool {
        self.viewer.catches_up()
    }
}

fn event(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    write(&mut out);
    out.into()
}
