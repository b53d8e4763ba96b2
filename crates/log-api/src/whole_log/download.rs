//! A log as a file: text or NDJSON.

use anstream::adapter::strip_str;
use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use log_domain::{EntryId, Line, ReadLimit};
use log_wire::line_json;

use super::reader::{Interrupted, LogReader};

/// How much is read at once. A download needs some times this much memory, whatever the size of the log.
pub(crate) const READ: ReadLimit = ReadLimit {
    lines: 2000,
    bytes: 256 * 1024,
};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DownloadRequest {
    pub(crate) format: Format,
    /// Whether terminal control stays in the texts.
    pub(crate) keep_ansi: bool,
    pub(crate) after: Option<EntryId>,
    pub(crate) before: Option<EntryId>,
}

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A line for each text.
    Text,
    /// A line for each JSON object, the same as in a page.
    Ndjson,
}

impl Format {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// The end of the file's name.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Text => "log",
            Self::Ndjson => "ndjson",
        }
    }
}

/// The content of the file.
pub(crate) fn body(
    reader: LogReader,
    request: DownloadRequest,
) -> impl Stream<Item = Result<Bytes, Interrupted>> {
    try_unfold(reader, move |mut reader| async move {
        let Some(lines) = reader.next().await? else {
            return Ok(None);
        };
        let mut out = Vec::with_capacity(lines.iter().map(|line| line.bytes() + 64).sum());
        for line in lines {
            write_line(&mut out, line, request);
        }
        Ok(Some((Bytes::from(out), reader)))
    })
}

fn write_line(out: &mut Vec<u8>, mut line: Line, request: DownloadRequest) {
    if !request.keep_ansi {
        line.text = line.text.map(|text| strip_str(&text).to_string());
    }
    match request.format {
        Format::Text => out.extend_from_slice(line.text.unwrap_or_default().as_bytes()),
        Format::Ndjson => out.extend_from_slice(&line_json(&line)),
    }
    out.push(b'\n');
}
