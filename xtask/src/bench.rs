//! `cargo xtask bench`: the benchmarks.
//!
//! Each bench target of the workspace is one. Four more measure whole servers; they are in the workspace `bench/`.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use clap::Args;
use xshell::Shell;

use crate::cargo::{Package, cargo, metadata, say};
use crate::targets::{Entry, choose, entries};

/// The place of the four, in the list.
const SCALE_PLACE: &str = "bench/";

/// The benchmarks of `bench/`, with what they measure.
const SCALE: [&str; 4] = [
    "scale: The service with 10,000 viewers: memory, delays, slow viewers, replays, pages.",
    "peers: The service beside durable-streams and nchan, on the same load (1,000 viewers).",
    "ingest: Lines in over HTTP; one case of `scale`, by its own name.",
    "plan: What one million viewers need on paper, from the results of both.",
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
  cargo xtask bench ingest              lines in over HTTP: workers, their speed, their viewers
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

/// `cargo xtask bench`.
pub(crate) fn run(sh: &Shell, args: &BenchArgs) -> anyhow::Result<()> {
    let metadata = metadata(sh, "Cargo.toml")?;
    std::env::set_current_dir(sh.current_dir())?;
    let become_scale =
        |name: &str| become_scale(name, &args.bench_args, &metadata.target_directory);
    if args.self_test {
        return Err(become_scale("--self-test"));
    }
    let benches = benches(&metadata.packages)?;
    let Some(name) = &args.name else {
        benches.iter().for_each(say);
        say("One of them: cargo xtask bench NAME. All but the last four: cargo xtask bench all.");
        return Ok(());
    };
    for bench in chosen(benches, name)? {
        if bench.package == SCALE_PLACE {
            return Err(become_scale(&bench.name));
        }
        say(format_args!("{}: {}", bench.name, bench.summary));
        let run = cargo(sh, "bench --locked --package").arg(&bench.package);
        let run = run.args(["--bench", &bench.name, "--features", &bench.features, "--"]);
        run.args(&args.bench_args).run()?;
    }
    Ok(())
}

fn benches(packages: &[Package]) -> anyhow::Result<Vec<Entry>> {
    let mut benches = entries(packages, "bench")?;
    for (name, summary) in SCALE.iter().filter_map(|line| line.split_once(": ")) {
        benches.push(Entry {
            name: name.to_owned(),
            package: SCALE_PLACE.to_owned(),
            summary: summary.to_owned(),
            ..Entry::default()
        });
    }
    Ok(benches)
}

/// The benchmark of this name, or `all` that take minutes and not hours.
fn chosen(mut benches: Vec<Entry>, name: &String) -> anyhow::Result<Vec<Entry>> {
    if name == "all" {
        benches.retain(|bench| bench.package != SCALE_PLACE);
        return Ok(benches);
    }
    choose(benches, std::slice::from_ref(name))
}

/// Becomes a benchmark of `bench/`, so that signals reach the process that has servers to stop.
fn become_scale(name: &str, args: &[String], target: &Path) -> anyhow::Error {
    let mut script = Command::new("sh");
    script.arg("bench/run.sh").arg(target);
    match name {
        "ingest" => script.args(["scale", "ingest"]),
        _ => script.arg(name),
    };
    script.args(args);
    script.exec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bench_targets_are_listed_with_the_first_line_of_their_files_and_found_by_name() {
        let sh = crate::cargo::shell().unwrap();
        let packages = metadata(&sh, "Cargo.toml").unwrap().packages;
        let chosen = |name: &str| chosen(benches(&packages).unwrap(), &name.to_owned());
        let frames = chosen("frames").unwrap();
        assert_eq!((frames.len(), frames[0].package.as_str()), (1, "log-wire"));
        assert!(frames[0].summary.len() > 10, "{frames:?}");
        let (all, listed) = (chosen("all").unwrap(), benches(&packages).unwrap());
        assert_eq!(all.len(), listed.len() - SCALE.len());
        let error = chosen("no-such").unwrap_err().to_string();
        assert!(
            error.contains("frames, ") && error.contains("peers"),
            "{error}"
        );
    }
}
