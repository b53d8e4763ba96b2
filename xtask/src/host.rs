//! The machine this runs on: what it has, and what may be installed on it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Cmd, RunError};
use crate::say::say;

/// Where a program is, if the PATH has it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the PATH is where programs are, by definition"
    )]
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// An environment variable, where it is set and not empty.
pub(crate) fn setting(key: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a developer's tool takes its settings there"
    )]
    let value = std::env::var(key).ok()?;
    (!value.is_empty()).then_some(value)
}

/// Whether `apt-get install` can work: Debian or a relative of it, as root.
pub(crate) fn can_install_packages() -> bool {
    Path::new("/etc/debian_version").exists() && program("apt-get").is_some() && is_root()
}

/// Installs a Debian package, and says so first.
pub(crate) fn install_package(package: &str) -> Result<(), RunError> {
    say(format_args!(
        "Installing Debian's {package} by apt-get (a minute at most)."
    ));
    let apt = |args: &[&str]| {
        Cmd::new("apt-get")
            .args(["-q", "-y"])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run_within(Duration::from_secs(300))
    };
    apt(&["update"])?;
    apt(&["install", "--no-install-recommends", package])
}

fn is_root() -> bool {
    Cmd::new("id")
        .arg("-u")
        .read()
        .is_ok_and(|id| id.trim() == "0")
}
