//! Finds names that are set and mean nothing: a misspelt setting must not pass in silence.

use super::catalog::{CLERK_SDK, COMPOSE_ONLY, REMOVED, all};
use super::env::Env;
use super::error::Problem;

/// The prefixes of our settings. Other names, like `REDIS_URL`, may belong to anybody.
const PREFIXES: [&str; 2] = ["LOG_API_", "CLERK_"];

/// Reports names that are set and unknown as problems, and names of earlier versions as warnings.
pub(super) fn check(env: &dyn Env) -> (Vec<Problem>, Vec<String>) {
    let mut names = env.names();
    names.retain(|name| is_suspect(name, env));
    names.sort_unstable();
    let (removed, unknown): (Vec<_>, Vec<_>) = names
        .into_iter()
        .partition(|name| REMOVED.contains(&name.as_str()) || name == CLERK_WEBHOOK_NAME);
    let unknown = unknown
        .into_iter()
        .map(|name| Problem::new(name.as_str(), advice(&name)));
    (unknown.collect(), removed.iter().map(warning).collect())
}

/// What Clerk's SDKs call the secret of their own webhook endpoint.
const CLERK_WEBHOOK_NAME: &str = "CLERK_WEBHOOK_SIGNING_SECRET";

fn warning(name: &String) -> String {
    if name == CLERK_WEBHOOK_NAME {
        return format!(
            "{name} is not read: the secret of this service's endpoint is CLERK_WEBHOOK_SECRET"
        );
    }
    format!("{name} no longer exists: remove it")
}

fn advice(name: &str) -> String {
    match nearest(name) {
        Some(known) => format!("there is no such setting; did you mean {known}?"),
        None => "there is no such setting; `log-api config --format env` lists all settings".into(),
    }
}

fn is_suspect(name: &str, env: &dyn Env) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && all().all(|setting| setting.name != name)
        && COMPOSE_ONLY.iter().all(|(known, ..)| *known != name)
        && !CLERK_SDK.contains(&name)
        && env
            .get(name)
            .is_some_and(|value| !is_service_link(name, &value))
}

/// Whether Kubernetes or Docker has set the variable: they describe each service of a network to all others, and a
/// service may be called `log-api`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.trim().starts_with(scheme));
    let port_part = |part: &str| {
        let mut words = part.split('_');
        let is_port = words.next().is_some_and(|word| word.parse::<u16>().is_ok());
        is_port
            && words
                .next()
                .is_some_and(|word| matches!(word, "TCP" | "UDP" | "SCTP"))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && is_address)
        || name
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| port_part(rest))
}

/// The setting that was probably meant.
fn nearest(name: &str) -> Option<&'static str> {
    let stem = without_prefix(name);
    let distance = |known: &str| strsim::damerau_levenshtein(stem, without_prefix(known));
    let (known, distance) = all()
        .map(|setting| (setting.name, distance(setting.name)))
        .min_by_key(|(_, distance)| *distance)?;
    // With more than a third changed, it is another word.
    (distance <= stem.len() / 3).then_some(known)
}

/// The part that can be confused: prefixes are also mixed up, as in `LOG_API_REDIS_URL`.
fn without_prefix(name: &str) -> &str {
    PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn problems(env: &[(&str, &str)]) -> Vec<(String, String)> {
        let env: HashMap<_, _> = env.iter().copied().collect();
        let (problems, warnings) = check(&env);
        assert_eq!(warnings, [""; 0]);
        let pairs = problems.into_iter();
        pairs.map(|problem| (problem.name, problem.rule)).collect()
    }

    #[test]
    fn a_misspelt_name_is_reported_with_the_nearest_one() {
        for (wrong, meant) in [
            ("LOG_API_HEARTBEAT_SECOND", "LOG_API_HEARTBEAT_SECS"),
            ("LOG_API_BIMD", "LOG_API_BIND"),
            ("LOG_API_REDIS_URL", "REDIS_URL"),
            ("LOG_API_AUTHORIZED_PARTIES", "CLERK_AUTHORIZED_PARTIES"),
            ("CLERK_PUBLISHABLE_KEYS", "CLERK_PUBLISHABLE_KEY"),
            ("CLERK_AUTHORISED_PARTIES", "CLERK_AUTHORIZED_PARTIES"),
            ("LOG_API_MAX_STREAMS_USER", "LOG_API_MAX_STREAMS_PER_USER"),
        ] {
            let expected = format!("there is no such setting; did you mean {meant}?");
            assert_eq!(problems(&[(wrong, "1")]), [(wrong.to_owned(), expected)]);
        }
    }

    #[test]
    fn a_name_like_no_other_is_reported_with_where_to_look() {
        let found = problems(&[("LOG_API_COLOUR", "red"), ("CLERK_ZZZ", "1")]);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["CLERK_ZZZ", "LOG_API_COLOUR"]);
        assert!(
            found
                .iter()
                .all(|(_, rule)| rule.contains("log-api config"))
        );
    }

    #[test]
    fn known_names_empty_values_and_the_names_of_others_are_not_reported() {
        for (name, value) in [
            ("LOG_API_BIND", "x"),
            ("CLERK_ALLOWED_ORIGINS", "x"),
            ("LOG_API_PORT", "8080"),
            ("LOG_API_METRICS_PORT", "9090"),
            ("LOG_API_UNKNOWN", ""),
            ("LOG_API_UNKNOWN", "  "),
            ("CLERK_SECRET_KEY", "sk_test_x"),
            ("LOG_LEVEL", "x"),
            ("REDIS_UEL", "x"),
        ] {
            assert_eq!(problems(&[(name, value)]), [], "{name}");
        }
    }

    #[test]
    fn a_service_of_kubernetes_that_is_called_log_api_is_not_reported() {
        for (name, value) in [
            ("LOG_API_SERVICE_HOST", "10.0.0.11"),
            ("LOG_API_SERVICE_PORT", "8080"),
            ("LOG_API_SERVICE_PORT_HTTP", "8080"),
            ("LOG_API_PORT", "tcp://10.0.0.11:8080"),
            ("LOG_API_PORT_8080_TCP", "tcp://10.0.0.11:8080"),
            ("LOG_API_PORT_8080_TCP_PROTO", "tcp"),
            ("LOG_API_CANARY_PORT", "tcp://10.0.0.12:8080"),
            ("LOG_API_CANARY_SERVICE_HOST", "10.0.0.12"),
        ] {
            assert_eq!(problems(&[(name, value)]), [], "{name}");
        }
        assert_eq!(problems(&[("LOG_API_BIND_PORT", "8080")]).len(), 1);
        assert_eq!(problems(&[("LOG_API_PORT_RANGE_TCP", "1")]).len(), 1);
    }

    #[test]
    fn a_name_of_an_earlier_version_is_a_warning() {
        for &name in REMOVED {
            let env = HashMap::from([(name, "1")]);
            let warning = format!("{name} no longer exists: remove it");
            assert_eq!(check(&env), (Vec::new(), vec![warning]));
        }
    }
}
