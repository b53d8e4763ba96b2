//! Installing what a command needs and this machine lacks.

use std::path::{Path, PathBuf};

use anyhow::bail;
use xshell::{Shell, cmd};

use crate::cargo::{Stopwatch, cargo, say, succeeds};

/// Where a program is, if the PATH has it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the PATH is where programs are")]
    let path = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

/// Installs a Debian package where `is_there` says that it is missing, and this is Debian and root.
pub(crate) fn debian(sh: &Shell, package: &str, is_there: impl Fn() -> bool) -> anyhow::Result<()> {
    if is_there() {
        return Ok(());
    }
    let user = cmd!(sh, "id -u").quiet().read().unwrap_or_default();
    if Path::new("/etc/debian_version").exists() && user == "0" {
        say(format_args!(
            "Installing Debian's {package} (about a minute)."
        ));
        let apt =
            || cmd!(sh, "timeout 300 apt-get --quiet").env("DEBIAN_FRONTEND", "noninteractive");
        apt().arg("update").run()?;
        let install = ["install", "--yes", "--no-install-recommends", package];
        apt().args(install).run()?;
    }
    if !is_there() {
        bail!("{package} is missing (Debian, as root: apt-get install {package})");
    }
    Ok(())
}

/// Installs a cargo command where it is missing.
pub(crate) fn cargo_command(sh: &Shell, name: &str, version: &str) -> anyhow::Result<()> {
    if succeeds(cargo(sh).args([name, "--version"])) {
        return Ok(());
    }
    let package = format!("cargo-{name}");
    say(format_args!(
        "Installing {package} {version} (some minutes)."
    ));
    let watch = Stopwatch::start();
    let install = ["install", "--locked", "--version", version, &package];
    cargo(sh).args(install).run()?;
    say(format_args!("{package} is installed after {watch}."));
    Ok(())
}
