//! The password of a connection string: `scheme://user:password@`.

use super::part::Part;

/// The maximum length of the user and the password together.
pub(super) const MAX_LEN: usize = 512;

/// The part of a connection string between `://` and `@`.
#[derive(Debug, Clone, Default)]
pub(in crate::redact) struct Userinfo {
    pub(super) len: usize,
    /// Whether the `:` was seen.
    in_password: bool,
    /// Whether the text before the `:` looks like a host: it has a dot, or it is `localhost`.
    is_host: bool,
    /// How many bytes of `localhost` have matched.
    localhost: usize,
    /// Whether the password contains anything but digits.
    is_word: bool,
    password_len: usize,
}

impl Userinfo {
    const LOCALHOST: &'static [u8] = b"localhost";

    pub(super) fn feed(&mut self, byte: u8) -> Part {
        let ends = matches!(
            byte,
            b' ' | b'\t' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'/' | b'?' | b'#' | b'\\'
        );
        if ends {
            return Part::After;
        }
        self.len += 1;
        if self.in_password {
            return self.password(byte);
        }
        match byte {
            b'@' => return Part::After,
            b':' => {
                self.in_password = true;
                self.is_host |=
                    self.localhost == Self::LOCALHOST.len() && self.len == self.localhost + 1;
            }
            b'.' => self.is_host = true,
            b if Self::LOCALHOST.get(self.localhost) == Some(&b) => self.localhost += 1,
            _ => {}
        }
        Part::Before
    }

    fn password(&mut self, byte: u8) -> Part {
        if byte == b'@' {
            // A password may contain an `@`, so the last one counts.
            return if self.password_len > 0 {
                Part::Closing
            } else {
                Part::Pending
            };
        }
        self.password_len += 1;
        self.is_word |= !byte.is_ascii_digit();
        Part::Pending
    }

    /// Whether this is an address without a password, if the line ends here: a host, with or without a port.
    pub(super) const fn is_address(&self) -> bool {
        if self.in_password {
            self.is_host && self.password_len > 0 && !self.is_word
        } else {
            self.is_host
        }
    }

    pub(super) const fn is_password_likely(&self) -> bool {
        self.in_password && self.is_word
    }
}
