//! The vocabulary and the rules of a build log, with no I/O, no async, no clock and no serde.
//!
//! A **job** is one build. Its **log** is an append-only list of **lines**, each with an
//! [`EntryId`] that grows along the log. Everything that reads a log, be it a page of history, a
//! viewer catching up or a live stream, asks for *the lines after this id*; the rules for what such
//! a read may return, what counts as missing and when a log has ended are here, so that every layer
//! above shares them.
//!
//! **Invariant:** nothing in this crate can wait, fail for a reason outside its arguments, or tell
//! the time.
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
mod job;
mod job_end;
mod limits;
mod line;
mod page;
mod read;
mod resume;
mod revocation;
mod status;

pub use end_clock::{EndClock, EndRead, EndRules};
pub use entry_id::{EntryId, EntryIdError};
pub use gap_tracker::{FoundGap, GapTracker};
pub use id::{JobId, JobIdError, OrgId, UserId};
pub use job::{Job, Membership, OrgRule, Reader, may_read};
pub use job_end::JobEnd;
pub use limits::{MAX_JOB_ID_LEN, MAX_PAGE_LINES, MAX_READ_BYTES};
pub use line::{Line, Source};
pub use page::{Page, PageLimit, PageLimitError, PageRequest};
pub use read::{Batch, Order, ReadLimit, Span};
pub use resume::{Gap, LogBounds, Start, gap_after};
pub use revocation::{Revocation, Revoked};
pub use status::{IllegalTransition, JobStatus};
