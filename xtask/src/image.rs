//! The API's image from the binary compiled on this machine, without a registry.
//!
//! It is what the last stage of the Dockerfile makes, less Debian's own tools: the same user, entry
//! point, settings and health check, and it too works with a read-only root.

use std::path::Path;

use crate::cli::ImageArgs;
use crate::clock::Stopwatch;
use crate::docker::{self, docker};
use crate::rootfs::{ImageError, RootFs, User};
use crate::say::say;
use crate::workspace::Workspace;

/// The name that docker-compose.yml gives the API's image.
pub(crate) const API_IMAGE: &str = "log-api:local";

/// The authorities that outgoing TLS trusts, as Debian's `ca-certificates` lays them down.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How the image is started. A test holds these lines against the Dockerfile's last stage.
const HOW_IT_STARTS: [&str; 5] = [
    "ENV LOG_API_BIND=0.0.0.0:8080",
    "EXPOSE 8080",
    r#"HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["log-api", "health"]"#,
    r#"ENTRYPOINT ["log-api"]"#,
    r#"CMD ["serve"]"#,
];

/// `cargo xtask image`.
pub(crate) fn build(workspace: &Workspace, args: &ImageArgs) -> Result<(), ImageError> {
    if !docker::answers() {
        return Err(ImageError::NoEngine);
    }
    say("Compiling log-api for release (minutes on a cold machine), then packing it.");
    workspace
        .cargo()
        .args([
            "build",
            "--locked",
            "--release",
            "--package",
            "log-api",
            "--features",
            "jemalloc",
        ])
        .run()?;
    let binary = workspace
        .metadata()?
        .target_directory
        .join("release/log-api");

    let watch = Stopwatch::start();
    let mut rootfs = RootFs::new(User {
        name: "log-api",
        id: 10001,
    })?;
    rootfs.add_program(&binary, "/usr/local/bin/log-api")?;
    if !Path::new(AUTHORITIES).exists() {
        return Err(ImageError::Missing {
            what: format!("`{AUTHORITIES}`"),
            hint: "install Debian's package ca-certificates",
        });
    }
    rootfs.add_file(Path::new(AUTHORITIES), AUTHORITIES, 0o644)?;
    rootfs.add_owned_folder("/data")?;
    let path = "ENV PATH=/usr/local/bin".to_owned();
    let changes: Vec<String> = std::iter::once(path)
        .chain(HOW_IT_STARTS.map(str::to_owned))
        .collect();
    rootfs.import(&args.tag, &changes)?;
    try_out(&args.tag)?;
    say(format_args!(
        "Packed {} in {watch}. Start it all: docker-compose up --detach",
        args.tag
    ));
    Ok(())
}

/// Starts it as compose does, without rights and without a writable root: a library that is
/// missing shows here.
fn try_out(image: &str) -> Result<(), ImageError> {
    let alone = [
        "run",
        "--rm",
        "--read-only",
        "--cap-drop",
        "ALL",
        "--network",
        "none",
    ];
    let help = docker().args(alone).args([image, "--help"]).read();
    help.map(|_| ()).map_err(|error| ImageError::Broken {
        image: image.to_owned(),
        problem: format!("does not start: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_starts_the_same_way() {
        let dockerfile = Workspace::find().unwrap().read("Dockerfile").unwrap();
        for line in HOW_IT_STARTS {
            assert!(
                dockerfile.lines().any(|other| other == line),
                "not in the Dockerfile: {line}"
            );
        }
    }

    #[test]
    fn the_compose_file_names_the_image_that_is_made_here() {
        let compose = Workspace::find()
            .unwrap()
            .read("docker-compose.yml")
            .unwrap();
        assert!(
            compose.contains(&format!("image: {API_IMAGE}\n")),
            "{compose}"
        );
    }
}
