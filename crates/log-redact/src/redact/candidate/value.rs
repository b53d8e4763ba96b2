//! The value after a name that says it is secret: `password=…`, `"apiKey": "…"`.

use super::part::Part;
use crate::redact::keys::NameKind;

/// The maximum length of a value in quotes. If the closing quote never comes, the rest of the log must stay visible.
const MAX_QUOTED: usize = 2 * 1024;

/// The maximum length of a value that may turn out not to be a secret.
const MAX_DOUBTFUL: usize = 256;

/// The text after a secret name and its `=` or `:`.
#[derive(Debug, Clone)]
pub(in crate::redact) struct Value {
    separator: u8,
    kind: NameKind,
    /// Whether the name is inside running text. Then the value must look like a secret too.
    doubtful: bool,
    /// What else ends the value, besides white space: `;` and `&` in lists of pairs.
    list_end: Option<u8>,
    state: ValueState,
    /// The length of the value so far, in bytes.
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
    /// In an unquoted value. A value that is only a bracket is code.
    Bare { bracket: bool },
    /// In a value in quotes. `escapes` is the number of `\` at the end of the text so far.
    Quoted {
        quote: u8,
        escaped: bool,
        escapes: usize,
    },
}

impl Value {
    pub(in crate::redact) const fn new(
        separator: u8,
        kind: NameKind,
        doubtful: bool,
        list_end: Option<u8>,
    ) -> Self {
        Self {
            separator,
            kind,
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

    pub(super) fn feed(&mut self, byte: u8) -> Part {
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

    /// Whether separator and byte are an operator: `==`, `=>`, `=~`, `::`, `:=`, `:/`.
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
                // It is not known yet whether this belongs to the value.
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
        let ends = match self.kind {
            NameKind::Secret => byte == b' ' || byte == b'\t' || Some(byte) == self.list_end,
            // The value of a header ends with its line, or with the quotes around it.
            NameKind::Header => matches!(byte, b'"' | b'\''),
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
        // A quote inside the value is written `\"`. If the quotes around the value are `\"`, it is written `\\\"`.
        let is_inside = if escaped {
            before % 4 == 3
        } else {
            before % 2 == 1
        };
        if byte == *quote && !is_inside {
            return Part::After;
        }
        self.count(byte);
        if escaped && byte == b'\\' {
            // This may belong to the closing quote.
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
