//! The start: on a Redis that can be used, and a clear error if the service cannot start.

use std::net::SocketAddr;
use std::sync::Arc;

use test_support::RedisServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ANN, Api, Job, ORIGIN, refuses_to_start, shared};

/// Adds a Redis user with these rules and returns the address for it.
async fn user(redis: &RedisServer, rules: &str) -> String {
    let name = format!("u{:016x}", fastrand::u64(..));
    let mut words = vec!["ACL", "SETUSER", &name, "reset", "on", ">secret-word"];
    words.extend(rules.split(' '));
    redis.command(&words).await;
    redis.url_as(&name, "secret-word")
}

#[tokio::test]
async fn a_redis_user_without_a_permission_is_refused_and_the_permission_named() {
    let redis = RedisServer::shared().await;
    let cases = [
        ("~job:* +@all -hmget", "HMGET", "job:*"),
        ("~job:* +@all -exists", "EXISTS", "job:*"),
        ("~job:* +@all -xrange", "XRANGE", "job:*:logs"),
        ("~job:* +@all -xrevrange", "XREVRANGE", "job:*:logs"),
        ("~job:* +@all -xinfo", "XINFO", "job:*:logs"),
        ("~jobs:* +@all", "HMGET", "job:*"),
    ];
    for (rules, command, pattern) in cases {
        let url = user(&redis, rules).await;
        let error = refuses_to_start(&url, &[]).await;
        for needed in [command, pattern, "may not run"] {
            assert!(error.contains(needed), "{rules}: {error}");
        }
        assert!(!error.contains("secret-word"), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let redis = RedisServer::shared().await;
    user(&redis, "~* +@all").await;
    let url = redis.url_as("nobody", "wrong-word");
    let error = refuses_to_start(&url, &[]).await;
    assert!(
        error.contains("credentials") && !error.contains("wrong-word"),
        "{error}"
    );
}

#[tokio::test]
async fn the_documented_permissions_are_enough_with_and_without_tracking() {
    let redis = RedisServer::shared().await;
    let reads = "~job:* resetchannels +hmget +exists +xrange +xrevrange +xinfo +ping";
    for rest in ["+client|tracking +client|id +info", "+xread"] {
        let api = Api::start(&user(&redis, &format!("{reads} {rest}")).await, &[]).await;
        let job = Job::new(&redis).await;
        job.append("a").await;
        assert_eq!(
            api.get(&job.path()).await.json()["lines"][0]["text"],
            "a",
            "{rest}"
        );
        assert_eq!(
            api.anonymous().get("/readyz").send().await.status,
            200,
            "{rest}"
        );
        let mut reader = test_support::SseReader::open(api.stream(&job, "?from=start")).await;
        job.append("b").await;
        job.set_status("ready").await;
        let events = reader.rest(std::time::Duration::from_secs(10)).await;
        assert_eq!(
            events.len(),
            3,
            "{rest}: two lines and the end, not {events:?}"
        );
    }
}

/// A proxy to a Redis that makes it look like version 6.
async fn seemingly_six(redis: Arc<RedisServer>) -> SocketAddr {
    let info = redis.command(&["INFO", "server"]).await.text();
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .unwrap();
    let old = format!("6{}", &version[1..]);
    let (version, old) = (version.as_bytes().to_vec(), old.into_bytes());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(redis.address()).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            let (version, old) = (version.clone(), old.clone());
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                    let piece = &mut buffer[..read];
                    if let Some(at) = piece
                        .windows(version.len())
                        .position(|part| part == version)
                    {
                        piece[at..at + old.len()].copy_from_slice(&old);
                    }
                    if to_client.write_all(piece).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_redis_that_is_too_old_is_refused_and_the_oldest_named() {
    let redis = RedisServer::shared().await;
    let old = seemingly_six(redis).await;
    let error = refuses_to_start(&format!("redis://:@{old}"), &[]).await;
    assert!(
        error.contains("Redis 6.") && error.contains("7.0 is the oldest"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_authorized_party_is_refused_whatever_else_is_set() {
    let (redis, _api) = shared().await;
    for settings in [
        &[("CLERK_AUTHORIZED_PARTIES", "")][..],
        &[("CLERK_AUTHORIZED_PARTIES", " , ")],
        &[
            ("CLERK_AUTHORIZED_PARTIES", ""),
            ("LOG_API_CORS_ORIGINS", ORIGIN),
        ],
        &[
            ("CLERK_AUTHORIZED_PARTIES", ""),
            ("CLERK_ALLOWED_ORIGINS", "[]"),
        ],
        &[("CLERK_AUTHORIZED_PARTIES", ""), ("CLERK_AUDIENCES", "api")],
    ] {
        let error = refuses_to_start(&redis.url(), settings).await;
        assert!(
            error.contains("CLERK_AUTHORIZED_PARTIES: "),
            "{settings:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_port_in_use_is_refused_and_the_setting_is_named() {
    let (redis, api) = shared().await;
    let taken = api.addr.to_string();
    for setting in ["LOG_API_BIND", "LOG_API_METRICS_BIND"] {
        let error = refuses_to_start(&redis.url(), &[(setting, &taken)]).await;
        assert!(error.contains(&taken) && error.contains(setting), "{error}");
    }
}

#[tokio::test]
async fn the_environment_of_the_service_it_replaces_is_enough() {
    let redis = RedisServer::shared().await;
    let origins = format!(r#"["https://other.example", "{ORIGIN}"]"#);
    let settings = [
        ("CLERK_AUTHORIZED_PARTIES", ""),
        ("CLERK_ALLOWED_ORIGINS", origins.as_str()),
        ("CLERK_ALLOWED_AUDIENCES", "[]"),
    ];
    let api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    let answer = api
        .client(ANN)
        .get(&job.path())
        .header("Origin", ORIGIN)
        .send()
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));

    let audiences = [
        settings[0],
        settings[1],
        ("CLERK_ALLOWED_AUDIENCES", r#"["api"]"#),
    ];
    let api = Api::start(&redis.url(), &audiences).await;
    assert_eq!(
        api.get(&job.path()).await.status,
        401,
        "its tokens name no audience"
    );

    let both = [
        ("CLERK_AUTHORIZED_PARTIES", "https://new.example"),
        settings[1],
    ];
    let api = Api::start(&redis.url(), &both).await;
    assert_eq!(api.get(&job.path()).await.status, 401, "the new name wins");
}

#[tokio::test]
async fn keys_of_another_pattern_are_read_and_further_braces_kept() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_JOB_KEY", "build:{{job_id}}")]).await;
    let job = format!("j-{:016x}", fastrand::u64(..));
    let (key, log) = (format!("build:{{{job}}}"), format!("build:{{{job}}}:logs"));
    redis
        .command(&["HSET", &key, "user_id", ANN, "status", "ready"])
        .await;
    redis
        .command(&["XADD", &log, "1-0", "text", "tagged"])
        .await;
    let page = api.get(&format!("/api/jobs/{job}/logs")).await;
    assert_eq!(page.json()["lines"][0]["text"], "tagged");
    let plain = Job::new(&redis).await;
    assert_eq!(api.get(&plain.path()).await.status, 404);
}

#[tokio::test]
async fn it_listens_at_a_host_name() {
    let redis = RedisServer::shared().await;
    let settings = [
        ("LOG_API_BIND", "localhost:0"),
        ("LOG_API_METRICS_BIND", "localhost:0"),
    ];
    let api = Api::start(&redis.url(), &settings).await;
    assert!(api.addr.ip().is_loopback());
    assert_eq!(api.anonymous().get("/healthz").send().await.status, 200);
    assert_eq!(api.metric("viewers").await, 0);
}
