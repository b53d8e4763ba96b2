//! What fred's errors say, in words for people.
//!
//! fred keeps errors of the system and of TLS as Rust prints them for debugging:
//! `Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }`.

use fred::error::Error;

/// The text of an error.
pub(super) fn text(error: &Error) -> String {
    without_debug(error.details())
}

/// The innermost message of a text that may be debugging output.
fn without_debug(text: &str) -> String {
    // The message is the last field, in quotes, or one more debugging output.
    for field in ["message: ", "error: "] {
        if let Some((before, value)) = text.split_once(field)
            && before.contains('{')
        {
            let value = value.trim_end_matches([' ', '}']);
            return without_debug(value.trim_matches('"'));
        }
    }
    if let Some(words) = text.strip_prefix("Kind(") {
        return words.trim_end_matches(')').to_owned();
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use fred::error::ErrorKind;

    use super::*;

    #[test]
    fn errors_of_the_system_are_shown_without_debugging_output() {
        for (kind, details, shown) in [
            (
                ErrorKind::IO,
                r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#,
                "Connection refused",
            ),
            (
                ErrorKind::IO,
                r#"Custom { kind: UnexpectedEof, error: "tls handshake eof" }"#,
                "tls handshake eof",
            ),
            (
                ErrorKind::IO,
                r#"Custom { kind: Uncategorized, error: "failed to lookup address information: Name or service not known" }"#,
                "failed to lookup address information: Name or service not known",
            ),
            (
                ErrorKind::IO,
                "Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }",
                "InvalidCertificate(UnknownIssuer)",
            ),
            (ErrorKind::IO, "Kind(UnexpectedEof)", "UnexpectedEof"),
            (
                ErrorKind::Unknown,
                "NOPERM User default has no permissions",
                "NOPERM User default has no permissions",
            ),
            (ErrorKind::Unknown, "ERR error: none", "ERR error: none"),
        ] {
            assert_eq!(text(&Error::new(kind, details)), shown);
        }
    }
}
