//! Group B, cases 7 to 10: the `Authorization` header.

use auth::{Rejection, RejectionKind, bearer};

#[track_caller]
fn check(values: &[&str], expected: Result<&str, Rejection>) {
    let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
    assert_eq!(bearer(values), expected);
}

/// Case 7.
#[test]
fn missing_credentials_get_a_challenge_without_error() {
    let missing = Rejection::SessionTokenMissing;
    for values in [&[][..], &[""], &["   \t"], &["Bearer"], &["bearer  "]] {
        check(values, Err(missing));
    }
    assert_eq!(missing.reason(), "session-token-missing");
    assert_eq!(missing.kind(), RejectionKind::Unauthenticated);
    assert_eq!(missing.challenge(), Some("Bearer"));
}

/// Case 8.
#[test]
fn the_scheme_is_case_insensitive_and_surrounding_blanks_are_ignored() {
    for value in [
        "Bearer a.b.c",
        "bearer a.b.c",
        "BEARER a.b.c",
        " Bearer   a.b.c\t",
    ] {
        check(&[value], Ok("a.b.c"));
    }
    check(&["Bearer a-b_c~d+e/f=="], Ok("a-b_c~d+e/f=="));
}

/// Case 9.
#[test]
fn another_scheme_counts_as_no_token() {
    for value in [
        "Basic YTpi",
        r#"Digest username="a", realm="b""#,
        "Bearers a.b.c",
    ] {
        check(&[value], Err(Rejection::SessionTokenMissing));
    }
}

/// Case 10.
#[test]
fn a_raw_token_or_several_tokens_are_malformed() {
    let malformed = Rejection::MalformedCredentials;
    for values in [
        &["a.b.c"][..],
        &["Basic"],
        &["Bearer a.b.c", "Bearer a.b.c"],
        &["Bearer a.b.c", ""],
        &["Bearer a b"],
        &["Bearer a.b.c, Bearer d.e.f"],
        &["Bearer\ta.b.c"],
        &["Bearer a.b.c\u{e9}"],
        &["Bearer ="],
        &["Bearer a=b"],
    ] {
        check(values, Err(malformed));
    }
    assert_eq!(bearer([b"Bearer a\xff".as_slice()]), Err(malformed));
    assert_eq!(malformed.reason(), "token-malformed-credentials");
    assert_eq!(malformed.kind().status(), 400);
    assert_eq!(
        malformed.challenge(),
        Some(r#"Bearer error="invalid_request""#)
    );
}
