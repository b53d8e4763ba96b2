//! A private key in PEM: `-----BEGIN … PRIVATE KEY-----`.

use super::part::Part;

/// The maximum length of a private key block: that of a PGP key with many parts.
pub(super) const MAX_LEN: usize = 256 * 1024;

/// A block `-----BEGIN … PRIVATE KEY-----` to `-----END`.
#[derive(Debug, Clone, Default)]
pub(in crate::redact) struct PrivateKey {
    /// The text after `BEGIN `, until the body of the block begins.
    label: Vec<u8>,
    body: bool,
    pub(super) len: usize,
    /// The number of dashes at the end of the text so far.
    dashes: usize,
    /// Whether the line is a header (`Proc-Type: …`), which may contain anything.
    header: bool,
    /// Whether the line contains a word.
    has_word: bool,
    /// Whether there is white space after the word.
    has_space: bool,
    /// Whether the last byte was a `\`. In JSON the line ends of a key are written as `\n`.
    after_escape: bool,
}

impl PrivateKey {
    const MAX_LABEL: usize = 64;
    const DASHES: usize = 5;

    pub(super) fn feed(&mut self, byte: u8) -> Part {
        if self.body {
            return self.body(byte);
        }
        match byte {
            b'-' => {
                self.dashes += 1;
                if self.dashes == Self::DASHES {
                    self.dashes = 0;
                    self.body = self.label.windows(11).any(|part| part == b"PRIVATE KEY");
                    return if self.body { Part::Before } else { Part::After };
                }
            }
            b'A'..=b'Z' | b'0'..=b'9' | b' ' if self.label.len() < Self::MAX_LABEL => {
                self.label.push(byte);
            }
            _ => return Part::After,
        }
        Part::Before
    }

    fn body(&mut self, byte: u8) -> Part {
        self.len += 1;
        if byte == b'-' && !self.header {
            // Five dashes are the end of the block. Fewer dashes belong to it.
            self.dashes += 1;
            let is_end = self.dashes == Self::DASHES;
            return if is_end { Part::After } else { Part::Pending };
        }
        self.dashes = 0;
        let ends_line = std::mem::replace(&mut self.after_escape, byte == b'\\') && byte == b'n';
        if ends_line {
            self.line_end();
        } else if !self.continues_line(byte) {
            return Part::After;
        }
        Part::Inside { certain: true }
    }

    fn continues_line(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.header => true,
            b':' => {
                self.header = true;
                true
            }
            b' ' | b'\t' => {
                self.has_space = self.has_word;
                true
            }
            // A line with two words is not part of a key. It was printed after a key without an end.
            _ if self.has_space => false,
            b if b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=') => {
                self.has_word = true;
                true
            }
            b'\\' | b'"' | b'\'' | b',' => true,
            _ => false,
        }
    }

    pub(super) fn line_end(&mut self) {
        (self.header, self.has_word, self.has_space) = (false, false, false);
    }
}
