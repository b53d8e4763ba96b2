//! Who may write over HTTP, and how much.

use std::path::{Path, PathBuf};

use super::catalog;
use super::env::Env;
use super::read::Reader;
use super::setting::Setting;
use crate::access::{KeyEntry, MIN_SECRET};
use crate::ingest::WriteOptions;

/// The keys, and the rules of writing.
#[derive(Debug, Clone)]
pub struct WriteSettings {
    /// `LOG_API_KEYS`, and the keys of the file. `None` if neither is set: then there are no routes for workers.
    pub keys: Option<Vec<KeyEntry>>,
    /// `LOG_API_KEYS_FILE`: read again on SIGHUP.
    pub file: Option<PathBuf>,
    /// `LOG_API_TOKEN_SECRET`: the first one signs append tokens, all are accepted.
    pub token_secrets: Vec<String>,
    /// The rules.
    pub options: WriteOptions,
}

impl WriteSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let (file, keys) = (reader.text(&catalog::KEYS_FILE), keys(reader));
        Self {
            keys,
            file: file.map(PathBuf::from),
            token_secrets: token_secrets(reader),
            options: WriteOptions {
                grace: reader.duration(&catalog::APPEND_GRACE_SECS),
                lines_per_second: reader.limit(&catalog::APPEND_LINES_PER_SEC),
                bytes_per_second: reader.limit(&catalog::APPEND_BYTES_PER_SEC),
                memory: reader.count(&catalog::APPEND_MEMORY_BYTES),
            },
        }
    }

    /// Reads the keys again.
    ///
    /// # Errors
    /// What is wrong, a line for each mistake.
    pub(crate) fn read_keys_again(env: &dyn Env) -> Result<Vec<KeyEntry>, String> {
        let mut reader = Reader::new(env);
        let keys = keys(&mut reader).unwrap_or_default();
        let (problems, _) = reader.finish();
        if problems.is_empty() {
            return Ok(keys);
        }
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Err(problems.join("; "))
    }
}

/// The keys of the variable and of the file. `None` if neither is set.
fn keys(reader: &mut Reader<'_>) -> Option<Vec<KeyEntry>> {
    let listed = reader.list(&catalog::KEYS);
    let file = reader.text(&catalog::KEYS_FILE);
    if listed.is_none() && file.is_none() {
        return None;
    }
    let mut entries = Vec::new();
    for (n, text) in listed.iter().flatten().enumerate() {
        add(
            reader,
            &catalog::KEYS,
            &format!("entry {}", n + 1),
            text,
            &mut entries,
        );
    }
    if let Some(file) = file {
        match std::fs::read_to_string(Path::new(&file)) {
            Ok(text) => {
                for (n, line) in text.lines().enumerate() {
                    let line = line.trim();
                    if !line.is_empty() && !line.starts_with('#') {
                        let at = format!("line {}", n + 1);
                        add(reader, &catalog::KEYS_FILE, &at, line, &mut entries);
                    }
                }
            }
            Err(error) => reader.problem(
                &catalog::KEYS_FILE,
                format!("the file cannot be read: {error}"),
            ),
        }
    }
    Some(entries)
}

/// Adds an entry, or says what is wrong with it.
fn add(
    reader: &mut Reader<'_>,
    setting: &'static Setting,
    at: &str,
    text: &str,
    entries: &mut Vec<KeyEntry>,
) {
    match text.parse::<KeyEntry>() {
        // Which of the two counts, nobody could tell.
        Ok(entry)
            if entries
                .iter()
                .any(|other| other.digest == entry.digest && *other != entry) =>
        {
            reader.problem(
                setting,
                format!("{at}: another entry has this key with other rights"),
            );
        }
        Ok(entry) => entries.push(entry),
        Err(error) => reader.problem(setting, format!("{at}: {error}")),
    }
}

fn token_secrets(reader: &mut Reader<'_>) -> Vec<String> {
    let secrets = reader.list(&catalog::TOKEN_SECRET).unwrap_or_default();
    if secrets.iter().any(|secret| secret.len() < MIN_SECRET) {
        reader.broken_rule(&catalog::TOKEN_SECRET);
    }
    secrets
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(env: &HashMap<&str, &str>) -> (WriteSettings, Vec<String>) {
        let mut reader = Reader::new(env);
        let settings = WriteSettings::read(&mut reader);
        let problems = reader.finish().0;
        (settings, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_keys_there_are_no_routes_for_workers() {
        let (settings, problems) = read(&HashMap::new());
        assert!(settings.keys.is_none() && problems.is_empty());
    }

    #[test]
    fn keys_come_from_the_variable_and_the_file_and_mistakes_are_named_by_their_place() {
        let [digest, other] = ["0a", "0b"].map(|byte| byte.repeat(32));
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!("# workers\n\nb:logs:append:{other}\nc:logs:write:{other}\n");
        std::fs::write(file.path(), text).unwrap();
        let listed = format!("a:logs:read:{digest}, nonsense");
        let env = HashMap::from([
            ("LOG_API_KEYS", listed.as_str()),
            ("LOG_API_KEYS_FILE", file.path().to_str().unwrap()),
            ("LOG_API_TOKEN_SECRET", "short"),
        ]);
        let (settings, problems) = read(&env);
        let names: Vec<_> = settings
            .keys
            .unwrap()
            .into_iter()
            .map(|key| key.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            problems[0].starts_with("LOG_API_KEYS: entry 2: "),
            "{problems:?}"
        );
        assert!(problems[1].starts_with("LOG_API_KEYS_FILE: line 4: a scope is one of"));
        assert!(problems[2].starts_with("LOG_API_TOKEN_SECRET: must be"));
        assert!(
            !problems.concat().contains("nonsense"),
            "an entry may be a key"
        );
    }
    #[test]
    fn one_key_with_two_kinds_of_rights_is_refused_and_one_that_is_listed_twice_is_not() {
        let digest = "0a".repeat(32);
        for (second, count) in [
            (format!("a:logs:read:{digest}"), 0),
            (format!("a:logs:read:{digest}:prefix=acme-"), 1),
            (format!("b:logs:read:{digest}"), 1),
        ] {
            let listed = format!("a:logs:read:{digest},{second}");
            let secret = "0123456789abcdef0123456789abcdef";
            let env = HashMap::from([
                ("LOG_API_KEYS", listed.as_str()),
                ("LOG_API_TOKEN_SECRET", secret),
            ]);
            let (_, problems) = read(&env);
            assert_eq!(problems.len(), count, "{second}: {problems:?}");
            if let Some(problem) = problems.first() {
                assert!(
                    problem.contains("entry 2: another entry has this key"),
                    "{problem}"
                );
            }
        }
    }
}
