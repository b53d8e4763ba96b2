//! The redactor: a registered secret never comes out, wherever the text is cut and whatever stands around it, and any
//! text in any chunks gives the same lines.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use log_writer::{Ansi, LineAssembler, LineOptions, Redaction};

const SECRET: &str = "Xq7/vR+2mZ&k9!w";

static REDACTION: LazyLock<Redaction> = LazyLock::new(|| {
    let builder = Redaction::builder().secret(SECRET).expect("long enough");
    builder.build().expect("one secret")
});

fn lines<'a>(ansi: Ansi, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let options = LineOptions {
        ansi,
        ..LineOptions::default()
    };
    let mut assembler = LineAssembler::with_redaction(options, &REDACTION);
    let mut lines = Vec::new();
    for chunk in chunks {
        assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
    }
    assembler.finish(|line| lines.push(line));
    lines
}

fuzz_target!(|input: (u8, bool, &str, &str)| {
    let (place, broken, before, after) = input;
    let (a, b) = SECRET.split_at(usize::from(place) % SECRET.len());
    // An open control sequence before the secret would take its first character, and then it is none.
    let before: String = before.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let line_end = if broken { "\n" } else { "" };
    let text = format!("{before}{a}{line_end}{b}{after}");
    for ansi in [Ansi::Strip, Ansi::KeepColours] {
        let whole = lines(ansi, [text.as_bytes()]);
        assert_eq!(lines(ansi, text.as_bytes().chunks(usize::from(place) + 1)), whole);
        assert_eq!(lines(ansi, text.as_bytes().chunks(1)), whole);
        assert!(!whole.concat().contains(SECRET), "{text:?} became {whole:?}");
    }
});
