//! A private key in PEM: `-----BEGIN … PRIVATE KEY-----`.

use super::Part;

/// Longest private key block: a PGP key with many parts.
pub(super) const MAX_LEN: usize = 256 * 1024;

/// A block `-----BEGIN … PRIVATE KEY-----` to `-----END`.
#[derive(Debug, Default)]
pub(in crate::redact) struct PrivateKey {
    /// What stands after `BEGIN `, until the block's body begins.
    label: Vec<u8>,
    body: bool,
    pub(super) len: usize,
    /// How many dashes came last.
    dashes: usize,
    /// Whether the line is a header, `Proc-Type: …`, which may hold anything.
    header: bool,
    /// Whether the line has anything, and whether white space came after that.
    begun: bool,
    spaced: bool,
    /// Whether the last byte was a `\`: a key in JSON has its line ends as `\n`.
    after_escape: bool,
}

impl PrivateKey {
    const MAX_LABEL: usize = 64;
    const DASHES: usize = 5;

    pub(super) fn take(&mut self, byte: u8) -> Part {
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
            // Five are the block's end, and no part of it; fewer are.
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
                self.spaced = self.begun;
                true
            }
            // Two words: this is no key any more, but what was printed after a key that was not ended.
            _ if self.spaced => false,
            b if b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=') => {
                self.begun = true;
                true
            }
            b'\\' | b'"' | b'\'' | b',' => true,
            _ => false,
        }
    }

    pub(super) fn line_end(&mut self) {
        (self.header, self.begun, self.spaced) = (false, false, false);
    }
}
