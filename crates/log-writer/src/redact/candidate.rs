//! What may be a secret and has begun: one small machine a rule, fed byte by byte.
//!
//! A candidate sees the text with line ends taken out, and is told where they were. It knows from where on it would
//! hide, and whether it is certain yet. Nothing goes back: each byte is looked at once.

mod private_key;
mod token;
mod userinfo;
mod value;

pub(super) use self::private_key::PrivateKey;
pub(super) use self::token::TokenRun;
pub(super) use self::userinfo::Userinfo;
pub(super) use self::value::Value;

/// Whether a candidate goes on after a byte or a line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    GoesOn,
    /// The byte is no part of it, or it was the last one.
    Ends,
}

/// Something that may be a secret.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Where it would hide from.
    pub(super) from: u64,
    /// Where it hides to, so far; what follows is not known yet.
    pub(super) to: u64,
    /// Whether it is one.
    pub(super) certain: bool,
    pub(super) rule: Rule,
}

#[derive(Debug)]
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

    /// From where on it is not known what is hidden.
    pub(super) const fn open_from(&self) -> u64 {
        if self.certain { self.to } else { self.from }
    }

    /// Takes the byte at a position.
    pub(super) fn take(&mut self, byte: u8, at: u64) -> Step {
        let part = match &mut self.rule {
            Rule::Token(run) => run.take(byte),
            Rule::Value(value) => value.take(byte),
            Rule::Userinfo(userinfo) => userinfo.take(byte),
            Rule::PrivateKey(key) => key.take(byte),
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
        // What is hidden ends with a whole character.
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
                Step::GoesOn
            }
        }
    }

    /// Whether what there is is enough to hide it, although the rest has not come.
    pub(super) fn is_likely(&self) -> bool {
        match &self.rule {
            Rule::Token(run) => run.is_likely(),
            Rule::Userinfo(userinfo) => userinfo.is_password_likely(),
            Rule::Value(_) | Rule::PrivateKey(_) => false,
        }
    }

    /// Whether it has gone on for longer than anything of its kind does.
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
    if ends { Step::Ends } else { Step::GoesOn }
}

/// Where a byte stands.
enum Part {
    /// Before what would be hidden.
    Before,
    /// In it, and whether that makes it certain.
    Inside { certain: bool },
    /// Right after it, which makes it certain; more of it may follow.
    Closing,
    /// In it, if more of it follows.
    Pending,
    /// After it.
    After,
}
