//! Whether a request with a cookie was made by a page of ours.
//!
//! A browser sends cookies along with what any page makes it ask for. The session cookie is
//! `SameSite=Lax`, which leaves other subdomains of a site, and navigations; so the request itself
//! has to say where it comes from.

use super::RequestHead;

/// Whether a request that carries a cookie may count: it reads, and whatever the browser says about
/// its origin names a page of ours.
///
/// - The method is `GET` or `HEAD`.
/// - `Sec-Fetch-Site` is `same-origin` or not there (old browsers).
/// - `Origin` is one of the authorized parties or not there (browsers leave it out of same-origin
///   reads).
pub(super) fn is_our_own_page_reading(head: &impl RequestHead, origins: &[String]) -> bool {
    let reads = matches!(head.method(), "GET" | "HEAD");
    let is_from_here = head
        .values("sec-fetch-site")
        .all(|site| site == b"same-origin");
    let is_ours = head
        .values("origin")
        .all(|origin| origins.iter().any(|known| known.as_bytes() == origin));
    reads && is_from_here && is_ours
}
