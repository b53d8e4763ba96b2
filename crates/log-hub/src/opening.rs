//! How a client comes to a log, and what it gets.

use log_domain::{EntryId, Start};

use crate::viewer::Viewer;

/// How a client comes to a log. A [`Start`] alone is what a client asks for that did not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    pub(crate) start: Start,
    pub(crate) came_back: bool,
    /// Whether the status of the job is terminal, where the caller has read it.
    pub(crate) has_ended: Option<bool>,
}

impl Opening {
    /// A client that asks for a stream from `start` on.
    #[must_use]
    pub const fn new(start: Start) -> Self {
        Self {
            start,
            came_back: false,
            has_ended: None,
        }
    }

    /// What a request asks for. A client that sends `Last-Event-ID` has come back. The rest is as in
    /// [`Start::from_request`].
    #[must_use]
    pub fn from_request(
        last_event_id: Option<EntryId>,
        after_id: Option<EntryId>,
        from_start: bool,
    ) -> Self {
        Self::new(Start::from_request(last_event_id, after_id, from_start))
            .came_back(last_event_id.is_some())
    }

    /// Sets whether the client got its cursor from an earlier stream, as an `EventSource` does that reconnects. Only such a
    /// client is told [`Opened::Complete`].
    #[must_use]
    pub const fn came_back(self, came_back: bool) -> Self {
        Self { came_back, ..self }
    }

    /// Says whether the status of the job is terminal. A caller that has just read the job saves the hub a read by it.
    #[must_use]
    pub const fn has_ended(self, has_ended: bool) -> Self {
        Self {
            has_ended: Some(has_ended),
            ..self
        }
    }
}

impl From<Start> for Opening {
    fn from(start: Start) -> Self {
        Self::new(start)
    }
}

/// What a client gets.
#[derive(Debug)]
#[must_use]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly always a viewer, and nobody keeps it"
)]
pub enum Opened {
    /// A stream to send.
    Viewer(Viewer),
    /// The client has come back, the log has ended, and the client has all of it. Answer `204 No Content`: an `EventSource`
    /// reconnects after every end of a stream, and only a status that is not 200 stops it (HTML standard, section
    /// "Server-sent events").
    Complete,
}

impl Opened {
    /// The viewer; `None` where the log is complete.
    #[must_use]
    pub fn into_viewer(self) -> Option<Viewer> {
        match self {
            Self::Viewer(viewer) => Some(viewer),
            Self::Complete => None,
        }
    }
}
