//! Routes that read a whole log for one client: [`download`] and [`search`]. Both read it batch by batch, so memory does
//! not grow with the log, and end early where the access of the reader ends.

pub(crate) mod download;
mod pattern;
mod reader;
pub(crate) mod search;
mod section;

pub(crate) use self::pattern::{Pattern, PatternRequest};
pub(crate) use self::reader::LogReader;
