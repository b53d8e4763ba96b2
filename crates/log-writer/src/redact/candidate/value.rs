//! The value of a secret's name: `password=…`, `"apiKey": "…"`.

use super::Part;
use crate::redact::keys::Named;

/// Longest value in quotes: one whose closing quote never comes must not take the log with it.
const MAX_QUOTED: usize = 2 * 1024;

/// Longest run that may become a value, where the text before its name makes that doubtful.
const MAX_DOUBTFUL: usize = 256;

/// What follows a secret's name and its `=` or `:`.
#[derive(Debug)]
pub(in crate::redact) struct Value {
    separator: u8,
    named: Named,
    /// Whether the name stands in running text, so that the value must look like a secret, too.
    doubtful: bool,
    /// What ends the value beside white space: `;` and `&` in lists of such pairs.
    list_end: Option<u8>,
    state: ValueState,
    /// How many bytes the value has so far.
    len: usize,
    has_digit: bool,
    has_letter: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueState {
    /// Right after the separator.
    Separated,
    /// In the white space after it.
    Spaced,
    /// After a `\` that may belong to an opening quote.
    Escaped,
    /// In an unquoted value; one that is a bracket alone is code.
    Bare { bracket: bool },
    /// In a value in quotes, after so many `\` in a row.
    Quoted {
        quote: u8,
        escaped: bool,
        escapes: usize,
    },
}

impl Value {
    pub(in crate::redact) const fn new(
        separator: u8,
        named: Named,
        doubtful: bool,
        list_end: Option<u8>,
    ) -> Self {
        Self {
            separator,
            named,
            doubtful,
            list_end,
            state: ValueState::Separated,
            len: 0,
            has_digit: false,
            has_letter: false,
        }
    }

    pub(super) const fn is_quoted(&self) -> bool {
        matches!(self.state, ValueState::Quoted { .. })
    }

    pub(super) const fn is_too_long(&self, certain: bool) -> bool {
        (self.is_quoted() && self.len > MAX_QUOTED) || (!certain && self.len > MAX_DOUBTFUL)
    }

    pub(super) fn take(&mut self, byte: u8) -> Part {
        match self.state {
            ValueState::Separated if self.is_operator(byte) => Part::After,
            ValueState::Separated | ValueState::Spaced => self.begin(byte, false),
            ValueState::Escaped => match byte {
                b'"' | b'\'' | b'`' => self.begin(byte, true),
                // The `\` was the value's first byte.
                _ => {
                    self.state = ValueState::Bare { bracket: false };
                    self.count(b'\\');
                    self.bare(byte)
                }
            },
            ValueState::Bare { .. } => self.bare(byte),
            ValueState::Quoted { .. } => self.quoted(byte),
        }
    }

    /// `==`, `=>`, `=~`; `::`, `:=`, `:/`.
    const fn is_operator(&self, byte: u8) -> bool {
        match self.separator {
            b'=' => matches!(byte, b'=' | b'>' | b'~'),
            _ => matches!(byte, b':' | b'=' | b'/'),
        }
    }

    fn begin(&mut self, byte: u8, escaped: bool) -> Part {
        match byte {
            b' ' | b'\t' => {
                self.state = ValueState::Spaced;
                Part::Before
            }
            b'"' | b'\'' | b'`' => {
                self.state = ValueState::Quoted {
                    quote: byte,
                    escaped,
                    escapes: 0,
                };
                Part::Before
            }
            b'\\' => {
                // Not known yet whether it is the value's: it stays open.
                self.state = ValueState::Escaped;
                Part::Inside { certain: false }
            }
            _ => {
                let bracket = matches!(byte, b'{' | b'[' | b'(');
                self.state = ValueState::Bare { bracket };
                self.bare(byte)
            }
        }
    }

    fn bare(&mut self, byte: u8) -> Part {
        let ends = match self.named {
            Named::Secret => byte == b' ' || byte == b'\t' || Some(byte) == self.list_end,
            // A header goes to the end of its line, or of the quotes around it.
            Named::Header => matches!(byte, b'"' | b'\''),
        };
        if ends {
            return Part::After;
        }
        self.count(byte);
        let is_lone_bracket = self.state == ValueState::Bare { bracket: true } && self.len == 1;
        Part::Inside {
            certain: !is_lone_bracket && self.looks_secret(),
        }
    }

    fn quoted(&mut self, byte: u8) -> Part {
        let ValueState::Quoted {
            quote,
            escaped,
            escapes,
        } = &mut self.state
        else {
            return Part::After;
        };
        let (escaped, before) = (*escaped, *escapes);
        *escapes = if byte == b'\\' { before + 1 } else { 0 };
        // A quote of the value is `\"`, and `\\\"` where the value's own quotes are `\"`.
        let is_own = if escaped {
            before % 4 == 3
        } else {
            before % 2 == 1
        };
        if byte == *quote && !is_own {
            return Part::After;
        }
        self.count(byte);
        if escaped && byte == b'\\' {
            // It may belong to the closing quote.
            return Part::Pending;
        }
        Part::Inside {
            certain: self.looks_secret(),
        }
    }

    fn count(&mut self, byte: u8) {
        self.len += 1;
        self.has_digit |= byte.is_ascii_digit();
        self.has_letter |= byte.is_ascii_alphabetic();
    }

    const fn looks_secret(&self) -> bool {
        !self.doubtful || (self.len >= 6 && self.has_digit && self.has_letter)
    }
}
