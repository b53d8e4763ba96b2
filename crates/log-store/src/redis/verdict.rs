//! What to do after an operation, and what a store says of its servers.

use super::connection::Connection;
use super::fault::{Fault, Redirection};

/// How much of a store is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) slots: u16,
    /// Whether all connected servers push changes; `None` where none is connected.
    pub(super) tracks: Option<bool>,
}

/// Why a connection is not there.
pub(super) fn unusable_because(connection: &Connection) -> Option<fred::error::Error> {
    match connection.current() {
        Some(_) => None,
        None => connection.last_error(),
    }
}

/// What to do about the outcome of an operation in a cluster.
pub(super) enum Verdict<T> {
    /// It is over.
    Done(Result<T, Fault>),
    /// Another node is the right one, from now on or for this once.
    Redirected(Redirection),
    /// The cluster says that it has done nothing, and that this may change.
    NotYet(Fault),
}

impl<T> Verdict<T> {
    pub(super) fn new(outcome: Result<T, Fault>) -> Self {
        match outcome {
            Err(Fault::Redirected(to)) => Self::Redirected(to),
            Err(fault) if fault.is_read_only() || fault.is_cluster_changing() => {
                Self::NotYet(fault)
            }
            done => Self::Done(done),
        }
    }
}
