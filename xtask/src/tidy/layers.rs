//! The layers, one direction only: which crate may use which, and who alone may name a library.
//!
//! `deny.toml` says the same of the built graph; this says it of the manifests, with a reason that
//! names the crate, and for features, which cargo unifies over the workspace. ARCHITECTURE.md has
//! the picture.

use super::{Finding, TidyError};
use crate::workspace::{Dependency, Package, Workspace};

/// What one crate may use.
pub(super) struct Layer {
    name: &'static str,
    /// Our own crates that it may depend on. As a dev-dependency it may also use `test-support`
    /// and, to turn on features in its own tests, itself.
    may_use: &'static [&'static str],
    /// What else its tests may use: a client's tests run against the service.
    tests_may_use: &'static [&'static str],
    /// Libraries that must not be in its normal dependencies, not even indirectly, when it is
    /// built alone with its default features.
    free_of: &'static [&'static str],
}

const DRIVERS: &[&str] = &[
    "fred",
    "redb",
    "fjall",
    "jsonwebtoken",
    "actix-web",
    "testcontainers",
];

/// Every crate of the workspace, lowest layer first.
pub(super) const LAYERS: [Layer; 11] = [
    Layer {
        name: "log-domain",
        may_use: &[],
        tests_may_use: &[],
        free_of: &["tokio", "futures-core", "serde_core", "async-trait"],
    },
    Layer {
        name: "log-wire",
        may_use: &["log-domain"],
        tests_may_use: &[],
        free_of: &[
            "tokio",
            "fred",
            "redb",
            "fjall",
            "jsonwebtoken",
            "actix-web",
        ],
    },
    Layer {
        name: "log-store",
        may_use: &["log-domain"],
        tests_may_use: &[],
        free_of: &["actix-web", "jsonwebtoken", "testcontainers"],
    },
    Layer {
        name: "auth",
        may_use: &[],
        tests_may_use: &[],
        free_of: &["actix-web", "fred", "testcontainers"],
    },
    Layer {
        name: "log-hub",
        may_use: &["log-domain", "log-wire", "log-store"],
        tests_may_use: &[],
        free_of: DRIVERS,
    },
    Layer {
        name: "log-writer",
        may_use: &["log-domain", "log-store"],
        tests_may_use: &[],
        free_of: DRIVERS,
    },
    Layer {
        name: "log-client",
        may_use: &["log-domain", "log-wire"],
        tests_may_use: &["auth", "log-api", "log-hub", "log-store"],
        free_of: DRIVERS,
    },
    Layer {
        name: "log-api",
        may_use: &[
            "log-domain",
            "log-wire",
            "log-store",
            "auth",
            "log-hub",
            "log-writer",
        ],
        tests_may_use: &[],
        free_of: &["testcontainers", "test-support"],
    },
    Layer {
        name: "log-cli",
        may_use: &[
            "log-domain",
            "log-wire",
            "log-store",
            "log-hub",
            "log-writer",
            "log-client",
        ],
        tests_may_use: &["auth", "log-api"],
        free_of: &["redb", "jsonwebtoken", "actix-web", "testcontainers"],
    },
    Layer {
        name: "test-support",
        may_use: &["log-domain", "log-wire", "auth"],
        tests_may_use: &[],
        free_of: &["actix-web"],
    },
    Layer {
        name: "xtask",
        may_use: &[],
        tests_may_use: &[],
        free_of: &["tokio"],
    },
];

/// Libraries that one place hides from the others. Families count as one: `actix-` is each crate
/// whose name begins so.
const HIDDEN: [(&str, &[&str]); 7] = [
    ("fred", &["log-store"]),
    ("redb", &["log-store"]),
    ("fjall", &["log-store"]),
    ("jsonwebtoken", &["auth", "test-support"]),
    ("actix-", &["log-api", "auth"]),
    ("testcontainers", &["test-support"]),
    ("prometheus-client", &["log-api"]),
];

/// Checks one crate's manifest.
pub(super) fn check(package: &Package) -> Vec<Finding> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == package.name) else {
        let text = "has no place in the layers: give it one in xtask's tidy and in deny.toml";
        return vec![Finding::error(&package.name, text)];
    };
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        findings.extend(upwards(layer, dependency));
        findings.extend(taken_from_its_place(package, dependency));
    }
    findings
}

/// The libraries that the crate, built alone with its default features, really has.
pub(super) fn reach(workspace: &Workspace, layer: &Layer) -> Result<Vec<String>, TidyError> {
    let tree = [
        "tree",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--package",
        layer.name,
    ];
    let lines = workspace.cargo().args(tree).read()?;
    Ok(lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect())
}

/// Checks what `reach` found.
pub(super) fn check_reach(layer: &Layer, reach: &[String]) -> Vec<Finding> {
    let found = layer
        .free_of
        .iter()
        .filter(|library| reach.iter().any(|name| name == *library));
    let text = |library| {
        format!(
            "reaches {library}: `cargo tree -p {} -i {library}`",
            layer.name
        )
    };
    found
        .map(|library| Finding::error(layer.name, text(library)))
        .collect()
}

fn upwards(layer: &Layer, dependency: &Dependency) -> Option<Finding> {
    let name = dependency.name.as_str();
    let is_ours = LAYERS.iter().any(|layer| layer.name == name);
    let for_tests = dependency.kind.as_deref() == Some("dev")
        && (name == "test-support" || name == layer.name || layer.tests_may_use.contains(&name));
    if !is_ours || layer.may_use.contains(&name) || for_tests {
        return None;
    }
    let allowed = match layer.may_use {
        [] => "nothing of ours".to_owned(),
        some => some.join(", "),
    };
    let text = format!("must not depend on {name}: its layer may use {allowed}");
    Some(Finding::error(layer.name, text))
}

fn taken_from_its_place(package: &Package, dependency: &Dependency) -> Option<Finding> {
    let is_family = |key: &str| key.ends_with('-') && dependency.name.starts_with(key);
    let (_, places) = HIDDEN
        .iter()
        .find(|(key, _)| *key == dependency.name || is_family(key))?;
    if places.contains(&package.name.as_str()) {
        return None;
    }
    let text = format!(
        "must not name {}: only {} may",
        dependency.name,
        places.join(", ")
    );
    Some(Finding::error(&package.name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
        };
        let dependencies = dependencies.iter().map(dependency).collect();
        Package {
            dependencies,
            ..Package::named(name, None)
        }
    }

    fn layer(name: &str) -> &'static Layer {
        LAYERS.iter().find(|layer| layer.name == name).unwrap()
    }

    #[test]
    fn an_edge_upwards_is_named() {
        let found = check(&package(
            "log-store",
            &[("log-domain", None), ("log-hub", None)],
        ));
        let text = "must not depend on log-hub: its layer may use log-domain";
        assert_eq!(found, [Finding::error("log-store", text)]);
    }

    #[test]
    fn support_for_tests_is_for_tests_only() {
        assert!(check(&package("log-hub", &[("test-support", Some("dev"))])).is_empty());
        assert_eq!(
            check(&package("log-hub", &[("test-support", None)])).len(),
            1
        );
        assert_eq!(
            check(&package("log-hub", &[("test-support", Some("build"))])).len(),
            1
        );
    }

    #[test]
    fn the_service_is_for_the_tests_of_its_clients() {
        assert!(check(&package("log-client", &[("log-api", Some("dev"))])).is_empty());
        assert_eq!(check(&package("log-client", &[("log-api", None)])).len(), 1);
        assert_eq!(
            check(&package("log-hub", &[("log-api", Some("dev"))])).len(),
            1
        );
    }

    #[test]
    fn a_crate_may_turn_on_its_own_features_for_its_tests() {
        assert!(check(&package("log-store", &[("log-store", Some("dev"))])).is_empty());
    }

    #[test]
    fn a_hidden_library_is_named_outside_its_place_in_tests_too() {
        assert!(check(&package("log-store", &[("fred", None)])).is_empty());
        for kind in [None, Some("dev")] {
            let found = check(&package("log-api", &[("fred", kind)]));
            assert_eq!(found[0].text, "must not name fred: only log-store may");
        }
    }

    #[test]
    fn a_family_is_hidden_as_a_whole() {
        assert_eq!(check(&package("log-hub", &[("actix-rt", None)])).len(), 1);
        assert!(check(&package("log-api", &[("actix-web-lab", None)])).is_empty());
    }

    #[test]
    fn a_crate_without_a_place_is_named() {
        assert_eq!(check(&package("log-extra", &[])).len(), 1);
    }

    #[test]
    fn what_a_crate_reaches_indirectly_counts() {
        let reach = ["log-hub", "tokio", "fred"].map(str::to_owned);
        let found = check_reach(layer("log-hub"), &reach);
        assert_eq!(found.len(), 1);
        assert!(found[0].text.starts_with("reaches fred"), "{found:?}");
    }

    #[test]
    fn reach_is_read_from_cargo() {
        let reach = reach(&Workspace::find().unwrap(), layer("log-wire")).unwrap();
        assert!(reach.iter().any(|name| name == "log-domain"), "{reach:?}");
        assert!(reach.iter().any(|name| name == "serde_core"), "{reach:?}");
        assert!(
            !reach.iter().any(|name| name == "proptest"),
            "dev-dependencies count: {reach:?}"
        );
    }
}
