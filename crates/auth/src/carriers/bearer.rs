//! One bearer token out of a request's `Authorization` headers (RFC 6750, section 2.1).

use crate::Rejection;

/// Takes the one bearer token from the values of all `Authorization` headers of a request.
///
/// The scheme is case-insensitive. Another scheme is not ours to judge: it counts as no token.
///
/// # Errors
///
/// [`Rejection::SessionTokenMissing`] where there is no header, another scheme, or `Bearer` with
/// nothing behind it; [`Rejection::MalformedCredentials`] where there are several headers, a value
/// without a scheme, or anything but one token behind `Bearer`.
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

/// What the `Authorization` headers of a request hold.
pub(super) enum Authorization<'a> {
    /// One bearer token.
    Bearer(&'a str),
    /// `Bearer`, and nothing behind it: somebody has a token to send and has lost it.
    EmptyBearer,
    /// Nothing that is meant for us.
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
        // Two proxies that disagree on which one counts are how tokens get smuggled.
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
        // The whole value is one word: the scheme alone says nothing, anything else has no scheme.
        (true, None) => Ok(Authorization::EmptyBearer),
        (false, None) => Err(Rejection::MalformedCredentials),
        (false, Some(_)) => Ok(Authorization::None),
    }
}

/// The token behind the scheme and one or more spaces (`1*SP`, RFC 9110 section 11.4).
fn one_token(credentials: &[u8]) -> Result<&str, Rejection> {
    let spaces = credentials.iter().take_while(|&&byte| byte == b' ').count();
    let (_, token) = credentials.split_at(spaces);
    if !is_b64token(token) {
        return Err(Rejection::MalformedCredentials);
    }
    // All of them are ASCII, so this cannot fail.
    str::from_utf8(token).map_err(|_| Rejection::MalformedCredentials)
}

/// `b64token` of RFC 6750: letters, digits, `-._~+/`, then `=` at the end.
fn is_b64token(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|&&byte| byte == b'=').count();
    let (body, _) = token.split_at(token.len().saturating_sub(padding));
    !body.is_empty()
        && body
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

/// Optional whitespace around a field value is no part of it (RFC 9110, section 5.5).
fn trim_whitespace(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().take_while(|byte| is_blank(byte)).count();
    let (_, value) = value.split_at(start);
    let end = value.iter().rev().take_while(|byte| is_blank(byte)).count();
    value.split_at(value.len().saturating_sub(end)).0
}
