//! The id of a request: the client's own if it is sane, else a new one.

use std::fmt;
use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderValue};

/// The longest id that is accepted from a client.
const MAX_LEN: usize = 128;

/// The id of one request. It is in the answer, in its errors, and in our log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id for a request with these headers. A client's `X-Request-ID` is not accepted if it is repeated, too long, or
    /// has anything but visible ASCII.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all("X-Request-ID");
        let sent = values.next().filter(|_| values.next().is_none());
        let sane = sent
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_sane(id));
        sane.map_or_else(Self::random, |id| Self(id.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header(&self) -> HeaderValue {
        // Visible ASCII always makes a header value.
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    fn random() -> Self {
        Self(format!("{:032x}", fastrand::u128(..)).into())
    }
}

fn is_sane(id: &str) -> bool {
    (1..=MAX_LEN).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn id_for(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static("x-request-id"), value);
        }
        RequestId::from_headers(&headers).as_str().to_owned()
    }

    #[test]
    fn a_sane_id_is_kept() {
        assert_eq!(id_for(&["abc-1/2"]), "abc-1/2");
        assert_eq!(id_for(&[&"x".repeat(128)]), "x".repeat(128));
    }

    #[test]
    fn anything_else_gets_a_new_one() {
        for values in [
            &[][..],
            &[""],
            &["a b"],
            &["é"],
            &["a", "b"],
            &[&"x".repeat(129)],
        ] {
            let id = id_for(values);
            assert!(
                id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()),
                "{id}"
            );
        }
        assert_ne!(id_for(&[]), id_for(&[]));
    }
}
