//! `cargo xtask bench scale` and `cargo xtask bench peers`: what takes servers, and so more than a bench target.
//!
//! Here are only what has to be there first (the release binaries, the peers) and the hand-over: the benchmark itself
//! is the crate `bench-load`.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::Duration;

use crate::bench::BenchError;
use crate::host;
use crate::process::Cmd;
use crate::say::say;
use crate::workspace::Workspace;

/// The version that the figures are compared with.
const DURABLE_STREAMS: &str = "0.1.5";

/// Where Debian's `libnginx-mod-nchan` puts the module.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// What is run in place of a bench target, with what it measures.
pub(crate) const SETS: [(&str, &str); 3] = [
    (
        "scale",
        "The service at scale: memory, delays, slow viewers, replays, pages (10,000 viewers).",
    ),
    (
        "peers",
        "The service beside durable-streams and nchan, on the same load (1,000 viewers).",
    ),
    (
        "plan",
        "What one million viewers need on paper, from the results of both.",
    ),
];

/// Builds what is measured, gets the peers if they are asked for, and becomes the benchmark.
pub(crate) fn run(workspace: &Workspace, set: &str, args: &[String]) -> Result<(), BenchError> {
    if !cfg!(target_os = "linux") {
        return Err(BenchError::NotLinux);
    }
    // As it is deployed: with the allocator that the image has.
    let build = [
        "build",
        "--release",
        "--locked",
        "-p",
        "log-api",
        "--features",
        "jemalloc",
    ];
    workspace.cargo().args(build).run()?;
    let target = workspace.metadata()?.target_directory;
    let build = ["build", "--release", "--locked", "--manifest-path"];
    let build = workspace.cargo().args(build).arg("bench/Cargo.toml");
    build.arg("--target-dir").arg(&target).run()?;
    if set == "peers" && !args.iter().any(|arg| arg == "--list") {
        durable_streams(workspace)?;
        nchan()?;
    }
    let commit = Cmd::new("git")
        .args(["describe", "--always", "--dirty"])
        .within(workspace.root());
    let commit = commit.read().unwrap_or_default();
    let mut bench = std::process::Command::new(target.join("release/bench-load"));
    bench.arg(set).arg("--out").arg(target.join("bench"));
    if set != "plan" {
        bench.args(["--commit", commit.trim(), "--nchan", NCHAN]);
        bench.arg("--log-api").arg(target.join("release/log-api"));
        bench
            .arg("--durable-streams")
            .arg(durable_streams_program(&target));
    }
    bench.args(args);
    // In place of this process, so that signals reach the one that has servers to stop.
    Err(BenchError::Start(bench.exec()))
}

fn durable_streams_program(target: &Path) -> std::path::PathBuf {
    target.join("peers/bin/durable-streams-server")
}

fn durable_streams(workspace: &Workspace) -> Result<(), BenchError> {
    let target = workspace.metadata()?.target_directory;
    if durable_streams_program(&target).is_file() {
        return Ok(());
    }
    say(format_args!(
        "Installing durable-streams {DURABLE_STREAMS} into target/peers (a few minutes)."
    ));
    let install = workspace.cargo().args([
        "install",
        "durable-streams",
        "--version",
        DURABLE_STREAMS,
        "--locked",
        "--root",
    ]);
    install
        .arg(target.join("peers"))
        .run_within(Duration::from_secs(1_800))?;
    Ok(())
}

fn nchan() -> Result<(), BenchError> {
    let is_there = || Path::new(NCHAN).is_file() && Path::new("/usr/sbin/nginx").is_file();
    if is_there() {
        return Ok(());
    }
    if !host::can_install_packages() {
        return Err(BenchError::NoNchan);
    }
    host::install_package("nginx")?;
    host::install_package("libnginx-mod-nchan")?;
    if is_there() {
        Ok(())
    } else {
        Err(BenchError::NoNchan)
    }
}
