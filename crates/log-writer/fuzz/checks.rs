//! Checks that must hold for any input. The fuzz targets call them, and the crate's own tests call them
//! with every file under `seeds/`.

use std::sync::LazyLock;
use std::time::Duration;

use log_writer::{Ansi, CutMarker, LineAssembler, LineLimit, LineOptions, Redaction};

const LIMIT: usize = 40;
const SECRET: &str = "Xq7/vR+2mZ&k9!w";

static REDACTION: LazyLock<Redaction> = LazyLock::new(|| {
    let builder = Redaction::builder().secret(SECRET).expect("long enough");
    builder.build().expect("one secret")
});

/// The lines of the chunks.
fn assembled<'a>(
    mut assembler: LineAssembler,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for chunk in chunks {
        assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
    }
    assembler.finish(|line| lines.push(line));
    lines
}

/// The lines do not depend on the chunks, and no line is longer than its limit. The first byte is the
/// length of the chunks.
pub(crate) fn lines(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else {
        return;
    };
    let assembler = || {
        let options = LineOptions::default().limit(LineLimit::Bytes(LIMIT));
        LineAssembler::new(options.marker(CutMarker::Text("")))
    };
    let whole = assembled(assembler(), [bytes]);
    let chunks = bytes.chunks(usize::from(*size) + 1);
    assert_eq!(assembled(assembler(), chunks), whole);
    assert_eq!(assembled(assembler(), bytes.chunks(1)), whole);
    assert!(whole.iter().all(|line| line.len() <= LIMIT));
}

/// The output contains no terminal control sequence, except colours on request.
pub(crate) fn colours(bytes: &[u8]) {
    for ansi in [Ansi::Strip, Ansi::KeepColours] {
        let options = LineOptions::default().ansi(ansi);
        let text = assembled(LineAssembler::new(options), [bytes]).concat();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
            assert_eq!(ansi, Ansi::KeepColours);
            let parameters = rest[at..]
                .strip_prefix("\u{1b}[")
                .expect("a control sequence");
            let end = parameters.find('m').expect("the end of a colour");
            let is_parameter = |byte| matches!(byte, b'0'..=b'9' | b';' | b':');
            assert!(parameters[..end].bytes().all(is_parameter));
            rest = &parameters[end..];
        }
    }
}

/// A registered secret is never visible, whatever is around it. The
/// first byte is the length of the chunks and says where a second, broken secret is split; the second byte
/// says whether a line ends there. Then comes the text before the secret, a zero byte, and the text after it.
pub(crate) fn secrets(bytes: &[u8]) {
    let [position, line_end, around @ ..] = bytes else {
        return;
    };
    let around = String::from_utf8_lossy(around);
    let (before, after) = around.split_once('\0').unwrap_or((&around, ""));
    let (a, b) = SECRET.split_at(usize::from(*position) % SECRET.len());
    // An unfinished control sequence before the secret would remove its first character.
    let before: String = before
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect();
    let line_end = if line_end % 2 == 1 { "\n" } else { "" };
    let text = format!("{before}{SECRET}{after}{a}{line_end}{b}\n");
    for ansi in [Ansi::Strip, Ansi::KeepColours] {
        let assembler = || {
            let options = LineOptions::default().ansi(ansi);
            LineAssembler::with_redaction(options, &REDACTION)
        };
        let whole = assembled(assembler(), [text.as_bytes()]);
        let chunks = text.as_bytes().chunks(usize::from(*position) + 1);
        assert_eq!(assembled(assembler(), chunks), whole);
        assert_eq!(assembled(assembler(), text.as_bytes().chunks(1)), whole);
        assert!(
            !whole.join("\n").contains(SECRET),
            "{text:?} became {whole:?}"
        );
    }
}
