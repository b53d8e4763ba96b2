//! The two pages: where their modules are, and what the browser must not let them do.

use std::sync::LazyLock;

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, InvalidHeaderValue, REFERRER_POLICY,
};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use super::asset::{Asset, short_digest};
use super::files::FILES;

/// A digest of all files: the version in the addresses of the modules.
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let all: String = FILES.iter().map(|file| file.text).collect();
        short_digest(all.as_bytes())
    });
    &VERSION
}

/// The pages, made once for each worker.
pub(super) struct Pages {
    job: Asset,
    embed: Asset,
    embed_policy: HeaderValue,
}

impl Pages {
    pub(super) fn new(embed_origins: &[String]) -> Self {
        Self {
            job: Asset::new("page.html", page(include_str!("../../web/page/page.html"))),
            embed: Asset::new(
                "embed.html",
                page(include_str!("../../web/page/embed.html")),
            ),
            embed_policy: embed_policy(embed_origins)
                .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'")),
        }
    }

    /// The page of a job. No other page may have it in a frame.
    pub(super) fn job(&self, request: &HttpRequest) -> HttpResponse {
        let policy = policy("'none'").map_err(|_| ());
        let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
        with_policy(self.job.page(request), policy)
    }

    /// The page of a job inside another one.
    pub(super) fn embed(&self, request: &HttpRequest) -> HttpResponse {
        let answer = self.embed.page(request);
        with_policy(answer, self.embed_policy.clone())
    }
}

fn with_policy(mut answer: HttpResponse, policy: HeaderValue) -> HttpResponse {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let permissions = HeaderName::from_static("permissions-policy");
    let none = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
    headers.insert(permissions, HeaderValue::from_static(none));
    answer
}

/// Scripts and styles come from here only, the page speaks to this service only, and no text can become HTML.
fn policy(ancestors: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    HeaderValue::from_str(&format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    ))
}

fn embed_policy(origins: &[String]) -> Result<HeaderValue, InvalidHeaderValue> {
    if origins.is_empty() {
        return policy("'none'");
    }
    policy(&origins.join(" "))
}

/// A page with the addresses of this version's files.
fn page(html: &str) -> Bytes {
    let root = format!("/viewer/{}/", version());
    Bytes::from(html.replace("/viewer/", &root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_files_with_their_version() {
        for html in [
            include_str!("../../web/page/page.html"),
            include_str!("../../web/page/embed.html"),
        ] {
            let html = page(html);
            let html = std::str::from_utf8(&html).unwrap();
            let named = html.matches("\"/viewer/").count();
            let versioned = html.matches(&format!("\"/viewer/{}/", version())).count();
            assert_eq!((named, versioned), (2, 2), "{html}");
        }
    }

    #[test]
    fn only_named_origins_may_have_a_log_in_a_frame() {
        let policy = |origins: &[&str]| {
            let origins: Vec<_> = origins.iter().map(|&origin| origin.to_owned()).collect();
            embed_policy(&origins).unwrap()
        };
        let none = policy(&[]);
        assert!(none.to_str().unwrap().contains("frame-ancestors 'none';"));
        let two = policy(&["https://a.example", "https://b.example:8443"]);
        let two = two.to_str().unwrap();
        assert!(two.contains("frame-ancestors https://a.example https://b.example:8443;"));
    }
}
