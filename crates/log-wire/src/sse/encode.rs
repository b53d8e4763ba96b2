//! Encodes events. Each ends with one blank line, `\n\n`: existing clients split the stream at exactly that.

use std::io::Write as _;
use std::time::Duration;

use log_domain::{EntryId, JobEnd, Line};

use crate::rest::{LineRef, write_json};

/// Appends a `log` event with its `id:`.
pub fn write_log(out: &mut Vec<u8>, line: &Line) {
    put(out, format_args!("event: log\nid: {}\ndata: ", line.id));
    write_json(out, &LineRef(line));
    out.extend_from_slice(b"\n\n");
}

/// Appends a `heartbeat`. Its `id:` is the position of the stream, so that a client that has seen no line yet has a
/// cursor to come back with.
pub fn write_heartbeat(out: &mut Vec<u8>, position: EntryId) {
    put(
        out,
        format_args!("event: heartbeat\nid: {position}\ndata: {{}}\n\n"),
    );
}

/// Appends a `heartbeat` that also says how long an `EventSource` waits before it reconnects. The `retry:` has no block of
/// its own: many libraries hand such a block out as an empty message.
pub fn write_heartbeat_with_retry(out: &mut Vec<u8>, position: EntryId, delay: Duration) {
    let delay = delay.as_millis();
    put(
        out,
        format_args!("event: heartbeat\nid: {position}\nretry: {delay}\ndata: {{}}\n\n"),
    );
}

/// Appends a `gap`. Its `id:` is where reading goes on, so that the client does not come back with a cursor that leads to
/// the same gap. It is there even if the position has not moved: some clients forget their cursor at an event without one.
pub fn write_gap(out: &mut Vec<u8>, gap: &log_domain::Gap) {
    put(
        out,
        format_args!(
            "event: gap\nid: {}\ndata: {{\"after_id\":\"{}\",\"first_id\":",
            gap.resume_after, gap.after_id
        ),
    );
    match gap.first_id {
        Some(id) => put(out, format_args!("\"{id}\"")),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b"}\n\n");
}

/// Appends `done`, the last event. Its `id:` is the end of the log: an `EventSource`, which reconnects by itself, comes
/// back with this cursor, gets 204, and stops.
pub fn write_done(out: &mut Vec<u8>, job_end: &JobEnd, last_id: EntryId) {
    put(
        out,
        format_args!("event: done\nid: {last_id}\ndata: {{\"status\":"),
    );
    write_json(out, &job_end.as_str());
    out.extend_from_slice(b"}\n\n");
}

/// Appends `reauth`: the stream ends here. A client that comes back with a fresh token goes on from `position`.
pub fn write_reauth(out: &mut Vec<u8>, position: EntryId) {
    put(
        out,
        format_args!("event: reauth\nid: {position}\ndata: {{\"after_id\":\"{position}\"}}\n\n"),
    );
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a `Vec` cannot fail.
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "{written:?}");
}

#[cfg(test)]
mod tests {
    use log_domain::JobStatus;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_log_frame_is_one_event_id_and_data_line() {
        let line = Line {
            id: EntryId::new(5, 1),
            ts: None,
            source: Some("stdout".into()),
            text: Some("a\r\n\nb".into()),
            phase: Some("install".into()),
            open: false,
        };
        insta::assert_snapshot!(text(|out| write_log(out, &line)), @r#"
        event: log
        id: 5-1
        data: {"id":"5-1","ts":null,"source":"stdout","text":"a\r\n\nb","phase":"install"}

        "#);
    }

    #[test]
    fn a_gap_has_the_id_where_reading_goes_on() {
        let gap = log_domain::Gap {
            after_id: EntryId::new(2, 0),
            first_id: Some(EntryId::new(7, 0)),
            resume_after: EntryId::new(2, 0),
        };
        assert_eq!(
            text(|out| write_gap(out, &gap)),
            "event: gap\nid: 2-0\ndata: {\"after_id\":\"2-0\",\"first_id\":\"7-0\"}\n\n"
        );
        let gap = log_domain::Gap {
            first_id: None,
            resume_after: EntryId::ZERO,
            ..gap
        };
        assert_eq!(
            text(|out| write_gap(out, &gap)),
            "event: gap\nid: 0-0\ndata: {\"after_id\":\"2-0\",\"first_id\":null}\n\n"
        );
    }

    #[test]
    fn done_heartbeats_and_reauth_have_the_form_of_the_contract() {
        let end = EntryId::new(9, 0);
        assert_eq!(
            text(|out| write_done(out, &JobEnd::Status(JobStatus::READY), end)),
            "event: done\nid: 9-0\ndata: {\"status\":\"ready\"}\n\n"
        );
        let odd = JobEnd::Status(JobStatus::parse("a\"\n"));
        assert_eq!(
            text(|out| write_done(out, &odd, end)),
            "event: done\nid: 9-0\ndata: {\"status\":\"a\\\"\\n\"}\n\n"
        );
        assert_eq!(
            text(|out| write_heartbeat(out, end)),
            "event: heartbeat\nid: 9-0\ndata: {}\n\n"
        );
        assert_eq!(
            text(|out| write_reauth(out, end)),
            "event: reauth\nid: 9-0\ndata: {\"after_id\":\"9-0\"}\n\n"
        );
        assert_eq!(
            text(|out| write_heartbeat_with_retry(out, end, Duration::from_millis(1500))),
            "event: heartbeat\nid: 9-0\nretry: 1500\ndata: {}\n\n"
        );
    }
}
