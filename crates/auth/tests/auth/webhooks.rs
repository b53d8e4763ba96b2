//! Case 59, the part about webhooks: which deliveries are accepted, and what their events mean.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth::webhooks::{
    Delivery, MAX_WEBHOOK_BYTES, SigningSecret, WebhookError, WebhookEvent, WebhookHeaders,
    Webhooks,
};
use serde_json::{Value, json};

use crate::support::*;
use crate::vectors::T;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT_SECRET: &str = "whsec_bmV4dC1zZWNyZXQtbmV4dC1zZWNyZXQ=";

fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text).unwrap()
}

fn endpoint(secrets: &[&str]) -> Webhooks {
    let secrets = secrets.iter().map(|text| secret(text));
    Webhooks::new(secrets).unwrap().clock(FixedClock::at(T))
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn event(kind: &str, data: Value) -> Vec<u8> {
    let event = json!({
        "object": "event", "type": kind, "data": data, "timestamp": 1, "instance_id": "ins_a",
    });
    event.to_string().into_bytes()
}

fn ended() -> Vec<u8> {
    event(
        "session.ended",
        json!({ "id": "sess_a", "user_id": "user_a" }),
    )
}

fn verify(
    endpoint: &Webhooks,
    id: &str,
    timestamp: &str,
    signature: &str,
    body: &[u8],
) -> Result<Delivery, WebhookError> {
    let headers = WebhookHeaders {
        id: id.as_bytes(),
        timestamp: timestamp.as_bytes(),
        signature: signature.as_bytes(),
    };
    endpoint.verify(headers, body)
}

/// Verifies a delivery that was signed at `T` with the first secret.
fn deliver(body: &[u8]) -> Result<Delivery, WebhookError> {
    let signed = secret(SECRET).sign("msg_1", at(T), body);
    let endpoint = endpoint(&[SECRET]);
    verify(
        &endpoint,
        "msg_1",
        &signed.timestamp,
        &signed.signature,
        body,
    )
}

/// Svix's own example. Its signature is right, but its body is not an event of Clerk's.
#[test]
fn a_signature_of_svix_is_accepted() {
    let clock = FixedClock::at(1_614_265_330);
    let endpoint = endpoint(&[SECRET]).clock(clock);
    let check = |body: &[u8]| {
        verify(
            &endpoint,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            body,
        )
    };
    let invalid = Err(WebhookError::InvalidEvent);
    assert_eq!(check(br#"{"test": 2432232314}"#), invalid);
    let forged = Err(WebhookError::InvalidSignature);
    assert_eq!(check(br#"{"test": 2432232315}"#), forged);
}

#[test]
fn a_signed_event_says_who_has_lost_access() {
    let session_ended = WebhookEvent::SessionEnded {
        session_id: "sess_a".into(),
        user_id: Some("user_a".into()),
    };
    let user_ended = WebhookEvent::UserEnded {
        user_id: "user_a".into(),
    };
    let (organization_id, user_id) = ("org_a".to_owned(), "user_a".to_owned());
    let session = json!({ "id": "sess_a", "user_id": "user_a", "status": "ended" });
    let user = json!({ "id": "user_a", "deleted": true });
    let membership = json!({
        "id": "orgmem_a",
        "organization": { "id": "org_a", "slug": "acme" },
        "public_user_data": { "user_id": "user_a" },
    });
    for (kind, data, expected) in [
        ("session.ended", session.clone(), session_ended.clone()),
        ("session.removed", session.clone(), session_ended.clone()),
        ("session.revoked", session.clone(), session_ended),
        ("session.created", session, WebhookEvent::Other),
        ("user.deleted", user, user_ended.clone()),
        (
            "user.updated",
            json!({ "id": "user_a", "banned": true }),
            user_ended,
        ),
        (
            "user.updated",
            json!({ "id": "user_a", "banned": false }),
            WebhookEvent::Other,
        ),
        ("user.updated", json!({ "id": 7 }), WebhookEvent::Other),
        (
            "organization.deleted",
            json!({ "id": "org_a", "deleted": true }),
            WebhookEvent::OrganizationDeleted {
                organization_id: organization_id.clone(),
            },
        ),
        (
            "organizationMembership.deleted",
            membership.clone(),
            WebhookEvent::MembershipDeleted {
                organization_id: organization_id.clone(),
                user_id: user_id.clone(),
            },
        ),
        (
            "organizationMembership.updated",
            membership,
            WebhookEvent::MembershipUpdated {
                organization_id,
                user_id,
            },
        ),
        ("email.created", json!({}), WebhookEvent::Other),
    ] {
        let delivery = deliver(&event(kind, data)).unwrap();
        assert_eq!(delivery.event, expected, "{kind}");
        assert_eq!(delivery.message_id, "msg_1");
    }
}

/// Case 59: a forged delivery ends nothing.
#[test]
fn a_delivery_that_was_changed_or_signed_by_another_is_refused() {
    let (body, endpoint) = (ended(), endpoint(&[SECRET]));
    let signed = secret(SECRET).sign("msg_1", at(T), &body);
    let theirs = secret(NEXT_SECRET).sign("msg_1", at(T), &body);
    let good = signed.signature.as_str();
    let time = signed.timestamp.as_str();
    assert!(verify(&endpoint, "msg_1", time, good, &body).is_ok());
    let tag = good.trim_start_matches("v1,");
    let later = (T + 1).to_string();
    for (id, time, signature) in [
        ("msg_2", time, good),
        ("msg_1", later.as_str(), good),
        ("msg_1", time, theirs.signature.as_str()),
        ("msg_1", time, ""),
        ("msg_1", time, "v1,"),
        ("msg_1", time, tag),
        ("msg_1", time, &format!("v1a,{tag}")),
        ("msg_1", time, &format!("v2,{tag}")),
        ("msg_1", time, &format!("V1,{tag}")),
        ("msg_1", time, &good[..good.len() - 4]),
        ("msg_1", time, &good.replace('=', "")),
        ("msg_1", time, &good.replace(' ', "\t")[1..]),
    ] {
        let outcome = verify(&endpoint, id, time, signature, &body);
        assert_eq!(outcome, Err(WebhookError::InvalidSignature), "{signature}");
    }
    let mut changed = body.clone();
    for position in 0..body.len() {
        changed[position] ^= 1;
        let outcome = verify(&endpoint, "msg_1", time, good, &changed);
        assert_eq!(outcome, Err(WebhookError::InvalidSignature));
        changed[position] ^= 1;
    }
}

#[test]
fn while_a_secret_is_replaced_both_secrets_are_accepted() {
    let body = ended();
    let old = secret(SECRET).sign("msg_1", at(T), &body);
    let new = secret(NEXT_SECRET).sign("msg_1", at(T), &body);
    let both = format!("{} {}", old.signature, new.signature);
    let behind_others = format!("v1a,abcd v1,AAAA {}", new.signature);
    let check = |secrets: &[&str], signature: &str| {
        let endpoint = endpoint(secrets);
        verify(&endpoint, "msg_1", &old.timestamp, signature, &body).is_ok()
    };
    for secrets in [&[SECRET][..], &[NEXT_SECRET], &[SECRET, NEXT_SECRET]] {
        assert!(check(secrets, &both), "{secrets:?}");
    }
    assert!(check(&[SECRET, NEXT_SECRET], &old.signature));
    assert!(check(&[SECRET, NEXT_SECRET], &new.signature));
    assert!(check(&[NEXT_SECRET], &behind_others));
    assert!(!check(&[NEXT_SECRET], &old.signature));
    // Only the first 16 signatures are checked.
    let many = format!("{}{}", "v1,AAAA ".repeat(16), new.signature);
    assert!(!check(&[NEXT_SECRET], &many));
}

#[test]
fn a_delivery_is_accepted_for_five_minutes_and_says_how_long_to_store_its_id() {
    let body = ended();
    let signed = secret(SECRET).sign("msg_1", at(T), &body);
    let clock = FixedClock::at(T);
    let endpoint = endpoint(&[SECRET]).clock(clock.clone());
    for (now, remember_for) in [
        (T - 301, None),
        (T - 300, Some(601)),
        (T, Some(301)),
        (T + 300, Some(1)),
        (T + 301, None),
    ] {
        clock.set(now);
        let outcome = verify(
            &endpoint,
            "msg_1",
            &signed.timestamp,
            &signed.signature,
            &body,
        );
        let expected = remember_for.map(Duration::from_secs);
        let expected = expected.ok_or(WebhookError::TimestampOutOfRange);
        assert_eq!(outcome.map(|delivery| delivery.remember_for), expected);
    }
}

#[test]
fn missing_or_malformed_headers_are_refused() {
    let endpoint = endpoint(&[SECRET]);
    let time = T.to_string();
    let long = "m".repeat(129);
    for id in ["", "msg 1", "msg.1", "msg_\u{e9}", "msg_\n", &long] {
        let outcome = verify(&endpoint, id, &time, "v1,AAAA", b"");
        assert_eq!(outcome, Err(WebhookError::MalformedHeaders), "{id}");
    }
    for time in [
        "",
        "now",
        "-1",
        "+1",
        "1.5",
        " 1",
        "01",
        "99999999999999999999",
        "1e9",
    ] {
        let outcome = verify(&endpoint, "msg_1", time, "v1,AAAA", b"");
        assert_eq!(outcome, Err(WebhookError::MalformedHeaders), "{time}");
    }
    let headers = WebhookHeaders {
        id: b"msg_\xff",
        timestamp: b"1",
        signature: b"\xff",
    };
    assert_eq!(
        endpoint.verify(headers, b""),
        Err(WebhookError::MalformedHeaders)
    );
    let last = verify(&endpoint, "msg_1", "18446744073709551615", "v1,AAAA", b"");
    assert_eq!(last, Err(WebhookError::TimestampOutOfRange));
}

#[test]
fn a_signed_body_that_is_not_a_complete_event_is_refused() {
    let membership = |organization: Value, user: Value| json!({ "organization": { "id": organization }, "public_user_data": { "user_id": user } });
    for body in [
        b"".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"\xff".to_vec(),
        br#"{"object":"event","type":"user.deleted"}"#.to_vec(),
        br#"{"object":"thing","type":"user.deleted","data":{"id":"user_a"}}"#.to_vec(),
        br#"{"object":"event","type":"user.deleted","data":{"id":"user_a","id":"user_b"}}"#
            .to_vec(),
        event("session.ended", json!({})),
        event("session.ended", json!({ "id": "a b" })),
        event("session.ended", json!({ "id": 7 })),
        event("user.deleted", json!({ "id": "org_a" })),
        event("user.deleted", json!({ "id": "user_" })),
        event("user.updated", json!({ "id": "x", "banned": true })),
        event("organization.deleted", json!({ "id": "user_a" })),
        event(
            "organizationMembership.deleted",
            json!({ "id": "orgmem_a" }),
        ),
        event(
            "organizationMembership.deleted",
            membership(json!("org_a"), json!(null)),
        ),
        event(
            "organizationMembership.updated",
            membership(json!("acme"), json!("user_a")),
        ),
    ] {
        let outcome = deliver(&body);
        assert_eq!(
            outcome,
            Err(WebhookError::InvalidEvent),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
    // The user is not needed to end a session.
    let delivery = deliver(&event("session.ended", json!({ "id": "sess_a" }))).unwrap();
    let expected = WebhookEvent::SessionEnded {
        session_id: "sess_a".into(),
        user_id: None,
    };
    assert_eq!(delivery.event, expected);
}

#[test]
fn a_body_of_more_than_256_kib_is_too_large() {
    let mut body = ended();
    body.resize(MAX_WEBHOOK_BYTES, b' ');
    assert!(deliver(&body).is_ok());
    body.push(b' ');
    assert_eq!(deliver(&body), Err(WebhookError::TooLarge));
}

#[test]
fn each_refusal_has_a_status_and_a_reason() {
    for (error, status, reason) in [
        (
            WebhookError::MalformedHeaders,
            400,
            "webhook-malformed-headers",
        ),
        (
            WebhookError::TimestampOutOfRange,
            400,
            "webhook-timestamp-out-of-range",
        ),
        (WebhookError::InvalidEvent, 400, "webhook-invalid-event"),
        (
            WebhookError::InvalidSignature,
            401,
            "webhook-invalid-signature",
        ),
        (WebhookError::TooLarge, 413, "webhook-too-large"),
    ] {
        assert_eq!((error.status(), error.reason()), (status, reason));
    }
}

/// Case 60.
#[test]
fn an_invalid_secret_and_an_endpoint_without_one_are_refused() {
    for text in [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_not base64 not base64 not",
        "whsec_c2hvcnQ=",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ] {
        let error = SigningSecret::parse(text).unwrap_err();
        assert!(text.len() < 8 || !error.to_string().contains(text));
    }
    let error = Webhooks::new([]).unwrap_err();
    assert_eq!(error.setting(), "webhook_secrets");
}

#[test]
fn debug_output_shows_no_secret_and_no_id() {
    let endpoint = Arc::new(endpoint(&[SECRET]));
    let text = format!("{endpoint:?} {:?}", deliver(&ended()).unwrap().event);
    assert!(text.contains("SigningSecret(..)"), "{text}");
    assert!(text.ends_with("SessionEnded"), "{text}");
    assert!(!text.contains("sess_a"), "{text}");
}
