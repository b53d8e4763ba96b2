//! The body of an HTTP/1.1 answer without its framing: chunked (RFC 9112, section 7.1) or as it stands.

/// Where in the framing the next byte is.
#[derive(Clone, Debug)]
enum At {
    /// In the digits of a chunk's size; what they say so far.
    Size(usize),
    /// After the digits, before the end of that line.
    SizeEnd(usize),
    /// In a chunk; how much of it is left.
    Data(usize),
    /// After a chunk, before the end of that line.
    DataEnd,
    /// Not chunked: everything is data.
    Plain,
    /// After the last chunk, or after something that is no chunk.
    Over,
}

/// Takes the framing off a body that comes in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Body(At);

impl Body {
    /// A body that begins; `head` is the head of its answer, in lower case.
    pub(crate) fn after(head: &str) -> Self {
        Self(if head.contains("transfer-encoding: chunked") {
            At::Size(0)
        } else {
            At::Plain
        })
    }

    /// Whether the last chunk has come: a clean end.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.0, At::Over)
    }

    /// Hands over the data of the next piece, without copying it.
    pub(crate) fn feed(&mut self, mut piece: &[u8], mut data: impl FnMut(&[u8])) {
        while let Some((&byte, rest)) = piece.split_first() {
            self.0 = match self.0 {
                At::Plain => return data(piece),
                At::Over => return,
                At::Data(left) => {
                    let (now, later) = piece.split_at(left.min(piece.len()));
                    data(now);
                    piece = later;
                    self.0 = if now.len() == left {
                        At::DataEnd
                    } else {
                        At::Data(left - now.len())
                    };
                    continue;
                }
                At::DataEnd if byte == b'\n' => At::Size(0),
                At::DataEnd => At::DataEnd,
                At::SizeEnd(size) | At::Size(size) if byte == b'\n' => {
                    if size == 0 {
                        At::Over
                    } else {
                        At::Data(size)
                    }
                }
                At::SizeEnd(size) => At::SizeEnd(size),
                At::Size(size) => match char::from(byte).to_digit(16) {
                    Some(digit) => {
                        At::Size(size.saturating_mul(16) + usize::try_from(digit).unwrap_or(0))
                    }
                    None => At::SizeEnd(size),
                },
            };
            piece = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(pieces: &[&[u8]]) -> (String, bool) {
        let mut body = Body::after("http/1.1 200 ok\r\ntransfer-encoding: chunked\r\n");
        let mut text = Vec::new();
        for piece in pieces {
            body.feed(piece, |data| text.extend_from_slice(data));
        }
        (String::from_utf8(text).unwrap(), body.is_over())
    }

    #[test]
    fn the_framing_is_taken_off_wherever_a_piece_ends() {
        let sent = b"4\r\nabcd\r\n1A;x=y\r\n0123456789abcdefghijklmnop\r\n0\r\n\r\n";
        for cut in 0..sent.len() {
            let (head, tail) = sent.split_at(cut);
            let (text, over) = decoded(&[head, tail]);
            assert_eq!(text, "abcd0123456789abcdefghijklmnop", "cut at {cut}");
            assert!(over);
        }
    }

    #[test]
    fn a_body_that_breaks_off_is_not_over() {
        assert_eq!(decoded(&[b"4\r\nab"]), ("ab".to_owned(), false));
    }

    #[test]
    fn a_body_without_framing_is_handed_on() {
        let mut text = Vec::new();
        Body::after("http/1.1 200 ok\r\n").feed(b"a\r\nb", |data| text.extend_from_slice(data));
        assert_eq!(text, b"a\r\nb");
    }
}
