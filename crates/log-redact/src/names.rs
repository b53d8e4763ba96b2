//! Names whose value is a secret: `DB_PASSWORD`, `apiKey`, `x-auth-token`.

use std::ops::Range;

/// What a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// A password: any word may be one.
    Password,
    /// A token, a key: its value looks random.
    Token,
    /// `Authorization`: a scheme, then the secret, to the end of the value.
    Header,
    /// `Cookie`: pairs, to the end of the value.
    Cookie,
    /// `auth` of Docker and npm: base64 of a user and a password.
    Auth,
    /// `Pwd` in a connection string of pairs. Anywhere else it is a folder.
    Pwd,
    /// The signature of an address that works without a password.
    Signature,
    /// A key of an unknown kind: a secret if its value looks random.
    Key,
}

/// Last words of the name of a password.
const PASSWORDS: [&[u8]; 9] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"passcode",
    b"storepass",
    b"keypass",
    b"sshpass",
    b"requirepass",
    b"masterauth",
];

/// Last words of the name of a token.
const TOKENS: [&[u8]; 8] = [
    b"secret",
    b"token",
    b"apikey",
    b"credential",
    b"credentials",
    b"dockerconfigjson",
    b"dockercfg",
    b"connectionstring",
];

/// Words before a last word `key` that make a name a secret name.
const SECRET_KEYS: [&[u8]; 24] = [
    b"access",
    b"account",
    b"api",
    b"app",
    b"auth",
    b"client",
    b"consumer",
    b"deploy",
    b"encryption",
    b"hmac",
    b"jwt",
    b"license",
    b"master",
    b"private",
    b"publish",
    b"role",
    b"secret",
    b"security",
    b"server",
    b"service",
    b"session",
    b"shared",
    b"signing",
    b"storage",
];

/// Words before a last word `token` that make it a count or a word of a grammar.
const NO_TOKENS: [&[u8]; 12] = [
    b"max",
    b"min",
    b"num",
    b"count",
    b"total",
    b"per",
    b"unexpected",
    b"pad",
    b"eos",
    b"bos",
    b"unk",
    b"sep",
];

/// Classifies a name by its last word: the values of `TOKEN_URL` and `passwordFile` are no secrets.
pub(crate) fn classify(name: &str) -> Option<NameKind> {
    let name = &name.as_bytes()[name.len().saturating_sub(MAX_NAME)..];
    let mut small = [0; MAX_NAME];
    let small = &mut small[..name.len()];
    small.copy_from_slice(name);
    small.make_ascii_lowercase();

    let (last, rest) = last_word(name)?;
    let before = last_word(&name[..rest]);
    let second = before.as_ref().map(|(word, _)| &small[word.clone()]);
    let is_first = before.is_none();
    let ends_with = |word: &[u8], ends: &[&[u8]]| ends.iter().any(|end| word.ends_with(end));
    let last = &small[last];

    if ends_with(last, &PASSWORDS) {
        return Some(NameKind::Password);
    }
    if last == b"issecret" {
        // Whether something is one.
        return None;
    }
    if ends_with(last, &TOKENS) {
        // `existingSecret` of helm names a secret of the cluster.
        let counted = second.is_some_and(|word| NO_TOKENS.contains(&word) || word == b"existing");
        return (!counted).then_some(NameKind::Token);
    }
    match (last, second) {
        (b"pw", Some(_)) => Some(NameKind::Password),
        (b"pwd" | b"pass", Some(word)) => (word != b"old").then_some(NameKind::Password),
        (b"pwd" | b"pass", None) => Some(NameKind::Pwd),
        // `SecretString`: what an API gives back.
        (
            b"string" | b"binary" | b"text" | b"plaintext" | b"value",
            Some(b"secret" | b"password" | b"token"),
        ) => Some(NameKind::Token),
        (b"id", Some(b"secret")) => Some(NameKind::Key),
        // A personal access token: `ADMIN_PAT`.
        (b"pat", Some(_)) => Some(NameKind::Key),
        (b"login", Some(word)) if word.ends_with(b"sonar") => Some(NameKind::Key),
        (b"auth", Some(b"basic")) => Some(NameKind::Token),
        // CloudFormation: `ParameterKey=Name,ParameterValue=…`
        (b"key", Some(b"parameter")) => None,
        (b"base", Some(b"key")) | (b"data", Some(b"key")) => Some(NameKind::Token),
        (b"key", Some(b"public" | b"foreign" | b"primary" | b"cache" | b"sort" | b"partition")) => {
            None
        }
        (b"key", Some(word)) if SECRET_KEYS.contains(&word) => Some(NameKind::Token),
        (b"key", Some(_)) => Some(NameKind::Key),
        (b"authorization", _) => Some(NameKind::Header),
        (b"cookie" | b"cookies", None | Some(b"set" | b"http")) => Some(NameKind::Cookie),
        (b"auth", None) => Some(NameKind::Auth),
        (b"sig" | b"signature", None | Some(b"amz" | b"goog"))
            if is_first || name.starts_with(b"X-") =>
        {
            Some(NameKind::Signature)
        }
        _ => None,
    }
}

/// Classifies a name of two words: `API key`, `Secret Key`. `before` is the text before the second word.
pub(crate) fn classify_two_words(before: &str, name: &str) -> Option<NameKind> {
    let first = before.strip_suffix(' ')?.as_bytes();
    let first = &first[last_word(first)?.0];
    let is_secret = |key: &&[u8]| key.eq_ignore_ascii_case(first);
    let is_key = name.eq_ignore_ascii_case("key") && SECRET_KEYS.iter().any(is_secret);
    is_key.then_some(NameKind::Key)
}

/// The maximum length of a name, in bytes. Of a longer name only the end is looked at.
pub(crate) const MAX_NAME: usize = 64;

/// Whether a byte can be part of a name.
pub(crate) const fn is_name_byte(byte: u8) -> bool {
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
        for (kind, names) in [
            (
                NameKind::Password,
                "password PASSWORD DB_PASSWORD dbPassword pgpassword user.password password2 MYSQL_PWD ROOT_PW SSHPASS \
                  SMTP_PASS ssh_passphrase passwd",
            ),
            (
                NameKind::Token,
                "client_secret clientSecret GITHUB_TOKEN accessToken --token x-auth-token api_key API-KEY apiKey APIKEY AWS_SECRET_ACCESS_KEY AccountKey \
                 SECRET_KEY_BASE BASIC_AUTH google_credentials _authToken client-key-data .dockerconfigjson private_key identitytoken",
            ),
            (
                NameKind::Header,
                "Authorization proxy-authorization HTTP_AUTHORIZATION",
            ),
            (NameKind::Cookie, "Cookie set-cookie"),
            (NameKind::Auth, "auth _auth"),
            (NameKind::Pwd, "PWD pwd pass Pwd"),
            (NameKind::Signature, "sig X-Amz-Signature Signature"),
            (
                NameKind::Key,
                "DEPLOY_ENCRYPT_KEY maps.key ADMIN_PAT -Dsonar.login",
            ),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(classify(name), Some(kind), "{name}");
            }
        }
        for name in
            " - _ TOKEN_URL passwordFile secretName max_tokens max_token tokenizer key public_key tough-cookie author monkey \
             keyboard compass 12 OLD_PWD tokens secrets cookie-parser oauth http-auth PASSWORD_HASH_ROUNDS ParameterKey compat existingSecret"
                .split(' ')
        {
            assert_eq!(classify(name), None, "{name}");
        }
    }
}
