//! `cargo xtask dev`: Redis by compose, the API against it, both gone at the end.

use std::collections::BTreeMap;
use std::fmt;
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

/// Where front ends are developed, mostly.
const FRONT_END: &str = "http://localhost:3000";

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

/// What the API is told beside its environment, which always wins.
#[derive(Debug)]
struct Settings {
    /// From `.env`.
    from_file: BTreeMap<String, String>,
    /// For development, where neither `.env` nor the environment says anything.
    filled_in: BTreeMap<&'static str, String>,
}

/// `cargo xtask dev`.
pub(crate) fn dev(workspace: &Workspace, args: &DevArgs) -> Result<(), DevError> {
    let compose = Compose::find(workspace).ok_or(DevError::NoCompose)?;
    let settings = Settings::read(&workspace.root().join(".env"), host::setting)?;
    let stop = Stop::on_signals()?;

    say("1. Redis by compose, on 127.0.0.1 only. Its data stays in a volume.");
    redis_image::ensure(REDIS_IMAGE)?;
    compose.up("redis")?;
    let done = if compose.is_healthy_within("redis", REDIS_START) {
        serve(workspace, args, &settings, &stop)
    } else {
        Err(DevError::RedisNotHealthy)
    };
    say("3. Stopping Redis.");
    compose.stop("redis")?;
    done
}

fn serve(
    workspace: &Workspace,
    args: &DevArgs,
    settings: &Settings,
    stop: &Stop,
) -> Result<(), DevError> {
    say("2. The API against it, compiled here. Ctrl-C ends both.");
    say(settings);
    let run = ["run", "--package", "log-api", "--", "serve"];
    let mut api = workspace.cargo().args(run).args(&args.serve_args);
    for (key, value) in &settings.from_file {
        api = api.env(key, value);
    }
    for (key, value) in &settings.filled_in {
        api = api.env(key, value);
    }
    stop.when_told(&api)
}

impl Settings {
    /// Reads the file, which need not be there, and fills in what development needs.
    fn read(file: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<Self, DevError> {
        let mut from_file = read_file(file)?;
        from_file.retain(|key, _| environment(key).is_none());
        let mut filled_in = BTreeMap::new();
        let port = environment("REDIS_PORT").or_else(|| from_file.get("REDIS_PORT").cloned());
        let port = port.unwrap_or_else(|| "6379".to_owned());
        for (key, value) in [
            ("REDIS_URL", format!("redis://127.0.0.1:{port}")),
            ("CLERK_AUTHORIZED_PARTIES", FRONT_END.to_owned()),
            ("LOG_API_CORS_ORIGINS", FRONT_END.to_owned()),
        ] {
            if !from_file.contains_key(key) && environment(key).is_none() {
                filled_in.insert(key, value);
            }
        }
        Ok(Self {
            from_file,
            filled_in,
        })
    }
}

/// Names of settings, and values only of those that no secret can be among.
impl fmt::Display for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.from_file.keys().map(String::as_str).collect();
        let values: Vec<String> = self
            .filled_in
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        writeln!(out, "   from .env: {}", one_line(&names))?;
        write!(out, "   for development: {}", one_line(&values))
    }
}

fn one_line<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(" ")
    }
}

fn read_file(file: &Path) -> Result<BTreeMap<String, String>, DevError> {
    if !file.exists() {
        say("There is no .env; .env.example shows what can stand in it.");
        return Ok(BTreeMap::new());
    }
    let unreadable = |source| DevError::Settings {
        path: file.to_owned(),
        source,
    };
    let lines = dotenvy::from_path_iter(file).map_err(unreadable)?;
    lines.collect::<Result<_, _>>().map_err(unreadable)
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

    fn unset(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn what_the_file_says_wins_over_what_is_filled_in() {
        let file = env_file("REDIS_URL=redis://elsewhere:1\nCLERK_PUBLISHABLE_KEY=pk_test_x\n");
        let settings = Settings::read(file.path(), unset).unwrap();
        assert_eq!(settings.from_file["REDIS_URL"], "redis://elsewhere:1");
        assert_eq!(settings.from_file["CLERK_PUBLISHABLE_KEY"], "pk_test_x");
        assert!(
            !settings.filled_in.contains_key("REDIS_URL"),
            "{settings:?}"
        );
        assert_eq!(settings.filled_in["LOG_API_CORS_ORIGINS"], FRONT_END);
    }

    #[test]
    fn what_the_environment_says_wins_over_both() {
        let file = env_file("REDIS_URL=redis://elsewhere:1\n");
        let set = |key: &str| key.contains("_").then(|| "set".to_owned());
        let settings = Settings::read(file.path(), set).unwrap();
        assert!(
            settings.from_file.is_empty() && settings.filled_in.is_empty(),
            "{settings:?}"
        );
    }

    #[test]
    fn the_published_port_of_redis_is_the_one_that_is_used() {
        let file = env_file("REDIS_PORT=6390\n");
        let settings = Settings::read(file.path(), unset).unwrap();
        assert_eq!(settings.filled_in["REDIS_URL"], "redis://127.0.0.1:6390");
    }

    #[test]
    fn values_of_the_file_are_not_shown() {
        let file = env_file("CLERK_JWT_KEY=secret\n");
        let shown = Settings::read(file.path(), unset).unwrap().to_string();
        assert!(shown.contains("from .env: CLERK_JWT_KEY\n"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_broken_file_is_named() {
        let file = env_file("no assignment\n");
        let error = Settings::read(file.path(), unset).unwrap_err();
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
