//! The terminal filter: nothing that a terminal obeys comes out, colours on request apart.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use log_writer::{Ansi, LineAssembler, LineOptions};

fn is_control(c: char) -> bool {
    c.is_control() && c != '\t'
}

fuzz_target!(|bytes: &[u8]| {
    for ansi in [Ansi::Strip, Ansi::KeepColours] {
        let mut assembler = LineAssembler::new(LineOptions {
            ansi,
            ..LineOptions::default()
        });
        let mut text = String::new();
        assembler.push(bytes, Duration::ZERO, |line| text.push_str(&line));
        assembler.finish(|line| text.push_str(&line));
        let mut rest = text.as_str();
        while let Some(at) = rest.find(is_control) {
            assert_eq!(ansi, Ansi::KeepColours);
            let parameters = rest[at..].strip_prefix("\u{1b}[").expect("a control sequence");
            let end = parameters.find('m').expect("the end of a colour");
            assert!(parameters[..end].bytes().all(|b| matches!(b, b'0'..=b'9' | b';' | b':')));
            rest = &parameters[end..];
        }
    }
});
