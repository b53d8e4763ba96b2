//! Group E: when the key cache fetches, with a paused clock and without a socket.

use std::time::Duration;

use auth::{KeyHealth, KeySource, Rejection, RejectionKind, Verifier};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};

use crate::fake_server::*;
use crate::support::*;
use crate::vectors::*;

/// A token with a key id that does not exist. Its signature is never verified.
fn token_with_random_key_id(seed: usize) -> String {
    let id = format!("ins_random_{seed}");
    unsigned_token(&with(header(), "kid", id), &claims())
}

/// A token with a known key id and a wrong signature.
fn token_with_bad_signature() -> String {
    unsigned_token(&header(), &claims())
}

/// A good token with the id of the rotated key.
fn rotated_token() -> String {
    let issuer = &INSTANCE_WITH_NEW_ID;
    let header = with(header(), "kid", issuer.key_id()).to_string();
    issuer.sign(&header, &claims().to_string()).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets time pass: timers fire and tasks run, as in a service.
async fn pass(time: Duration) {
    sleep(time).await;
}

/// Verifies in the background, as another request would.
fn spawn_verification(tasks: &mut JoinSet<&'static str>, verifier: &Verifier, token: String) {
    let verifier = verifier.clone();
    tasks.spawn(async move { verification_result(&verifier, &token).await });
}

#[track_caller]
fn assert_all(outcomes: &[&str], expected: &str) {
    let other = outcomes.iter().find(|outcome| **outcome != expected);
    assert_eq!(other, None, "of {}", outcomes.len());
}

fn retry_after(rejection: Rejection) -> Duration {
    match rejection.kind() {
        RejectionKind::Unavailable { retry_after } => retry_after,
        RejectionKind::Malformed | RejectionKind::Unauthenticated | RejectionKind::Forbidden => {
            panic!("not an outage: {rejection}")
        }
    }
}

/// Case 44.
#[tokio::test(start_paused = true)]
async fn two_hundred_requests_on_a_cold_cache_share_one_fetch() {
    let server = FakeServer::new(slow_set(&[INSTANCE.jwk()], Duration::from_millis(200)));
    let verifier = builder(server.keys()).build().unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        spawn_verification(&mut tasks, &verifier, good_token());
    }
    assert_all(&tasks.join_all().await, "ok");
    assert_eq!(server.fetches(), 1);
}

/// Case 45. Good tokens are not delayed: their verification never waits.
#[tokio::test(start_paused = true)]
async fn ten_thousand_random_key_ids_in_ten_seconds_cause_one_fetch_and_delay_nobody() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let verifier = server.verifier().await;
    pass(seconds(60)).await;
    server.answers(slow_set(&[INSTANCE.jwk()], seconds(2)));
    let before = server.fetches();
    let good = good_token();
    let mut tasks = JoinSet::new();
    for step in 0..2_000 {
        for seed in step * 5..(step + 1) * 5 {
            spawn_verification(&mut tasks, &verifier, token_with_random_key_id(seed));
        }
        if step % 10 == 0 {
            assert_eq!(at_once(verification_result(&verifier, &good)), "ok");
        }
        pass(Duration::from_millis(5)).await;
    }
    assert_all(&tasks.join_all().await, "jwk-kid-mismatch");
    assert_eq!(server.fetches() - before, 1);
    assert_eq!(verifier.key_health().unknown_key_ids, 10_000);
}

/// Case 46.
#[tokio::test(start_paused = true)]
async fn a_flood_while_fetches_fail_stays_at_one_fetch_in_thirty_seconds() {
    for answer in bad_answers() {
        let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
        let verifier = server.verifier().await;
        pass(seconds(60)).await;
        server.answers(answer);
        let good = good_token();
        let mut tasks = JoinSet::new();
        // The flood ends before the set is due, so it has caused every fetch.
        for step in 0..500 {
            for seed in step * 4..(step + 1) * 4 {
                spawn_verification(&mut tasks, &verifier, token_with_random_key_id(seed));
            }
            if step % 20 == 0 {
                assert_eq!(at_once(verification_result(&verifier, &good)), "ok");
            }
            pass(Duration::from_millis(400)).await;
        }
        // It is not known whether the key exists, so the answer is an outage and not a refusal.
        assert_all(&tasks.join_all().await, "jwk-remote-failed-to-load");
        assert!((6..=8).contains(&server.fetches()), "{}", server.fetches());
        let shortest = server.gaps().into_iter().min().unwrap();
        assert!(shortest >= seconds(30), "{shortest:?}");
    }
}

/// Case 47.
#[tokio::test(start_paused = true)]
async fn bad_signatures_under_a_known_key_cause_no_fetch_while_the_set_is_young() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let verifier = server.verifier().await;
    pass(seconds(59)).await;
    let bad = token_with_bad_signature();
    for _ in 0..10_000 {
        assert_eq!(
            at_once(verification_result(&verifier, &bad)),
            "token-invalid-signature"
        );
    }
    assert_eq!(server.fetches(), 1);
}

/// Case 47.
#[tokio::test(start_paused = true)]
async fn bad_signatures_under_a_known_key_cause_one_fetch_in_thirty_seconds_when_it_is_old() {
    for answer in [set(&[INSTANCE.jwk()]), Answer::Fails, Answer::Hangs] {
        let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
        let verifier = server.verifier().await;
        pass(seconds(100)).await;
        server.answers(answer);
        let bad = token_with_bad_signature();
        let mut tasks = JoinSet::new();
        for _ in 0..1_000 {
            spawn_verification(&mut tasks, &verifier, bad.clone());
            pass(Duration::from_millis(100)).await;
        }
        assert_all(&tasks.join_all().await, "token-invalid-signature");
        assert!((2..=5).contains(&server.fetches()), "{}", server.fetches());
        let shortest = server.gaps().into_iter().min().unwrap();
        assert!(shortest >= seconds(30), "{shortest:?}");
    }
}

/// Case 48.
#[tokio::test(start_paused = true)]
async fn a_key_under_a_new_id_is_accepted_at_once() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let verifier = server.verifier().await;
    pass(seconds(30)).await;
    server.answers(set(&[INSTANCE.jwk(), INSTANCE_WITH_NEW_ID.jwk()]));
    assert_eq!(verification_result(&verifier, &rotated_token()).await, "ok");
    assert_eq!(verification_result(&verifier, &good_token()).await, "ok");
    assert_eq!(server.fetches(), 2);
}

/// Case 48: another token has just caused a fetch. The refusals are not remembered.
#[tokio::test(start_paused = true)]
async fn a_key_under_a_new_id_is_accepted_within_thirty_seconds_of_the_last_attempt() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let verifier = server.verifier().await;
    pass(seconds(40)).await;
    let unknown = verification_result(&verifier, &token_with_random_key_id(0)).await;
    assert_eq!(unknown, "jwk-kid-mismatch");
    server.answers(set(&[INSTANCE.jwk(), INSTANCE_WITH_NEW_ID.jwk()]));
    let rotated = rotated_token();
    for _ in 0..29 {
        assert_eq!(
            verification_result(&verifier, &rotated).await,
            "jwk-kid-mismatch"
        );
        pass(seconds(1)).await;
    }
    assert_eq!(server.fetches(), 2);
    pass(seconds(1)).await;
    assert_eq!(verification_result(&verifier, &rotated).await, "ok");
    assert_eq!(server.fetches(), 3);
}

/// Case 48.
#[tokio::test(start_paused = true)]
async fn a_key_replaced_under_its_own_id_is_accepted_once_the_set_is_a_minute_old() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let verifier = server.verifier().await;
    server.answers(set(&[INSTANCE_WITH_NEW_KEY.jwk()]));
    let issuer = &INSTANCE_WITH_NEW_KEY;
    let token = issuer
        .sign(&header().to_string(), &claims().to_string())
        .unwrap();
    pass(seconds(59)).await;
    assert_eq!(
        verification_result(&verifier, &token).await,
        "token-invalid-signature"
    );
    pass(seconds(1)).await;
    assert_eq!(verification_result(&verifier, &token).await, "ok");
    assert_eq!(
        verification_result(&verifier, &good_token()).await,
        "token-invalid-signature"
    );
    assert_eq!(server.fetches(), 2);
}

/// Case 49.
#[tokio::test(start_paused = true)]
async fn a_withdrawn_key_is_refused_after_the_soft_ttl_under_constant_traffic() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk(), INSTANCE_WITH_NEW_ID.jwk()]);
    let verifier = server.verifier().await;
    server.answers(set(&[INSTANCE_WITH_NEW_ID.jwk()]));
    let withdrawn = good_token();
    for _ in 0..299 {
        assert_eq!(verification_result(&verifier, &withdrawn).await, "ok");
        pass(seconds(1)).await;
    }
    pass(seconds(2)).await;
    assert_eq!(
        verification_result(&verifier, &withdrawn).await,
        "jwk-kid-mismatch"
    );
    assert_eq!(verification_result(&verifier, &rotated_token()).await, "ok");
}

/// Case 50.
#[tokio::test(start_paused = true)]
async fn in_an_outage_old_keys_serve_for_an_hour_and_then_the_answer_is_unavailable() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let keys = server.keys();
    keys.prefetch().await.unwrap();
    let verifier = builder(keys.clone()).build().unwrap();
    server.answers(Answer::Fails);
    let good = good_token();
    for _ in 0..359 {
        pass(seconds(10)).await;
        assert_eq!(at_once(verification_result(&verifier, &good)), "ok");
    }
    assert!(keys.is_ready());
    assert_eq!(keys.age(), Some(seconds(3590)));
    pass(seconds(10)).await;
    assert!(!keys.is_ready());
    for _ in 0..20 {
        let rejection = verifier.verify(&good).await.unwrap_err();
        assert_eq!(rejection.reason(), "jwk-remote-failed-to-load");
        let wait = retry_after(rejection);
        assert!((seconds(1)..=seconds(30)).contains(&wait), "{wait:?}");
        assert_eq!(wait.subsec_nanos(), 0);
        pass(seconds(7)).await;
    }
    // It recovers without any request.
    server.answers(set(&[INSTANCE.jwk()]));
    pass(seconds(31)).await;
    assert!(keys.is_ready());
    assert_eq!(at_once(verification_result(&verifier, &good)), "ok");
}

/// Case 50.
#[tokio::test(start_paused = true)]
async fn a_cold_start_in_an_outage_is_unavailable_and_not_ready_until_it_ends() {
    for answer in bad_answers() {
        let server = FakeServer::new(answer);
        let keys = server.keys();
        let verifier = builder(keys.clone()).build().unwrap();
        assert!(keys.prefetch().await.is_err());
        assert!(!keys.is_ready());
        assert_eq!(keys.age(), None);
        for token in [
            good_token(),
            token_with_random_key_id(0),
            token_with_bad_signature(),
        ] {
            let rejection = verifier.verify(&token).await.unwrap_err();
            assert!(retry_after(rejection) >= seconds(1));
        }
        pass(seconds(120)).await;
        server.answers(set(&[INSTANCE.jwk()]));
        pass(seconds(36)).await;
        assert!(keys.is_ready());
        assert_eq!(at_once(verification_result(&verifier, &good_token())), "ok");
    }
}

/// Case 51, as far as it does not need a socket.
#[tokio::test(start_paused = true)]
async fn a_good_set_is_never_replaced_by_a_bad_answer() {
    for answer in bad_answers() {
        let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
        let verifier = server.verifier().await;
        server.answers(answer);
        pass(seconds(310)).await;
        assert!(server.fetches() > 1);
        assert_eq!(at_once(verification_result(&verifier, &good_token())), "ok");
        let health = verifier.key_health();
        assert_eq!((health.keys, health.refreshes), (1, 1));
        assert!(health.failed_refreshes >= 1);
    }
}

/// Case 53.
#[tokio::test(start_paused = true)]
async fn two_instances_in_one_process_do_not_vouch_for_each_other() {
    let (a, b) = (&INSTANCE, &OTHER_INSTANCE);
    let (server_a, server_b) = (
        FakeServer::with_keys(&[a.jwk()]),
        FakeServer::with_keys(&[b.jwk()]),
    );
    let at_a = server_a.verifier().await;
    let keys_b = server_b.keys();
    keys_b.prefetch().await.unwrap();
    let at_b = Verifier::builder(keys_b)
        .issuers([b.issuer()])
        .authorized_parties([ORIGIN])
        .clock(FixedClock::at(T))
        .build()
        .unwrap();
    let header_b = with(header(), "kid", b.key_id()).to_string();
    let sign_b = |claims: Value| b.sign(&header_b, &claims.to_string()).unwrap();
    let token_b = sign_b(with(claims(), "iss", b.issuer()));
    assert_eq!(verification_result(&at_b, &token_b).await, "ok");
    assert_eq!(
        verification_result(&at_a, &token_b).await,
        "jwk-kid-mismatch"
    );
    // The same for a token of B that names A as issuer, and for one with A's key id.
    assert_eq!(
        verification_result(&at_a, &sign_b(claims())).await,
        "jwk-kid-mismatch"
    );
    let borrowed = b
        .sign(&header().to_string(), &claims().to_string())
        .unwrap();
    assert_eq!(
        verification_result(&at_a, &borrowed).await,
        "token-invalid-signature"
    );
    assert_eq!(verification_result(&at_a, &good_token()).await, "ok");
    assert_eq!((server_a.fetches(), server_b.fetches()), (1, 1));
}

/// Case 54.
#[tokio::test(start_paused = true)]
async fn a_step_of_the_wall_clock_does_not_affect_the_cache() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let keys = server.keys();
    keys.prefetch().await.unwrap();
    let clock = FixedClock::at(T);
    let verifier = builder(keys.clone()).clock(clock.clone()).build().unwrap();
    for now in [T - 3600, T + 3600, T + 100 * 3600, T] {
        clock.set(now);
        let token = INSTANCE
            .session_token(USER_ID, ORIGIN, auth::Clock::now(&*clock), seconds(60))
            .unwrap();
        assert_eq!(
            at_once(verification_result(&verifier, &token)),
            "ok",
            "at {now}"
        );
        assert_eq!(keys.age(), Some(Duration::ZERO));
    }
    assert_eq!(server.fetches(), 1);
    pass(seconds(299)).await;
    assert_eq!(server.fetches(), 1);
    pass(seconds(2)).await;
    assert_eq!(server.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_if_its_request_is_cancelled() {
    let server = FakeServer::new(slow_set(&[INSTANCE.jwk()], seconds(2)));
    let verifier = builder(server.keys()).build().unwrap();
    let mut tasks = JoinSet::new();
    spawn_verification(&mut tasks, &verifier, good_token());
    pass(seconds(1)).await;
    tasks.shutdown().await;
    pass(Duration::from_millis(1_001)).await;
    assert_eq!(at_once(verification_result(&verifier, &good_token())), "ok");
    assert_eq!(server.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_three_seconds_and_a_fetch_may_take_five() {
    let server = FakeServer::new(slow_set(&[INSTANCE.jwk()], seconds(4)));
    let verifier = builder(server.keys()).build().unwrap();
    let start = Instant::now();
    let rejection = verifier.verify(&good_token()).await.unwrap_err();
    assert_eq!(start.elapsed(), seconds(3));
    assert_eq!(retry_after(rejection), seconds(1));
    // The second request gets the keys that the first did not wait for, at the fourth second.
    assert_eq!(verification_result(&verifier, &good_token()).await, "ok");
    assert_eq!((start.elapsed(), server.fetches()), (seconds(4), 1));

    let server = FakeServer::new(Answer::Hangs);
    let keys = server.keys();
    pass(Duration::from_millis(4_999)).await;
    assert_eq!(keys.health().failed_refreshes, 0);
    pass(Duration::from_millis(2)).await;
    assert_eq!(keys.health().failed_refreshes, 1);
}

#[tokio::test(start_paused = true)]
async fn failed_fetches_are_repeated_after_one_second_growing_to_thirty() {
    let server = FakeServer::new(Answer::Fails);
    let keys = server.keys();
    pass(seconds(300)).await;
    let gaps = server.gaps();
    for (gap, shortest) in gaps.iter().zip([1, 2, 4, 8, 15, 15, 15, 15]) {
        let shortest = seconds(shortest);
        let longest = 2 * shortest + Duration::from_millis(2);
        assert!((shortest..=longest).contains(gap), "{gaps:?}");
    }
    assert!(gaps.len() >= 10);
    // After a success the delays begin at one second again.
    server.answers(set(&[INSTANCE.jwk()]));
    pass(seconds(31)).await;
    assert!(keys.is_ready());
    server.answers(Answer::Fails);
    let before = server.fetches();
    pass(seconds(303)).await;
    assert!(server.fetches() >= before + 2, "{:?}", server.gaps());
}

#[tokio::test(start_paused = true)]
async fn jitter_differs_between_processes() {
    let servers: Vec<_> = (0..16).map(|_| FakeServer::new(Answer::Fails)).collect();
    let keys: Vec<_> = servers.iter().map(FakeServer::keys).collect();
    pass(seconds(60)).await;
    let mut gaps: Vec<_> = servers.iter().map(|server| server.gaps()[4]).collect();
    gaps.sort_unstable();
    gaps.dedup();
    assert!(gaps.len() > 8, "{gaps:?}");
    drop(keys);
}

#[tokio::test(start_paused = true)]
async fn a_stale_set_is_used_without_waiting_while_it_is_fetched_again() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let verifier = server.verifier().await;
    server.answers(slow_set(&[INSTANCE.jwk()], seconds(3)));
    pass(seconds(301)).await;
    assert_eq!(server.fetches(), 2);
    for _ in 0..7 {
        assert_eq!(at_once(verification_result(&verifier, &good_token())), "ok");
    }
    assert_eq!(verifier.key_health().served_stale, 7);
    pass(seconds(3)).await;
    assert_eq!(at_once(verification_result(&verifier, &good_token())), "ok");
    let health = verifier.key_health();
    assert_eq!((health.served_stale, health.refreshes), (7, 2));
}

#[tokio::test(start_paused = true)]
async fn an_idle_service_keeps_its_keys_fresh() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let keys = server.keys();
    pass(seconds(3 * 3600 + 1)).await;
    assert!(keys.is_ready());
    // The first fetch, and one every five minutes.
    let gaps = server.gaps();
    assert_eq!(gaps.len(), 36);
    let longest = seconds(300) + Duration::from_millis(2);
    assert!(
        gaps.iter()
            .all(|gap| (seconds(300)..=longest).contains(gap)),
        "{gaps:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_server_may_shorten_freshness_to_a_minute_and_no_further() {
    for (max_age, expected) in [(0, 60), (59, 60), (120, 120), (300, 300), (86_400, 300)] {
        let jwks = json!({ "keys": [INSTANCE.jwk()] }).to_string();
        let server = FakeServer::new(Answer::SetWithMaxAge(jwks, max_age));
        let keys = server.keys();
        pass(seconds(expected - 1)).await;
        assert_eq!(server.fetches(), 1, "max-age={max_age}");
        pass(seconds(2)).await;
        assert_eq!(server.fetches(), 2, "max-age={max_age}");
        drop(keys);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_on_demand_delays_the_next_one() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let verifier = server.verifier().await;
    pass(seconds(200)).await;
    verification_result(&verifier, &token_with_random_key_id(0)).await;
    assert_eq!(server.fetches(), 2);
    pass(seconds(299)).await;
    assert_eq!(server.fetches(), 2);
    pass(seconds(2)).await;
    assert_eq!(server.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_keys_ends_the_fetch_in_progress() {
    let server = FakeServer::new(Answer::Hangs);
    let keys = server.keys();
    pass(seconds(1)).await;
    assert_eq!(server.in_progress(), 1);
    drop(keys);
    pass(Duration::from_millis(1)).await;
    assert_eq!(server.in_progress(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_keys_ends_the_background_task() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let keys = server.keys();
    keys.prefetch().await.unwrap();
    drop(keys);
    pass(seconds(3600)).await;
    assert_eq!(server.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn health_counts_what_happens() {
    let server = FakeServer::with_keys(&[INSTANCE.jwk()]);
    let verifier = server.verifier().await;
    advance(seconds(40)).await;
    verification_result(&verifier, &token_with_random_key_id(0)).await;
    server.answers(Answer::Fails);
    pass(seconds(35)).await;
    verification_result(&verifier, &token_with_random_key_id(1)).await;
    assert_eq!(
        verifier.key_health(),
        KeyHealth {
            ready: true,
            age: Some(seconds(35)),
            keys: 1,
            refreshes: 2,
            failed_refreshes: 1,
            unknown_key_ids: 2,
            served_stale: 0,
        }
    );
    let static_keys = CountingKeys::new();
    let verifier = builder(static_keys).build().unwrap();
    assert!(verifier.key_health().ready);
}
