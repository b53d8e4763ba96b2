//! Appending lines: the producer's side.

use std::time::SystemTime;

use async_trait::async_trait;
use log_domain::{EntryId, JobId, Source, Timestamp};

use crate::error::StoreError;

/// A line to append. The store assigns its id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewLine {
    /// When the worker wrote it.
    pub ts: Option<Timestamp>,
    /// The channel it came from.
    pub source: Option<Source>,
    /// The line, without its newline.
    pub text: Option<String>,
    /// The part of the build that wrote it.
    pub phase: Option<String>,
    /// Whether this is only the state of a line that has not ended yet, see [`log_domain::Line::open`].
    pub open: bool,
}

impl NewLine {
    /// A line with a text, and nothing else.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use log_domain::Source;
    /// use log_store::NewLine;
    ///
    /// let line = NewLine::new("Compiling").ts(SystemTime::now()).source(Source::Stdout).phase("code");
    /// assert_eq!(line.source, Some(Source::Stdout));
    /// ```
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::default()
        }
    }

    /// Sets when the worker wrote it.
    #[must_use]
    pub fn ts(self, time: SystemTime) -> Self {
        Self {
            ts: Some(time.into()),
            ..self
        }
    }

    /// Sets the channel it came from.
    #[must_use]
    pub fn source(self, source: Source) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    /// Sets the part of the build that wrote it.
    #[must_use]
    pub fn phase(self, phase: impl Into<String>) -> Self {
        Self {
            phase: Some(phase.into()),
            ..self
        }
    }

    /// What a store keeps: the name and the value of each field that the line has (wire contract). The field `open` has the
    /// value `1`, or is not there.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let names = ["ts", "source", "text", "phase", "open"];
        let fields = names.into_iter().zip(self.values());
        fields.filter_map(|(name, value)| Some((name, value?)))
    }

    /// The values of `ts`, `source`, `text`, `phase` and `open`.
    pub(crate) fn values(&self) -> [Option<&str>; 5] {
        [
            self.ts.as_ref().map(Timestamp::as_str),
            self.source.as_ref().map(Source::as_str),
            self.text.as_deref(),
            self.phase.as_deref(),
            self.open.then_some(OPEN),
        ]
    }

    /// The bytes of all values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values().into_iter().flatten().map(str::len).sum()
    }
}

/// The value of the field `open` of a state of an open line. Any other value means nothing.
pub(crate) const OPEN: &str = "1";

/// Appends lines to the logs of jobs.
///
/// # Contract
///
/// * **A1** The lines of one call MUST be in the log in their order. Lines of other producers MAY be between them.
/// * **A2** When the call has returned, every read MUST see the lines (R5 of [`crate::LogStore`]).
/// * **A3** The log MUST keep at least its newest 50,000 lines for 24 hours after its last append, and MAY remove older
///   lines. It MUST expire at some time, unless it is appended to.
/// * **A4** A failed call MAY have appended the first of its lines. A producer that must not repeat a line reads before it
///   tries again.
/// * **A5** When a call has failed, each of its lines MUST either be visible to the store's reads ([`crate::LogStore`]) that
///   begin afterwards, or never come. Lines that such a read does not find may be sent again.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError>;
/// async fn confirm(&self, _job: &JobId) -> Result<(), StoreError>;
/// ```
#[async_trait]
pub trait LogAppend: Send + Sync + 'static {
    /// Appends lines and returns their ids. Without lines it does nothing.
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError>;

    /// Waits until all lines that are in the log are as safe as those of an append that has returned. A producer that has
    /// found its lines after a failed append calls it, before it takes them for appended. Most stores have nothing to do.
    async fn confirm(&self, _job: &JobId) -> Result<(), StoreError> {
        Ok(())
    }
}
