//! Real output of real tools: the same lines chunk by chunk and byte by byte.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use log_writer::{Ansi, LineAssembler, LineOptions};
use serde_json::Value;

/// The chunks of one channel of a recording.
fn chunks(name: &str, source: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/writer/recordings");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    records
        .filter(|record| record["source"] == source)
        .map(|record| {
            BASE64_STANDARD
                .decode(record["bytes"].as_str().unwrap())
                .unwrap()
        })
        .collect()
}

fn assemble<'a>(options: LineOptions, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut assembler = LineAssembler::new(options);
    let mut lines = Vec::new();
    for chunk in chunks {
        assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
    }
    assembler.finish(|line| lines.push(line));
    lines
}

/// The lines of both channels, which every way to cut the bytes gives.
fn lines(name: &str, ansi: Ansi) -> Vec<String> {
    let options = LineOptions {
        ansi,
        ..LineOptions::default()
    };
    let mut all = Vec::new();
    for source in ["stdout", "stderr"] {
        let chunks = chunks(name, source);
        let whole = chunks.concat();
        let by_chunk = assemble(options, chunks.iter().map(Vec::as_slice));
        assert_eq!(
            assemble(options, whole.chunks(1)),
            by_chunk,
            "{name} byte by byte"
        );
        assert_eq!(
            assemble(options, [whole.as_slice()]),
            by_chunk,
            "{name} whole"
        );
        all.extend(by_chunk);
    }
    all
}

const NAMES: [&str; 4] = [
    "cargo-test-color.ndjson",
    "gcc-warnings.ndjson",
    "npm-install.ndjson",
    "pip-install.ndjson",
];

#[test]
fn every_recording_gives_the_same_lines_however_it_is_cut() {
    for name in NAMES {
        let stripped = lines(name, Ansi::Strip);
        let coloured = lines(name, Ansi::KeepColours);
        assert!(stripped.len() > 5, "{name} has {} lines", stripped.len());
        assert_eq!(stripped.len(), coloured.len(), "{name}");
        for line in &stripped {
            assert!(
                !line.contains(|c: char| c.is_control() && c != '\t'),
                "{line:?}"
            );
        }
        assert!(
            coloured.iter().any(|line| line.contains("\x1b[")),
            "{name} has colours"
        );
    }
}

#[test]
fn a_progress_bar_leaves_only_what_a_terminal_shows_in_the_end() {
    let cargo = lines("cargo-test-color.ndjson", Ansi::Strip);
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

    let npm = lines("npm-install.ndjson", Ansi::Strip);
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

    let pip = lines("pip-install.ndjson", Ansi::Strip);
    let bars: Vec<_> = pip.iter().filter(|line| line.contains('━')).collect();
    assert!(bars.iter().all(|line| line.contains("MB/s")), "{bars:#?}");
}

#[test]
fn what_a_compiler_quotes_survives_its_colours() {
    let gcc = lines("gcc-warnings.ndjson", Ansi::Strip);
    assert!(
        gcc.iter().any(|line| line.contains("In function ‘main’:")),
        "{gcc:#?}"
    );
    assert!(
        gcc.iter().all(|line| !line.contains("gcc.gnu.org")),
        "a link's address is no text"
    );
}
