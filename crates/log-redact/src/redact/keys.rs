//! Names whose value is a secret: `DB_PASSWORD`, `apiKey`, `x-auth-token`.

use std::ops::Range;

/// The maximum length of a name, in bytes. Of a longer name only the end is checked.
pub(super) const MAX_NAME: usize = 64;

/// What a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// The value is a secret.
    Secret,
    /// A header. Its value may have a scheme before the secret, so everything to the end of the line is hidden.
    Header,
}

/// Last words of a secret name, alone or at the end of a longer word (`PGPASSWORD`).
const SECRET_ENDINGS: [&[u8]; 7] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"secret",
    b"token",
    b"apikey",
    b"credentials",
];

/// Words before a last word `key` that make a name a secret name.
const SECRET_KEYS: [&[u8]; 11] = [
    b"access",
    b"account",
    b"api",
    b"auth",
    b"encryption",
    b"license",
    b"master",
    b"private",
    b"secret",
    b"signing",
    b"storage",
];

/// Classifies a name by its last word: the values of `TOKEN_URL` and `passwordFile` are no secrets.
pub(super) fn classify_name(name: &[u8]) -> Option<NameKind> {
    let mut small = [0; MAX_NAME];
    let name = &name[name.len().saturating_sub(MAX_NAME)..];
    let small = &mut small[..name.len()];
    small.copy_from_slice(name);
    small.make_ascii_lowercase();

    let (last, rest) = last_word(name)?;
    let before = last_word(&name[..rest]).map(|(word, _)| &small[word]);
    let last = &small[last];
    let is_key = last == b"key" && before.is_some_and(|word| SECRET_KEYS.contains(&word));
    // Without a word before it, `pwd` is a folder and `pass` a count.
    let is_short = matches!(last, b"pwd" | b"pass") && before.is_some_and(|word| word != b"old");
    let is_base = last == b"base" && before == Some(b"key");
    if is_key || is_short || is_base || SECRET_ENDINGS.iter().any(|end| last.ends_with(end)) {
        return Some(NameKind::Secret);
    }
    matches!(last, b"authorization" | b"cookie").then_some(NameKind::Header)
}

/// Whether a byte can be part of a name.
pub(super) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The last word of a name, and the end of the text before it. Words are separated by `_`, `-`, `.`, and by a change from
/// a lower-case to an upper-case letter. Digits at the end of a word do not belong to it.
fn last_word(name: &[u8]) -> Option<(Range<usize>, usize)> {
    let end = name.iter().rposition(u8::is_ascii_alphabetic)? + 1;
    let mut start = end - 1;
    while start > 0 && name[start - 1].is_ascii_alphanumeric() {
        if name[start - 1].is_ascii_lowercase() && name[start].is_ascii_uppercase() {
            break;
        }
        start -= 1;
    }
    Some((start..end, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_decides() {
        for name in [
            "password",
            "PASSWORD",
            "DB_PASSWORD",
            "dbPassword",
            "pgpassword",
            "user.password",
            "password2",
            "client_secret",
            "clientSecret",
            "GITHUB_TOKEN",
            "accessToken",
            "--token",
            "x-auth-token",
            "api_key",
            "API-KEY",
            "apiKey",
            "APIKEY",
            "AWS_SECRET_ACCESS_KEY",
            "AccountKey",
            "SECRET_KEY_BASE",
            "MYSQL_PWD",
            "SMTP_PASS",
            "ssh_passphrase",
            "google_credentials",
        ] {
            assert_eq!(
                classify_name(name.as_bytes()),
                Some(NameKind::Secret),
                "{name}"
            );
        }
        for name in [
            "Authorization",
            "proxy-authorization",
            "Cookie",
            "set-cookie",
        ] {
            assert_eq!(
                classify_name(name.as_bytes()),
                Some(NameKind::Header),
                "{name}"
            );
        }
        for name in [
            "",
            "-",
            "_",
            "TOKEN_URL",
            "passwordFile",
            "secretName",
            "max_tokens",
            "tokenizer",
            "key",
            "public_key",
            "PWD",
            "OLDPWD",
            "pass",
            "author",
            "monkey",
            "keyboard",
            "compass",
            "12",
        ] {
            assert_eq!(classify_name(name.as_bytes()), None, "{name}");
        }
    }
}
