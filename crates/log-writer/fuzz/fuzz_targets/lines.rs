//! The line assembler: any bytes in any chunks give the same lines, within their limit.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use log_writer::{CutMarker, LineAssembler, LineLimit, LineOptions};

const LIMIT: usize = 40;

fn lines<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut assembler = LineAssembler::new(LineOptions {
        limit: LineLimit::Bytes(LIMIT),
        marker: CutMarker::Text(""),
        ..LineOptions::default()
    });
    let mut lines = Vec::new();
    for chunk in chunks {
        assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
    }
    assembler.finish(|line| lines.push(line));
    lines
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = lines([bytes]);
    assert_eq!(lines(bytes.chunks(usize::from(size) + 1)), whole);
    assert_eq!(lines(bytes.chunks(1)), whole);
    assert!(whole.iter().all(|line| line.len() <= LIMIT));
});
