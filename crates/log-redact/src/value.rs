//! What a value looks like: a secret, or one of the many things that stand behind a secret name and are none.

/// Whether a text stands for a value that is not there: a mask, a variable, a placeholder.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let bytes = value.as_bytes();
    let is_name = |text: &str| {
        let simple = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'-');
        !text.is_empty() && text.bytes().all(simple)
    };
    let inside = |open: &str, close: &str| value.starts_with(open) && value.ends_with(close);
    let stands_for_one = match bytes {
        [] | [b'[', b']'] => true,
        [b'<', ..] => inside("<", ">"),
        [b'$', b'{' | b'(', ..] => inside("${", "}") || inside("$(", ")"),
        [b'$', b'$', b'{', ..] => value.ends_with('}'),
        [b'$', ..] => is_name(&value[1..]),
        [b'{', b'{', ..] => true,
        [b'#', b'{', ..] => true,
        [b'%', _, ..] if value.ends_with('%') && value.len() > 2 => {
            is_name(&value[1..value.len() - 1])
        }
        [b'%', _] => true,
        [b'@', ..] if value.ends_with('@') => is_name(value.trim_matches('@')),
        _ => is_mask(value) || is_constant_name(value),
    };
    stands_for_one || is_format(value)
}

/// `%s:%s`, `{0}-{1}`, `{}`: what a program fills in.
fn is_format(value: &str) -> bool {
    let mut rest = value;
    let mut has_place = false;
    while let Some(first) = rest.chars().next() {
        let place = match first {
            '%' if rest[1..].starts_with(['s', 'd', 'v', 'q', 'r']) => 2,
            '{' => rest.find('}').map_or(0, |end| end + 1),
            _ => 0,
        };
        let inner = rest.get(1..place.saturating_sub(1)).unwrap_or_default();
        if place > 0
            && inner
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            has_place = true;
            rest = &rest[place..];
        } else if first.is_ascii_punctuation() {
            rest = &rest[1..];
        } else {
            return false;
        }
    }
    has_place
}

/// `****`, `xxxx`, `....`, `[REDACTED]`, `•••`.
fn is_mask(value: &str) -> bool {
    let core = value.trim_matches(['[', ']', '(', ')', '*']);
    let mut chars = value.chars();
    let first = chars.next();
    let all_same = chars.all(|c| Some(c) == first);
    let masks = [
        "redacted",
        "masked",
        "hidden",
        "filtered",
        "sensitive",
        "secret",
        "removed",
    ];
    (all_same
        && first.is_some_and(|c| {
            matches!(c, '*' | '•' | '·' | '…')
                || (matches!(c, 'x' | 'X' | '.' | '-') && value.len() > 2)
        }))
        || (core.len() < value.len() && masks.iter().any(|m| core.eq_ignore_ascii_case(m)))
}

/// `TOKEN`, `YOUR_API_KEY`: what a help text writes for the value.
fn is_constant_name(value: &str) -> bool {
    let words = [
        "TOKEN",
        "PASSWORD",
        "SECRET",
        "KEY",
        "PASS",
        "PASSPHRASE",
        "VALUE",
        "STRING",
        "PARAMETER",
        "FILE",
        "PATH",
    ];
    value
        .bytes()
        .all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'-'))
        && words.iter().any(|word| value.ends_with(word))
}

/// Words that stand in the place of a value and are none: literals, types, and the words of a message.
pub(crate) fn is_plain_word(value: &str) -> bool {
    let mut small = [0; 24];
    let Some(small) = small.get_mut(..value.len()) else {
        return false;
    };
    small.copy_from_slice(value.as_bytes());
    small.make_ascii_lowercase();
    let small: &[u8] = small;
    PLAIN_WORDS.iter().any(|word| word.as_bytes() == small)
}

#[rustfmt::skip]
const PLAIN_WORDS: &[&str] = &[
    // Literals.
    "true", "false", "yes", "no", "on", "off", "null", "nil", "none", "nan", "undefined", "unknown", "unset", "empty", "default",
    "n/a", "na", "ok", "\"\"", "''",
    // Types.
    "string", "str", "text", "char", "varchar", "bytes", "byte", "int", "integer", "number", "float", "bool", "boolean", "object",
    "array", "list", "any", "void", "secretstr", "option", "uuid", "symbol", "buffer", "securestring",
    // Words of messages and of help texts.
    "a", "added", "an", "and", "arg", "are", "argument", "as", "at", "authentication", "be", "by", "can", "cannot", "changed", "could", "created",
    "deleted", "denied", "did", "does", "enabled", "disabled", "error", "expired", "failed", "failure", "field", "file", "flag", "for",
    "found", "from", "generated", "given", "has", "have", "hidden", "if", "in", "incorrect", "input", "into", "invalid", "is", "it",
    "login", "mask", "masked", "may", "mismatch", "missing", "must", "never", "new", "not", "obtained", "of", "option",
    "optional", "or", "out", "parameter", "passed", "path", "present", "provided", "punc", "received", "redacted", "rejected", "removed", "required",
    "reset", "retrieved", "revoked", "saved", "sensitive", "set", "should", "skipped", "success", "successful", "successfully",
    "that", "the", "this", "to", "unauthorized", "unchanged", "unexpected", "updated", "use", "used", "using", "valid", "value", "was", "were",
    "when", "which", "will", "with", "without", "wrong", "you", "your",
];

/// Whether a text is a number of any kind: a count, a version, a time, a duration, a size, a share.
pub(crate) fn is_numeric(value: &str) -> bool {
    let core = value
        .trim_start_matches(['^', '~', '>', '<', '=', '+', '-'])
        .trim_start_matches(['v', 'V']);
    let core = core.trim_end_matches([',', ';', ')', '.', ':']);
    let digits = core.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return false;
    }
    let rest = &core[digits..];
    if rest.is_empty() || is_unit(rest) {
        return true;
    }
    // Numbers with separators: 4.1.3, 12:30:05, 3/4, 2026-01-01, 1,024. A version may have a tail: 1.2.3-rc.1.
    let mut rest = rest;
    let mut groups = 1;
    while let Some(next) = rest.strip_prefix(['.', ':', '/', ',', '-']) {
        let digits = next.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            break;
        }
        groups += 1;
        rest = &next[digits..];
    }
    let is_dated = |rest: &str| rest.starts_with('T') && rest.len() < 24 && rest.contains(':');
    let is_tail =
        |rest: &str| rest.starts_with(['-', '+', '.', 'a', 'b', 'r', 'Z']) && rest.len() <= 12;
    groups > 1 && (rest.is_empty() || is_unit(rest) || is_tail(rest) || is_dated(rest))
}

fn is_unit(text: &str) -> bool {
    let units = [
        "s", "ms", "us", "µs", "ns", "m", "min", "h", "d", "x", "%", "b", "B", "kB", "KB", "KiB",
        "MB", "MiB", "GB", "GiB", "k", "K", "M", "MB/s", "/s",
    ];
    units.contains(&text)
}

/// How much a text looks like a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Randomness {
    /// A word, a number, a path, an address.
    Ordinary,
    /// Letters and digits, as in `hunter2`, and in `utf8`.
    Doubtful,
    /// As if it was drawn by lot.
    Random,
}

/// How much a text without spaces looks like a secret.
pub(crate) fn randomness(value: &str) -> Randomness {
    let value = value.trim_end_matches([',', ';', '.', ')', ':']);
    if value.len() < 6 || is_numeric(value) || is_path(value) || is_placeholder(value) {
        return Randomness::Ordinary;
    }
    let (mut digits, mut lower, mut upper, mut symbols, mut changes) = (0, 0, 0, 0, 0);
    let mut last = None;
    for byte in value.bytes() {
        let class = match byte {
            b'0'..=b'9' => {
                digits += 1;
                0
            }
            b'a'..=b'z' => {
                lower += 1;
                1
            }
            b'A'..=b'Z' => {
                upper += 1;
                2
            }
            b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'=' | b'~' | b'?' => {
                symbols += 1;
                3
            }
            _ => 4,
        };
        if last.is_some_and(|last| last != class) && last != Some(2) {
            changes += 1;
        }
        last = Some(class);
    }
    let letters = lower + upper;
    if letters == 0 && (digits == 0 || symbols == 0) {
        return if digits >= 16 {
            Randomness::Doubtful
        } else {
            Randomness::Ordinary
        };
    }
    let is_mixed = lower > 0 && upper > 0;
    if digits > 0
        && ((is_mixed && changes >= 3) || changes >= 4 || symbols > 0 || value.len() >= 20)
    {
        return Randomness::Random;
    }
    if symbols > 0 && (is_mixed || changes >= 3) {
        return Randomness::Random;
    }
    if value.len() >= 24 && is_mixed && changes >= 5 && !value.contains(['.', '/', '_', '-', ':']) {
        return Randomness::Random;
    }
    if digits > 0 || symbols > 0 {
        Randomness::Doubtful
    } else {
        Randomness::Ordinary
    }
}

fn is_path(value: &str) -> bool {
    let bytes = value.as_bytes();
    let has_drive = bytes.len() > 2 && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/');
    let starts = ["/", "./", "../", "~/", "http://", "https://", "file:"];
    let is_file = value
        .rsplit_once('.')
        .is_some_and(|(stem, end)| stem.contains('/') && end.len() <= 6);
    has_drive || is_file || (starts.iter().any(|s| value.starts_with(s)) && value.len() < 200)
}

/// Whether an unquoted value is code: a call, a path of names, a reference to another variable.
pub(crate) fn is_code(value: &str, name: &str) -> bool {
    let value = value.trim_end_matches([',', ';', ')', '}']);
    if value.eq_ignore_ascii_case(name) || value.contains("::") || value.contains("=>") {
        return true;
    }
    // What PowerShell calls: `Get-Content`.
    let verbs = [
        "Get-",
        "Read-",
        "New-",
        "ConvertTo-",
        "ConvertFrom-",
        "Invoke-",
    ];
    if verbs.iter().any(|verb| value.starts_with(verb))
        && value.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
    {
        return true;
    }
    let is_start = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'?' | b'!');
    let word = value.bytes().take_while(|b| is_inner(*b)).count();
    if word > 0 && is_start(value.as_bytes()[0]) && value[word..].starts_with(['(', '[', '<']) {
        return true;
    }
    // `self.token`, `process.env.TOKEN`, `var.db_password`: names with dots.
    let is_name = |part: &str| {
        part.bytes().next().is_some_and(is_start)
            && part.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
    };
    value.contains('.') && value.split('.').all(is_name)
}

/// Whether the value of an `Authorization` header has credentials: a scheme and something behind it, or one random word.
pub(crate) fn is_credentials(text: &str) -> bool {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    let schemes = [
        "bearer",
        "basic",
        "digest",
        "token",
        "negotiate",
        "ntlm",
        "apikey",
        "hawk",
        "dpop",
        "sharedkey",
        "aws4-hmac-sha256",
        "gitlab",
        "key",
        "oauth",
    ];
    if schemes
        .iter()
        .any(|scheme| first.eq_ignore_ascii_case(scheme))
    {
        return !rest.is_empty()
            && !rest.starts_with('<')
            && !is_placeholder(rest)
            && !is_plain_word(rest.split(' ').next().unwrap_or_default());
    }
    rest.is_empty()
        && !is_code(text, "")
        && (randomness(first) > Randomness::Ordinary || first.len() >= 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_from_numbers_words_and_paths() {
        for value in [
            "4.1.3",
            "v1.2.3-rc.1",
            "^18.2.0",
            "12:30:05",
            "12ms",
            "1.5MiB",
            "3/4",
            "42",
            "1,024",
            "2026-01-01",
            "99%",
            "2026-01-01T10:00:01Z",
        ] {
            assert!(is_numeric(value), "{value}");
        }
        for value in ["4x7Rt2", "k8Rt2x9", "12ab", "", "v", "0a1b2c3d"] {
            assert!(!is_numeric(value), "{value}");
        }
        for value in [
            "k8Rt2x9",
            "P@ssw0rd",
            "d670460b4b4aece5915caf5c68d12f560a9fe3e4",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ] {
            assert_eq!(randomness(value), Randomness::Random, "{value}");
        }
        for value in ["hunter2", "sha256", "ubuntu22"] {
            assert_eq!(randomness(value), Randomness::Doubtful, "{value}");
        }
        for value in [
            "required",
            "src/main.rs",
            "/etc/ssl/key.pem",
            "1.2.3",
            "user",
            "a.b.c",
            "12:30:05",
        ] {
            assert_eq!(randomness(value), Randomness::Ordinary, "{value}");
        }
    }

    #[test]
    fn placeholders_are_known() {
        for value in [
            "",
            "****",
            "xxxx",
            "<token>",
            "${TOKEN}",
            "$TOKEN",
            "$(cat x)",
            "{{ .token }}",
            "%TOKEN%",
            "%s",
            "[REDACTED]",
            "[MASKED]",
            "YOUR_API_KEY",
            "TOKEN",
            "${{ secrets.X }}",
            "@PASSWORD@",
            "%s:%s",
            "{0}:{1}",
            "{}",
            "…",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in [
            "{0}x9",
            "%s!a",
            "$2b$10$abc",
            "$uperS3cret!",
            "x1",
            "abc",
            "<x",
            "%3Dab",
        ] {
            assert!(!is_placeholder(value), "{value}");
        }
    }

    #[test]
    fn code_is_known() {
        for value in [
            "lexer.next()",
            "self.token",
            "os.environ[\"X\"]",
            "var.github_token",
            "token",
            "Some(x)",
            "a::b",
            "Option<String>",
        ] {
            assert!(is_code(value, "token"), "{value}");
        }
        for value in ["abc", "k8Rt2x9", "a.b2.c", "(x"] {
            assert!(!is_code(value, "token"), "{value}");
        }
    }
}
