//! Addresses with a password or a token before the host: `scheme://user:password@host`.

use std::ops::Range;

use crate::span::floor;
use crate::value::{Randomness, is_placeholder, randomness};

/// The most bytes between `://` and the `@`.
const MAX_LEN: usize = 4096;

/// The most bytes of a login without a scheme.
const MAX_LOGIN: usize = 512;

/// What to hide of an address. `after` is the place behind its `://`. `is_open` says that the line has not ended.
pub(crate) fn password(line: &str, after: usize, is_open: bool) -> Option<Range<usize>> {
    let before = line[..after].strip_suffix("://")?;
    if !before.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let limit = floor(line, after + MAX_LEN);
    let rest = &line[after..limit];
    let rest = &rest[..end_of_word(before, rest)];
    let Some(at) = at_sign(rest) else {
        // The `@` may still come.
        let (user, password) = rest.split_once(':')?;
        let is_open = is_open && after + rest.len() == line.len();
        let is_port = password.bytes().all(|b| b.is_ascii_digit());
        let has_host = user.contains(['/', '?', '#', '[']);
        return (is_open && !is_port && !has_host).then(|| after + user.len() + 1..line.len());
    };
    let userinfo = &rest[..at];
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    // A token may stand in the place of the user.
    if password.is_empty() || password == "x-oauth-basic" {
        let is_token = randomness(user) == Randomness::Random && user.len() >= 16;
        return is_token.then(|| after..after + user.len());
    }
    if randomness(user) == Randomness::Random && user.len() >= 32 {
        return Some(after..after + at);
    }
    let is_shown = is_placeholder(password) && !password.bytes().all(|b| b.is_ascii_uppercase());
    (!is_shown).then(|| after + user.len() + 1..after + at)
}

/// The password of `user:password@tcp(host:port)/…`, whose `@` is at a place.
pub(crate) fn login(line: &str, at: usize) -> Option<Range<usize>> {
    let view = floor(line, at.saturating_sub(MAX_LOGIN));
    let before = &line[view..at];
    let is_edge = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '=');
    let word = before.rsplit(is_edge).next().unwrap_or_default();
    let (user, password) = word.split_once(':')?;
    let is_login = !word.contains("://") && !password.is_empty() && !is_placeholder(password);
    is_login.then(|| at - word.len() + user.len() + 1..at)
}

/// The password of `jdbc:oracle:thin:user/password@host`. `after` is the place behind `thin:`.
pub(crate) fn oracle(line: &str, after: usize) -> Option<Range<usize>> {
    let limit = floor(line, after + MAX_LOGIN);
    let rest = &line[after..limit];
    let is_edge = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
    let word = &rest[..rest.find(is_edge).unwrap_or(rest.len())];
    let login = &word[..word.find('@')?];
    let (user, password) = login.split_once('/')?;
    (!is_placeholder(password)).then(|| after + user.len() + 1..after + login.len())
}

/// Where the word of an address ends: at white space, a quote that stands before it, or the next address.
fn end_of_word(before: &str, rest: &str) -> usize {
    let scheme = before
        .bytes()
        .rev()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let scheme = scheme.count();
    let quote = before[..before.len() - scheme].chars().next_back();
    let is_end = |c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '<' | '>')
            || (matches!(c, '\'' | '`') && Some(c) == quote)
    };
    let is_next = |at: usize| rest[at..].starts_with("://");
    let mut ends = rest.char_indices().filter(|(_, c)| is_end(*c) || *c == ':');
    let end = ends.find(|(at, c)| *c != ':' || is_next(*at));
    let end = end.map_or(rest.len(), |(at, c)| {
        // The next address begins with its scheme.
        let scheme = rest[..at]
            .bytes()
            .rev()
            .take_while(u8::is_ascii_alphanumeric);
        if c == ':' { at - scheme.count() } else { at }
    });
    // `jdbc:sqlserver://host:1433;user=sa;password=…` is a list of pairs.
    let pairs = rest[..end].match_indices(';').find(|(at, _)| {
        let pair = &rest[at + 1..end];
        let name = pair.bytes().take_while(u8::is_ascii_alphanumeric).count();
        name > 0 && pair[name..].starts_with('=')
    });
    pairs.map_or(end, |(at, _)| at)
}

/// Where the `@` between the user and the host is. A password may contain `@`, `/`, `?` and `#` as they are, although
/// it should not.
fn at_sign(rest: &str) -> Option<usize> {
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if let Some(at) = rest[..authority].rfind('@') {
        return Some(at);
    }
    let (_, port) = rest[..authority].split_once(':')?;
    let is_host = rest.starts_with('[') || port.is_empty();
    let is_port = port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    let is_variable = port.starts_with(['$', '{', '<', '%']);
    if is_host || is_port || is_variable {
        return None;
    }
    // Behind the `@` there must be a host, not the scope or the version of a package.
    let at = authority + rest[authority..].find('@')?;
    let host = &rest[at + 1..];
    let host = &host[..host.find(['/', ':', '?', '#']).unwrap_or(host.len())];
    let is_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (!host.is_empty() && host.bytes().all(is_host)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let after = line.find("://").unwrap() + 3;
        let hidden = password(line, after, false).map(|range| &line[range]);
        assert_eq!(hidden.unwrap_or_default(), expected, "{line}");
    }

    #[test]
    fn only_the_secret_part_of_an_address_is_hidden() {
        let hex = "d670460b4b4aece5915caf5c68d12f560a9fe3e4";
        check("postgres://ann:s3cret@db:5432/x", "s3cret");
        check("redis://:s3cret@cache", "s3cret");
        check("amqp+ssl://a:b@c@host/v", "b@c");
        check("postgres://app:ab/cd#e@db", "ab/cd#e");
        check("postgres://app:ab?d@db:5432/x y@z", "ab?d");
        check(
            "'https://gitlab-ci-token:x1-Y@gitlab.acme.dev/group/web.git'",
            "x1-Y",
        );
        check(&format!("https://{hex}@host/x"), hex);
        check(&format!("https://{hex}:x-oauth-basic@host/x"), hex);
        check("a://u:it's@h", "it's");
        check("https://u:p@host/@types/node", "p");
    }

    #[test]
    fn addresses_without_a_secret_are_shown() {
        for line in [
            "http://verdaccio:4873",
            "http://127.0.0.1:8080/@vite/client",
            "ssh://git@example.org:22/x",
            "https://ann@example.org",
            "http://$HOST:$PORT/@x",
            "http://[::1]:80/a@b",
            "oci://registry:5000/chart@sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d",
            "a :// b:c@d",
            "https://user:****@host/x",
            "http://a:8080,http://b:9090/x@y",
            "https://host/path:with@sign",
            "jdbc:sqlserver://host:1433;user=sa;password=P@ss;encrypt=true",
        ] {
            check(line, "");
        }
    }
}
