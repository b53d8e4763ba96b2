//! The list of all settings. Reading, `log-api config`, the check for unknown names, `.env.example`,
//! `docker-compose.yml` and `docs/SETTINGS.md` are made from it or compared with it.

use super::setting::{
    DefaultValue::{Required, Unset, Value},
    Group, Rule, Setting,
    Unit::{Bytes, Count, Milliseconds, Seconds},
};

macro_rules! catalog {
    ($($title:literal { $($id:ident = $setting:expr;)+ })+) => {
        $($(pub(super) static $id: Setting = $setting;)+)+

        /// Every setting, in the order of the documentation.
        pub static GROUPS: &[Group] = &[
            $(Group { title: $title, settings: &[$(&$id),+] }),+
        ];
    };
}

const fn number(unit: super::setting::Unit, min: u64, max: u64) -> Rule {
    Rule::Number { unit, min, max }
}

const ADDRESS: Rule = Rule::Text(
    "HOST:PORT, where HOST is an IPv4 address, an IPv6 address in brackets or a host name: \
     for example 127.0.0.1:8080, [::1]:8080, localhost:8080, or 0.0.0.0:8080 for all IPv4 addresses of the machine",
);

catalog! {
    "Whose tokens are accepted" {
        PUBLISHABLE_KEY = Setting::new("CLERK_PUBLISHABLE_KEY", Required { example: "" },
            Rule::Text("the publishable key of a Clerk instance, pk_test_… or pk_live_…"),
            "Names your Clerk instance: the expected issuer and the address of its public keys follow from it. \
             Only with CLERK_ISSUER and one of CLERK_JWKS_URL and CLERK_JWT_KEY can it stay unset, \
             or with keys (LOG_API_KEYS) and no other setting of Clerk.");
        AUTHORIZED_PARTIES = Setting::new("CLERK_AUTHORIZED_PARTIES", Required { example: "http://localhost:3000" },
            Rule::Text("the origins of your front ends, comma-separated, for example https://app.example.com"),
            "The front ends whose tokens are accepted (the `azp` of a token). \
             Without this check, any other site of the same Clerk instance could use its visitors' tokens here.");
        AUDIENCES = Setting::new("CLERK_AUDIENCES", Unset("`aud` is not checked"),
            Rule::Text("audiences, comma-separated"),
            "A token must name one of these audiences (`aud`).");
        ALLOW_MISSING_AZP = Setting::new("CLERK_ALLOW_MISSING_AZP", Value("false"), Rule::OneOf(&["true", "false"]),
            "Whether a bearer token without `azp` is accepted: native and mobile applications and Clerk's Backend API \
             make such tokens. A token with a wrong `azp` is refused in any case, and so is a cookie without one.");
        ISSUERS = Setting::new("CLERK_ISSUER", Unset("the issuer of the publishable key"),
            Rule::Text("issuers, comma-separated, each an https address without a slash at the end"),
            "Accepts these issuers (`iss`) instead of that of the publishable key.");
        JWKS_URL = Setting::new("CLERK_JWKS_URL", Unset("the address that follows from the publishable key"),
            Rule::Text("an https address; plain http is accepted for a loopback address only"),
            "Fetches the public keys from this address instead.");
        JWT_KEY = Setting::new("CLERK_JWT_KEY", Unset("the public keys are fetched"),
            Rule::Text("a public key in PEM form"),
            "Verifies tokens with this public key; then no key is fetched from the network.").secret();
        MAX_TOKEN_SECS = Setting::new("LOG_API_MAX_TOKEN_SECS", Value("600"), number(Seconds, 1, 86_400),
            "Refuses tokens that live longer than this (`exp` minus `iat`). Clerk's session tokens live one minute.");
        ALLOWED_ORIGINS = Setting::new("CLERK_ALLOWED_ORIGINS", Unset("not used"),
            Rule::Text("a JSON array of strings, for example [\"https://app.example.com\"]"),
            "The older name of CLERK_AUTHORIZED_PARTIES, which is used if both are set.");
        ALLOWED_AUDIENCES = Setting::new("CLERK_ALLOWED_AUDIENCES", Unset("not used"),
            Rule::Text("a JSON array of strings, for example [\"my-api\"]"),
            "The older name of CLERK_AUDIENCES, which is used if both are set.");
    }
    "Who may read a job" {
        ORG_READ = Setting::new("LOG_API_ORG_READ", Value("off"),
            Rule::Text("`off`, `member` or a permission, for example org:builds:read \
                        (permissions of Clerk's own, org:sys_…, are in no token)"),
            "Whether members of a job's organisation (`org_id` in its hash) may read it: \
             nobody (`off`), every member (`member`), or members with this permission.");
        LEASE_SECS = Setting::new("LOG_API_STREAM_LEASE_SECS", Value("300"), number(Seconds, 1, 86_400),
            "The longest time until the access of an open stream's reader is checked again. \
             Each stream's time is up to a quarter shorter, so that they do not all end together.");
        LEASE_MODE = Setting::new("LOG_API_STREAM_LEASE_MODE", Value("recheck"), Rule::OneOf(&["recheck", "reauth"]),
            "What happens to a stream whose reader still has access then: it goes on (`recheck`), \
             or it ends and the client comes back with a fresh token (`reauth`).");
        WEBHOOK_SECRET = Setting::new("CLERK_WEBHOOK_SECRET", Unset("there is no webhook route"),
            Rule::Text("the signing secret of the webhook endpoint, whsec_…; \
                        several, comma-separated, while one is being replaced"),
            "Turns on POST /webhooks/clerk, so that open streams close within a second when a session ends at Clerk. \
             Without it they close when their time is checked next.").secret();
    }
    "Who may write over HTTP" {
        KEYS = Setting::new("LOG_API_KEYS", Unset("there are no routes for workers"),
            Rule::Text("entries as `log-api keys new` prints them, comma-separated"),
            "The API keys that are accepted, as digests: `name:scope+scope:sha256`, then `:prefix=…` and `:expires=…` where they are set. \
             With keys and without any setting of Clerk, only keys read.").secret();
        KEYS_FILE = Setting::new("LOG_API_KEYS_FILE", Unset("there is no file of keys"),
            Rule::Text("the path of a file with an entry on each line"),
            "Further keys, in a file that is read again on SIGHUP. Empty lines and lines that begin with # are ignored.");
        TOKEN_SECRET = Setting::new("LOG_API_TOKEN_SECRET",
            Unset("needed with keys on Redis; the embedded store keeps one of its own"),
            Rule::Text("at least 32 characters, for example from `openssl rand -hex 32`; several, comma-separated, while one is being replaced"),
            "Signs the append tokens of workers. Every process of the service needs the same one.").secret();
        APPEND_GRACE_SECS = Setting::new("LOG_API_APPEND_GRACE_SECS", Value("600"), number(Seconds, 0, 86_400),
            "How long a job that has ended still takes lines over HTTP. A worker may learn late that its job was cancelled.");
        APPEND_LINES_PER_SEC = Setting::new("LOG_API_APPEND_LINES_PER_SEC", Value("20000"), Rule::Limit,
            "Lines that a job may append over HTTP each second; ten times as many at once. Beyond it, requests get 429.");
        APPEND_BYTES_PER_SEC = Setting::new("LOG_API_APPEND_BYTES_PER_SEC", Value("8388608"), Rule::Limit,
            "Bytes that a job may append over HTTP each second; ten times as many at once. Beyond it, requests get 429.");
        APPEND_MEMORY_BYTES = Setting::new("LOG_API_APPEND_MEMORY_BYTES", Value("268435456"),
            number(Bytes, 33_554_432, 1_099_511_627_776),
            "Memory for bodies under way, all together; 64 KiB of each connection are not counted. Beyond it, requests get 503.");
    }
    "Where it listens" {
        BIND = Setting::new("LOG_API_BIND", Value("127.0.0.1:8080"), ADDRESS,
            "The address of the API. If a host name has several addresses, the first IPv4 address is used.");
        METRICS_BIND = Setting::new("LOG_API_METRICS_BIND", Unset("metrics are off"), ADDRESS,
            "The address at which Prometheus reads /metrics. It is never on the port of the API.");
        CORS_ORIGINS = Setting::new("LOG_API_CORS_ORIGINS", Unset("the authorized parties that are web origins"),
            Rule::Text("origins, comma-separated, for example https://app.example.com: \
                        a scheme and a host, with no path and no slash at the end"),
            "The front ends whose pages may call the API from a browser.");
        VIEWER = Setting::new("LOG_API_VIEWER", Value("on"), Rule::OneOf(&["on", "off"]),
            "Whether there is a log page, /jobs/{job_id}, with its modules under /viewer. The page asks the API as its visitor.");
        EMBED_ORIGINS = Setting::new("LOG_API_EMBED_ORIGINS", Unset("no other page may show a log in a frame"),
            Rule::Text("origins, comma-separated, for example https://app.example.com: \
                        a scheme and a host, with no path and no slash at the end"),
            "The sites whose pages may show /embed/jobs/{job_id} in a frame.");
        WORKERS = Setting::new("LOG_API_WORKERS", Unset("one per core"), number(Count, 1, 1024),
            "Threads that serve connections.");
    }
    "Redis" {
        REDIS_URL = Setting::new("REDIS_URL", Value("redis://127.0.0.1:6379"),
            Rule::Text("like redis://localhost:6379; rediss:// uses TLS; \
                        redis-cluster:// and redis-sentinel:// work too, and valkey instead of redis"),
            "The Redis that holds the jobs and their logs.");
        REDIS_CA_FILE = Setting::new("LOG_API_REDIS_CA_FILE", Unset("the authorities of the system"), Rule::Text("the path of a PEM file"),
            "The authorities whose certificates Redis may show. Only with rediss:// or valkeys://.");
        REDIS_CERT_FILE = Setting::new("LOG_API_REDIS_CERT_FILE", Unset("no client certificate"), Rule::Text("the path of a PEM file"),
            "The certificate that this service shows to Redis, with those between it and its authority.");
        REDIS_KEY_FILE = Setting::new("LOG_API_REDIS_KEY_FILE", Unset("no client certificate"), Rule::Text("the path of a PEM file"),
            "The private key of LOG_API_REDIS_CERT_FILE.");
        JOB_KEY = Setting::new("LOG_API_JOB_KEY", Value("job:{job_id}"),
            Rule::Text("a text that holds `{job_id}` exactly once, for example job:{job_id}"),
            "The pattern of a job's key. `{job_id}` is replaced, braces included; the log's key is this key and `:logs`.");
        REDIS_TIMEOUT_MS = Setting::new("LOG_API_REDIS_TIMEOUT_MS", Value("2000"), number(Milliseconds, 50, 60_000),
            "How long one Redis command may take.");
        REDIS_MIN_REPLICAS = Setting::new("LOG_API_REDIS_MIN_REPLICAS", Value("0"), number(Count, 0, 100),
            "How many replicas must have a line before its append over HTTP is answered (`WAIT`). \
             An append that they have not got within LOG_API_REDIS_TIMEOUT_MS gets 503; sent again by its number, it is there once.");
        REDIS_WATCH = Setting::new("LOG_API_REDIS_WATCH", Value("auto"), Rule::OneOf(&["auto", "tracking", "poll"]),
            "How the service learns of new lines: Redis tells it (`tracking`), it asks again and again (`poll`), \
             or the first where Redis allows it and else the second (`auto`).");
    }
    "The embedded store" {
        KEEP_SECS = Setting::new("LOG_API_KEEP_SECS", Value("86400"), number(Seconds, 60, 315_360_000),
            "How long the embedded store keeps a log after its last line, and a job twice as long. Redis has its own rule.");
        KEEP_LINES = Setting::new("LOG_API_KEEP_LINES", Value("50000"), number(Count, 100, 1_000_000_000),
            "How many of its newest lines a log of the embedded store keeps at least, unless LOG_API_KEEP_BYTES needs more room.");
        KEEP_BYTES = Setting::new("LOG_API_KEEP_BYTES", Unset("no bound"), number(Bytes, 33_554_432, 1_125_899_906_842_624),
            "How large the file of the embedded store may become. Beyond it, the logs that were quiet for the longest time are deleted, \
             and of logs that are written to, the oldest lines; readers are told of the gap. About a quarter of it is lines.");
    }
    "Streams" {
        HEARTBEAT_SECS = Setting::new("LOG_API_HEARTBEAT_SECS", Value("20"), number(Seconds, 1, 23),
            "After this long without output, a stream sends a heartbeat. \
             Proxies often close a connection that is silent for 30 seconds.");
        END_QUIET_MS = Setting::new("LOG_API_END_QUIET_MS", Value("250"), number(Milliseconds, 10, 60_000),
            "When a job has ended, its streams end after this long without a new line.");
        END_LIMIT_MS = Setting::new("LOG_API_END_LIMIT_MS", Value("5000"), number(Milliseconds, 10, 600_000),
            "When a job has ended, its streams end after this long even if lines still arrive.");
    }
    "Stopping" {
        SHUTDOWN_SECS = Setting::new("LOG_API_SHUTDOWN_SECS", Value("30"), number(Seconds, 1, 3600),
            "The longest time from SIGTERM to the end of the process.");
        DRAIN_DELAY_SECS = Setting::new("LOG_API_DRAIN_DELAY_SECS", Value("2"), number(Seconds, 0, 600),
            "After SIGTERM the service says that it is not ready, and goes on listening for this long, \
             so that load balancers notice. It must not be longer than LOG_API_SHUTDOWN_SECS; \
             at most a third of that time is used.");
    }
    "Limits" {
        MAX_STREAMS_PER_USER = Setting::new("LOG_API_MAX_STREAMS_PER_USER", Value("1000"), Rule::Limit,
            "Open streams of one user. New streams beyond it get 429; streams already open are not affected.");
        MAX_STREAMS_PER_JOB = Setting::new("LOG_API_MAX_STREAMS_PER_JOB", Value("20000"), Rule::Limit,
            "Open streams of one job. New streams beyond it get 429.");
        MAX_STREAMS = Setting::new("LOG_API_MAX_STREAMS", Value("20000"), Rule::Limit,
            "Open streams of the process. New streams beyond it get 503.");
        MAX_CONNECTIONS = Setting::new("LOG_API_MAX_CONNECTIONS", Value("25000"), number(Count, 1, 10_000_000),
            "Open connections. Further ones get 503 and are closed. Set it higher than LOG_API_MAX_STREAMS, so that \
             pages and health checks still get through. Each connection is an open file: if the limit of open files \
             is lower, the service says so at start and uses that limit.");
        FEED_BYTES = Setting::new("LOG_API_FEED_BYTES", Value("1048576"), number(Bytes, 65_536, 1_073_741_824),
            "The newest lines of a job that are kept in memory for its viewers. \
             A viewer that is further behind reads from the store.");
        FEEDS_BYTES = Setting::new("LOG_API_FEEDS_BYTES", Value("268435456"), number(Bytes, 1_048_576, 1_099_511_627_776),
            "The newest lines that are kept for all jobs together. What all viewers of a job have received goes first. \
             Beyond it, viewers that are behind read from the store.");
        CATCH_UP_READS = Setting::new("LOG_API_CATCH_UP_READS", Value("16"), number(Count, 1, 256),
            "Reads of the store at the same time for viewers that are behind; one per job at most. \
             Reads for live viewers do not wait for them.");
        MAX_SEARCHES = Setting::new("LOG_API_MAX_SEARCHES", Value("4"), number(Count, 1, 1024),
            "Searches over whole logs at the same time. Further ones get 429. \
             Each uses up to a core and 16 MiB, for 30 seconds at most.");
    }
    "Sockets" {
        BACKLOG = Setting::new("LOG_API_BACKLOG", Value("4096"), number(Count, 1, 65_535),
            "Connections that may wait to be accepted: after a restart, all clients come back at once. \
             Linux also limits it by net.core.somaxconn.");
        SEND_BUFFER_BYTES = Setting::new("LOG_API_SEND_BUFFER_BYTES", Value("65536"), number(Bytes, 0, 1_073_741_824),
            "What the kernel buffers for a client that does not read (SO_SNDBUF). \
             With 0 the kernel decides, and may use 4 MiB for each client.");
        WRITE_BUFFER_BYTES = Setting::new("LOG_API_WRITE_BUFFER_BYTES", Value("4096"), number(Bytes, 1024, 1_048_576),
            "When this much of an answer waits to be sent on a connection, no more of it is produced. \
             This is for pages of history; streams have no such buffer.");
        HALF_CLOSED = Setting::new("LOG_API_HALF_CLOSED", Value("false"), Rule::OneOf(&["true", "false"]),
            "Whether a client that has closed its sending side still gets its stream. \
             Then a client that has gone away is noticed later.");
        UNREAD_SECS = Setting::new("LOG_API_UNREAD_SECS", Value("600"), number(Seconds, 1, 86_400),
            "A client that acknowledges or reads nothing for this long is disconnected (TCP_USER_TIMEOUT).");
    }
    "The service's own log" {
        LOG = Setting::new("LOG_API_LOG", Value("info"),
            Rule::Text("a filter like `info` or `info,log_api=debug`"),
            "Which messages are logged, in the form that tracing-subscriber's EnvFilter reads. The log goes to standard error.");
        LOG_FORMAT = Setting::new("LOG_API_LOG_FORMAT", Unset("text on a terminal, else JSON"), Rule::OneOf(&["text", "json"]),
            "How messages are written: for people, or one JSON object per line.");
    }
}

/// Every setting.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|group| group.settings).copied()
}

/// Names that only `docker-compose.yml` reads, from the same `.env`: default and meaning.
pub(super) const COMPOSE_ONLY: &[(&str, &str, &str)] = &[
    ("REDIS_PORT", "6379", "The port of Redis."),
    ("LOG_API_PORT", "8080", "The port of the API."),
    ("LOG_API_METRICS_PORT", "9090", "The port of the metrics."),
];

/// Settings of earlier versions: a warning, so that an upgrade does not stop a deployment.
pub(super) const REMOVED: &[&str] = &["LOG_API_STREAM_LEASE_CAP_SECS"];

/// Names that Clerk's own SDKs read. They may stand in an environment that several services share.
pub(super) const CLERK_SDK: &[&str] = &[
    "CLERK_API_KEY",
    "CLERK_API_URL",
    "CLERK_API_VERSION",
    "CLERK_DOMAIN",
    "CLERK_ENCRYPTION_KEY",
    "CLERK_FAPI_URL",
    "CLERK_FRONTEND_API",
    "CLERK_IS_SATELLITE",
    "CLERK_JS_URL",
    "CLERK_JS_VERSION",
    "CLERK_MACHINE_SECRET_KEY",
    "CLERK_PROXY_URL",
    "CLERK_SECRET_KEY",
    "CLERK_SIGN_IN_URL",
    "CLERK_SIGN_UP_URL",
    "CLERK_TELEMETRY_DEBUG",
    "CLERK_TELEMETRY_DISABLED",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_stands_once() {
        let mut names = HashSet::new();
        let settings = all().map(|setting| setting.name);
        let others = COMPOSE_ONLY.iter().map(|(name, ..)| *name);
        for name in settings.chain(others).chain(REMOVED.iter().copied()) {
            assert!(names.insert(name), "{name}");
        }
    }

    #[test]
    fn every_explanation_is_whole_sentences() {
        for setting in all() {
            assert!(setting.about.ends_with('.'), "{}", setting.name);
            assert!(!setting.about.contains('|'), "{}", setting.name);
        }
    }
}
