//! Finds the bearer token in a request's `Authorization` headers (RFC 6750, section 2.1).

use crate::Rejection;

/// Finds the one bearer token in the values of all `Authorization` headers of a request.
///
/// The scheme is case-insensitive. A header with another scheme is treated like no header.
///
/// # Errors
///
/// - [`Rejection::SessionTokenMissing`]: no header, another scheme, or `Bearer` without a token.
/// - [`Rejection::MalformedCredentials`]: several headers, a value without a scheme, or anything but
///   one token after `Bearer`.
///
/// ```
/// let token = auth::bearer([b"bearer abc.def.ghi".as_slice()])?;
/// assert_eq!(token, "abc.def.ghi");
/// # Ok::<(), auth::Rejection>(())
/// ```
pub fn bearer<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<&'a str, Rejection> {
    match read(values)? {
        Authorization::Bearer(token) => Ok(token),
        Authorization::EmptyBearer | Authorization::None => Err(Rejection::SessionTokenMissing),
    }
}

/// What the `Authorization` headers of a request contain.
pub(super) enum Authorization<'a> {
    /// One bearer token.
    Bearer(&'a str),
    /// `Bearer` without a token: a client that wanted to send one has none.
    EmptyBearer,
    /// No header, or another scheme.
    None,
}

pub(super) fn read<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Authorization<'a>, Rejection> {
    let mut values = values.into_iter();
    let Some(value) = values.next() else {
        return Ok(Authorization::None);
    };
    if values.next().is_some() {
        // If two proxies disagree on which header counts, a token can be smuggled past one of them.
        return Err(Rejection::MalformedCredentials);
    }
    let value = trim_whitespace(value);
    if value.is_empty() {
        return Ok(Authorization::None);
    }
    let scheme_end = value.iter().position(|&byte| byte == b' ');
    let (scheme, credentials) = value.split_at(scheme_end.unwrap_or(value.len()));
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer");
    match (is_bearer, scheme_end) {
        (true, Some(_)) => one_token(credentials).map(Authorization::Bearer),
        // The whole value is one word: either only the scheme, or a value without a scheme.
        (true, None) => Ok(Authorization::EmptyBearer),
        (false, None) => Err(Rejection::MalformedCredentials),
        (false, Some(_)) => Ok(Authorization::None),
    }
}

/// The token after the scheme and one or more spaces (`1*SP`, RFC 9110 section 11.4).
fn one_token(credentials: &[u8]) -> Result<&str, Rejection> {
    let spaces = credentials.iter().take_while(|&&byte| byte == b' ').count();
    let (_, token) = credentials.split_at(spaces);
    if !is_b64token(token) {
        return Err(Rejection::MalformedCredentials);
    }
    // The token is ASCII, so this cannot fail.
    str::from_utf8(token).map_err(|_| Rejection::MalformedCredentials)
}

/// Whether this is a `b64token` of RFC 6750: letters, digits and `-._~+/`, then perhaps `=`.
fn is_b64token(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|&&byte| byte == b'=').count();
    let (body, _) = token.split_at(token.len().saturating_sub(padding));
    !body.is_empty()
        && body
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

/// Optional whitespace around a field value is not part of it (RFC 9110, section 5.5).
fn trim_whitespace(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().take_while(|byte| is_blank(byte)).count();
    let (_, value) = value.split_at(start);
    let end = value.iter().rev().take_while(|byte| is_blank(byte)).count();
    value.split_at(value.len().saturating_sub(end)).0
}
