//! A Redis image for a machine that has Docker and no registry, from Debian's `redis-server`.
//!
//! It carries the name that the tests and the compose file use, so both find it in place of the
//! official one, and it behaves like that one where they can tell: it listens on every interface
//! of its container without protected mode, takes `redis-server --appendonly yes` or bare options
//! as its command, keeps its data in `/data`, and has `redis-cli`. Unlike it, it never runs as
//! root, and has no shell tools.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::RedisImageArgs;
use crate::clock;
use crate::docker::{self, docker};
use crate::host;
use crate::rootfs::{ImageError, RootFs, User};
use crate::say::say;

/// The image that the tests start (`test-support` has the same constant) and that compose names.
pub(crate) const REDIS_IMAGE: &str = "redis:7.0.15";

/// What is in it, and where. The shell is for the entry point and for health checks.
const PROGRAMS: [(&str, &str); 3] = [
    ("redis-server", "/usr/bin/redis-server"),
    ("redis-cli", "/usr/bin/redis-cli"),
    ("sh", "/bin/sh"),
];

/// The official image's entry point in short. Bare options mean the server; `protected-mode`
/// comes first, so that a caller's own word on it wins.
const ENTRYPOINT: &str = r#"#!/bin/sh
set -e
case "$1" in
    -*) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    shift
    case "$1" in
        -v | --version | -h | --help) set -- redis-server "$@" ;;
        "" | -*) set -- redis-server --protected-mode no "$@" ;;
        *) config=$1; shift; set -- redis-server "$config" --protected-mode no "$@" ;;
    esac
fi
exec "$@"
"#;

/// `cargo xtask redis-image`.
pub(crate) fn build(args: &RedisImageArgs) -> Result<(), ImageError> {
    if !docker::answers() {
        return Err(ImageError::NoEngine);
    }
    if docker::has_image(&args.tag) && !args.force {
        say(format_args!(
            "{} is there already; --force makes it anew.",
            args.tag
        ));
        return Ok(());
    }
    make(&args.tag)
}

/// Sees to it that the engine has `image`: pulls it, and where that fails makes it.
pub(crate) fn ensure(image: &str) -> Result<(), ImageError> {
    if docker::has_image(image) {
        return Ok(());
    }
    say(format_args!(
        "The Docker engine does not have {image}: pulling it."
    ));
    if let Err(error) = docker::pull(image) {
        say(format_args!(
            "{error}\nNo registry, then: making it from Debian's redis-server."
        ));
        make(image)?;
    }
    Ok(())
}

fn make(image: &str) -> Result<(), ImageError> {
    let watch = clock::Stopwatch::start();
    let mut rootfs = RootFs::new(User {
        name: "redis",
        id: 999,
    })?;
    for (name, at) in PROGRAMS {
        rootfs.add_program(&find_or_install(name)?, at)?;
    }
    rootfs.add_text("/usr/bin/docker-entrypoint.sh", ENTRYPOINT, 0o755)?;
    rootfs.add_owned_folder("/data")?;
    rootfs.import(image, &how_it_starts())?;
    let version = try_out(image)?;
    say(format_args!(
        "Made {image} in {watch}; it runs Redis {version}."
    ));
    if !image.contains(&version) {
        say("Mind that its name says otherwise: this machine's Debian has another Redis.");
    }
    Ok(())
}

/// Where a program of Debian's `redis-server` package is, which is installed where that can be.
pub(crate) fn find_or_install(program: &str) -> Result<PathBuf, ImageError> {
    if host::program(program).is_none() && host::can_install_packages() {
        host::install_package("redis-server")?;
    }
    host::program(program).ok_or_else(|| ImageError::Missing {
        what: format!("`{program}`"),
        hint: "install Debian's package redis-server (as root this command does)",
    })
}

fn how_it_starts() -> Vec<String> {
    [
        r#"ENTRYPOINT ["docker-entrypoint.sh"]"#,
        r#"CMD ["redis-server"]"#,
        "ENV PATH=/usr/bin:/bin",
        "WORKDIR /data",
        "EXPOSE 6379",
        "LABEL org.opencontainers.image.title=redis-from-debian",
    ]
    .map(str::to_owned)
    .into()
}

/// Starts a container and talks to it as another host would: over its own address, which Redis's
/// protected mode would refuse. Returns the server's version.
fn try_out(image: &str) -> Result<String, ImageError> {
    let run = ["run", "--detach", "--rm", image, "--appendonly", "yes"];
    let container = docker().args(run).read()?.trim().to_owned();
    let answer = answer_of(&container);
    docker()
        .args(["rm", "--force", "--volumes", &container])
        .read()?;
    answer.ok_or_else(|| ImageError::Broken {
        image: image.to_owned(),
        problem: "does not answer over its network address".to_owned(),
    })
}

fn answer_of(container: &str) -> Option<String> {
    let address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = docker()
        .args(["inspect", "--format", address, container])
        .read()
        .ok()?;
    let ask = || docker().args(["exec", container, "redis-cli", "-h", address.trim()]);
    let set = || {
        ask()
            .args(["set", "tried", "yes"])
            .read()
            .is_ok_and(|said| said.trim() == "OK")
    };
    if !clock::wait_until(Duration::from_secs(10), set) {
        return None;
    }
    version_in(&ask().args(["info", "server"]).read().ok()?)
}

/// The bare version, as in an image's tag, out of what `INFO server` says.
fn version_in(info: &str) -> Option<String> {
    info.lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .map(|v| v.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Cmd;
    use crate::workspace::Workspace;

    /// Runs the entry point's script with `exec` turned into `echo`.
    fn started_by(args: &[&str]) -> String {
        let script = ENTRYPOINT.replace("exec ", "echo ");
        Cmd::new("sh")
            .args(["-c", &script, "docker-entrypoint.sh"])
            .args(args)
            .read()
            .unwrap()
    }

    #[test]
    fn the_server_is_open_to_its_network_however_it_is_started() {
        let open = "redis-server --protected-mode no";
        assert_eq!(started_by(&["redis-server"]).trim(), open);
        assert_eq!(
            started_by(&["redis-server", "--appendonly", "yes"]).trim(),
            format!("{open} --appendonly yes")
        );
        assert_eq!(
            started_by(&["--port", "7000"]).trim(),
            format!("{open} --port 7000")
        );
    }

    #[test]
    fn a_configuration_file_stays_the_first_argument() {
        let started = started_by(&["redis-server", "/data/redis.conf", "--port", "7000"]);
        assert_eq!(
            started.trim(),
            "redis-server /data/redis.conf --protected-mode no --port 7000"
        );
    }

    #[test]
    fn a_question_to_the_server_stays_its_only_argument() {
        assert_eq!(
            started_by(&["redis-server", "--version"]).trim(),
            "redis-server --version"
        );
    }

    #[test]
    fn the_version_is_read_from_the_servers_own_word() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\n";
        assert_eq!(version_in(info).as_deref(), Some("7.0.15"));
    }

    #[test]
    fn any_other_program_runs_as_it_stands() {
        assert_eq!(
            started_by(&["redis-cli", "--version"]).trim(),
            "redis-cli --version"
        );
    }

    #[test]
    fn the_tests_start_the_image_that_is_made_here() {
        let source = Workspace::find()
            .unwrap()
            .read("crates/test-support/src/redis.rs")
            .unwrap();
        assert!(
            source.contains(&format!("const IMAGE: &str = \"{REDIS_IMAGE}\";")),
            "{source}"
        );
    }

    #[test]
    fn the_compose_file_names_the_image_that_is_made_here() {
        let compose = Workspace::find()
            .unwrap()
            .read("docker-compose.yml")
            .unwrap();
        assert!(
            compose.contains(&format!("image: {REDIS_IMAGE}\n")),
            "{compose}"
        );
    }
}
