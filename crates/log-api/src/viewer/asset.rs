//! One embedded file, and its answer: whole or "not modified", plain or compressed.

use std::io::Write as _;

use actix_web::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE,
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::http::RequestId;

/// A browser asks every time whether the file has changed.
const ASK: &str = "no-cache";
/// The address has the version in it.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A file as it is embedded.
pub(super) struct File {
    /// Below `web/`.
    pub(super) path: &'static str,
    pub(super) text: &'static str,
}

/// What is sent for a file.
pub(super) struct Asset {
    content_type: &'static str,
    plain: Bytes,
    /// Empty if it would not be smaller.
    gzip: Bytes,
    /// A digest of the content. The compressed form has one of its own: a strong tag is for the very same bytes.
    tag: String,
}

impl Asset {
    pub(super) fn new(path: &str, plain: Bytes) -> Self {
        let gzip = gzip(&plain).filter(|gzip| gzip.len() < plain.len());
        Self {
            content_type: content_type(path),
            tag: short_digest(&plain),
            gzip: gzip.unwrap_or_default(),
            plain,
        }
    }

    /// The answer for a module. Modules are public: a page of any site may load the element.
    pub(super) fn module(&self, request: &HttpRequest, versioned: bool) -> HttpResponse {
        let mut answer = self.answer(request, if versioned { FOR_EVER } else { ASK });
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        let policy = HeaderName::from_static("cross-origin-resource-policy");
        headers.insert(policy, HeaderValue::from_static("cross-origin"));
        answer
    }

    /// The answer for a page, which the browser asks for each time.
    pub(super) fn page(&self, request: &HttpRequest) -> HttpResponse {
        self.answer(request, ASK)
    }

    fn answer(&self, request: &HttpRequest, cache: &'static str) -> HttpResponse {
        let compressed = !self.gzip.is_empty() && accepts_gzip(request.headers());
        let (body, form) = if compressed {
            (&self.gzip, "-gz")
        } else {
            (&self.plain, "")
        };
        let tag = format!("\"{}{form}\"", self.tag);
        let is_known = is_known(request.headers(), &tag);
        let mut answer = if is_known {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        let id = RequestId::from_headers(request.headers());
        answer
            .insert_header((ETAG, tag))
            .insert_header((CACHE_CONTROL, cache))
            .insert_header((VARY, "Accept-Encoding"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((HeaderName::from_static("x-request-id"), id.header()));
        if is_known {
            return answer.finish();
        }
        if compressed {
            answer.insert_header((CONTENT_ENCODING, "gzip"));
        }
        answer
            .insert_header((CONTENT_TYPE, self.content_type))
            .body(body.clone())
    }
}

/// The first 64 bits of a digest, in hexadecimal.
pub(super) fn short_digest(bytes: &[u8]) -> String {
    let whole = digest(&SHA256, bytes);
    let first = whole.as_ref().iter().take(8);
    first.map(|byte| format!("{byte:02x}")).collect()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING);
    let values = values.filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.replace(' ', "");
        let refused = weight.starts_with("q=0") && weight.trim_end_matches(['0', '.']) == "q=";
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Whether the browser has this very form. A weak tag of the same value is as good for this question (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH);
    let values = values.filter_map(|value| value.to_str().ok());
    let mut tags = values
        .flat_map(|value| value.split(','))
        .map(|known| known.trim().trim_start_matches("W/"));
    tags.any(|known| known == tag || known == "*")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn accepts(value: &'static str) -> bool {
        let request = TestRequest::default().insert_header((ACCEPT_ENCODING, value));
        accepts_gzip(request.to_http_request().headers())
    }

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        for yes in ["gzip", "br, gzip", "gzip;q=0.5", "deflate, GZIP ; q=1.0"] {
            assert!(accepts(yes), "{yes}");
        }
        for no in ["", "identity", "gzip;q=0", "gzip; q=0.0, br"] {
            assert!(!accepts(no), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_known_tag_is_not_sent_again_and_the_other_form_is_another_tag() {
        let asset = Asset::new("a.js", Bytes::from(vec![b'a'; 1000]));
        let ask = |known: &str, encoding: &'static str| {
            let request = TestRequest::default()
                .insert_header((IF_NONE_MATCH, known.to_owned()))
                .insert_header((ACCEPT_ENCODING, encoding));
            asset
                .answer(&request.to_http_request(), ASK)
                .status()
                .as_u16()
        };
        let tag = format!("\"{}\"", asset.tag);
        assert_eq!(ask(&tag, ""), 304);
        assert_eq!(ask(&format!("\"x\", W/{tag}"), ""), 304);
        assert_eq!(ask("*", ""), 304);
        assert_eq!(ask(&tag, "gzip"), 200);
        assert_eq!(ask(&format!("\"{}-gz\"", asset.tag), "gzip"), 304);
    }
}
