//! Group B, cases 11 to 14, and the second half of case 37: finding the one token of a request, and
//! the rules for cookies.

use auth::{CredentialSource, PublishableKey, Rejection, RejectionKind, RequestHead, Verifier};
use serde_json::json;

use crate::support::*;
use crate::vectors::*;

/// The suffix of `PUBLISHABLE_KEY`.
const SUFFIXED: &str = "__session_vWCgMp3A";

/// A request, like that of a web framework.
struct Request {
    method: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl Request {
    fn get() -> Self {
        Self {
            method: "GET",
            headers: Vec::new(),
        }
    }

    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn bearer(self, token: &str) -> Self {
        self.with("Authorization", format!("Bearer {token}"))
    }

    fn cookie(self, name: &str, value: &str) -> Self {
        self.with("Cookie", format!("{name}={value}"))
    }
}

impl RequestHead for Request {
    fn method(&self) -> &str {
        self.method
    }

    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let values = self.headers.iter();
        let values = values.filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.as_bytes())
    }
}

/// A verifier that also accepts cookies.
fn with_cookies() -> Verifier {
    let key = PublishableKey::parse(PUBLISHABLE_KEY).unwrap();
    verifier_with(|builder| builder.session_cookies(&key))
}

fn request_result(verifier: &Verifier, request: &Request) -> &'static str {
    outcome(&at_once(verifier.authenticate(request)))
}

#[track_caller]
fn check(request: &Request, expected: &str) {
    assert_eq!(request_result(&with_cookies(), request), expected);
}

/// A good token that was issued a second later or earlier than `good_token`.
fn token_issued_at(seconds: u64) -> String {
    token_with("iat", seconds)
}

/// Case 7, with cookies enabled.
#[test]
fn a_request_without_credentials_has_no_token() {
    check(&Request::get(), "session-token-missing");
    for cookies in [
        "",
        "a=b; c",
        "; ;=",
        "__session",
        "__session=",
        "=__session",
    ] {
        let request = Request::get().with("cookie", cookies);
        check(&request, "session-token-missing");
    }
}

/// Case 9: a cookie is read although the request has another scheme.
#[test]
fn a_cookie_is_read_next_to_another_scheme() {
    let basic = Request::get().with("authorization", "Basic YTpi");
    check(&basic, "session-token-missing");
    check(&basic.cookie("__session", &good_token()), "ok");
}

/// Case 11.
#[test]
fn a_good_cookie_does_not_replace_a_bad_bearer_token() {
    let good = good_token();
    for (value, expected) in [
        ("Bearer a.b.c", "token-invalid"),
        ("Bearer", "session-token-missing"),
        ("Bearer a b", "token-malformed-credentials"),
        ("raw", "token-malformed-credentials"),
    ] {
        let request = Request::get().with("authorization", value);
        check(&request.cookie("__session", &good), expected);
    }
    let expired = token_with("exp", T - 100);
    let request = Request::get().bearer(&expired).cookie(SUFFIXED, &good);
    check(&request, "token-expired");
}

/// Case 11, the reverse: the rules for cookies do not apply to a bearer token.
#[test]
fn a_bearer_token_is_not_affected_by_cookies_and_origins() {
    let request = Request::get()
        .method("DELETE")
        .bearer(&good_token())
        .cookie("__session", "rubbish")
        .cookie("__session", "twice")
        .with("sec-fetch-site", "cross-site")
        .with("origin", "https://elsewhere.example");
    let session = at_once(with_cookies().authenticate(&request)).unwrap();
    assert_eq!(session.credential_source(), CredentialSource::Bearer);
}

#[test]
fn cookies_are_read_only_if_they_are_enabled() {
    let request = Request::get().cookie(SUFFIXED, &good_token());
    assert_eq!(
        request_result(&verifier(), &request),
        "session-token-missing"
    );
    let session = at_once(with_cookies().authenticate(&request)).unwrap();
    assert_eq!(session.credential_source(), CredentialSource::Cookie);
}

/// Case 13.
#[test]
fn only_the_instances_own_cookie_is_read() {
    let good = good_token();
    let foreign = OTHER_INSTANCE
        .sign(
            &with(header(), "kid", OTHER_INSTANCE.key_id()).to_string(),
            &with(claims(), "iss", OTHER_INSTANCE.issuer()).to_string(),
        )
        .unwrap();
    let both = Request::get().with("cookie", format!("__session={foreign}; {SUFFIXED}={good}"));
    check(&both, "ok");
    for name in [
        "__session_AAAAAAAA",
        "__session_",
        "__session_vWCgMp3Ax",
        "__session_vwcgmp3a",
        "__SESSION",
        "x__session",
        "__session-vWCgMp3A",
    ] {
        let request = Request::get().cookie(name, &good);
        check(&request, "session-token-missing");
    }
    // A cookie without a suffix may be another instance's. Verification refuses its token.
    let plain = Request::get().cookie("__session", &foreign);
    check(&plain, "jwk-kid-mismatch");
}

/// Case 13: both cookies are ours. An older front end writes only the plain one.
#[test]
fn of_two_cookies_of_the_instance_the_newer_is_used() {
    let (old, new) = (token_issued_at(T - 9), token_issued_at(T - 3));
    for (plain, suffixed) in [(&old, &new), (&new, &old)] {
        let request = Request::get()
            .cookie("__session", plain)
            .cookie(SUFFIXED, suffixed);
        let session = at_once(with_cookies().authenticate(&request)).unwrap();
        assert_eq!(session.issued_at(), T - 3);
    }
    // A cookie that is not a token is never the newer one.
    let rubbish = Request::get()
        .cookie("__session", "rubbish")
        .cookie(SUFFIXED, &old);
    check(&rubbish, "ok");
    let rubbish = Request::get()
        .cookie("__session", &new)
        .cookie(SUFFIXED, "rubbish");
    check(&rubbish, "ok");
    // An unverified `iat` chooses the token, but the token is still verified.
    let forged = unsigned_token(&header(), &with(claims(), "iat", T + 100));
    let request = Request::get()
        .cookie("__session", &forged)
        .cookie(SUFFIXED, &new);
    check(&request, "token-invalid-signature");
}

#[test]
fn of_a_session_cookie_that_occurs_twice_ours_counts_and_then_the_newer_one() {
    let good = good_token();
    let foreign = with(claims(), "iss", "https://clerk.other.example");
    let foreign = unsigned_token(&header(), &with(foreign, "iat", T + 100));
    let expired = with(
        with(with(claims(), "iat", T - 100), "nbf", T - 100),
        "exp",
        T - 40,
    );
    let expired = token(&header(), &expired);
    let too_large = "x".repeat(auth::MAX_TOKEN_BYTES + 1);
    for name in ["__session", SUFFIXED] {
        let both = |one: &str, other: &str| {
            let in_one_field = format!("{name}={one};{name}={other}");
            let in_two = Request::get().cookie(name, one).cookie(name, other);
            [Request::get().with("cookie", in_one_field), in_two]
        };
        for other in [&good, "x", "", &foreign, &expired, &too_large] {
            for request in both(&good, other).into_iter().chain(both(other, &good)) {
                check(&request, "ok");
            }
        }
        // A forged token can win, and is refused for what it is.
        let forged = unsigned_token(&header(), &with(claims(), "iat", T + 100));
        for request in both(&good, &forged) {
            check(&request, "token-invalid-signature");
        }
    }
}

#[test]
fn cookies_are_found_in_every_layout_of_the_header() {
    let good = good_token();
    for value in [
        format!("a=b; __session={good}; c=d"),
        format!("a=b;__session={good};"),
        format!("  __session = {good}  "),
        format!("\t{SUFFIXED}={good}\t; \"odd\"; =; k\u{e9}y=v"),
    ] {
        check(&Request::get().with("cookie", value), "ok");
    }
    let split = Request::get()
        .cookie("a", "b")
        .cookie("__session", &good)
        .cookie("c", "d");
    check(&split, "ok");
    // The value is checked as a token, not as a cookie.
    let quoted = Request::get().cookie("__session", &format!("\"{good}\""));
    check(&quoted, "token-invalid");
    let not_ascii = Request::get().cookie("__session", "k\u{e9}y");
    check(&not_ascii, "token-invalid");
}

/// Case 14.
#[test]
fn a_cookie_is_accepted_for_reads_from_our_own_pages_only() {
    let good = good_token();
    let get = || Request::get().cookie(SUFFIXED, &good);
    let refused = [
        get().method("POST"),
        get().method("PUT"),
        get().method("PATCH"),
        get().method("DELETE"),
        get().method("OPTIONS"),
        get().method("get"),
        get().method(""),
        get().with("Sec-Fetch-Site", "cross-site"),
        get().with("Sec-Fetch-Site", "same-site"),
        get().with("Sec-Fetch-Site", "none"),
        get().with("Sec-Fetch-Site", "Same-Origin"),
        get().with("Sec-Fetch-Site", ""),
        get()
            .with("Sec-Fetch-Site", "same-origin")
            .with("Sec-Fetch-Site", "cross-site"),
        get().with("Origin", "https://evil.example"),
        get().with("Origin", "null"),
        get().with("Origin", format!("{ORIGIN}/")),
        get()
            .with("Sec-Fetch-Site", "same-origin")
            .with("Origin", "https://evil.example"),
    ];
    for request in refused {
        check(&request, "cookie-cross-site");
    }
    let accepted = [
        get(),
        get().method("HEAD"),
        get().with("Sec-Fetch-Site", "same-origin"),
        get().with("Origin", ORIGIN),
        get()
            .with("Sec-Fetch-Site", "same-origin")
            .with("Origin", ORIGIN),
    ];
    for request in accepted {
        check(&request, "ok");
    }
    // The rules do not apply to a request without a cookie.
    check(&Request::get().method("POST"), "session-token-missing");
    let cross_site = Rejection::CookieCrossSite;
    assert_eq!(cross_site.kind(), RejectionKind::Forbidden);
    assert_eq!(cross_site.kind().status(), 403);
    assert_eq!(cross_site.challenge(), None);
}

/// Case 37, the second half.
#[test]
fn a_cookie_without_an_authorized_party_is_never_accepted() {
    let key = PublishableKey::parse(PUBLISHABLE_KEY).unwrap();
    let lenient = verifier_with(|builder| builder.allow_missing_azp(true).session_cookies(&key));
    let token = token_without("azp");
    let bearer = Request::get().bearer(&token);
    assert_eq!(request_result(&lenient, &bearer), "ok");
    let cookie = Request::get().cookie(SUFFIXED, &token);
    assert_eq!(
        request_result(&lenient, &cookie),
        "token-missing-authorized-party"
    );
    let empty = Request::get().cookie(SUFFIXED, &token_with("azp", json!("")));
    assert_eq!(
        request_result(&lenient, &empty),
        "token-invalid-authorized-parties"
    );
}

/// Case 12. A [`RequestHead`] does not contain the URL.
#[test]
fn debug_output_shows_no_token() {
    let request = Request::get().bearer(&good_token());
    let verifier = with_cookies();
    let credentials = verifier.credentials(&request).unwrap();
    assert_eq!(credentials.token(), good_token());
    assert_eq!(credentials.source(), CredentialSource::Bearer);
    assert_eq!(
        format!("{credentials:?}"),
        "Credentials { source: Bearer, .. }"
    );
}

/// Case 60.
#[test]
fn the_suffix_of_the_cookie_follows_from_the_publishable_key() {
    for (key, suffix) in [
        (
            "pk_test_Zm9vLWJhci0xMy5jbGVyay5hY2NvdW50cy5kZXYk",
            "nx2hSE6I",
        ),
        (PUBLISHABLE_KEY, "vWCgMp3A"),
        (LIVE_PUBLISHABLE_KEY, "MqCvchyS"),
    ] {
        let key = PublishableKey::parse(key).unwrap();
        assert_eq!(key.cookie_suffix(), suffix);
    }
}
