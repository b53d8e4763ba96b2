//! Recorded output of real tools gives the same lines chunk by chunk and byte by byte.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use log_domain::Source;
use log_writer::{Ansi, LineAssembler, LineOptions, Redaction};
use test_support::Recording;

/// The chunks of one channel of a recording.
fn chunks(name: &str, source: &Source) -> Vec<Vec<u8>> {
    let chunks = Recording::load(name).chunks.into_iter();
    chunks
        .filter(|chunk| chunk.source == *source)
        .map(|chunk| chunk.bytes)
        .collect()
}

fn assemble<'a>(
    options: LineOptions,
    redaction: &Redaction,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<String> {
    let mut assembler = LineAssembler::with_redaction(options, redaction);
    let mut lines = Vec::new();
    for chunk in chunks {
        assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
    }
    assembler.finish(|line| lines.push(line));
    lines
}

fn lines(name: &str, ansi: Ansi) -> Vec<String> {
    lines_with(name, ansi, &Redaction::default())
}

/// The lines of both channels. Checks that they do not depend on the chunks.
fn lines_with(name: &str, ansi: Ansi, redaction: &Redaction) -> Vec<String> {
    let options = LineOptions::default().ansi(ansi);
    let mut all = Vec::new();
    for source in [Source::Stdout, Source::Stderr] {
        let chunks = chunks(name, &source);
        let whole = chunks.concat();
        let by_chunk = assemble(options, redaction, chunks.iter().map(Vec::as_slice));
        assert_eq!(
            assemble(options, redaction, whole.chunks(1)),
            by_chunk,
            "{name} byte by byte"
        );
        assert_eq!(
            assemble(options, redaction, [whole.as_slice()]),
            by_chunk,
            "{name} whole"
        );
        all.extend(by_chunk);
    }
    all
}

#[test]
fn the_lines_of_a_recording_do_not_depend_on_the_chunks() {
    for name in Recording::NAMES {
        let stripped = lines(name, Ansi::Strip);
        let coloured = lines(name, Ansi::KeepColours);
        assert_eq!(stripped.len(), coloured.len(), "{name}");
        for line in &stripped {
            assert!(
                !line.contains(|c: char| c.is_control() && c != '\t'),
                "{line:?}"
            );
        }
        let has_colours = !matches!(
            name,
            "bash-xtrace" | "git-clone" | "make-parallel" | "rsync-progress" | "tqdm"
        );
        let keeps_colours = coloured.iter().any(|line| line.contains("\x1b["));
        assert_eq!(keeps_colours, has_colours, "{name}");
    }
}

#[test]
fn a_progress_bar_leaves_only_its_last_state() {
    let cargo = lines("cargo-test-color", Ansi::Strip);
    let bars: Vec<_> = cargo
        .iter()
        .filter(|line| line.contains("Building ["))
        .collect();
    assert!(bars.is_empty(), "{bars:#?}");
    assert!(
        cargo
            .iter()
            .any(|line| line.trim_start().starts_with("Compiling")),
        "{cargo:#?}"
    );

    let npm = lines("npm-install", Ansi::Strip);
    let is_spinner = |c: char| ('\u{2800}'..='\u{28ff}').contains(&c);
    let spinners: Vec<_> = npm
        .iter()
        .filter(|line| line.contains(is_spinner))
        .collect();
    assert!(spinners.is_empty(), "{spinners:#?}");
    assert!(
        npm.iter()
            .any(|line| line.starts_with("npm http fetch GET 200")),
        "{npm:#?}"
    );

    let pip = lines("pip-install", Ansi::Strip);
    let bars: Vec<_> = pip.iter().filter(|line| line.contains('━')).collect();
    assert!(bars.iter().all(|line| line.contains("MB/s")), "{bars:#?}");
}

#[test]
fn quotes_of_a_compiler_survive_its_colours() {
    let gcc = lines("gcc-warnings", Ansi::Strip);
    assert!(
        gcc.iter().any(|line| line.contains("In function ‘main’:")),
        "{gcc:#?}"
    );
    assert!(
        gcc.iter().all(|line| !line.contains("gcc.gnu.org")),
        "the address of a link is removed"
    );
}

/// The lines of each recording as they must be, each behind its source. All files were read, and compared with the screen of
/// another terminal emulator (pyte, with 400 columns). They differ from it in two ways: secrets are hidden, and two bars that
/// move up (`rich-progress`) leave a line for each of their states, because a log only grows. The last `)` of `rsync-progress` is
/// what a longer state has left: terminals show it, too.
#[test]
fn the_lines_of_each_recording_are_those_that_were_looked_through() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/writer/recorded");
    for name in Recording::NAMES {
        let expected = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
        let mut found = String::new();
        for source in [Source::Stdout, Source::Stderr] {
            let chunks = chunks(name, &source);
            let chunks = chunks.iter().map(Vec::as_slice);
            for line in assemble(LineOptions::default(), &Redaction::default(), chunks) {
                writeln!(found, "{} {line}", source.as_str()).unwrap();
            }
        }
        // The recorded machine has a folder of its own.
        let home = ["", "home", "ann"].join("/");
        let found = found.replace(&home, "~");
        let differs = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{name}");
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn only_secrets_are_hidden_in_real_output() {
    for name in Recording::NAMES {
        let secrets: &[&str] = match name {
            "bash-xtrace" => &["example-it'\\''s-$ecret"],
            "pytest-color" => &["example"],
            _ => &[],
        };
        let plain = lines_with(name, Ansi::Strip, &Redaction::off());
        let expected = plain.iter().map(|line| {
            secrets.iter().fold(line.clone(), |line, secret| {
                line.replace(&format!(":{secret}@"), ":[REDACTED]@")
                    .replace(&format!("='{secret}'"), "='[REDACTED]'")
            })
        });
        assert!(expected.eq(lines(name, Ansi::Strip)), "{name}");
        let hidden = |ansi| {
            let lines = lines(name, ansi);
            let places = lines.iter().map(|line| line.matches("[REDACTED]").count());
            places.sum::<usize>()
        };
        assert_eq!(hidden(Ansi::KeepColours), hidden(Ansi::Strip), "{name}");
    }
    let redaction = Redaction::builder().secret("packages.example.org").unwrap();
    let npm = lines_with("npm-install", Ansi::Strip, &redaction.build().unwrap());
    assert!(
        npm.iter()
            .all(|line| !line.contains("packages.example.org"))
    );
    assert!(
        npm.iter()
            .any(|line| line.contains("https://[REDACTED]/react")),
        "{npm:#?}"
    );
}
