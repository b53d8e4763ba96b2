//! Rules for the manifests of crates and for the numbers of decisions.

use super::file::{File, Finding};
use crate::cargo::Package;

/// The folder of decisions, one in each file: `0001-a-title.md`.
const DECISIONS: &str = "docs/adr/";

/// A crate has a description, and inherits the lints of the workspace.
pub(super) fn check_manifest(package: &Package, manifest: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let description = package.description.as_deref().unwrap_or_default();
    if description.trim().is_empty() {
        findings.push(Finding::new(&package.name, "a crate has a `description`"));
    }
    if !inherits_lints(manifest) {
        let text = "a crate has `[lints] workspace = true`, or no lint reaches it";
        findings.push(Finding::new(&package.name, text));
    }
    findings
}

/// Decisions are numbered from 1, each number once.
pub(super) fn check_decisions(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let paths = files.iter().map(|file| file.path.as_str());
    let mut decisions: Vec<_> = paths.filter(|path| path.starts_with(DECISIONS)).collect();
    decisions.sort_unstable();
    for (number, path) in (1..).zip(decisions) {
        let start = format!("{DECISIONS}{number:04}-");
        if !path.starts_with(&start) || !path.ends_with(".md") {
            let text = format!("should be {start}….md: numbers have no hole and no double");
            findings.push(Finding::new(path, text));
            break;
        }
    }
    findings
}

/// Whether a manifest has `workspace = true` in its `[lints]` table.
fn inherits_lints(manifest: &str) -> bool {
    let table = manifest.lines().skip_while(|line| line.trim() != "[lints]");
    let table = table.skip(1).take_while(|line| !line.starts_with('['));
    table.map(str::trim).any(|line| line == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings_of(manifest: &str, description: Option<&str>) -> Vec<Finding> {
        let package = Package {
            name: "log-hub".to_owned(),
            description: description.map(str::to_owned),
            ..Package::default()
        };
        check_manifest(&package, manifest)
    }

    #[test]
    fn a_crate_has_a_description_and_the_lints_of_the_workspace() {
        let manifest = "[package]\nname = \"log-hub\"\n\n[lints]\nworkspace = true\n";
        assert_eq!(findings_of(manifest, Some("What it is for.")), []);
        assert_eq!(findings_of(manifest, None).len(), 1);
        assert_eq!(findings_of(manifest, Some(" ")).len(), 1);
        for manifest in [
            "[package]\nname = \"log-hub\"\n",
            "[lints]\n[dependencies]\nworkspace = true\n",
            "[lints]\nworkspace = false\n",
        ] {
            assert_eq!(findings_of(manifest, Some("x")).len(), 1, "{manifest}");
        }
    }

    #[test]
    fn a_wrong_number_of_a_decision_is_named() {
        let (first, second) = ("docs/adr/0001-a.md", "docs/adr/0002-b.md");
        let findings = |paths: &[&str]| {
            let files: Vec<_> = paths.iter().map(|path| File::new(*path, "")).collect();
            check_decisions(&files)
        };
        assert_eq!(findings(&[second, first]), []);
        for wrong in [
            "docs/adr/0003-c.md",
            "docs/adr/0001-b.md",
            "docs/adr/notes.txt",
        ] {
            assert_eq!(findings(&[first, wrong])[0].place, wrong);
        }
    }
}
