//! Docker images, also without a registry. `xtask/image.sh` makes them.

use anyhow::ensure;
use clap::Args;
use xshell::{Shell, cmd};

use crate::cargo::{cargo, metadata, say, succeeds};

/// The image that the tests start (`test-support` has the same constant) and that docker-compose.yml names.
pub(crate) const REDIS_IMAGE: &str = "redis:7.0.15";

const NO_ENGINE: &str = "no Docker engine answers `docker version`";

/// Make a Redis image from Debian's redis-server, without a registry.
///
/// The image gets the name that the tests and docker-compose.yml use, so that they find it where the official image
/// cannot be pulled. It takes a few seconds.
#[derive(Args, Debug)]
pub(crate) struct RedisImageArgs {
    /// The name of the image.
    #[arg(default_value = REDIS_IMAGE)]
    tag: String,
    /// Make it even where there is an image of that name.
    #[arg(long)]
    force: bool,
}

/// Make the API's image from the binary that is compiled here, without a registry.
///
/// It has the same shape as the last stage of the Dockerfile, for machines that cannot pull base images.
/// docker-compose.yml finds it by its name.
#[derive(Args, Debug)]
pub(crate) struct ImageArgs {
    /// The name of the image.
    #[arg(default_value = "log-api:local")]
    tag: String,
}

/// `cargo xtask redis-image`.
pub(crate) fn redis(sh: &Shell, args: &RedisImageArgs) -> anyhow::Result<()> {
    ensure!(engine_answers(sh), NO_ENGINE);
    let (tag, force) = (&args.tag, args.force.then_some("--force"));
    Ok(cmd!(sh, "sh xtask/image.sh redis {tag} {force...}").run()?)
}

/// `cargo xtask image`.
pub(crate) fn api(sh: &Shell, args: &ImageArgs) -> anyhow::Result<()> {
    ensure!(engine_answers(sh), NO_ENGINE);
    say("Compiling log-api for release (minutes on a cold machine), then packing it.");
    let build = "build --locked --release --package log-api --features jemalloc";
    cargo(sh, build).run()?;
    let target = metadata(sh, "Cargo.toml")?.target_directory;
    let (tag, binary) = (&args.tag, target.join("release/log-api"));
    Ok(cmd!(sh, "sh xtask/image.sh api {tag} {binary}").run()?)
}

/// Makes sure that the engine has a Redis image.
pub(crate) fn ensure_redis(sh: &Shell, image: &str) -> anyhow::Result<()> {
    Ok(cmd!(sh, "sh xtask/image.sh pull-redis {image}").run()?)
}

/// Whether a Docker engine answers this user.
pub(crate) fn engine_answers(sh: &Shell) -> bool {
    succeeds(cmd!(sh, "timeout 10 docker version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = include_str!("../../docker-compose.yml");
    const DOCKERFILE: &str = include_str!("../../Dockerfile");
    const SCRIPT: &str = include_str!("../image.sh");
    const TEST_SUPPORT: &str = include_str!("../../crates/test-support/src/redis.rs");

    #[test]
    fn all_files_name_the_same_images_and_start_the_api_in_the_same_way() {
        assert!(TEST_SUPPORT.contains(&format!("IMAGE: &str = \"{REDIS_IMAGE}\";")));
        assert!(COMPOSE.contains(&format!("image: {REDIS_IMAGE}\n")));
        assert!(COMPOSE.contains("image: log-api:local\n"));
        let last_stage = DOCKERFILE.rsplit("\nFROM ").next().unwrap();
        let start = last_stage
            .lines()
            .skip_while(|line| !line.starts_with("ENV "));
        assert_eq!(start.clone().count(), 5);
        for line in start {
            assert!(SCRIPT.contains(&format!("--change '{line}'")), "{line}");
        }
    }

    #[test]
    fn the_redis_image_is_open_to_its_network_and_runs_other_programs_unchanged() {
        let script = SCRIPT.split("SCRIPT").nth(1).unwrap();
        let script = script.replacen('\'', "", 1).replace("exec ", "echo ");
        let sh = Shell::new().unwrap();
        let open = "redis-server --protected-mode no";
        for (line, expected) in [
            ("redis-server", open),
            ("--port 7", &format!("{open} --port 7")),
            ("redis-server --port 7", &format!("{open} --port 7")),
            ("redis-server x", "redis-server x --protected-mode no"),
            ("redis-server --version", "redis-server --version"),
            ("redis-cli --version", "redis-cli --version"),
        ] {
            let arguments = line.split(' ');
            let run = cmd!(sh, "sh -c {script} entry-point {arguments...}");
            assert_eq!(run.quiet().read().unwrap(), expected);
        }
    }
}
