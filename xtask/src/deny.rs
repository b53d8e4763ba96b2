//! The steps that cargo-deny does. What is allowed stands in `deny.toml`, with reasons.

use crate::ci::StepError;
use crate::clock::Stopwatch;
use crate::process::RunError;
use crate::say::say;
use crate::workspace::Workspace;

/// The version that is installed where none is there.
const VERSION: &str = "0.20.2";

/// Layers, bans, licences, sources: all that the lock file and the manifests tell, so no network.
pub(crate) fn rules(workspace: &Workspace) -> Result<(), StepError> {
    install(workspace)?;
    // Plain `cargo deny check bans` also tells which crates are there twice, at length. A wrapper
    // that does not use its right is no fault: the layers say who may, not who must.
    let check = workspace.cargo().args(["deny", "--locked", "check"]);
    let check = check.args(["--allow", "duplicate", "--allow", "unused-wrapper"]);
    Ok(check.args(["bans", "licenses", "sources"]).run()?)
}

/// Known holes. The list of them is on the network: where that is not to be had this step says so
/// and passes, because a machine without a network could never pass otherwise.
pub(crate) fn advisories(workspace: &Workspace) -> Result<(), StepError> {
    install(workspace)?;
    if let Err(error) = workspace.cargo().args(["deny", "fetch", "db"]).read() {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default();
        say(format_args!(
            "NOT CHECKED: the advisory database cannot be fetched ({reason})"
        ));
        return Ok(());
    }
    let check = ["deny", "--locked", "check", "--disable-fetch", "advisories"];
    Ok(workspace.cargo().args(check).run()?)
}

fn install(workspace: &Workspace) -> Result<(), RunError> {
    if workspace.cargo().args(["deny", "--version"]).read().is_ok() {
        return Ok(());
    }
    say(format_args!(
        "cargo-deny is not here: installing {VERSION}, about 5 minutes on two cores."
    ));
    let watch = Stopwatch::start();
    workspace
        .cargo()
        .args(["install", "--locked", "cargo-deny", "--version", VERSION])
        .run()?;
    say(format_args!("cargo-deny is installed after {watch}."));
    Ok(())
}
