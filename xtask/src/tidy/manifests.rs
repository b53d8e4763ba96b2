//! Rules for the manifest of one crate.

use super::Finding;
use crate::workspace::Package;

pub(super) fn check(package: &Package, manifest: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if package
        .description
        .as_deref()
        .unwrap_or_default()
        .trim()
        .is_empty()
    {
        findings.push(Finding::error(&package.name, "a crate has a `description`"));
    }
    if !inherits_lints(manifest) {
        let text = "a crate has `[lints] workspace = true`, or no lint reaches it";
        findings.push(Finding::error(&package.name, text));
    }
    findings
}

/// Whether a manifest has `workspace = true` in its `[lints]` table.
fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .any(|line| line == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(description: Option<&str>) -> Package {
        Package::named("log-hub", description)
    }

    #[test]
    fn a_full_manifest_passes() {
        let manifest = "[package]\nname = \"log-hub\"\n\n[lints]\nworkspace = true\n";
        assert!(check(&package(Some("What it is for.")), manifest).is_empty());
    }

    #[test]
    fn a_crate_without_the_workspace_lints_is_named() {
        let others = [
            "[package]\nname = \"log-hub\"\n",
            "[lints]\n[dependencies]\nworkspace = true\n",
            "[lints]\nworkspace = false\n",
        ];
        for manifest in others {
            let found = check(&package(Some("What it is for.")), manifest);
            assert!(found[0].text.contains("[lints]"), "{manifest}");
        }
    }

    #[test]
    fn a_crate_without_a_description_is_named() {
        let manifest = "[lints]\nworkspace = true\n";
        assert_eq!(check(&package(None), manifest).len(), 1);
        assert_eq!(check(&package(Some(" ")), manifest).len(), 1);
    }
}
