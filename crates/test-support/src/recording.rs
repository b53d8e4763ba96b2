//! Recorded output of real builds, in the chunks in which it was printed.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use log_domain::Source;
use serde::Deserialize;

/// The output of one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The command that was run.
    pub command: String,
    /// The chunks, in the order in which they appeared.
    pub chunks: Vec<Chunk>,
    /// The exit code of the command.
    pub exit: i32,
}

/// The bytes of one read. A chunk can begin and end anywhere: inside a line, an escape sequence or a character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The time since the start.
    pub at: Duration,
    /// Standard output or standard error.
    pub source: Source,
    /// The bytes.
    pub bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Head {
    command: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    Chunk {
        t: u64,
        source: String,
        bytes: String,
    },
    End {
        exit: i32,
    },
}

impl Recording {
    /// The names of all recordings.
    pub const NAMES: [&str; 13] = [
        "bash-xtrace",
        "cargo-build-error",
        "cargo-test-color",
        "gcc-warnings",
        "git-clone",
        "make-parallel",
        "mypy-ruff",
        "npm-install",
        "pip-install",
        "pytest-color",
        "rich-progress",
        "rsync-progress",
        "tqdm",
    ];

    /// Reads the recording with one of the [`Recording::NAMES`].
    ///
    /// # Panics
    /// If there is no recording with this name, or if it is damaged.
    #[must_use]
    pub fn load(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
        let text = std::fs::read_to_string(folder.join(format!("{name}.ndjson")));
        let text =
            text.unwrap_or_else(|error| panic!("cannot read the recording `{name}`: {error}"));
        let mut lines = text.lines();
        let head: Head = serde_json::from_str(lines.next().unwrap()).unwrap();
        let mut recording = Self {
            command: head.command,
            chunks: Vec::new(),
            exit: 0,
        };
        for line in lines {
            match serde_json::from_str(line).unwrap() {
                Record::Chunk { t, source, bytes } => recording.chunks.push(Chunk {
                    at: Duration::from_millis(t),
                    source: if source == "stderr" {
                        Source::Stderr
                    } else {
                        Source::Stdout
                    },
                    bytes: STANDARD.decode(bytes).unwrap(),
                }),
                Record::End { exit } => recording.exit = exit,
            }
        }
        recording
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_can_be_read() {
        for name in Recording::NAMES {
            let recording = Recording::load(name);
            assert!(!recording.command.is_empty(), "{name}");
            assert!(recording.chunks.len() > 1, "{name}");
            assert!(
                recording.chunks.is_sorted_by_key(|chunk| chunk.at),
                "{name}"
            );
        }
    }

    #[test]
    fn a_failed_build_is_recorded_as_failed() {
        assert_ne!(Recording::load("cargo-test-color").exit, 0);
    }
}
