//! Group F, the part that a token can tell: the active organisation, its permissions, and the actor.

use auth::mint::SessionToken;
use auth::{Clock, Organization, Session};
use serde_json::{Value, json};

use crate::support::*;
use crate::vectors::*;

/// The session of a good token with these additional claims.
#[track_caller]
fn session(extra: Value) -> Session {
    let mut claims = claims();
    claims
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    at_once(verifier().verify(&token(&header(), &claims))).unwrap()
}

/// The permissions of the active organisation. There must be one.
#[track_caller]
fn permissions(extra: Value) -> Vec<String> {
    let session = session(extra);
    let organization = session.organization().unwrap();
    let permissions: Vec<_> = organization.permissions().collect();
    for permission in &permissions {
        assert!(organization.has_permission(permission), "{permission}");
    }
    permissions
}

/// The claims of a version 2 token.
fn version_2(features: &str, names: &str, masks: &str) -> Value {
    json!({
        "v": 2,
        "fea": features,
        "o": { "id": "org_1", "slg": "acme", "rol": "admin", "per": names, "fpm": masks },
    })
}

const EXAMPLE: [&str; 3] = ["o:dashboard,o:teams", "manage,read", "3,2"];

fn example() -> Value {
    let [features, names, masks] = EXAMPLE;
    version_2(features, names, masks)
}

/// Case 55.
#[test]
fn a_version_2_token_gives_organisation_role_and_permissions() {
    let session = session(example());
    let organization = session.organization().unwrap();
    assert_eq!(organization.id(), "org_1");
    assert_eq!(organization.slug(), Some("acme"));
    assert_eq!(organization.role(), Some("org:admin"));
    assert_eq!(
        organization.permissions().collect::<Vec<_>>(),
        [
            "org:dashboard:manage",
            "org:dashboard:read",
            "org:teams:read"
        ]
    );
    for absent in [
        "org:teams:manage",
        "teams:read",
        "org:teams",
        "org:teams:read:",
        "org::read",
        "",
    ] {
        assert!(!organization.has_permission(absent), "{absent}");
    }
}

/// Case 55.
#[test]
fn a_role_always_has_one_prefix() {
    for role in ["admin", "org:admin"] {
        let mut claims = example();
        claims["o"]["rol"] = json!(role);
        let session = session(claims);
        let organization = session.organization().unwrap();
        assert_eq!(organization.role(), Some("org:admin"), "{role}");
    }
    for role in [
        json!(null),
        json!(""),
        json!("org:"),
        json!(7),
        json!("org:org:admin"),
    ] {
        let mut claims = example();
        claims["o"]["rol"] = role;
        assert_eq!(session(claims).organization().unwrap().role(), None);
    }
}

/// Case 55.
#[test]
fn a_version_1_token_gives_the_same_as_version_2() {
    let flat = json!({
        "org_id": "org_1",
        "org_slug": "acme",
        "org_role": "org:admin",
        "org_permissions": ["org:dashboard:manage", "org:dashboard:read", "org:teams:read"],
    });
    let (flat, packed) = (session(flat), session(example()));
    let (flat, packed) = (flat.organization().unwrap(), packed.organization().unwrap());
    assert_eq!(flat.id(), packed.id());
    assert_eq!(flat.slug(), packed.slug());
    assert_eq!(flat.role(), packed.role());
    assert!(flat.permissions().eq(packed.permissions()));
    assert!(flat.has_permission("org:teams:read") && !flat.has_permission("org:teams:manage"));
}

/// Case 55: the version decides which claims count.
#[test]
fn the_version_of_a_token_decides_which_claims_are_read() {
    let both = |version: Value| {
        let mut claims = example();
        claims["v"] = version;
        claims["org_id"] = json!("org_flat");
        session(claims)
    };
    let id = |session: &Session| session.organization().map(|o| o.id().to_owned());
    assert_eq!(id(&both(json!(2))).as_deref(), Some("org_1"));
    for unknown in [json!(1), json!(3), json!("2"), json!(null), json!(2.5)] {
        assert_eq!(id(&both(unknown)), None);
    }
    let without_version = session(json!({ "o": example()["o"], "org_id": "org_flat" }));
    assert_eq!(id(&without_version).as_deref(), Some("org_flat"));
    assert_eq!(id(&session(json!({ "o": example()["o"] }))), None);
    assert_eq!(id(&session(json!({ "v": 2, "org_id": "org_flat" }))), None);
}

/// Case 55: the data of Clerk's own `jwtPayloadParser.spec.ts`.
#[test]
fn clerks_own_examples_of_masks_are_decoded() {
    let fifty_four: Vec<_> = (0..54).map(|n| format!("p{n}")).collect();
    let fifty_four = fifty_four.join(",");
    let cases: [(&str, &str, &str, &[&str]); 6] = [
        (
            "o:repositories,o:projects",
            "read,create,update,delete,revoke",
            "7,21",
            &[
                "org:repositories:read",
                "org:repositories:create",
                "org:repositories:update",
                "org:projects:read",
                "org:projects:update",
                "org:projects:revoke",
            ],
        ),
        // 2^53 + 1 does not fit into a double.
        (
            "o:big",
            &fifty_four,
            "9007199254740993",
            &["org:big:p0", "org:big:p53"],
        ),
        // 2^54 is the bit of a name that does not exist.
        ("o:big", &fifty_four, "18014398509481984", &[]),
        // The user's own features have a mask too, but it grants nothing.
        (
            "u:a,o:b,o:c",
            "read,manage",
            "0,1,2",
            &["org:b:read", "org:c:manage"],
        ),
        (
            "uo:a,ou:b,u:c",
            "read",
            "1,1,1",
            &["org:a:read", "org:b:read"],
        ),
        ("o:a", "read", "0", &[]),
    ];
    for (features, names, masks, expected) in cases {
        let permissions = permissions(version_2(features, names, masks));
        assert_eq!(permissions, expected, "{features} {masks}");
    }
}

/// Case 56.
#[test]
fn unreadable_claims_grant_nothing_and_do_not_refuse_the_token() {
    let [features, names, masks] = EXAMPLE;
    let long = "1".repeat(40);
    let too_large = "9".repeat(39);
    for masks in [
        "-1,2",
        "1.5,2",
        "1x,2",
        " 3,2",
        "3, 2",
        "+3,2",
        "3",
        "3,2,1",
        "",
        ",",
        "3,",
        "0x3,2",
        &format!("{long},2"),
        &format!("{too_large},2"),
    ] {
        let granted = permissions(version_2(features, names, masks));
        assert!(granted.is_empty(), "{masks}: {granted:?}");
    }
    for features in [
        "dashboard,o:teams",
        "o:,o:teams",
        ":a,o:teams",
        "x:a,o:teams",
        "o:a b,o:c",
        "o:a:b,o:c",
        "",
    ] {
        let granted = permissions(version_2(features, names, masks));
        assert!(granted.is_empty(), "{features}: {granted:?}");
    }
    for names in ["", "manage,", "a:b,c", "a b,c"] {
        let granted = permissions(version_2(features, names, masks));
        assert!(granted.is_empty(), "{names}: {granted:?}");
    }
    let many: Vec<_> = (0..129).map(|n| format!("p{n}")).collect();
    assert!(permissions(version_2("o:a", &many.join(","), "1")).is_empty());
    assert_eq!(
        permissions(version_2("o:a", &many[..128].join(","), "1")),
        ["org:a:p0"]
    );
    for (name, value) in [("per", json!(7)), ("fpm", json!(3)), ("fpm", json!(null))] {
        let mut claims = example();
        claims["o"][name] = value;
        assert!(permissions(claims).is_empty(), "{name}");
    }
    let mut claims = example();
    claims["fea"] = json!(["o:dashboard"]);
    assert!(permissions(claims).is_empty());
    let mixed = json!({ "org_id": "org_1", "org_permissions": ["org:a:read", 7] });
    assert!(permissions(mixed).is_empty());
}

/// Case 56.
#[test]
fn an_unreadable_organisation_is_ignored() {
    for organization in [
        json!(null),
        json!([]),
        json!("org_1"),
        json!({}),
        json!({ "id": "" }),
        json!({ "id": 7 }),
        json!({ "id": "org_" }),
        json!({ "id": "user_1" }),
        json!({ "id": "org_\n" }),
        json!({ "id": format!("org_{}", "a".repeat(125)) }),
    ] {
        let session = session(json!({ "v": 2, "o": organization }));
        assert_eq!(session.organization(), None, "{organization}");
    }
    assert_eq!(session(json!({})).organization(), None);
    assert_eq!(session(json!({ "org_id": "acme" })).organization(), None);
}

/// A small claim can encode very many permissions. They are not expanded into a list.
#[test]
fn a_claim_with_very_many_permissions_is_not_expanded() {
    let features = vec!["o:f"; 700].join(",");
    let masks = vec!["9"; 700].join(",");
    let names: Vec<_> = (0..128).map(|n| format!("{n}")).collect();
    let session = session(version_2(&features, &names.join(","), &masks));
    let organization = session.organization().unwrap();
    assert!(organization.has_permission("org:f:3"));
    assert!(!organization.has_permission("org:f:1"));
    assert_eq!(organization.permissions().count(), 1400);
}

/// Case 57, the part that the session answers: which organisation is active, and what the member may do in it.
#[test]
fn a_session_names_its_active_organisation_and_what_the_member_may_do_in_it() {
    let session = session(example());
    let organization = session.organization().unwrap();
    // The id is what is compared, never the slug.
    assert_eq!(organization.id(), "org_1");
    assert_eq!(organization.role(), Some("org:admin"));
    assert!(organization.has_permission("org:teams:read"));
    for absent in [
        "org:teams:manage",
        "org:builds:read",
        "org:sys_memberships:read",
    ] {
        assert!(!organization.has_permission(absent), "{absent}");
    }
    // A token without an organisation has no member of one.
    assert!(self::session(json!({})).organization().is_none());
}

/// Case 57: an impersonated session names the actor.
#[test]
fn an_impersonator_is_named() {
    let acted = |act: Value| session(json!({ "act": act }));
    let session_of = acted(json!({ "iss": "x", "sid": "sess_a", "sub": "user_admin" }));
    assert_eq!(session_of.actor().unwrap().subject(), Some("user_admin"));
    // An actor that cannot be read is still an actor.
    for odd in [json!({}), json!("x"), json!(null), json!({ "sub": "a b" })] {
        assert_eq!(acted(odd).actor().unwrap().subject(), None);
    }
    assert_eq!(session(json!({})).actor(), None);
}

#[test]
fn malformed_factor_ages_mean_never_verified() {
    let ages = |fva: Value| {
        let session = session(json!({ "fva": fva }));
        (session.first_factor_age(), session.second_factor_age())
    };
    assert_eq!(ages(json!([0, -1])), (Some(0), None));
    assert_eq!(ages(json!([10, 3])), (Some(10), Some(3)));
    for odd in [
        json!([-1, -1]),
        json!([1]),
        json!([1, 2, 3]),
        json!([-2, 1]),
        json!([1.5, 1]),
        json!(["1", 1]),
        json!(7),
        json!(null),
    ] {
        assert_eq!(ages(odd), (None, None));
    }
}

#[test]
fn debug_output_shows_no_organisation_and_no_actor() {
    let mut claims = example();
    claims["act"] = json!({ "sub": USER_ID });
    let session = session(claims);
    let organization: &Organization = session.organization().unwrap();
    assert_eq!(format!("{organization:?}"), "Organization { .. }");
    let actor = session.actor().unwrap();
    assert_eq!(format!("{actor:?}"), "Actor { .. }");
}

#[test]
fn a_minted_token_has_the_organisation_and_the_permissions_that_were_asked_for() {
    let asked = ["org:builds:read", "org:builds:manage", "org:teams:manage"];
    let now = FixedClock::at(T).now();
    let plain = SessionToken::new("user_1")
        .authorized_party(ORIGIN)
        .issued_at(now);
    let token = plain.clone().organization("org_1", "admin", &asked);
    let token = INSTANCE.sign_session(&token).unwrap();
    let session = at_once(verifier().verify(&token)).unwrap();
    let organization = session.organization().unwrap();
    assert_eq!(organization.id(), "org_1");
    assert_eq!(organization.role(), Some("org:admin"));
    let mut permissions: Vec<_> = organization.permissions().collect();
    permissions.sort_unstable();
    assert_eq!(
        permissions,
        ["org:builds:manage", "org:builds:read", "org:teams:manage"]
    );
    assert!(!organization.has_permission("org:teams:read"));

    let token = plain.organization("org_1", "member", &[]);
    let token = INSTANCE.sign_session(&token).unwrap();
    let session = at_once(verifier().verify(&token)).unwrap();
    let organization = session.organization().unwrap();
    assert_eq!(organization.role(), Some("org:member"));
    assert_eq!(organization.permissions().count(), 0);
}
