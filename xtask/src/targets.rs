//! Benchmarks and fuzz targets, as commands list them and find them by name.
//!
//! There is no list to keep: each is a target of cargo's, and the first line of its file says what it is for.

use std::fmt;
use std::path::PathBuf;

use anyhow::bail;

use crate::cargo::Package;

#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The crate that it belongs to.
    pub(crate) package: String,
    pub(crate) summary: String,
    /// The features that it needs, separated by commas.
    pub(crate) features: String,
    pub(crate) manifest: PathBuf,
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:12}{:12}{}", self.name, self.package, self.summary)
    }
}

/// Every target of one kind.
pub(crate) fn entries(packages: &[Package], kind: &'static str) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for package in packages {
        for target in package.targets_of_kind(kind) {
            let source = std::fs::read_to_string(&target.src_path)?;
            let first_line = source.lines().next().unwrap_or_default();
            entries.push(Entry {
                name: target.name.clone(),
                package: package.name.clone(),
                summary: first_line.trim_start_matches("//!").trim().to_owned(),
                features: target.required_features.join(","),
                manifest: package.manifest_path.clone(),
            });
        }
    }
    Ok(entries)
}

/// The entries of these names, or of crates of these names. No names: all of them.
pub(crate) fn choose(mut entries: Vec<Entry>, names: &[String]) -> anyhow::Result<Vec<Entry>> {
    let is_named = |entry: &Entry, name: &String| [&entry.name, &entry.package].contains(&name);
    for name in names {
        if !entries.iter().any(|entry| is_named(entry, name)) {
            let known: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            bail!("there is no `{name}`; there are: {}", known.join(", "));
        }
    }
    entries.retain(|entry| names.is_empty() || names.iter().any(|name| is_named(entry, name)));
    Ok(entries)
}
