//! Whether a request with a cookie was made by one of our own pages.
//!
//! A browser sends cookies with every request to a site, whichever page caused it. The session
//! cookie is `SameSite=Lax`, but that still lets other subdomains of the site, and navigations,
//! send it. So the headers of the request must show where it comes from.

use crate::RequestHead;

/// Whether a request with a cookie may be accepted. All of these must be true:
///
/// - The method is `GET` or `HEAD`.
/// - `Sec-Fetch-Site` is `same-origin` or missing (old browsers do not send it).
/// - `Origin` is one of the authorized parties or missing (browsers do not send it with reads of
///   the same origin).
pub(super) fn is_read_by_own_page(head: &impl RequestHead, origins: &[String]) -> bool {
    let is_read = matches!(head.method(), "GET" | "HEAD");
    let is_same_origin = head
        .values("sec-fetch-site")
        .all(|site| site == b"same-origin");
    let is_own_origin = head
        .values("origin")
        .all(|origin| origins.iter().any(|known| known.as_bytes() == origin));
    is_read && is_same_origin && is_own_origin
}
