//! `cargo xtask dev`: Redis by compose, the API against it, both gone at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::cli::DevArgs;
use crate::clock;
use crate::compose::Compose;
use crate::host;
use crate::process::{Cmd, RunError};
use crate::redis_image::{self, REDIS_IMAGE};
use crate::rootfs::ImageError;
use crate::say::say;
use crate::workspace::Workspace;

/// Redis loads its append-only file before it answers.
const REDIS_START: Duration = Duration::from_secs(60);

/// Why there is nothing to develop against.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevError {
    /// No compose.
    #[error(
        "neither `docker compose` nor `docker-compose` is here: install one (Debian: docker-compose)"
    )]
    NoCompose,
    /// No Redis image, and no way to make one.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A program said no.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Redis runs, but is not well.
    #[error("Redis did not turn healthy within {REDIS_START:?}: see its log by compose")]
    RedisNotHealthy,
    /// The settings cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Which line, and why.
        source: dotenvy::Error,
    },
    /// Without them nobody would stop Redis.
    #[error("cannot watch for Ctrl-C: {0}")]
    Signals(std::io::Error),
    /// The API ended by itself with an error, and has said which.
    #[error("the API ended ({0})")]
    Api(ExitStatus),
}

/// `cargo xtask dev`.
pub(crate) fn dev(workspace: &Workspace, args: &DevArgs) -> Result<(), DevError> {
    let compose = Compose::find(workspace).ok_or(DevError::NoCompose)?;
    let settings = settings(&workspace.root().join(".env"))?;
    let stop = Stop::on_signals()?;

    say("1. Redis by compose, on 127.0.0.1 only. Its data stays in a volume.");
    redis_image::ensure(REDIS_IMAGE)?;
    compose.up("redis")?;
    let done = serve(workspace, args, &compose, settings, &stop);
    say("3. Stopping Redis.");
    compose.stop("redis")?;
    done
}

fn serve(
    workspace: &Workspace,
    args: &DevArgs,
    compose: &Compose,
    settings: BTreeMap<String, String>,
    stop: &Stop,
) -> Result<(), DevError> {
    if !compose.is_healthy_within("redis", REDIS_START) {
        return Err(DevError::RedisNotHealthy);
    }
    say(
        "2. The API against it, compiled here. Ctrl-C ends both. What `.env` leaves out is set to:",
    );
    let mut api = workspace
        .cargo()
        .args(["run", "--package", "log-api", "--", "serve"]);
    for (key, value) in settings {
        api = api.env(key, value);
    }
    stop.when_told(&api.args(&args.serve_args))
}

/// The API's settings: those of `.env`, and for development where that and the environment have
/// none. What the environment has wins, and is inherited anyway.
fn settings(file: &Path) -> Result<BTreeMap<String, String>, DevError> {
    let mut settings = read_settings(file)?;
    for (key, value) in defaults(&settings) {
        if !settings.contains_key(key) && host::setting(key).is_none() {
            settings.insert(key.to_owned(), value);
        }
    }
    settings.retain(|key, _| host::setting(key).is_none());
    Ok(settings)
}

fn read_settings(file: &Path) -> Result<BTreeMap<String, String>, DevError> {
    let unreadable = |source| DevError::Settings {
        path: file.to_owned(),
        source,
    };
    if !file.exists() {
        say("There is no .env; .env.example shows what can stand in it.");
        return Ok(BTreeMap::new());
    }
    let lines = dotenvy::from_path_iter(file).map_err(unreadable)?;
    lines.collect::<Result<_, _>>().map_err(unreadable)
}

fn defaults(settings: &BTreeMap<String, String>) -> [(&'static str, String); 3] {
    let port = settings
        .get("REDIS_PORT")
        .cloned()
        .or_else(|| host::setting("REDIS_PORT"));
    let port = port.unwrap_or_else(|| "6379".to_owned());
    let front_end = "http://localhost:3000".to_owned();
    [
        ("REDIS_URL", format!("redis://127.0.0.1:{port}")),
        ("CLERK_AUTHORIZED_PARTIES", front_end.clone()),
        ("LOG_API_CORS_ORIGINS", front_end),
    ]
}

/// Whether somebody wants this to end. Without it, the first Ctrl-C would end this program before
/// it can stop Redis.
struct Stop {
    /// Set by Ctrl-C. The terminal tells the API too, so there is nothing to pass on.
    interrupted: Arc<AtomicBool>,
    /// Set by SIGTERM, which comes to this process alone and is passed on.
    terminated: Arc<AtomicBool>,
}

impl Stop {
    fn on_signals() -> Result<Self, DevError> {
        let stop = Self {
            interrupted: Arc::default(),
            terminated: Arc::default(),
        };
        for (signal, flag) in [(SIGINT, &stop.interrupted), (SIGTERM, &stop.terminated)] {
            signal_hook::flag::register(signal, Arc::clone(flag)).map_err(DevError::Signals)?;
        }
        Ok(stop)
    }

    /// Runs the program until it ends, by itself or by a signal.
    fn when_told(&self, program: &Cmd) -> Result<(), DevError> {
        let mut child = program.start()?;
        let mut passed_on = false;
        loop {
            if let Some(status) = child.try_wait().map_err(DevError::Signals)? {
                let told = self.interrupted.load(Ordering::Relaxed) || passed_on;
                return if told || status.success() {
                    Ok(())
                } else {
                    Err(DevError::Api(status))
                };
            }
            if self.terminated.load(Ordering::Relaxed) && !passed_on {
                Cmd::new("kill")
                    .arg("-TERM")
                    .arg(child.id().to_string())
                    .run()?;
                passed_on = true;
            }
            clock::pause(Duration::from_millis(100));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env_file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn what_the_file_says_wins_over_development_settings() {
        let file = env_file("REDIS_URL=redis://elsewhere:1\nCLERK_PUBLISHABLE_KEY=pk_test_x\n");
        let settings = settings(file.path()).unwrap();
        assert_eq!(settings["REDIS_URL"], "redis://elsewhere:1");
        assert_eq!(settings["CLERK_PUBLISHABLE_KEY"], "pk_test_x");
        assert_eq!(settings["LOG_API_CORS_ORIGINS"], "http://localhost:3000");
    }

    #[test]
    fn the_published_port_of_redis_is_the_one_that_is_used() {
        let settings = settings(env_file("REDIS_PORT=6390\n").path()).unwrap();
        assert_eq!(settings["REDIS_URL"], "redis://127.0.0.1:6390");
    }

    #[test]
    fn a_broken_file_is_named() {
        let file = env_file("no assignment\n");
        let error = settings(file.path()).unwrap_err();
        assert!(
            error.to_string().contains(&*file.path().to_string_lossy()),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_is_told_to_end_ends_well() {
        let stop = Stop {
            interrupted: Arc::default(),
            terminated: Arc::new(true.into()),
        };
        stop.when_told(&Cmd::new("sleep").arg("30")).unwrap();
    }

    #[test]
    fn a_program_that_fails_by_itself_is_told() {
        let stop = Stop {
            interrupted: Arc::default(),
            terminated: Arc::default(),
        };
        let error = stop.when_told(&Cmd::new("false")).unwrap_err();
        assert!(matches!(error, DevError::Api(_)), "{error}");
    }
}
