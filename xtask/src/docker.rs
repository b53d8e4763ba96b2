//! Questions to a Docker engine, by its command-line client.

use std::time::Duration;

use crate::process::{Cmd, RunError};

/// An engine on this machine answers at once or not at all.
const QUESTION: Duration = Duration::from_secs(10);
/// A slow line and a big image. Where there is no registry the engine says so within seconds.
const PULL: Duration = Duration::from_secs(300);

/// `docker`, with nothing said yet.
pub(crate) fn docker() -> Cmd {
    Cmd::new("docker")
}

/// Whether there is an engine that answers this user.
pub(crate) fn answers() -> bool {
    docker()
        .args(["version", "--format", "{{.Server.Version}}"])
        .succeeds_within(QUESTION)
}

/// Whether the engine has this image already.
pub(crate) fn has_image(image: &str) -> bool {
    docker()
        .args(["image", "inspect", image])
        .succeeds_within(QUESTION)
}

/// Fetches an image from its registry.
pub(crate) fn pull(image: &str) -> Result<(), RunError> {
    docker().args(["pull", image]).run_within(PULL)
}
