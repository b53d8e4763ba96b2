//! Why a benchmark gave no figure. The texts are whole sentences: they are all that a person sees.

use std::io;
use std::time::Duration;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// Somebody pressed Ctrl-C, or sent SIGTERM.
    #[error("stopped before the end; everything that was started has been ended")]
    Stopped,
    /// The system said no.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something did not happen in its time.
    #[error("{what} did not happen within {limit:?}")]
    Late {
        /// What was waited for.
        what: String,
        /// The time it had.
        limit: Duration,
    },
    /// A server or a load process ended, or said something that makes no sense.
    #[error("{who}: {said}")]
    Peer {
        /// Which process.
        who: String,
        /// What it said, or did.
        said: String,
    },
    /// A viewer did not get every line exactly once, in order. Such a run has no figures.
    #[error(
        "{who}: lines are wrong at the viewers: {missing} missing, {repeated} repeated or out of order, {closed} streams closed early"
    )]
    Lines {
        /// Which server.
        who: String,
        /// Lines that did not come.
        missing: u64,
        /// Lines that came again, or after a later one.
        repeated: u64,
        /// Streams that the server ended.
        closed: u64,
    },
    /// The machine does not let one process open as many files as the case needs.
    #[error(
        "a process may open {have} files here and the case needs {need}: raise the hard limit (`ulimit -Hn`, or \
         LimitNOFILE= of the service that this runs under)"
    )]
    Files {
        /// The hard limit.
        have: u64,
        /// What is needed.
        need: u64,
    },
    /// A program that is needed is not there.
    #[error("there is no {program} at {path}: {advice}")]
    Absent {
        /// Which.
        program: &'static str,
        /// Where it was looked for.
        path: String,
        /// How to get it.
        advice: &'static str,
    },
    /// No such case.
    #[error("there is no case `{name}`; there are: {known}")]
    UnknownCase {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A figure is beyond its reach, or could not be had.
    #[error("{failed} of {all} figures are not where they are to be")]
    Beyond {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// Text that is no JSON where there should be some.
    #[error("unexpected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// No token could be signed.
    #[error("cannot mint a token: {0}")]
    Mint(#[from] auth::mint::MintError),
}

impl BenchError {
    /// For `map_err`: the system said no to `what`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what: what.into(),
            source,
        }
    }

    /// A process that did something else than it was started for.
    pub(crate) fn peer(who: impl Into<String>, said: impl Into<String>) -> Self {
        Self::Peer {
            who: who.into(),
            said: said.into(),
        }
    }
}
