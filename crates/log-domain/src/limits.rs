//! Every constant limit of the domain, with its reason.

/// Longest job id, in bytes. Job ids become Redis keys and URL segments; the longest in use is 36.
pub const MAX_JOB_ID_LEN: usize = 128;

/// Most lines a page of history may hold.
pub const MAX_PAGE_LINES: usize = 500;

/// Most bytes of text one read returns, unless its first line alone is longer: lines have no
/// maximum length, and one page must not take the memory of a whole log.
pub const MAX_READ_BYTES: usize = 8 * 1024 * 1024;
