//! The layers between crates, as far as cargo-deny cannot see them. `deny.toml` has the rest: who may depend on whom.
//!
//! cargo-deny looks at one graph, with all features and with the dependencies of tests. It does not see what a library
//! has with its default features and without its tests. `cargo tree` tells that.

use xshell::Shell;

use super::file::Finding;
use crate::cargo::cargo;

/// What a crate must not have, not even indirectly.
const FREE_OF: [(&str, &str); 9] = [
    ("log-domain", "tokio futures-core serde_core async-trait"),
    (
        "log-wire",
        "test-support tokio fred redb jsonwebtoken actix-web",
    ),
    (
        "log-store",
        "test-support actix-web jsonwebtoken testcontainers",
    ),
    ("auth", "test-support actix-web fred testcontainers"),
    ("log-hub", "test-support fred redb jsonwebtoken actix-web"),
    (
        "log-writer",
        "test-support fred redb jsonwebtoken actix-web",
    ),
    (
        "log-client",
        "test-support auth log-api log-hub log-store actix-web",
    ),
    ("log-api", "test-support testcontainers"),
    (
        "log-cli",
        "test-support auth log-api log-hub redb jsonwebtoken actix-web",
    ),
];

pub(super) fn check(sh: &Shell) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (package, free_of) in FREE_OF {
        let tree = [
            "tree",
            "--edges=normal",
            "--prefix=none",
            "--format={p}",
            "--package",
        ];
        let lines = cargo(sh).args(tree).arg(package).quiet().read()?;
        let has = |library: &str| {
            lines
                .lines()
                .any(|line| line.split(' ').next() == Some(library))
        };
        for library in free_of.split(' ').filter(|library| has(library)) {
            let text =
                format!("has {library}: see `cargo tree -p {package} -e normal -i {library}`");
            findings.push(Finding::new(package, text));
        }
    }
    Ok(findings)
}
