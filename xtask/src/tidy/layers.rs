//! The layers between crates, as far as cargo-deny cannot see them. `deny.toml` has the rest: who may depend on whom.
//!
//! cargo-deny looks at one graph, with all features and with the dependencies of tests. It does not see what a library
//! has with its default features and without its tests. `cargo tree` tells that.

use anyhow::Context as _;
use xshell::Shell;

use crate::cargo::cargo;

/// Each crate, with cargo's arguments for its features, and what it must not have, not even indirectly.
const FREE_OF: [&str; 11] = [
    "log-domain: tokio futures-core serde_core async-trait",
    "log-redact: tokio log-domain serde_core fred actix-web",
    "log-wire: test-support tokio fred redb jsonwebtoken actix-web",
    "log-store: test-support actix-web jsonwebtoken testcontainers",
    "auth: test-support actix-web fred testcontainers",
    "log-hub: test-support fred redb jsonwebtoken actix-web",
    "log-writer: test-support fred redb jsonwebtoken actix-web",
    "log-client: test-support auth log-api log-hub log-store actix-web",
    "log-api: test-support testcontainers",
    // The routes for another application.
    "log-api --no-default-features: clap fred log-writer prometheus-client redb strsim tempfile tracing-subscriber",
    "log-cli: test-support auth log-api log-hub redb jsonwebtoken actix-web",
];

pub(super) fn check(sh: &Shell) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for line in FREE_OF {
        let (package, free_of) = line.split_once(": ").context("`crate: libraries`")?;
        let tree = cargo(
            sh,
            "tree --edges=normal --prefix=none --format={p} --package",
        );
        let tree = tree.args(package.split(' ')).quiet().read()?;
        let has = |library: &&str| {
            tree.lines()
                .any(|line| line.split(' ').next() == Some(library))
        };
        for library in free_of.split(' ').filter(has) {
            findings.push(format!(
                "{package}: has {library}: see `cargo tree -p {package} -e normal -i {library}`"
            ));
        }
    }
    Ok(findings)
}
