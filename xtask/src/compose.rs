//! Compose, in whichever of its two forms this machine has it.

use std::time::Duration;

use crate::clock;
use crate::docker::docker;
use crate::host;
use crate::process::{Cmd, RunError};
use crate::workspace::Workspace;

/// `docker compose` or `docker-compose`, speaking of the workspace's docker-compose.yml.
pub(crate) struct Compose {
    command: Cmd,
}

impl Compose {
    /// The newer form where it is there, else the older one, else nothing.
    pub(crate) fn find(workspace: &Workspace) -> Option<Self> {
        let newer = docker().args(["compose", "version"]);
        let command = if newer.succeeds_within(Duration::from_secs(10)) {
            docker().arg("compose")
        } else {
            Cmd::new(host::program("docker-compose").map(|_| "docker-compose")?)
        };
        Some(Self {
            command: command.within(workspace.root()),
        })
    }

    /// Starts one service in the background.
    pub(crate) fn up(&self, service: &str) -> Result<(), RunError> {
        self.command.clone().args(["up", "--detach", service]).run()
    }

    /// Stops one service and leaves its data.
    pub(crate) fn stop(&self, service: &str) -> Result<(), RunError> {
        self.command.clone().args(["stop", service]).run()
    }

    /// Waits until a service's health check says yes. (`up --wait` would do it, but the older form
    /// does not have it.)
    pub(crate) fn is_healthy_within(&self, service: &str, limit: Duration) -> bool {
        clock::wait_until(limit, || {
            let container = self.command.clone().args(["ps", "--quiet", service]).read();
            let health = container.and_then(|id| {
                let format = "{{.State.Health.Status}}";
                docker()
                    .args(["inspect", "--format", format, id.trim()])
                    .read()
            });
            health.is_ok_and(|health| health.trim() == "healthy")
        })
    }
}
