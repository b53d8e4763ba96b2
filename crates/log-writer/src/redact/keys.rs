//! Names whose value is a secret: `DB_PASSWORD`, `apiKey`, `x-auth-token`.

use std::ops::Range;

/// Longest name that is looked at, in bytes; of a longer one the end.
pub(super) const MAX_NAME: usize = 64;

/// What a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// A secret.
    Secret,
    /// The header whose value has a scheme before the secret: everything to the end of the line is one.
    Header,
}

/// Last words of a name that make it a secret's, alone or at the end of a longer word (`PGPASSWORD`).
const SECRET_ENDINGS: [&[u8]; 7] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"secret",
    b"token",
    b"apikey",
    b"credentials",
];

/// Words before a last word `key` that make it a secret's.
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

/// Judges a name. The last word decides: `TOKEN_URL` and `passwordFile` hold no secret.
pub(super) fn judge(name: &[u8]) -> Option<Named> {
    let mut small = [0; MAX_NAME];
    let name = &name[name.len().saturating_sub(MAX_NAME)..];
    let small = &mut small[..name.len()];
    small.copy_from_slice(name);
    small.make_ascii_lowercase();

    let (last, rest) = last_word(name)?;
    let before = last_word(&name[..rest]).map(|(word, _)| &small[word]);
    let last = &small[last];
    let is_key = last == b"key" && before.is_some_and(|word| SECRET_KEYS.contains(&word));
    // `pwd` and `pass` alone are a folder and a count.
    let is_short = matches!(last, b"pwd" | b"pass") && before.is_some_and(|word| word != b"old");
    let is_base = last == b"base" && before == Some(b"key");
    if is_key || is_short || is_base || SECRET_ENDINGS.iter().any(|end| last.ends_with(end)) {
        return Some(Named::Secret);
    }
    matches!(last, b"authorization" | b"cookie").then_some(Named::Header)
}

/// Whether a byte can be part of a name.
pub(super) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The last word of a name, and where what stands before it ends. Words are parted by `_`, `-`, `.`, and where a small
/// letter meets a large one; digits at the end of a word are no part of it.
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
            assert_eq!(judge(name.as_bytes()), Some(Named::Secret), "{name}");
        }
        for name in [
            "Authorization",
            "proxy-authorization",
            "Cookie",
            "set-cookie",
        ] {
            assert_eq!(judge(name.as_bytes()), Some(Named::Header), "{name}");
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
            assert_eq!(judge(name.as_bytes()), None, "{name}");
        }
    }
}
