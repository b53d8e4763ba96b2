//! Tokens with a known prefix.

/// A kind of token: a prefix, then a run of characters.
#[derive(Debug)]
pub(super) struct TokenKind {
    /// Its prefix. This is public, but it is hidden with the rest.
    pub(super) prefix: &'static str,
    /// The characters that may follow.
    pub(super) alphabet: Alphabet,
    /// The minimum number of characters after the prefix.
    pub(super) min: usize,
    /// The exact number of characters after the prefix, if it is known. If a line ends after that many characters, the
    /// token has ended. If it ends earlier, the token continues in the next line.
    pub(super) full: Option<usize>,
    /// What else the token must contain, for prefixes that also occur in ordinary text.
    pub(super) proof: Proof,
}

/// The characters of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// `A–Z 0–9`
    Upper,
    /// `A–Z a–z 0–9`
    Plain,
    /// `A–Z a–z 0–9 _`
    Word,
    /// `A–Z a–z 0–9 _ -`
    Url,
    /// `A–Z a–z 0–9 _ - .`
    Dotted,
}

impl Alphabet {
    pub(super) const fn has(self, byte: u8) -> bool {
        match self {
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Url => byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
        }
    }
}

/// What a text must contain to be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing, the length is enough.
    Length,
    /// A digit, because class names may begin with `sk-` as well.
    Digit,
    /// A dot with text on both sides, as between the parts of a JWT.
    Dot,
}

const fn kind(prefix: &'static str, alphabet: Alphabet, min: usize) -> TokenKind {
    TokenKind {
        prefix,
        alphabet,
        min,
        full: None,
        proof: Proof::Length,
    }
}

const fn of_length(mut kind: TokenKind, full: usize) -> TokenKind {
    kind.full = Some(full);
    kind
}

const fn with(mut kind: TokenKind, proof: Proof) -> TokenKind {
    kind.proof = proof;
    kind
}

/// The known kinds of tokens. Exact lengths are those that the providers document or use today. The minimum lengths are
/// smaller, because a provider may change its tokens, and half a token must be hidden too.
pub(super) const TOKENS: [TokenKind; 27] = [
    of_length(kind("ghp_", Alphabet::Plain, 20), 36),
    of_length(kind("gho_", Alphabet::Plain, 20), 36),
    of_length(kind("ghu_", Alphabet::Plain, 20), 36),
    kind("ghs_", Alphabet::Dotted, 20),
    kind("ghr_", Alphabet::Plain, 20),
    of_length(kind("github_pat_", Alphabet::Word, 20), 82),
    kind("glpat-", Alphabet::Dotted, 16),
    kind("glrt-", Alphabet::Dotted, 16),
    with(kind("sk-", Alphabet::Url, 20), Proof::Digit),
    kind("sk-ant-", Alphabet::Url, 12),
    kind("sk_live_", Alphabet::Word, 16),
    kind("sk_test_", Alphabet::Word, 16),
    kind("rk_live_", Alphabet::Word, 16),
    of_length(kind("AKIA", Alphabet::Upper, 16), 16),
    of_length(kind("ASIA", Alphabet::Upper, 16), 16),
    of_length(kind("AIza", Alphabet::Url, 30), 35),
    kind("xoxa-", Alphabet::Url, 10),
    kind("xoxb-", Alphabet::Url, 10),
    kind("xoxp-", Alphabet::Url, 10),
    kind("xoxr-", Alphabet::Url, 10),
    kind("xoxs-", Alphabet::Url, 10),
    kind("xoxe", Alphabet::Dotted, 16),
    kind("xapp-", Alphabet::Url, 16),
    of_length(kind("hf_", Alphabet::Plain, 30), 34),
    of_length(kind("npm_", Alphabet::Plain, 30), 36),
    with(kind("pypi-", Alphabet::Url, 32), Proof::Digit),
    with(kind("eyJ", Alphabet::Dotted, 20), Proof::Dot),
];
