//! Frames as chunks of an HTTP/1.1 body (RFC 9112, section 7.1).
//!
//! Viewers that keep up get the same frames from the hub, one right after the other, and few of them. So a short chunk is
//! copied together, and the one that was made last on a thread is kept: each viewer sends the same bytes by the one system
//! call that costs least. (Three pieces in one `writev` took 6 % more of the CPU.) A long one is of a catch-up, and a client
//! that does not read may hold it for long: its frames stay the hub's, shared by all who get them.

use std::cell::RefCell;
use std::fmt::Write as _;

use bytes::buf::Chain;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The longest frames that are copied.
const SHORT: usize = 16 * 1024;

/// What is left to send of a chunk: its size, its frames and its end, or all of that in the first part.
pub(super) type Chunk = Chain<Chain<Bytes, Bytes>, Bytes>;

/// What stands after the frames.
#[derive(Clone, Copy)]
enum End {
    OfChunk,
    OfBody,
}

thread_local! {
    static NEWEST: RefCell<Option<Made>> = const { RefCell::new(None) };
}

/// A short chunk, with the frames that it was made of: as long as they are held, no others have their address.
struct Made {
    of: Bytes,
    chunk: Bytes,
}

/// Nothing to send.
pub(super) fn none() -> Chunk {
    whole(Bytes::new())
}

/// The chunk of these frames; nothing where they are empty, because a chunk without any is the last one.
pub(super) fn of(frames: Bytes) -> Chunk {
    if frames.is_empty() {
        return none();
    }
    if frames.len() > SHORT {
        return in_parts(frames, End::OfChunk);
    }
    whole(NEWEST.with_borrow_mut(|newest| match newest {
        Some(made) if is_same(&made.of, &frames) => made.chunk.clone(),
        _ => {
            let chunk = in_parts(frames.clone(), End::OfChunk);
            let chunk = copied(chunk);
            newest.insert(Made { of: frames, chunk }).chunk.clone()
        }
    }))
}

/// The same, with the end of the body after it.
pub(super) fn last_of(frames: Bytes) -> Chunk {
    in_parts(frames, End::OfBody)
}

fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.as_ptr() == other.as_ptr() && one.len() == other.len()
}

fn whole(chunk: Bytes) -> Chunk {
    chunk.chain(Bytes::new()).chain(Bytes::new())
}

fn in_parts(frames: Bytes, end: End) -> Chunk {
    let mut size = BytesMut::new();
    if !frames.is_empty() {
        // Writing into memory does not fail.
        let _ = write!(size, "{:x}\r\n", frames.len());
    }
    let after: &[u8] = match (end, frames.is_empty()) {
        (End::OfChunk, _) => b"\r\n",
        (End::OfBody, true) => b"0\r\n\r\n",
        (End::OfBody, false) => b"\r\n0\r\n\r\n",
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
    fn frames_stand_between_their_size_and_a_line_end() {
        let frames = Bytes::from_static(b"event: x\n\n");
        assert_eq!(sent(of(frames.clone())), "a\r\nevent: x\n\n\r\n");
        assert_eq!(sent(last_of(frames)), "a\r\nevent: x\n\n\r\n0\r\n\r\n");
    }

    #[test]
    fn no_frames_are_no_chunk_lest_the_body_ends() {
        assert_eq!(sent(of(Bytes::new())), "");
        assert_eq!(sent(last_of(Bytes::new())), "0\r\n\r\n");
    }

    #[test]
    fn a_short_chunk_is_made_once_for_the_same_frames_and_anew_for_others() {
        let frames = Bytes::from(b"first".to_vec());
        let (once, again) = (of(frames.clone()), of(frames.clone()));
        let part = |chunk: &Chunk| chunk.first_ref().first_ref().clone();
        assert!(is_same(&part(&once), &part(&again)));
        assert_eq!(sent(of(frames.slice(1..))), "4\r\nirst\r\n");
        assert_eq!(sent(of(Bytes::from(b"other".to_vec()))), "5\r\nother\r\n");
    }

    #[test]
    fn long_frames_stay_where_they_are() {
        let long = Bytes::from(vec![b'x'; SHORT + 1]);
        let chunk = of(long.clone());
        assert!(is_same(chunk.first_ref().last_ref(), &long));
        let sent = sent(chunk);
        assert!(sent.starts_with(b"4001\r\nxx") && sent.ends_with(b"x\r\n"));
    }
}
