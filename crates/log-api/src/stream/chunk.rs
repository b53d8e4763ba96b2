//! Frames as chunks of an HTTP/1.1 body (RFC 9112, section 7.1), or as they are for a body that lasts until the connection
//! closes.
//!
//! Viewers that keep up get the same few frames from the hub, one viewer right after the other. So a short chunk is copied
//! into one piece, and each thread keeps the chunk that it made last: every viewer then sends the same bytes by one `write`.
//! (A `writev` of three pieces took 6 % more CPU.) A long chunk belongs to a catch-up, and a client that does not read may
//! hold it for long. It is not copied: its frames stay shared with the hub.

use std::cell::RefCell;
use std::fmt::Write as _;

use actix_web::http::Version;
use bytes::buf::Chain;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The longest frames that are copied.
const SHORT: usize = 16 * 1024;

/// How the head of the answer says that the body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Chunked,
    /// For clients of HTTP/1.0, which do not know chunks.
    UntilClose,
}

impl Framing {
    /// What a client of this version understands.
    pub(crate) fn for_version(version: Version) -> Self {
        if version < Version::HTTP_11 {
            Self::UntilClose
        } else {
            Self::Chunked
        }
    }
}

/// What is left to send of a chunk: its size, its frames and its end; or all of that in the first part.
pub(super) type Chunk = Chain<Chain<Bytes, Bytes>, Bytes>;

/// What follows the frames.
#[derive(Clone, Copy)]
enum End {
    Chunk,
    Body,
}

thread_local! {
    static NEWEST: RefCell<Option<Copied>> = const { RefCell::new(None) };
}

/// A short chunk, with the frames that it was copied from. As long as these are held, no other frames have their address.
struct Copied {
    frames: Bytes,
    chunk: Bytes,
}

/// Nothing to send.
pub(super) fn empty() -> Chunk {
    in_one_piece(Bytes::new())
}

/// The chunk of these frames. Nothing if they are empty, because an empty chunk would end the body.
pub(super) fn from_frames(framing: Framing, frames: Bytes) -> Chunk {
    if frames.is_empty() {
        return empty();
    }
    if framing == Framing::UntilClose {
        return in_one_piece(frames);
    }
    if frames.len() > SHORT {
        return in_parts(frames, End::Chunk);
    }
    in_one_piece(NEWEST.with_borrow_mut(|newest| match newest {
        Some(copied) if is_same(&copied.frames, &frames) => copied.chunk.clone(),
        _ => {
            let chunk = in_parts(frames.clone(), End::Chunk);
            let chunk = copied(chunk);
            newest.insert(Copied { frames, chunk }).chunk.clone()
        }
    }))
}

/// The chunk of these frames, and the end of the body after it.
pub(super) fn last(framing: Framing, frames: Bytes) -> Chunk {
    match framing {
        Framing::Chunked => in_parts(frames, End::Body),
        Framing::UntilClose => in_one_piece(frames),
    }
}

fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.as_ptr() == other.as_ptr() && one.len() == other.len()
}

fn in_one_piece(chunk: Bytes) -> Chunk {
    chunk.chain(Bytes::new()).chain(Bytes::new())
}

fn in_parts(frames: Bytes, end: End) -> Chunk {
    let mut size = BytesMut::new();
    if !frames.is_empty() {
        // Writing into memory does not fail.
        let _ = write!(size, "{:x}\r\n", frames.len());
    }
    let after: &[u8] = match (end, frames.is_empty()) {
        (End::Chunk, _) => b"\r\n",
        (End::Body, true) => b"0\r\n\r\n",
        (End::Body, false) => b"\r\n0\r\n\r\n",
    };
    size.freeze().chain(frames).chain(Bytes::from_static(after))
}

fn copied(chunk: Chunk) -> Bytes {
    let mut copy = BytesMut::with_capacity(chunk.remaining());
    copy.put(chunk);
    copy.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(chunk: Chunk) -> Bytes {
        copied(chunk)
    }

    #[test]
    fn frames_come_between_their_size_and_a_line_end() {
        let frames = Bytes::from_static(b"event: x\n\n");
        assert_eq!(
            sent(from_frames(Framing::Chunked, frames.clone())),
            "a\r\nevent: x\n\n\r\n"
        );
        assert_eq!(
            sent(last(Framing::Chunked, frames)),
            "a\r\nevent: x\n\n\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn no_frames_make_no_chunk_because_that_would_end_the_body() {
        assert_eq!(sent(from_frames(Framing::Chunked, Bytes::new())), "");
        assert_eq!(sent(last(Framing::Chunked, Bytes::new())), "0\r\n\r\n");
    }

    #[test]
    fn a_body_until_the_close_is_the_frames_and_nothing_else() {
        let frames = Bytes::from_static(b"event: x\n\n");
        let from_frames = from_frames(Framing::UntilClose, frames.clone());
        assert_eq!(sent(from_frames), frames);
        assert_eq!(sent(last(Framing::UntilClose, frames.clone())), frames);
    }

    #[test]
    fn a_short_chunk_is_copied_once_for_the_same_frames() {
        let frames = Bytes::from(b"first".to_vec());
        let (once, again) = (
            from_frames(Framing::Chunked, frames.clone()),
            from_frames(Framing::Chunked, frames.clone()),
        );
        let part = |chunk: &Chunk| chunk.first_ref().first_ref().clone();
        assert!(is_same(&part(&once), &part(&again)));
        assert_eq!(
            sent(from_frames(Framing::Chunked, frames.slice(1..))),
            "4\r\nirst\r\n"
        );
        assert_eq!(
            sent(from_frames(
                Framing::Chunked,
                Bytes::from(b"other".to_vec())
            )),
            "5\r\nother\r\n"
        );
    }

    #[test]
    fn long_frames_are_not_copied() {
        let long = Bytes::from(vec![b'x'; SHORT + 1]);
        let chunk = from_frames(Framing::Chunked, long.clone());
        assert!(is_same(chunk.first_ref().last_ref(), &long));
        let sent = sent(chunk);
        assert!(sent.starts_with(b"4001\r\nxx") && sent.ends_with(b"x\r\n"));
    }
}
