//! `cargo xtask bench`: the benchmarks.
//!
//! There is no list to keep: each bench target of the workspace is a benchmark, and the first line of its file says what
//! it measures. Three more measure whole servers; they are in the workspace `bench/`.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::bail;
use clap::Args;
use xshell::Shell;

use crate::cargo::{Metadata, cargo, metadata, say};

/// The benchmarks of `bench/`, with what they measure.
const SCALE: [(&str, &str); 3] = [
    (
        "scale",
        "The service with 10,000 viewers: memory, delays, slow viewers, replays, pages.",
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

/// List the benchmarks, or run one.
///
/// `scale` and `peers` measure whole servers in processes of their own, `peers` beside durable-streams and nchan, which
/// it installs. The results are in target/bench, and `plan` works out from them what one million viewers need.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask bench                     the benchmarks
  cargo xtask bench pages               one of them
  cargo xtask bench scale --list        the cases at scale, and how long they take
  cargo xtask bench scale idle --runs 1 one of them, once
  cargo xtask bench peers --quick       a quick look; do not quote its figures
  cargo xtask bench --self-test         the tests of the load generator itself")]
pub(crate) struct BenchArgs {
    /// Run the tests of the load generator in bench/, and no benchmark.
    #[arg(long, exclusive = true)]
    self_test: bool,
    /// The benchmark to run, or `all`. None: list them.
    name: Option<String>,
    /// Passed to the benchmark as they are: a filter, `--quick`, …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    bench_args: Vec<String>,
}

#[derive(Debug)]
struct Bench {
    name: String,
    package: String,
    summary: String,
    features: String,
}

/// `cargo xtask bench`.
pub(crate) fn run(sh: &Shell, args: &BenchArgs) -> anyhow::Result<()> {
    let metadata = metadata(sh, "Cargo.toml")?;
    std::env::set_current_dir(sh.current_dir())?;
    let become_scale = |name, args| become_scale(name, args, &metadata.target_directory);
    if args.self_test {
        return Err(become_scale("--self-test", &[]));
    }
    let benches = benches(&metadata)?;
    let Some(name) = &args.name else {
        for bench in &benches {
            say(format_args!(
                "{:12}{:12}{}",
                bench.name, bench.package, bench.summary
            ));
        }
        for (name, summary) in SCALE {
            say(format_args!("{name:12}{:12}{summary}", "bench/"));
        }
        say("One of them: cargo xtask bench NAME. All but the last three: cargo xtask bench all.");
        return Ok(());
    };
    if SCALE.iter().any(|(scale, _)| scale == name) {
        return Err(become_scale(name, &args.bench_args));
    }
    for bench in chosen(&benches, name)? {
        say(format_args!("{}: {}", bench.name, bench.summary));
        let run = [
            "bench",
            "--locked",
            "--package",
            &bench.package,
            "--bench",
            &bench.name,
        ];
        let run = cargo(sh)
            .args(run)
            .args(["--features", &bench.features, "--"]);
        run.args(&args.bench_args).run()?;
    }
    Ok(())
}

fn benches(metadata: &Metadata) -> anyhow::Result<Vec<Bench>> {
    let mut benches = Vec::new();
    for package in &metadata.packages {
        for target in package.targets_of_kind("bench") {
            benches.push(Bench {
                name: target.name.clone(),
                package: package.name.clone(),
                summary: target.summary()?,
                features: target.required_features.join(","),
            });
        }
    }
    Ok(benches)
}

fn chosen<'a>(benches: &'a [Bench], name: &str) -> anyhow::Result<Vec<&'a Bench>> {
    let is_chosen = |bench: &&Bench| name == "all" || bench.name == name;
    let chosen: Vec<&Bench> = benches.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        let names = benches.iter().map(|bench| bench.name.as_str());
        let known: Vec<&str> = names.chain(SCALE.map(|(name, _)| name)).collect();
        bail!(
            "there is no benchmark `{name}`; there are: {}",
            known.join(", ")
        );
    }
    Ok(chosen)
}

/// Becomes a benchmark of `bench/`, so that signals reach the process that has servers to stop.
fn become_scale(name: &str, args: &[String], target: &Path) -> anyhow::Error {
    let mut script = Command::new("sh");
    script.arg("bench/run.sh").arg(target).arg(name).args(args);
    script.exec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bench_targets_are_listed_with_the_first_line_of_their_files_and_found_by_name() {
        let sh = crate::cargo::shell().unwrap();
        let benches = benches(&metadata(&sh, "Cargo.toml").unwrap()).unwrap();
        let frames = chosen(&benches, "frames").unwrap();
        assert_eq!((frames.len(), frames[0].package.as_str()), (1, "log-wire"));
        assert!(frames[0].summary.len() > 10, "{frames:?}");
        assert_eq!(chosen(&benches, "all").unwrap().len(), benches.len());
        let error = chosen(&benches, "no-such").unwrap_err().to_string();
        assert!(
            error.contains("frames") && error.contains("peers"),
            "{error}"
        );
    }
}
