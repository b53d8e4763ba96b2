//! Candidates: text that may be a secret. Each rule is a small state machine that is fed byte by byte.
//!
//! A candidate sees the text without line ends, and is told where the line ends were. It knows which range it would hide,
//! and whether the range is certainly a secret. Each byte is read once; there is no backtracking.

mod part;
mod private_key;
mod token;
mod userinfo;
mod value;

use self::part::Part;
pub(super) use self::part::Step;
pub(super) use self::private_key::PrivateKey;
pub(super) use self::token::TokenRun;
pub(super) use self::userinfo::Userinfo;
pub(super) use self::value::Value;

/// Text that may be a secret.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The start of the range to hide.
    pub(super) from: u64,
    /// The end of the range to hide, so far.
    pub(super) to: u64,
    /// Whether it is certainly a secret.
    pub(super) certain: bool,
    pub(super) rule: Rule,
}

#[derive(Debug, Clone)]
pub(super) enum Rule {
    Token(TokenRun),
    Value(Value),
    Userinfo(Userinfo),
    PrivateKey(PrivateKey),
}

impl Candidate {
    pub(super) const fn new(from: u64, rule: Rule) -> Self {
        Self {
            from,
            to: from,
            certain: false,
            rule,
        }
    }

    /// The position from which it is not decided yet what to hide.
    pub(super) const fn undecided_from(&self) -> u64 {
        if self.certain { self.to } else { self.from }
    }

    /// Takes the byte at a position.
    pub(super) fn feed(&mut self, byte: u8, at: u64) -> Step {
        let part = match &mut self.rule {
            Rule::Token(run) => run.feed(byte),
            Rule::Value(value) => value.feed(byte),
            Rule::Userinfo(userinfo) => userinfo.feed(byte),
            Rule::PrivateKey(key) => key.feed(byte),
        };
        match part {
            Part::Before => (self.from, self.to) = (at + 1, at + 1),
            Part::Inside { certain } => {
                self.certain |= certain;
                self.to = at + 1;
            }
            Part::Closing => {
                self.certain = true;
                self.to = at;
            }
            Part::Pending => {}
            Part::After => return Step::Ends,
        }
        // A hidden range ends with a complete character.
        end_if(self.is_too_long() && (byte.is_ascii() || !self.certain))
    }

    /// Takes a line end.
    pub(super) fn line_end(&mut self) -> Step {
        match &mut self.rule {
            Rule::Token(run) => end_if(run.kind.full.is_some_and(|full| run.len >= full)),
            Rule::Value(value) => end_if(!self.certain || !value.is_quoted()),
            Rule::Userinfo(userinfo) => end_if(self.certain || userinfo.is_address()),
            Rule::PrivateKey(key) => {
                key.line_end();
                Step::Continues
            }
        }
    }

    /// Whether it is so likely a secret that it is hidden before the rest of it comes.
    pub(super) fn is_likely(&self) -> bool {
        match &self.rule {
            Rule::Token(run) => run.is_likely(),
            Rule::Userinfo(userinfo) => userinfo.is_password_likely(),
            Rule::Value(_) | Rule::PrivateKey(_) => false,
        }
    }

    /// Whether it is longer than any secret of its kind.
    const fn is_too_long(&self) -> bool {
        match &self.rule {
            Rule::Token(run) => !self.certain && run.len > token::MAX_OPEN,
            Rule::Value(value) => value.is_too_long(self.certain),
            Rule::Userinfo(userinfo) => userinfo.len > userinfo::MAX_LEN,
            Rule::PrivateKey(key) => key.len > private_key::MAX_LEN,
        }
    }
}

const fn end_if(ends: bool) -> Step {
    if ends { Step::Ends } else { Step::Continues }
}
