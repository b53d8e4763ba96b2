//! The error of a step that is not allowed.

use std::fmt;

use crate::status::JobStatus;

/// A change of status that no producer may make.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IllegalTransition {
    /// The status of the job.
    pub from: JobStatus,
    /// The status that was refused.
    pub to: JobStatus,
    /// What the job may become instead. Empty if it has ended.
    pub allowed: Vec<JobStatus>,
}

impl IllegalTransition {
    /// For a store that checks steps elsewhere. [`Lifecycle::check_step`](crate::Lifecycle::check_step) makes it otherwise.
    #[must_use]
    pub const fn new(from: JobStatus, to: JobStatus, allowed: Vec<JobStatus>) -> Self {
        Self { from, to, allowed }
    }
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, allowed } = self;
        write!(f, "a job that is `{from}` cannot become `{to}`, ")?;
        let Some((last, others)) = allowed.split_last() else {
            return f.write_str("because it has ended");
        };
        f.write_str("only ")?;
        for (place, status) in others.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}`{status}`")?;
        }
        let or = if others.is_empty() { "" } else { " or " };
        write!(f, "{or}`{last}`")
    }
}

impl std::error::Error for IllegalTransition {}
