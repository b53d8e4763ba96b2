//! `cargo xtask weight`: what each crate brings into a program that uses it.

use std::collections::BTreeSet;

use anyhow::Context as _;
use clap::Args;
use xshell::Shell;

use crate::cargo::{cargo, metadata, say};

/// What a user of one crate has besides: packages and compile time.
const CRATES: [&str; 10] = [
    "log-domain",
    "log-redact",
    "log-wire",
    "log-store",
    "auth",
    "log-hub",
    "log-writer",
    "log-client",
    "log-api",
    "log-cli",
];

/// Count the packages that each crate brings, itself included, with default features and with none.
///
/// The result is a table for docs/CRATES.md. Packages are those of a program on Linux, build scripts and macros included, tests
/// left out.
#[derive(Args, Debug)]
pub(crate) struct WeightArgs {
    /// Also build each crate from nothing, with default features, and measure how long that takes. On a quiet machine that is a
    /// quarter of an hour.
    #[arg(long)]
    build: bool,
}

/// `cargo xtask weight`.
pub(crate) fn run(sh: &Shell, args: &WeightArgs) -> anyhow::Result<()> {
    let (title, rule) = if args.build {
        (" seconds to build |", "---|")
    } else {
        ("", "")
    };
    say(format_args!(
        "| crate | packages, default features | packages, no features |{title}"
    ));
    say(format_args!("|---|---|---|{rule}"));
    for name in CRATES {
        let default = packages(sh, name, &[])?;
        let none = packages(sh, name, &["--no-default-features"])?;
        let seconds = if args.build {
            build(sh, name)?
        } else {
            String::new()
        };
        say(format_args!("| `{name}` | {default} | {none} |{seconds}"));
    }
    Ok(())
}

fn packages(sh: &Shell, name: &str, features: &[&str]) -> anyhow::Result<usize> {
    let tree = cargo(
        sh,
        "tree --locked --edges=normal,build --prefix=none --format={p} --target=x86_64-unknown-linux-gnu --package",
    );
    let tree = tree.arg(name).args(features).quiet().read()?;
    Ok(distinct(&tree))
}

/// `cargo tree` repeats a package wherever it is used, and marks the repetition.
fn distinct(tree: &str) -> usize {
    let name_and_version = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        Some((words.next()?, words.next()?))
    };
    tree.lines()
        .filter_map(name_and_version)
        .collect::<BTreeSet<_>>()
        .len()
}

/// Builds a crate in a folder of its own.
fn build(sh: &Shell, name: &str) -> anyhow::Result<String> {
    let target = metadata(sh, "Cargo.toml")?.target_directory.join("weight");
    sh.remove_path(&target)?;
    let start = now();
    let build = cargo(sh, "build --locked --quiet --lib --package").arg(name);
    let build = build.arg("--target-dir").arg(&target);
    build
        .run()
        .with_context(|| format!("{name} does not build alone"))?;
    sh.remove_path(&target)?;
    Ok(format!(" {:.0} |", start.elapsed().as_secs_f32()))
}

#[expect(clippy::disallowed_types, reason = "no test pauses this clock")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_of_a_package_counts_once() {
        let tree = "a v1.0.0 (path)\nb v2.0.0\nb v2.0.0 (*)\nb v3.0.0\n\nc v1.0.0 (proc-macro)\n";
        assert_eq!(distinct(tree), 4);
    }

    #[test]
    fn the_crates_are_those_that_are_published() {
        let sh = crate::cargo::shell().unwrap();
        let published = metadata(&sh, "Cargo.toml").unwrap().packages;
        let published = published
            .into_iter()
            .filter(crate::cargo::Package::is_published);
        let mut published: Vec<_> = published.map(|package| package.name).collect();
        published.sort_unstable();
        let mut listed = CRATES.to_vec();
        listed.sort_unstable();
        assert_eq!(published, listed);
    }
}
