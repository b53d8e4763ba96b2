//! The command line: its help, the settings, and errors that say what to do.

use crate::support::{Api, Ended, ISSUER, ORIGIN, environment, refuses_to_start, run, shared};

/// Every setting. Deployments rely on these names, so a change here is a change for them.
const NAMES: [&str; 44] = [
    "LOG_API_BIND",
    "LOG_API_METRICS_BIND",
    "LOG_API_CORS_ORIGINS",
    "LOG_API_SHUTDOWN_SECS",
    "LOG_API_DRAIN_DELAY_SECS",
    "LOG_API_WORKERS",
    "LOG_API_HEARTBEAT_SECS",
    "LOG_API_END_QUIET_MS",
    "LOG_API_END_LIMIT_MS",
    "LOG_API_MAX_CONNECTIONS",
    "LOG_API_BACKLOG",
    "LOG_API_SEND_BUFFER_BYTES",
    "LOG_API_WRITE_BUFFER_BYTES",
    "LOG_API_HALF_CLOSED",
    "LOG_API_UNREAD_SECS",
    "LOG_API_MAX_STREAMS_PER_USER",
    "LOG_API_MAX_STREAMS_PER_JOB",
    "LOG_API_MAX_STREAMS",
    "LOG_API_FEED_BYTES",
    "LOG_API_FEEDS_BYTES",
    "LOG_API_CATCH_UP_READS",
    "LOG_API_LOG",
    "LOG_API_LOG_FORMAT",
    "REDIS_URL",
    "LOG_API_JOB_KEY",
    "LOG_API_REDIS_CA_FILE",
    "LOG_API_REDIS_CERT_FILE",
    "LOG_API_REDIS_KEY_FILE",
    "LOG_API_REDIS_MIN_REPLICAS",
    "LOG_API_REDIS_TIMEOUT_MS",
    "LOG_API_REDIS_WATCH",
    "CLERK_PUBLISHABLE_KEY",
    "CLERK_JWKS_URL",
    "CLERK_ISSUER",
    "CLERK_JWT_KEY",
    "CLERK_AUTHORIZED_PARTIES",
    "CLERK_AUDIENCES",
    "LOG_API_MAX_TOKEN_SECS",
    "CLERK_ALLOWED_ORIGINS",
    "LOG_API_STREAM_LEASE_SECS",
    "LOG_API_STREAM_LEASE_MODE",
    "LOG_API_ORG_READ",
    "CLERK_WEBHOOK_SECRET",
    "CLERK_ALLOWED_AUDIENCES",
];

/// The two settings that are required.
fn minimal() -> [(&'static str, String); 2] {
    [
        ("CLERK_PUBLISHABLE_KEY", ISSUER.publishable_key()),
        ("CLERK_AUTHORIZED_PARTIES", ORIGIN.into()),
    ]
}

/// Runs `config` with the required settings and more.
async fn config(more: &[(&str, &str)]) -> Ended {
    let needed = minimal();
    let needed = needed.iter().map(|(key, value)| (*key, value.as_str()));
    let env: Vec<_> = needed.chain(more.iter().copied()).collect();
    run(&["config"], &env).await
}

fn shown<'a>(ended: &'a Ended, key: &str) -> &'a str {
    let prefix = format!("{key}=");
    let value = ended
        .out
        .lines()
        .find_map(|line| line.strip_prefix(&prefix));
    value.unwrap_or_else(|| panic!("{key} is not shown: {ended:?}"))
}

#[tokio::test]
async fn help_explains_each_command() {
    let help = run(&["--help"], &[]).await;
    assert_eq!(help.code, Some(0));
    for word in [
        "serve",
        "demo",
        "config",
        "health",
        "log-api demo",
        "CLERK_PUBLISHABLE_KEY=",
        "REDIS_URL=",
        "Exit codes",
    ] {
        assert!(help.out.contains(word), "{word}: {}", help.out);
    }
    let serve = run(&["serve", "--help"], &[]).await;
    assert_eq!(serve.code, Some(0));
    for word in [
        "CLERK_PUBLISHABLE_KEY",
        "CLERK_AUTHORIZED_PARTIES",
        "REDIS_URL",
        "LOG_API_BIND",
        "LOG_API_CORS_ORIGINS",
        "LOG_API_METRICS_BIND",
        "LOG_API_DRAIN_DELAY_SECS",
        "LOG_API_SHUTDOWN_SECS",
        "log-api config",
        "SIGTERM",
        "--store embedded",
        "--bind",
    ] {
        assert!(serve.out.contains(word), "{word}: {}", serve.out);
    }
    for (command, words) in [
        ("demo", &["-- npm install", "curl", "Ctrl-C"][..]),
        ("config", &["--store"]),
        ("health", &["--url"]),
    ] {
        let help = run(&[command, "--help"], &[]).await;
        assert!(
            help.code == Some(0) && words.iter().all(|word| help.out.contains(word)),
            "{help:?}"
        );
    }
    let version = run(&["--version"], &[]).await;
    assert!(version.out.starts_with("log-api "), "{version:?}");
}

#[tokio::test]
async fn a_wrong_command_line_exits_with_2() {
    for arguments in [
        &[][..],
        &["sreve"],
        &["serve", "--prot", "1"],
        &["serve", "--bind", "8080"],
        &["serve", "--store", "embedded"],
    ] {
        let ended = run(arguments, &[]).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(
            ended.err.contains("--help") || ended.err.contains("Usage"),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn config_prints_every_setting_with_its_default() {
    let ended = config(&[]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    for name in NAMES
        .iter()
        .filter(|name| !name.starts_with("CLERK_ALLOWED_"))
    {
        shown(&ended, name);
    }
    for (key, value) in [
        ("LOG_API_BIND", "127.0.0.1:8080"),
        ("REDIS_URL", "redis://127.0.0.1:6379"),
        ("LOG_API_HEARTBEAT_SECS", "20"),
        ("LOG_API_SHUTDOWN_SECS", "30"),
        ("LOG_API_DRAIN_DELAY_SECS", "2"),
        ("LOG_API_END_QUIET_MS", "250"),
        ("LOG_API_END_LIMIT_MS", "5000"),
        ("LOG_API_MAX_TOKEN_SECS", "600"),
        ("LOG_API_STREAM_LEASE_SECS", "300"),
        ("LOG_API_STREAM_LEASE_MODE", "recheck"),
        ("LOG_API_ORG_READ", "off"),
        ("CLERK_WEBHOOK_SECRET", "(there is no webhook route)"),
        ("LOG_API_MAX_CONNECTIONS", "25000"),
        ("LOG_API_BACKLOG", "4096"),
        ("LOG_API_SEND_BUFFER_BYTES", "65536"),
        ("LOG_API_WRITE_BUFFER_BYTES", "4096"),
        ("LOG_API_HALF_CLOSED", "false"),
        ("LOG_API_UNREAD_SECS", "600"),
        ("LOG_API_MAX_STREAMS_PER_USER", "1000"),
        ("LOG_API_MAX_STREAMS_PER_JOB", "20000"),
        ("LOG_API_MAX_STREAMS", "20000"),
        ("LOG_API_FEED_BYTES", "1048576"),
        ("LOG_API_FEEDS_BYTES", "268435456"),
        ("LOG_API_CATCH_UP_READS", "16"),
        ("LOG_API_JOB_KEY", "job:{job_id}"),
        ("LOG_API_CORS_ORIGINS", ORIGIN),
        ("LOG_API_LOG", "info"),
        ("CLERK_AUTHORIZED_PARTIES", ORIGIN),
        ("CLERK_ISSUER", &ISSUER.issuer()),
        (
            "CLERK_JWKS_URL",
            &format!("{}/.well-known/jwks.json", ISSUER.issuer()),
        ),
    ] {
        assert_eq!(shown(&ended, key), value, "{key}");
    }
}

#[tokio::test]
async fn config_prints_what_is_set_and_no_secret() {
    let pem = ISSUER.public_pem().unwrap();
    let ended = config(&[
        ("REDIS_URL", "redis://worker:hunter2@redis.internal:6380/3"),
        ("CLERK_JWT_KEY", &pem),
        ("CLERK_ALLOWED_AUDIENCES", r#"["api"]"#),
        ("LOG_API_BIND", "[::1]:9000"),
        ("LOG_API_METRICS_BIND", "127.0.0.1:9090"),
        ("LOG_API_REDIS_WATCH", "poll"),
        ("LOG_API_LOG", "warn"),
        ("LOG_API_LOG_FORMAT", "text"),
        (
            "CLERK_WEBHOOK_SECRET",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ),
    ])
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (key, value) in [
        ("REDIS_URL", "redis://worker:***@redis.internal:6380/3"),
        ("CLERK_JWT_KEY", "(set)"),
        ("CLERK_AUDIENCES", "api"),
        ("LOG_API_BIND", "[::1]:9000"),
        ("LOG_API_METRICS_BIND", "127.0.0.1:9090"),
        ("LOG_API_REDIS_WATCH", "poll"),
        ("LOG_API_LOG", "warn"),
        ("LOG_API_LOG_FORMAT", "text"),
        ("CLERK_WEBHOOK_SECRET", "(set)"),
    ] {
        assert_eq!(shown(&ended, key), value, "{key}");
    }
    assert!(
        !ended.out.contains("hunter2")
            && !ended.out.contains("MfKQ9r8")
            && !ended.out.contains("BEGIN PUBLIC"),
        "{}",
        ended.out
    );
}

#[tokio::test]
async fn all_wrong_values_are_named_in_one_message_and_not_repeated() {
    let bad = [
        ("LOG_API_BIND", "zqx"),
        ("LOG_API_METRICS_BIND", "9090"),
        ("LOG_API_CORS_ORIGINS", "https://app.example.com/,*"),
        ("LOG_API_SHUTDOWN_SECS", "0"),
        ("LOG_API_DRAIN_DELAY_SECS", "-1"),
        ("LOG_API_WORKERS", "0"),
        ("LOG_API_HEARTBEAT_SECS", "25"),
        ("LOG_API_END_QUIET_MS", "zqx"),
        ("LOG_API_END_LIMIT_MS", "1e3"),
        ("LOG_API_JOB_KEY", "job"),
        ("LOG_API_REDIS_TIMEOUT_MS", "0"),
        ("REDIS_URL", "tls://zqx"),
        ("LOG_API_REDIS_WATCH", "zqx"),
        ("LOG_API_LOG_FORMAT", "zqx"),
        ("LOG_API_MAX_TOKEN_SECS", "0"),
        ("LOG_API_STREAM_LEASE_SECS", "0"),
        ("LOG_API_STREAM_LEASE_MODE", "zqx"),
        ("LOG_API_ORG_READ", "org:sys_zqx:read"),
        ("CLERK_WEBHOOK_SECRET", "zqx"),
        ("CLERK_ALLOWED_ORIGINS", "https://zqx.example"),
        ("CLERK_ALLOWED_AUDIENCES", r#"{"zqx": 1}"#),
    ];
    let checked = config(&bad).await;
    assert_eq!(
        (checked.code, checked.out.as_str()),
        (Some(1), ""),
        "{checked:?}"
    );
    let (redis, _api) = shared().await;
    let served = refuses_to_start(&redis.url(), &bad).await;
    for error in [checked.err, served] {
        for (key, _) in bad {
            assert!(error.contains(&format!("{key}: ")), "{key}: {error}");
        }
        assert!(!error.contains("zqx"), "{error}");
    }
}

#[tokio::test]
async fn config_refuses_what_serve_refuses_and_names_the_setting() {
    let cases = [
        ("CLERK_PUBLISHABLE_KEY", "sk_test_secret"),
        ("CLERK_PUBLISHABLE_KEY", "pk_test_bm90IGEgaG9zdA"),
        ("CLERK_JWKS_URL", "http://clerk.example.com/jwks.json"),
        ("CLERK_JWKS_URL", "clerk.example.com"),
        (
            "CLERK_JWT_KEY",
            "-----BEGIN PUBLIC KEY-----\nbm9uZQ==\n-----END PUBLIC KEY-----",
        ),
        ("CLERK_AUTHORIZED_PARTIES", ""),
        ("CLERK_AUTHORIZED_PARTIES", "https://app.example.com/"),
        ("CLERK_AUTHORIZED_PARTIES", "*"),
        ("REDIS_URL", "http://localhost:6379"),
        ("REDIS_URL", "localhost"),
        ("REDIS_URL", "redis://localhost:6379/one"),
        ("LOG_API_JOB_KEY", "{job_id}{job_id}"),
        ("LOG_API_LOG", "log_api=loud"),
    ];
    for (key, value) in cases {
        let mut env: Vec<_> = environment("redis://127.0.0.1:1");
        env.retain(|(name, _)| *name != "CLERK_JWT_KEY");
        let defaults = env.iter().map(|(key, value)| (*key, value.as_str()));
        let env: Vec<_> = defaults.chain([(key, value)]).collect();
        for command in ["config", "serve"] {
            let ended = run(&[command], &env).await;
            assert_eq!(ended.code, Some(1), "{command} {key}={value}: {ended:?}");
            assert!(
                ended.err.contains(&format!("{key}: ")),
                "{command} {key}={value}: {}",
                ended.err
            );
            assert_eq!(ended.out, "", "{command} {key}={value}");
        }
    }
}

#[tokio::test]
async fn an_authorized_party_that_is_no_web_origin_is_no_cors_origin() {
    let parties = format!("chrome-extension://abcdefgh,{ORIGIN}");
    let ended = config(&[("CLERK_AUTHORIZED_PARTIES", &parties)]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(shown(&ended, "LOG_API_CORS_ORIGINS"), ORIGIN);
    assert_eq!(shown(&ended, "CLERK_AUTHORIZED_PARTIES"), parties);
}

#[tokio::test]
async fn a_setting_of_white_space_alone_is_not_set() {
    let ended = config(&[
        ("LOG_API_BIND", "  "),
        ("REDIS_URL", ""),
        ("LOG_API_METRICS_BIND", " "),
    ])
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(shown(&ended, "LOG_API_BIND"), "127.0.0.1:8080");
}

#[tokio::test]
async fn the_health_command_asks_a_running_service() {
    let (_redis, api) = shared().await;
    let url = format!("http://{}", api.addr);
    let port = api.addr.port();
    let (own, any) = (api.addr.to_string(), format!("0.0.0.0:{port}"));
    for (arguments, env) in [
        (&["health", "--url", &url][..], &[][..]),
        (&["health"], &[("LOG_API_BIND", own.as_str())]),
        (&["health"], &[("LOG_API_BIND", any.as_str())]),
    ] {
        let ended = run(arguments, env).await;
        assert_eq!(
            (ended.code, ended.out.as_str(), ended.err.as_str()),
            (Some(0), "", ""),
            "{env:?}"
        );
    }
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for (url, words) in [
        (nobody.as_str(), "cannot be reached"),
        ("ftp://x", "--url must be like"),
        ("x", "--url must be like"),
    ] {
        let ended = run(&["health", "--url", url], &[]).await;
        assert!(
            ended.code == Some(1) && ended.err.contains(words),
            "{url}: {ended:?}"
        );
    }
}

/// A port that nobody listens on: its listener was closed again.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn serve_with_nothing_set_names_everything_that_is_missing() {
    let ended = run(&["serve"], &[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for word in [
        "CLERK_PUBLISHABLE_KEY: is not set",
        "CLERK_AUTHORIZED_PARTIES: is not set",
        "log-api config --format env",
        "log-api demo",
        "To show logs of a Redis to people: CLERK_PUBLISHABLE_KEY",
        "For workers without a Redis: LOG_API_KEYS",
        "To try it on this machine: `log-api serve --dev`",
    ] {
        assert!(ended.err.contains(word), "{word}: {}", ended.err);
    }
}

#[tokio::test]
async fn a_misspelt_name_stops_the_start_and_the_nearest_name_is_given() {
    let wrong = [
        ("LOG_API_HEARTBEAT_SECOND", "20"),
        ("CLERK_AUTHORISED_PARTIES", ORIGIN),
        ("LOG_API_BIND", "8080"),
        ("CLERK_JWKS_URL", "not an address"),
    ];
    let checked = config(&wrong).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let served = refuses_to_start("redis://127.0.0.1:1", &wrong[..3]).await;
    for error in [&checked.err, &served] {
        for words in [
            "LOG_API_HEARTBEAT_SECOND: there is no such setting; did you mean LOG_API_HEARTBEAT_SECS?",
            "CLERK_AUTHORISED_PARTIES: there is no such setting; did you mean CLERK_AUTHORIZED_PARTIES?",
            "LOG_API_BIND: ",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
    assert!(checked.err.contains("CLERK_JWKS_URL: "), "{}", checked.err);
}

#[tokio::test]
async fn a_setting_of_an_earlier_version_is_only_a_warning() {
    let ended = config(&[("LOG_API_STREAM_LEASE_CAP_SECS", "3600")]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.err,
        "log-api: warning: LOG_API_STREAM_LEASE_CAP_SECS no longer exists: remove it\n"
    );
    let (redis, _api) = shared().await;
    let settings = [("LOG_API_STREAM_LEASE_CAP_SECS", "3600")];
    let api = Api::start(&redis.url(), &settings).await;
    api.log_with("LOG_API_STREAM_LEASE_CAP_SECS no longer exists")
        .await;
}

#[tokio::test]
async fn a_drain_delay_longer_than_the_shutdown_is_refused() {
    let ended = config(&[
        ("LOG_API_SHUTDOWN_SECS", "10"),
        ("LOG_API_DRAIN_DELAY_SECS", "11"),
    ])
    .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words =
        "LOG_API_DRAIN_DELAY_SECS: must not be longer than LOG_API_SHUTDOWN_SECS, which is 10";
    assert!(ended.err.contains(words), "{}", ended.err);
}

#[tokio::test]
async fn a_file_of_all_settings_can_be_printed_without_any_setting() {
    for (format, start) in [
        ("env", "# Settings of the API."),
        ("markdown", "# Settings\n"),
    ] {
        let ended = run(&["config", "--format", format], &[]).await;
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{format}");
        assert!(ended.out.starts_with(start), "{}", ended.out);
        for name in NAMES {
            assert!(ended.out.contains(name), "{format}: {name}");
        }
    }
}
