//! The service's settings: every key of the environment, its default, and what is wrong with a bad one.
//!
//! **Invariant:** nothing else in the service reads the environment.

mod access;
mod auth;
mod capacity;
mod env;
mod read;
mod server;
mod store;

pub use access::AccessSettings;
pub use auth::AuthSettings;
pub use capacity::{ConnectionSettings, LimitSettings};
pub use env::{Env, ProcessEnv};
pub use read::{ConfigError, Problem};
pub use server::{LogFormat, LogSettings, ServerSettings, StreamSettings};
pub use store::{RedisSettings, StoreSettings, without_password};

use read::Reader;

/// Everything the service can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The listeners, CORS, shutdown.
    pub server: ServerSettings,
    /// The live streams.
    pub stream: StreamSettings,
    /// How much one process serves.
    pub limits: LimitSettings,
    /// Where logs and jobs are.
    pub store: StoreSettings,
    /// Whose tokens are good.
    pub auth: AuthSettings,
    /// What is asked of who reads, beyond a token.
    pub access: AccessSettings,
    /// The service's own log.
    pub log: LogSettings,
}

impl Settings {
    /// Reads the settings of `serve`. `store` overrides the store of the environment, for `--store embedded`.
    ///
    /// # Errors
    /// Names every setting that cannot be used.
    pub fn read(env: &dyn Env, store: Option<StoreSettings>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(env);
        let auth = AuthSettings::read(&mut reader);
        let server = ServerSettings::read(&mut reader, &auth.authorized_parties);
        let stream = StreamSettings::read(&mut reader);
        let limits = LimitSettings::read(&mut reader);
        let store = store.unwrap_or_else(|| StoreSettings::read(&mut reader));
        let access = AccessSettings::read(&mut reader);
        let log = LogSettings::read(&mut reader, "info");
        reader.finish(Some(Self {
            server,
            stream,
            limits,
            store,
            auth,
            access,
            log,
        }))
    }

    /// The effective values by their names, in reading order, with secrets hidden.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let mut values = self.server.describe();
        values.extend(self.stream.describe());
        values.extend(self.limits.describe());
        values.extend(self.store.describe());
        values.extend(self.auth.describe());
        values.extend(self.access.describe());
        values.extend(self.log.describe());
        values
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::*;

    /// The publishable key of `clerk.example.com`.
    const KEY: &str = "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k";

    fn minimal() -> HashMap<&'static str, &'static str> {
        HashMap::from([
            ("CLERK_PUBLISHABLE_KEY", KEY),
            ("CLERK_AUTHORIZED_PARTIES", "https://app.example.com"),
        ])
    }

    fn problems(env: &HashMap<&str, &str>) -> Vec<&'static str> {
        let error = Settings::read(env, None).unwrap_err();
        error
            .problems
            .into_iter()
            .map(|problem| problem.key)
            .collect()
    }

    #[test]
    fn defaults_are_those_of_the_design() {
        let settings = Settings::read(&minimal(), None).unwrap();
        assert_eq!(settings.server.bind.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.server.metrics_bind, None);
        assert_eq!(settings.server.shutdown, Duration::from_secs(30));
        assert_eq!(settings.server.drain_delay, Duration::from_secs(2));
        assert_eq!(settings.stream.heartbeat, Duration::from_secs(20));
        assert_eq!(settings.stream.end_quiet, Duration::from_millis(250));
        assert_eq!(settings.stream.end_limit, Duration::from_secs(5));
        let StoreSettings::Redis(redis) = settings.store else {
            panic!("not Redis")
        };
        assert_eq!(redis.url, "redis://127.0.0.1:6379");
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let mut env = HashMap::from([
            ("LOG_API_BIND", "8080"),
            ("LOG_API_HEARTBEAT_SECS", "0"),
            ("LOG_API_SHUTDOWN_SECS", "soon"),
            ("CLERK_ALLOWED_AUDIENCES", "not json"),
        ]);
        let expected = [
            "CLERK_ALLOWED_AUDIENCES",
            "CLERK_AUTHORIZED_PARTIES",
            "CLERK_PUBLISHABLE_KEY",
            "LOG_API_BIND",
            "LOG_API_HEARTBEAT_SECS",
            "LOG_API_SHUTDOWN_SECS",
        ];
        let mut named = problems(&env);
        named.sort_unstable();
        assert_eq!(named, expected);
        env.extend(minimal());
        assert_eq!(problems(&env).len(), 4);
    }

    #[test]
    fn no_authorized_party_is_refused_with_what_to_do() {
        let mut env = minimal();
        env.insert("CLERK_AUTHORIZED_PARTIES", "");
        let error = Settings::read(&env, None).unwrap_err();
        assert!(
            error.to_string().contains("CLERK_AUTHORIZED_PARTIES: "),
            "{error}"
        );
    }

    #[test]
    fn the_environment_of_the_replaced_service_is_understood() {
        let mut env = minimal();
        env.remove("CLERK_AUTHORIZED_PARTIES");
        env.insert(
            "CLERK_ALLOWED_ORIGINS",
            r#"["https://a.example", "https://b.example"]"#,
        );
        env.insert("CLERK_ALLOWED_AUDIENCES", r#"["api"]"#);
        let settings = Settings::read(&env, None).unwrap();
        assert_eq!(
            settings.auth.authorized_parties,
            ["https://a.example", "https://b.example"]
        );
        assert_eq!(settings.auth.audiences, ["api"]);
        assert_eq!(
            settings.server.cors_origins,
            ["https://a.example", "https://b.example"]
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut env = minimal();
        env.insert("REDIS_URL", "redis://user:hunter2@redis.example:6379/1");
        let shown = format!("{:?}", Settings::read(&env, None).unwrap().describe());
        assert!(
            shown.contains("redis.example") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
