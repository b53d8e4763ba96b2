//! Rules for crates that others use: what they say of themselves.

use super::file::File;

/// Crates that are published say so by this line of their manifest.
const PUBLISHED: &str = "\npublish.workspace = true\n";

/// What such a manifest has.
const WANTED: [&str; 4] = [
    "\nreadme = \"README.md\"\n",
    "\nkeywords = [",
    "\ncategories = [",
    "\n[package.metadata.docs.rs]\nall-features = true\n",
];

/// The README of a library is a doc test.
const TESTED: &str = "#[doc = include_str!(\"../README.md\")]";

pub(super) fn check(files: &[File]) -> Vec<String> {
    let manifests = files.iter().filter(|file| {
        file.path.starts_with("crates/")
            && file.path.ends_with("/Cargo.toml")
            && file.text.contains(PUBLISHED)
    });
    manifests
        .flat_map(|manifest| check_crate(manifest, files))
        .collect()
}

fn check_crate(File { path, text }: &File, files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for wanted in WANTED {
        if !text.contains(wanted) {
            findings.push(format!("{path}: a published crate has `{}`", wanted.trim()));
        }
    }
    let beside = |name: &str| {
        let path = path.replace("Cargo.toml", name);
        files.iter().find(|file| file.path == path)
    };
    let readme = beside("README.md").map_or("", |file| file.text.as_str());
    if !readme.contains("\n```") || !readme.contains("\n## Versions\n") {
        findings.push(format!(
            "{path}: its README.md has an example, and a part `Versions`"
        ));
    }
    for feature in features(text).filter(|feature| !readme.contains(&format!("`{feature}`"))) {
        findings.push(format!("{path}: README.md does not name `{feature}`"));
    }
    if beside("src/lib.rs").is_some_and(|lib| !lib.text.contains(TESTED)) {
        findings.push(format!("{path}: src/lib.rs does not test README.md"));
    }
    // `cargo xtask outside` builds it.
    let is_library = beside("src/lib.rs").is_some();
    if is_library && !readme.contains("\n```toml\n[dependencies]\n") {
        findings.push(format!("{path}: README.md does not show what to depend on"));
    }
    findings
}

/// The names of the features, without `default`.
fn features(manifest: &str) -> impl Iterator<Item = &str> {
    let part = manifest.split_once("\n[features]\n");
    let part = part.map_or("", |(_, rest)| rest.split("\n[").next().unwrap_or(rest));
    let names = part.lines().filter_map(|line| line.split_once(" = ["));
    names
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with(['#', ' ']) && *name != "default")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nreadme = \"README.md\"\nkeywords = [\"a\"]\ncategories = [\"b\"]\npublish.workspace = true\n
[package.metadata.docs.rs]\nall-features = true\n
[features]\ndefault = [\"fast\"]\n# Not slow.\nfast = [\n    \"dep:x\",\n]\nnone = []\n
[dependencies]\nx = [\"y\"]\n";
    const README: &str =
        "# a\n\n```toml\n[dependencies]\n```\n\n```rust\n```\n\n`fast`, `none`\n\n## Versions\n";
    const LIB: &str = "#[cfg(doctest)]\n#[doc = include_str!(\"../README.md\")]\nstruct Readme;\n";

    fn findings(manifest: &str, readme: &str, lib: &str) -> Vec<String> {
        check(&[
            File::new("crates/a/Cargo.toml", manifest),
            File::new("crates/a/README.md", readme),
            File::new("crates/a/src/lib.rs", lib),
        ])
    }

    #[test]
    fn a_published_crate_says_what_it_is_and_tests_what_it_says() {
        assert_eq!(findings(MANIFEST, README, LIB), [""; 0]);
        for wanted in WANTED {
            let without = MANIFEST.replace(wanted, "\n");
            assert_eq!(findings(&without, README, LIB).len(), 1, "{wanted}");
        }
        for (readme, count) in [
            (README.replace("Versions", ""), 1),
            (README.replace("toml", "text"), 1),
            (README.replace("```", ""), 2),
        ] {
            assert_eq!(findings(MANIFEST, &readme, LIB).len(), count, "{readme}");
        }
        let silent = findings(MANIFEST, &README.replace("`fast`", ""), LIB);
        assert_eq!(
            silent,
            ["crates/a/Cargo.toml: README.md does not name `fast`"]
        );
        assert_eq!(findings(MANIFEST, README, "").len(), 1);
        assert_eq!(findings(MANIFEST, "", "").len(), 5);
    }

    #[test]
    fn a_crate_of_our_own_needs_none_of_it() {
        assert_eq!(findings("publish = false\n", "", ""), [""; 0]);
    }
}
