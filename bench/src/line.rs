//! A line of 80 bytes that carries its number and the time at which it was appended, and its recognition in any
//! encoding that leaves it as it is (SSE, chunked or not, JSON around it).

/// The length of a line's text.
pub(crate) const LINE_BYTES: usize = 80;

/// What is looked at: a mark that stands nowhere else in an answer, ten digits, a colon, nineteen digits.
pub(crate) const TOKEN_BYTES: usize = 31;

/// The first byte of each line. No server here uses it in its own framing.
pub(crate) const MARK: u8 = b'@';

/// A line's text.
pub(crate) fn text(number: u64, now_ns: u64) -> String {
    let mut line =
        format!("@{number:010}:{now_ns:019} Compiling a crate of the workspace, one of many more");
    line.truncate(LINE_BYTES);
    line
}

/// A line's text of another length, at least that of a token.
pub(crate) fn text_of(number: u64, now_ns: u64, bytes: usize) -> String {
    let mut line = text(number, now_ns);
    line.truncate(bytes.max(TOKEN_BYTES));
    let missing = bytes.saturating_sub(line.len());
    line.extend(std::iter::repeat_n('.', missing));
    line
}

/// The number and the time in a token.
pub(crate) fn parse(token: &[u8]) -> Option<(u64, u64)> {
    let number = digits(token.get(1..11)?)?;
    let at = digits(token.get(12..TOKEN_BYTES)?)?;
    (token.first() == Some(&MARK) && token.get(11) == Some(&b':')).then_some((number, at))
}

fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + u64::from(digit))
    })
}

/// Finds lines in a body that comes in pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scanner {
    /// The beginning of a token that the last piece ended in.
    carried: [u8; TOKEN_BYTES],
    /// How much of it is there.
    length: usize,
}

impl Scanner {
    /// Hands over each line of the next piece as (number, time).
    pub(crate) fn feed(&mut self, mut piece: &[u8], mut found: impl FnMut(u64, u64)) {
        if self.length > 0 {
            let take = piece.len().min(TOKEN_BYTES - self.length);
            let (head, rest) = piece.split_at(take);
            self.carried[self.length..self.length + take].copy_from_slice(head);
            self.length += take;
            if self.length < TOKEN_BYTES {
                return;
            }
            if let Some((number, at)) = parse(&self.carried) {
                found(number, at);
            }
            self.length = 0;
            piece = rest;
        }
        while let Some(start) = memchr::memchr(MARK, piece) {
            let from = &piece[start..];
            let Some(token) = from.get(..TOKEN_BYTES) else {
                self.carried[..from.len()].copy_from_slice(from);
                self.length = from.len();
                return;
            };
            if let Some((number, at)) = parse(token) {
                found(number, at);
            }
            piece = &from[TOKEN_BYTES..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_80_bytes_and_says_what_it_was_made_of() {
        let line = text(42, 1_764_159_564_123_456_789);
        assert_eq!(line.len(), LINE_BYTES);
        let told = parse(line.as_bytes().get(..TOKEN_BYTES).unwrap());
        assert_eq!(told, Some((42, 1_764_159_564_123_456_789)));
    }

    #[test]
    fn a_line_of_any_length_keeps_its_token() {
        for bytes in [31, 80, 5_000] {
            let line = text_of(7, 9, bytes);
            assert_eq!(line.len(), bytes);
            assert_eq!(parse(&line.as_bytes()[..TOKEN_BYTES]), Some((7, 9)));
        }
    }

    #[test]
    fn lines_are_found_wherever_a_piece_ends() {
        let body = format!(
            "id: 1-0\ndata: {{\"text\":\"{}\"}}\n\ndata: {}\n\n",
            text(1, 7),
            text(2, 8)
        );
        for cut in 0..body.len() {
            let (mut scanner, mut lines) = (Scanner::default(), Vec::new());
            let (head, tail) = body.as_bytes().split_at(cut);
            for piece in [head, tail] {
                scanner.feed(piece, |number, at| lines.push((number, at)));
            }
            assert_eq!(lines, [(1, 7), (2, 8)], "cut at {cut}");
        }
    }

    #[test]
    fn lines_are_found_byte_by_byte() {
        let (mut scanner, mut lines) = (Scanner::default(), Vec::new());
        for byte in text(3, 9).into_bytes() {
            scanner.feed(&[byte], |number, at| lines.push((number, at)));
        }
        assert_eq!(lines, [(3, 9)]);
    }
}
