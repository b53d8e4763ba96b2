//! A body that lasts as long as the build: `some-build 2>&1 | curl -N -T - '…?stream=1'`. Its lines are appended as they
//! come, and it is answered at its end.
//!
//! Nobody can tell the sender to slow down but the socket: while the store is away, or the job appends too much, nothing
//! is read. The lines are numbered in any case, so that an append of which the answer was lost can be sent again here.

use std::time::{Duration, SystemTime};

use actix_web::web::Payload;
use futures_util::StreamExt as _;
use log_domain::{JobId, Numbering, ProducerName};
use log_store::{NewLine, NumberedAppended};
use log_wire::{ErrorCode, WriteProblem};
use tokio::time::{Instant, sleep, timeout_at};

use super::body::{MAX_BYTES, cut_short};
use super::head::{AppendHead, Format};
use super::lines::{MAX_LINE, one_line};
use super::memory::Part;
use super::writes::Writes;
use crate::error::ApiError;
use crate::health::Health;

/// How long lines are gathered before they are appended.
const GATHER: Duration = Duration::from_millis(200);

/// With so many lines, or so many bytes, they are appended at once.
const MAX_GATHERED: usize = 500;
const MAX_GATHERED_BYTES: usize = 256 * 1024;

/// How long the store may be away before the body is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a silent body looks whether the service stops.
const LOOK: Duration = Duration::from_secs(1);

/// Appends the lines of a body as they come.
///
/// # Errors
/// As for any append. What came before is in the log; `next` says how many lines that are.
pub(crate) async fn append_streamed(
    writes: &Writes,
    health: &Health,
    job: &JobId,
    head: &AppendHead,
    payload: Payload,
) -> Result<NumberedAppended, ApiError> {
    let numbering = match &head.numbering {
        Some(numbering) => numbering.clone(),
        None => own_numbering()?,
    };
    let upload = Upload {
        writes,
        health,
        job,
        head,
        numbering,
        memory: writes.memory(),
        line: LineBuffer::default(),
        lines: 0,
        gathered: Vec::new(),
        gathered_bytes: 0,
        done: None,
    };
    upload.run(payload).await
}

/// The numbers of a body whose sender does not number: they are only used here.
fn own_numbering() -> Result<Numbering, ApiError> {
    let name = format!("stream-{:032x}", fastrand::u128(..));
    let name: ProducerName = name
        .parse()
        .map_err(|_| ApiError::Code(ErrorCode::Internal))?;
    Numbering::new(name, 0, 0).ok_or(ApiError::Code(ErrorCode::Internal))
}

/// One body under way.
struct Upload<'a> {
    writes: &'a Writes,
    health: &'a Health,
    job: &'a JobId,
    head: &'a AppendHead,
    /// Of the first gathered line.
    numbering: Numbering,
    memory: Part,
    line: LineBuffer,
    /// How many lines of the body were read.
    lines: u64,
    gathered: Vec<NewLine>,
    gathered_bytes: usize,
    /// What the appends so far did together.
    done: Option<NumberedAppended>,
}

impl Upload<'_> {
    async fn run(mut self, mut payload: Payload) -> Result<NumberedAppended, ApiError> {
        let mut flush_at: Option<Instant> = None;
        loop {
            let wake = flush_at.unwrap_or_else(|| Instant::now() + LOOK);
            let Ok(next) = timeout_at(wake, payload.next()).await else {
                if flush_at.take().is_some() {
                    self.flush().await?;
                }
                if self.health.is_draining() {
                    return Err(self.broken_off(ErrorCode::Draining));
                }
                continue;
            };
            match next {
                Some(Ok(chunk)) => {
                    self.take(&chunk).await?;
                    if self.gathered.is_empty() {
                        flush_at = None;
                    } else {
                        flush_at.get_or_insert_with(|| Instant::now() + GATHER);
                    }
                }
                Some(Err(_)) => {
                    // The whole lines that came are kept; the sender is gone.
                    self.flush().await?;
                    return Err(cut_short());
                }
                None => break,
            }
        }
        if let Some(last) = self.line.finish() {
            self.push(&last)?;
        }
        self.flush().await?;
        match self.done {
            Some(done) => Ok(done),
            None => {
                self.writes
                    .append(self.job, Some(&self.numbering), &[])
                    .await
            }
        }
    }

    async fn take(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (piece, after) = rest.split_at(end);
            self.extend_line(piece)?;
            rest = after.get(1..).unwrap_or_default();
            let whole = self.line.take();
            if let Err(error) = self.push(&whole) {
                // What came before the malformed line is appended: a body like this cannot be taken back.
                self.flush().await?;
                return Err(error);
            }
            if self.gathered.len() >= MAX_GATHERED || self.gathered_bytes >= MAX_GATHERED_BYTES {
                self.flush().await?;
            }
        }
        self.extend_line(rest)
    }

    fn extend_line(&mut self, piece: &[u8]) -> Result<(), ApiError> {
        // Of a line of text the beginning is enough. JSON can only be read whole.
        let most = match self.head.format {
            Format::Text => MAX_LINE + 4,
            Format::Ndjson => MAX_BYTES,
        };
        let kept = self.line.extend(piece, most);
        self.memory.grow(kept)
    }

    fn push(&mut self, line: &WholeLine) -> Result<(), ApiError> {
        let number = self.lines;
        self.lines += 1;
        let at = (number, line.missing);
        if let Some(read) = one_line(self.head, &line.bytes, at, &SystemTime::now().into())? {
            self.gathered_bytes += line.bytes.len();
            self.gathered.push(read);
        }
        Ok(())
    }

    /// Appends what is gathered, however often that takes.
    async fn flush(&mut self) -> Result<(), ApiError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        while let Err(wait) = self.writes.take_allowance(self.job, &self.gathered) {
            sleep(wait).await;
        }
        let give_up = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(100);
        let now = loop {
            let appended = self
                .writes
                .append(self.job, Some(&self.numbering), &self.gathered)
                .await;
            match appended {
                Ok(now) => break now,
                Err(error) if error.code() != ErrorCode::StoreUnavailable => return Err(error),
                Err(_) if Instant::now() >= give_up || self.health.is_draining() => {
                    return Err(self.broken_off(ErrorCode::StoreUnavailable));
                }
                Err(_) => sleep(pause).await,
            }
            pause = (2 * pause).min(Duration::from_secs(2));
        };
        let before = self.done.take();
        self.done = Some(before.map_or(now, |before| NumberedAppended {
            appended: before.appended + now.appended,
            duplicate: before.duplicate + now.duplicate,
            resumed: before.resumed && now.resumed,
            ..now
        }));
        self.numbering = self.numbering.after(self.gathered.len() as u64);
        self.gathered.clear();
        self.gathered_bytes = 0;
        self.memory.give_back();
        Ok(())
    }

    /// The refusal that says how far the body came.
    fn broken_off(&self, code: ErrorCode) -> ApiError {
        let next = self.numbering.first();
        ApiError::Write {
            code,
            detail: format!("The lines before line {next} are in the log; send the others again"),
            more: Box::new(WriteProblem {
                next: Some(next),
                ..WriteProblem::default()
            }),
        }
    }
}

/// The line that is being read. Of a line that is too long, only the beginning is kept.
#[derive(Default)]
struct LineBuffer {
    bytes: Vec<u8>,
    missing: u64,
}

struct WholeLine {
    bytes: Vec<u8>,
    /// How many bytes of the line were not kept.
    missing: u64,
}

impl LineBuffer {
    /// Keeps at most so many bytes of the line. Returns how many of the piece it keeps.
    fn extend(&mut self, piece: &[u8], most: usize) -> usize {
        let room = most.saturating_sub(self.bytes.len());
        let (kept, cut) = piece.split_at(piece.len().min(room));
        self.bytes.extend_from_slice(kept);
        self.missing += cut.len() as u64;
        kept.len()
    }

    fn take(&mut self) -> WholeLine {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.last() == Some(&b'\r') && self.missing == 0 {
            bytes.pop();
        }
        WholeLine {
            bytes,
            missing: std::mem::take(&mut self.missing),
        }
    }

    /// What followed the last LF, unless that is nothing.
    fn finish(&mut self) -> Option<WholeLine> {
        (!self.bytes.is_empty()).then(|| self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_line_of_100_mb_little_more_than_the_first_mib_is_kept() {
        let mut line = LineBuffer::default();
        for _ in 0..1600 {
            line.extend(&[b'x'; 64 * 1024], MAX_LINE + 4);
        }
        assert!(line.bytes.capacity() <= 4 * MAX_LINE);
        let whole = line.take();
        assert_eq!(whole.bytes.len() as u64 + whole.missing, 1600 * 64 * 1024);
        line.extend(b"next\r", MAX_LINE);
        assert_eq!(line.take().bytes, b"next");
    }
}
