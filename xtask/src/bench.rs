//! `cargo xtask bench`: the benchmarks there are.
//!
//! There is no list to keep: each bench target of the workspace is one, its name is the target's,
//! and what it measures is the first line of its file. Three more take whole servers and come from
//! [`bench_scale`].

use crate::bench_scale;
use crate::cli::BenchArgs;
use crate::process::RunError;
use crate::say::say;
use crate::workspace::{Metadata, Workspace, WorkspaceError};

/// Why no benchmark ran.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// There is none of that name.
    #[error("there is no benchmark `{name}`; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The scale benchmarks read the kernel's accounting.
    #[error("this benchmark needs Linux: it reads the accounting of processes from /proc")]
    NotLinux,
    /// A peer is missing and cannot be installed from here.
    #[error(
        "nchan is not there: install Debian's nginx and libnginx-mod-nchan \
         (`apt-get install nginx libnginx-mod-nchan`, as root)"
    )]
    NoNchan,
    /// The benchmark is built and does not start.
    #[error("cannot start bench-load: {0}")]
    Start(std::io::Error),
    /// Cargo said no.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The workspace could not be read.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

/// One benchmark.
#[derive(Clone, Debug)]
struct Bench {
    name: String,
    package: String,
    measures: String,
    features: Vec<String>,
}

/// `cargo xtask bench`.
pub(crate) fn bench(workspace: &Workspace, args: &BenchArgs) -> Result<(), BenchError> {
    if let Some((set, _)) = args
        .name
        .as_deref()
        .and_then(|name| bench_scale::SETS.iter().find(|(set, _)| *set == name))
    {
        return bench_scale::run(workspace, set, &args.bench_args);
    }
    let benches = benches(&workspace.metadata()?, |path| workspace.read(path))?;
    let Some(name) = &args.name else {
        for bench in &benches {
            say(format_args!(
                "{:12}{:12}{}",
                bench.name, bench.package, bench.measures
            ));
        }
        for (set, measures) in bench_scale::SETS {
            say(format_args!("{set:12}{:12}{measures}", "bench-load"));
        }
        say("One of them: cargo xtask bench NAME. All but the last three: cargo xtask bench all.");
        return Ok(());
    };
    for bench in chosen(&benches, name)? {
        say(format_args!("{}: {}", bench.name, bench.measures));
        let cargo = workspace
            .cargo()
            .args(["bench", "--locked", "--package", &bench.package]);
        let cargo = match bench.features.as_slice() {
            [] => cargo,
            features => cargo.arg("--features").arg(features.join(",")),
        };
        cargo
            .args(["--bench", &bench.name, "--"])
            .args(&args.bench_args)
            .run()?;
    }
    Ok(())
}

fn benches(
    metadata: &Metadata,
    read: impl Fn(&std::path::Path) -> Result<String, WorkspaceError>,
) -> Result<Vec<Bench>, WorkspaceError> {
    let mut benches = Vec::new();
    for package in &metadata.packages {
        for target in package
            .targets
            .iter()
            .filter(|t| t.kind.iter().any(|kind| kind == "bench"))
        {
            benches.push(Bench {
                name: target.name.clone(),
                package: package.name.clone(),
                measures: first_line(&read(&target.src_path)?),
                features: target.required_features.clone(),
            });
        }
    }
    Ok(benches)
}

fn first_line(source: &str) -> String {
    let line = source.lines().next().unwrap_or_default();
    line.trim_start_matches("//!").trim().to_owned()
}

fn chosen<'a>(benches: &'a [Bench], name: &str) -> Result<Vec<&'a Bench>, BenchError> {
    let chosen: Vec<&Bench> = benches
        .iter()
        .filter(|bench| name == "all" || bench.name == name)
        .collect();
    if chosen.is_empty() {
        let sets = bench_scale::SETS.iter().map(|(set, _)| *set);
        let known: Vec<&str> = benches
            .iter()
            .map(|bench| bench.name.as_str())
            .chain(sets)
            .collect();
        return Err(BenchError::Unknown {
            name: name.to_owned(),
            known: known.join(", "),
        });
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<Bench> {
        let metadata = serde_json::from_value(serde_json::json!({
            "target_directory": "target",
            "packages": [{
                "name": "log-wire", "description": null, "manifest_path": "Cargo.toml",
                "dependencies": [], "features": {},
                "targets": [
                    {"name": "log_wire", "kind": ["lib"], "src_path": "lib.rs"},
                    {"name": "frames", "kind": ["bench"], "src_path": "frames.rs",
                     "required-features": ["fast"]},
                ],
            }],
        }));
        let source = "//! Frames a second.\n//!\n//! More.\n".to_owned();
        benches(&metadata.unwrap(), |_| Ok(source.clone())).unwrap()
    }

    #[test]
    fn each_bench_target_is_known_by_the_first_line_of_its_file() {
        let benches = found();
        assert_eq!(benches.len(), 1);
        assert_eq!(benches[0].name, "frames");
        assert_eq!(benches[0].measures, "Frames a second.");
        assert_eq!(benches[0].features, ["fast"]);
    }

    #[test]
    fn all_means_all() {
        assert_eq!(chosen(&found(), "all").unwrap().len(), 1);
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_there_are() {
        let error = chosen(&found(), "pages").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no benchmark `pages`; there are: frames, scale, peers, plan"
        );
    }
}
