//! The types and the rules of build logs. There is no I/O, no async, no clock and no serde in this crate.
//!
//! A **job** is one build. Its **log** is an append-only list of **lines**, each with an
//! [`EntryId`]. Ids grow along the log. A page of history, a viewer that catches up and a live stream all ask the same
//! question: *which lines come after this id?* All layers above share the rules in this crate:
//!
//! - what such a read may return ([`Span`], [`ReadLimit`], [`Page`]);
//! - when lines may be missing ([`gap_after`]);
//! - when a log has ended ([`EndClock`]);
//! - who may read a job ([`may_read`]), and which status may follow which ([`Lifecycle`]).
//!
//! **Invariant:** no function in this crate waits, reads the time, or depends on anything but its arguments.
//!
//! ```
//! use log_domain::{EntryId, PageLimit, PageRequest};
//!
//! let bound: EntryId = "1700000000000-3".parse()?;
//! let request = PageRequest { after: None, before: Some(bound), limit: PageLimit::DEFAULT };
//! assert!(request.is_from_newest());
//! assert!(bound > "1700000000000-2".parse()?);
//! # Ok::<(), log_domain::EntryIdError>(())
//! ```

mod end_clock;
mod entry_id;
mod gap_tracker;
mod id;
mod illegal_transition;
mod job;
mod job_end;
mod lifecycle;
mod limits;
mod line;
mod numbering;
mod page;
mod read;
mod resume;
mod revocation;
mod status;
mod time;

pub use end_clock::{EndClock, EndRead, EndRules};
pub use entry_id::{EntryId, EntryIdError};
pub use gap_tracker::{FoundGap, GapTracker};
pub use id::{JobId, JobIdError, OrgId, UserId};
pub use illegal_transition::IllegalTransition;
pub use job::{Job, Membership, OrgRule, Reader, may_read};
pub use job_end::JobEnd;
pub use lifecycle::{Lifecycle, LifecycleBuilder, LifecycleError};
pub use limits::{MAX_JOB_ID_LEN, MAX_NUMBER, MAX_PAGE_LINES, MAX_PRODUCER_LEN, MAX_READ_BYTES};
pub use line::{Line, Source};
pub use numbering::{Numbering, Placement, ProducerName, ProducerNameError, ProducerState};
pub use page::{Page, PageLimit, PageLimitError, PageRequest};
pub use read::{Batch, Order, ReadLimit, Span};
pub use resume::{Gap, LogBounds, Start, gap_after, gap_at};
pub use revocation::{Revocation, Revoked};
pub use status::{JobStatus, StatusNameError};
pub use time::Timestamp;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
