//! From the settings of keys to the writing side of the service.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::access::{KeyRing, TokenSigner, WriteGate, random_secret};
use crate::config::{Problem, ProcessEnv, StoreSettings, WriteSettings};
use crate::ingest::{WriteStores, Writes};
use crate::supervise::{TaskEnd, Tasks};

/// The file of the embedded store's folder that holds the secret of append tokens.
const SECRET_FILE: &str = "token-secret";

/// What is missing.
pub(super) fn problem(settings: &WriteSettings, store: &StoreSettings) -> Option<Problem> {
    let on_redis = matches!(store, StoreSettings::Redis(_));
    let is_missing = settings.keys.is_some() && on_redis && settings.token_secrets.is_empty();
    is_missing.then(no_secret)
}

fn no_secret() -> Problem {
    Problem::new(
        "LOG_API_TOKEN_SECRET",
        "is not set, and LOG_API_KEYS is: set it to the output of `openssl rand -hex 32`, the same for every process",
    )
}

/// The writing side; `None` without keys.
pub(super) fn writers(
    settings: &WriteSettings,
    secrets: &[String],
    stores: WriteStores,
) -> Result<Option<Arc<Writes>>, Problem> {
    let Some(keys) = &settings.keys else {
        return Ok(None);
    };
    let tokens = TokenSigner::new(secrets).ok_or_else(no_secret)?;
    let gate = WriteGate::new(Arc::new(KeyRing::new(keys.clone())), tokens);
    let writes = Writes::new(Arc::new(gate), stores, settings.options.clone());
    Ok(Some(Arc::new(writes)))
}

/// The secrets for the embedded store: those of the settings, or one that is kept in its folder, so that append tokens
/// survive a restart.
pub(super) fn embedded_secrets(settings: &WriteSettings, dir: &Path) -> io::Result<Vec<String>> {
    if settings.keys.is_none() || !settings.token_secrets.is_empty() {
        return Ok(settings.token_secrets.clone());
    }
    let path = dir.join(SECRET_FILE);
    match std::fs::read_to_string(&path) {
        Ok(secret) => return Ok(vec![secret.trim().to_owned()]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let secret = random_secret().ok_or_else(|| io::Error::other("no random numbers"))?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    Ok(vec![secret])
}

/// Reads the keys again at each SIGHUP. What is wrong is logged, and the keys stay as they are.
pub(super) fn reload_on_hangup(tasks: &Tasks, keys: Arc<KeyRing>, file: Option<&Path>) {
    // Without a file nothing can change, and SIGHUP ends the process as it does by default.
    if file.is_none() {
        return;
    }
    let Ok(hangups) = signal(SignalKind::hangup()) else {
        tracing::error!("cannot listen for SIGHUP: the file of keys is only read at start");
        return;
    };
    let hangups = Arc::new(tokio::sync::Mutex::new(hangups));
    tasks.supervise_until_done("keys", move || reload(hangups.clone(), keys.clone()));
}

async fn reload(
    hangups: Arc<tokio::sync::Mutex<tokio::signal::unix::Signal>>,
    keys: Arc<KeyRing>,
) -> TaskEnd {
    let mut hangups = hangups.lock().await;
    while hangups.recv().await.is_some() {
        match WriteSettings::read_keys_again(&ProcessEnv) {
            Ok(entries) => {
                tracing::info!(keys = entries.len(), "the keys were read again");
                keys.replace(entries);
            }
            Err(error) => tracing::error!(error, "the keys stay as they are: they cannot be read"),
        }
    }
    TaskEnd::Done
}
