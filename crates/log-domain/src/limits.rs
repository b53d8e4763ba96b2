//! The constant limits, each with its reason.

/// The longest job id, in bytes. Job ids become parts of Redis keys and of URLs; the longest in use has 36.
pub const MAX_JOB_ID_LEN: usize = 128;

/// The most lines of one page of history.
pub const MAX_PAGE_LINES: usize = 500;

/// The most bytes of text that one read returns, unless its first line alone is longer. Lines have no maximum length,
/// and one page must not need the memory of a whole log.
pub const MAX_READ_BYTES: usize = 8 * 1024 * 1024;

/// The longest name of a producer, in bytes. A log keeps about a hundred bytes for each of its producers.
pub const MAX_PRODUCER_LEN: usize = 64;

/// The greatest number of a line, and of an epoch. Scripts in Redis calculate in floating point, where whole numbers are
/// exact up to 2⁵³.
pub const MAX_NUMBER: u64 = 1 << 52;
