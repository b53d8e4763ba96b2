//! What a rule says about a byte, and whether a candidate continues after it.

/// Whether a candidate continues after a byte or a line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::redact) enum Step {
    Continues,
    /// The byte does not belong to the candidate, or it is its last byte.
    Ends,
}

/// How a byte belongs to a candidate.
pub(super) enum Part {
    /// It is before the text to hide.
    Before,
    /// It is inside the text to hide. `certain` says whether the text is now known to be a secret.
    Inside { certain: bool },
    /// It is right after the text to hide, which is now known to be a secret. More of it may follow.
    Closing,
    /// It is inside the text to hide if more of that text follows.
    Pending,
    /// It is after the text to hide.
    After,
}
