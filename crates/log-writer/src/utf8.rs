//! Decodes UTF-8 from chunks. Bytes that are not UTF-8 become U+FFFD.

/// Decodes UTF-8 that comes in chunks. The result is the same as that of [`String::from_utf8_lossy`] for all bytes
/// together.
#[derive(Debug, Default)]
pub(crate) struct Utf8Stream {
    /// The first bytes of a character whose other bytes have not come yet: at most three.
    carry: [u8; 4],
    /// How many bytes of `carry` are in use.
    len: usize,
}

impl Utf8Stream {
    /// Decodes a chunk. If its last character is incomplete, it waits for the next chunk.
    pub(crate) fn push(&mut self, bytes: &[u8], mut out: impl FnMut(&str)) {
        let rest = self.complete_carry(bytes, &mut out);
        let mut chunks = rest.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            if !chunk.valid().is_empty() {
                out(chunk.valid());
            }
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            // Only bytes at the end of the chunk can still become a character.
            if chunks.peek().is_none() && is_incomplete(invalid) {
                self.keep(invalid);
            } else {
                out("\u{FFFD}");
            }
        }
    }

    /// Ends the stream. An incomplete character is replaced.
    pub(crate) fn finish(&mut self, mut out: impl FnMut(&str)) {
        if self.len > 0 {
            self.len = 0;
            out("\u{FFFD}");
        }
    }

    /// Adds bytes to the incomplete character until it is complete or invalid. Returns the other bytes.
    fn complete_carry<'a>(&mut self, bytes: &'a [u8], out: &mut impl FnMut(&str)) -> &'a [u8] {
        let mut rest = bytes;
        while self.len > 0 {
            let Some((&byte, after)) = rest.split_first() else {
                break;
            };
            self.carry[self.len] = byte;
            match std::str::from_utf8(&self.carry[..=self.len]) {
                Ok(character) => {
                    out(character);
                    self.len = 0;
                    rest = after;
                }
                Err(e) if e.error_len().is_none() => {
                    self.len += 1;
                    rest = after;
                }
                Err(_) => {
                    // The new byte does not belong to the character, so it is read again.
                    out("\u{FFFD}");
                    self.len = 0;
                }
            }
        }
        rest
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.carry[..bytes.len()].copy_from_slice(bytes);
        self.len = bytes.len();
    }
}

/// Whether invalid bytes are the beginning of a character.
fn is_incomplete(invalid: &[u8]) -> bool {
    std::str::from_utf8(invalid).is_err_and(|e| e.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> String {
        let mut stream = Utf8Stream::default();
        let mut text = String::new();
        for chunk in chunks {
            stream.push(chunk, |piece| text.push_str(piece));
        }
        stream.finish(|piece| text.push_str(piece));
        text
    }

    #[test]
    fn a_character_may_span_any_number_of_chunks() {
        assert_eq!(decode(&[b"\xf0", b"\x9f", b"\x98", b"\x80"]), "😀");
        assert_eq!(decode(&[b"a\xc3", b"\xa9b"]), "aéb");
    }

    #[test]
    fn an_incomplete_character_is_replaced_and_the_next_byte_is_read() {
        assert_eq!(decode(&[b"\xe2\x82", b"x"]), "\u{FFFD}x");
        assert_eq!(decode(&[b"\xe2", b"\xe2\x82\xac"]), "\u{FFFD}€");
        assert_eq!(decode(&[b"\xe2\x82"]), "\u{FFFD}");
    }

    proptest! {
        #[test]
        fn any_chunking_decodes_like_the_whole(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xe2), Just(0x82), Just(0xac), Just(0xf0), Just(0x9f)], 0..64),
            size in 1_usize..8,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(decode(&chunks), String::from_utf8_lossy(&bytes));
        }
    }
}
