//! The settings of the service. `catalog.rs` is the list of them.
//!
//! **Invariant:** nothing else in the service reads the environment.

mod access;
mod address;
mod auth;
mod capacity;
mod catalog;
mod documents;
mod env;
mod error;
mod log;
mod read;
mod server;
mod setting;
mod store;
mod stream;
mod unknown;
mod viewer;
mod writes;

pub use access::AccessSettings;
pub use address::{AddressError, parse_address};
pub use auth::AuthSettings;
pub use capacity::{ConnectionSettings, LimitSettings};
pub use catalog::GROUPS;
pub use documents::{env_example, settings_page};
pub use env::{Env, ProcessEnv};
pub use error::{ConfigError, Problem};
pub use log::{LogFormat, LogSettings};
pub use server::ServerSettings;
pub use setting::{DefaultValue, Group, Rule, Setting, Unit};
pub use store::{RedisSettings, StoreSettings, without_password};
pub use stream::StreamSettings;
pub use writes::WriteSettings;

use log_store::EmbeddedOptions;
use read::Reader;

use crate::viewer::ViewerOptions;

/// All settings of `serve`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The listeners, CORS, and how the service stops.
    pub server: ServerSettings,
    /// The timing of live streams.
    pub stream: StreamSettings,
    /// How much one process serves.
    pub limits: LimitSettings,
    /// Where logs and jobs are.
    pub store: StoreSettings,
    /// What the embedded store keeps.
    pub embedded: EmbeddedOptions,
    /// Whose tokens are accepted.
    pub auth: AuthSettings,
    /// What a reader must fulfil besides having a valid token.
    pub access: AccessSettings,
    /// The log page.
    pub viewer: ViewerOptions,
    /// Who may write over HTTP, and how much.
    pub writes: WriteSettings,
    /// The service's own log.
    pub log: LogSettings,
    /// What the operator should know, although the service starts: settings that no longer exist.
    pub warnings: Vec<String>,
    /// For `log-api config`.
    values: Vec<(&'static str, String)>,
}

/// Whether any setting of the service is set.
pub(crate) fn is_anything_set(env: &dyn Env) -> bool {
    catalog::all().any(|setting| env.get(setting.name).is_some())
}

/// Settings that were read and may be wrong.
#[derive(Debug)]
pub struct Draft {
    settings: Settings,
    problems: Vec<Problem>,
}

impl Settings {
    /// Reads the settings of `serve`. `store` replaces the store of the environment, for `--store embedded`.
    ///
    /// # Errors
    /// Names every setting that cannot be used, and every name that is no setting.
    pub fn read(env: &dyn Env, store: Option<StoreSettings>) -> Result<Self, ConfigError> {
        Draft::read(env, store).finish()
    }

    /// The value of each setting, in the order of the catalog. Secrets are hidden.
    #[must_use]
    pub fn values(&self) -> Vec<(&'static str, &str)> {
        let all = catalog::all().map(|setting| setting.name);
        let value = |name| {
            let mut values = self.values.iter();
            values.find(|(other, _)| *other == name)
        };
        let in_order = all.filter_map(value);
        let mut values: Vec<_> = in_order
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        if let StoreSettings::Embedded { dir } = &self.store
            && let Some(dir) = dir.to_str()
        {
            values.push(("--data", dir));
        }
        values
    }
}

impl Draft {
    /// Reads the settings of `serve`. `store` replaces the store of the environment.
    #[must_use]
    pub fn read(env: &dyn Env, store: Option<StoreSettings>) -> Self {
        let mut reader = Reader::new(env);
        let writes = WriteSettings::read(&mut reader);
        let auth = AuthSettings::read(&mut reader, writes.keys.is_some());
        let server = ServerSettings::read(&mut reader, &auth.authorized_parties);
        let stream = StreamSettings::read(&mut reader);
        let limits = LimitSettings::read(&mut reader);
        let store = store.unwrap_or_else(|| StoreSettings::read(&mut reader));
        let embedded = store::embedded_options(&mut reader);
        let access = AccessSettings::read(&mut reader);
        let viewer = viewer::viewer(&mut reader);
        let log = LogSettings::read(&mut reader);
        let (mut problems, values) = reader.finish();
        let (unknown, warnings) = unknown::check(env);
        problems.extend(unknown);
        Self {
            settings: Settings {
                server,
                stream,
                limits,
                store,
                embedded,
                auth,
                access,
                viewer,
                writes,
                log,
                warnings,
                values,
            },
            problems,
        }
    }

    /// Adds what a further check finds, except about settings that have a problem already.
    pub fn check(&mut self, check: impl FnOnce(&Settings) -> Vec<Problem>) {
        let mut found = check(&self.settings);
        let is_known = |name: &str| self.problems.iter().any(|known| known.name == name);
        found.retain(|problem| !is_known(&problem.name));
        self.problems.extend(found);
    }

    /// The settings, if nothing is wrong with them.
    ///
    /// # Errors
    /// Names everything that is wrong.
    pub fn finish(self) -> Result<Settings, ConfigError> {
        if self.problems.is_empty() {
            return Ok(self.settings);
        }
        let problems = self.problems;
        Err(ConfigError { problems })
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

    fn problems(env: &HashMap<&str, &str>) -> Vec<String> {
        let error = Settings::read(env, None).unwrap_err();
        error
            .problems
            .into_iter()
            .map(|problem| problem.name)
            .collect()
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
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
    fn all_mistakes_are_named_in_one_round() {
        let mut env = HashMap::from([
            ("LOG_API_BIND", "8080"),
            ("LOG_API_HEARTBEAT_SECS", "0"),
            ("LOG_API_SHUTDOWN_SECS", "soon"),
            ("CLERK_ALLOWED_AUDIENCES", "not json"),
            ("LOG_API_HEARTBEAT_SECOND", "20"),
        ]);
        let expected = [
            "CLERK_ALLOWED_AUDIENCES",
            "CLERK_AUTHORIZED_PARTIES",
            "CLERK_PUBLISHABLE_KEY",
            "LOG_API_BIND",
            "LOG_API_HEARTBEAT_SECOND",
            "LOG_API_HEARTBEAT_SECS",
            "LOG_API_SHUTDOWN_SECS",
        ];
        let mut named = problems(&env);
        named.sort_unstable();
        assert_eq!(named, expected);
        env.extend(minimal());
        assert_eq!(problems(&env).len(), 5);
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
        let shown = format!("{:?}", Settings::read(&env, None).unwrap().values());
        assert!(
            shown.contains("redis.example") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn a_drain_delay_that_was_set_must_fit_into_the_shutdown() {
        for (shutdown, delay, expected) in [
            (Some("5"), Some("6"), &["LOG_API_DRAIN_DELAY_SECS"][..]),
            (None, Some("31"), &["LOG_API_DRAIN_DELAY_SECS"]),
            (Some("5"), Some("5"), &[]),
            // The default delay is cut to fit, so that a short shutdown can be set alone.
            (Some("1"), None, &[]),
            // One mistake is reported once.
            (Some("soon"), Some("31"), &["LOG_API_SHUTDOWN_SECS"]),
        ] {
            let mut env = minimal();
            env.extend(shutdown.map(|value| ("LOG_API_SHUTDOWN_SECS", value)));
            env.extend(delay.map(|value| ("LOG_API_DRAIN_DELAY_SECS", value)));
            let found = Settings::read(&env, None).err();
            let found: Vec<_> = found.into_iter().flat_map(|error| error.problems).collect();
            let names: Vec<_> = found.iter().map(|problem| problem.name.as_str()).collect();
            assert_eq!(names, expected, "{shutdown:?} {delay:?}");
        }
    }

    #[test]
    fn a_further_check_adds_only_what_is_not_known_yet() {
        let mut env = minimal();
        env.insert("LOG_API_BIND", "8080");
        let mut draft = Draft::read(&env, None);
        let problem = |name: &str| Problem::new(name, "is wrong");
        draft.check(|_| vec![problem("LOG_API_BIND"), problem("REDIS_URL")]);
        let error = draft.finish().unwrap_err();
        let names: Vec<_> = error.problems.iter().map(|problem| &problem.name).collect();
        assert_eq!(names, ["LOG_API_BIND", "REDIS_URL"]);
    }

    #[test]
    fn every_setting_but_the_older_names_is_shown() {
        let settings = Settings::read(&minimal(), None).unwrap();
        let shown: Vec<_> = settings
            .values()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let all = catalog::all().map(|setting| setting.name);
        let all: Vec<_> = all
            .filter(|name| !name.starts_with("CLERK_ALLOWED_"))
            .collect();
        assert_eq!(shown, all);
    }
}
