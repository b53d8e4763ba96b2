//! The characters that a text stands for, whichever way a tool wrote them.
//!
//! Tools write a character as itself, as `\c`, `\uXXXX`, `\xXX`, `\ooo`, `%XX` or `&…;`, and break quotes up (`'\''`). A
//! decoder reads all of these writings at once, also one inside of another (`\\u0027`, `%2527`, `\u0026#39;`). It leaves
//! out what quoting adds: backslashes, quotes, `$`, the `^` of Windows, the `|` of TeamCity, a doubled `%`, and control
//! characters. A secret is decoded in the same way. So the decoded text contains the decoded secret, in whatever mixture of
//! writings the secret is printed.

use std::ops::Range;

/// Which writings are decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writings {
    pub(super) backslash: bool,
    pub(super) percent: bool,
    pub(super) entity: bool,
}

impl Writings {
    pub(super) const ALL: Self = Self {
        backslash: true,
        percent: true,
        entity: true,
    };
}

/// A decoded text, and where each of its bytes comes from.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// For each byte: the place where its writing begins, and the one where it ends.
    places: Vec<(u32, u32)>,
}

impl Decoded {
    /// Decodes a text. This reuses the memory of the last one.
    pub(super) fn decode(&mut self, text: &str, writings: Writings) {
        self.bytes.clear();
        self.places.clear();
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let (written, len) = whole_writing(bytes, at, writings);
            let place = at..at + len;
            match written {
                Written::Nothing => {}
                Written::Byte(byte) => self.push(byte, &place),
                Written::Char(character) => {
                    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                        self.push(byte, &place);
                    }
                }
            }
            at += len;
        }
    }

    /// Where a range of the decoded bytes comes from.
    pub(super) fn source(&self, decoded: Range<usize>) -> Range<usize> {
        let begin = self.places.get(decoded.start).map_or(0, |place| place.0);
        let end = self.places.get(decoded.end - 1).map_or(0, |place| place.1);
        begin as usize..end as usize
    }

    fn push(&mut self, byte: u8, place: &Range<usize>) {
        let byte = match byte {
            b'\\' | b'\'' | b'"' | b'$' | b'`' | b'^' | 0..0x20 | 0x7f => return,
            // Forms write a space as `+`.
            b' ' => b'+',
            byte => byte,
        };
        self.bytes.push(byte);
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.places.push((number(place.start), number(place.end)));
    }
}

/// What a writing stands for.
#[derive(Debug, PartialEq, Eq)]
enum Written {
    /// What only quoting adds.
    Nothing,
    Byte(u8),
    Char(char),
}

impl Written {
    /// The character, if it may begin another writing.
    fn mark(&self) -> Option<u8> {
        match self {
            Self::Byte(byte @ (b'&' | b'\\' | b'%')) => Some(*byte),
            Self::Char(character @ ('&' | '\\' | '%')) => u8::try_from(*character).ok(),
            Self::Nothing | Self::Byte(_) | Self::Char(_) => None,
        }
    }
}

/// The writing at a place, and its length.
fn writing(bytes: &[u8], at: usize, writings: Writings) -> (Written, usize) {
    match bytes[at] {
        b'\\' if writings.backslash => backslash(bytes, at),
        b'%' if writings.percent => percent(bytes, at),
        b'&' if writings.entity => entity(bytes, at),
        b'|' if writings.backslash
            && matches!(bytes.get(at + 1), Some(b'\'' | b'|' | b'[' | b']')) =>
        {
            (Written::Nothing, 1)
        }
        byte => (Written::Byte(byte), 1),
    }
}

/// The most characters of a writing whose characters are written in another way themselves.
const NESTED: usize = 12;

/// The writing at a place, also one whose characters are written in another way themselves: `\u0026amp;`, `%26amp%3B`,
/// `%5Cu0027`.
fn whole_writing(bytes: &[u8], at: usize, writings: Writings) -> (Written, usize) {
    let (written, len) = writing(bytes, at, writings);
    let Some(mark) = written.mark().filter(|_| len > 1) else {
        return (written, len);
    };
    let mut inner = [0; NESTED];
    let mut ends = [0; NESTED];
    (inner[0], ends[0]) = (mark, at + len);
    let mut count = 1;
    while count < NESTED && ends[count - 1] < bytes.len() {
        let from = ends[count - 1];
        let (next, len) = match bytes[from] {
            // Backslashes before a letter are a part of the inner writing.
            byte @ (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'#' | b';' | b'{' | b'}') => {
                (byte, 1)
            }
            _ => match writing(bytes, from, writings) {
                (Written::Byte(byte), len) => (byte, len),
                (Written::Char(character), len) if character.is_ascii() => (character as u8, len),
                (Written::Nothing | Written::Char(_), _) => break,
            },
        };
        (inner[count], ends[count]) = (next, from + len);
        count += 1;
    }
    match writing(&inner[..count], 0, writings) {
        (inner, used) if used > 1 && used <= count => (inner, ends[used - 1] - at),
        _ => (written, len),
    }
}

/// The writing that begins with backslashes, and its length.
fn backslash(bytes: &[u8], at: usize) -> (Written, usize) {
    let run = bytes[at..].iter().take_while(|b| **b == b'\\').count();
    let from = at + run;
    let Some(letter) = bytes.get(from) else {
        return (Written::Nothing, run);
    };
    match letter {
        b'u' => {
            if let Some((character, len)) = unicode(bytes, from + 1) {
                return (Written::Char(character), run + 1 + len);
            }
        }
        b'U' => {
            let code = hex(bytes, from + 1, 8).and_then(char::from_u32);
            if let Some(character) = code {
                return (Written::Char(character), run + 9);
            }
        }
        b'x' => {
            if let Some(byte) = hex(bytes, from + 1, 2).and_then(|code| u8::try_from(code).ok()) {
                return (Written::Byte(byte), run + 3);
            }
        }
        b'0'..=b'3' => {
            if let Some(byte) = octal(bytes, from) {
                return (Written::Byte(byte), run + 3);
            }
        }
        b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'a' | b'e' => {
            return (Written::Nothing, run + 1);
        }
        _ => {}
    }
    (Written::Nothing, run)
}

/// `XXXX` or `{X…}` after `\u`, with its length. Two surrogates are one character.
fn unicode(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    if bytes.get(at) == Some(&b'{') {
        let digits = bytes[at + 1..]
            .iter()
            .take_while(|b| b.is_ascii_hexdigit())
            .count();
        let is_closed = (1..=6).contains(&digits) && bytes.get(at + 1 + digits) == Some(&b'}');
        let code = is_closed.then(|| hex(bytes, at + 1, digits)).flatten()?;
        return Some((char::from_u32(code)?, digits + 2));
    }
    let first = hex(bytes, at, 4)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 4));
    }
    let slashes = bytes[at + 4..].iter().take_while(|b| **b == b'\\').count();
    let low = at + 4 + slashes;
    if slashes == 0 || bytes.get(low) != Some(&b'u') {
        return None;
    }
    let second = hex(bytes, low + 1, 4)?;
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let character = char::decode_utf16(units).next()?.ok()?;
    Some((character, 4 + slashes + 5))
}

fn percent(bytes: &[u8], at: usize) -> (Written, usize) {
    let mut from = at + 1;
    if bytes.get(from) == Some(&b'%') {
        // A batch file doubles it.
        return (Written::Nothing, 1);
    }
    while bytes[from..].starts_with(b"25") && hex(bytes, from + 2, 2).is_some() {
        from += 2;
    }
    match hex(bytes, from, 2).and_then(|code| u8::try_from(code).ok()) {
        Some(byte) => (Written::Byte(byte), from + 2 - at),
        None => (Written::Byte(b'%'), 1),
    }
}

fn entity(bytes: &[u8], at: usize) -> (Written, usize) {
    let mut from = at + 1;
    while bytes[from..].starts_with(b"amp;") {
        from += 4;
    }
    let rest = &bytes[from..];
    let end = rest.iter().take(10).position(|b| *b == b';');
    let character = end.and_then(|end| entity_char(&rest[..end]));
    match (character, end) {
        (Some(character), Some(end)) => (Written::Char(character), from + end + 1 - at),
        _ => (Written::Byte(b'&'), from - at),
    }
}

/// The character of an entity, without its `&` and `;`.
fn entity_char(name: &[u8]) -> Option<char> {
    if let Some(number) = name.strip_prefix(b"#") {
        let (digits, radix) = match number {
            [b'x' | b'X', digits @ ..] => (digits, 16),
            digits => (digits, 10),
        };
        let digits = std::str::from_utf8(digits).ok()?;
        return u32::from_str_radix(digits, radix)
            .ok()
            .and_then(char::from_u32);
    }
    let name = std::str::from_utf8(name).ok()?;
    let named = ENTITIES.iter().find(|(known, _)| *known == name);
    named
        .map(|(_, character)| *character)
        .or_else(|| latin_entity(name))
}

/// The entities of XML, and those of HTML for the characters that programs escape.
const ENTITIES: [(&str, char); 27] = [
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("equals", '='),
    ("plus", '+'),
    ("num", '#'),
    ("percnt", '%'),
    ("excl", '!'),
    ("quest", '?'),
    ("commat", '@'),
    ("colon", ':'),
    ("semi", ';'),
    ("ast", '*'),
    ("lpar", '('),
    ("rpar", ')'),
    ("dollar", '$'),
    ("grave", '`'),
    ("lowbar", '_'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("euro", '€'),
    ("pound", '£'),
    ("sect", '§'),
];

/// The entities of letters, as PHP's `htmlentities` writes them: a letter and the name of its mark.
fn latin_entity(name: &str) -> Option<char> {
    LATIN.iter().find_map(|(mark, letters)| {
        let letter = name.strip_suffix(mark)?;
        let mut pairs = letters
            .split(' ')
            .filter_map(|pair| pair.strip_prefix(letter));
        pairs.next().and_then(|marked| marked.chars().next())
    })
}

/// For each mark: letters without and with it.
const LATIN: [(&str, &str); 9] = [
    ("uml", "aä AÄ eë EË iï IÏ oö OÖ uü UÜ yÿ"),
    ("acute", "aá AÁ eé EÉ ií IÍ oó OÓ uú UÚ yý YÝ"),
    ("grave", "aà AÀ eè EÈ iì IÌ oò OÒ uù UÙ"),
    ("circ", "aâ AÂ eê EÊ iî IÎ oô OÔ uû UÛ"),
    ("tilde", "aã AÃ nñ NÑ oõ OÕ"),
    ("ring", "aå AÅ"),
    ("cedil", "cç CÇ"),
    ("slash", "oø OØ"),
    ("lig", "szß aeæ AEÆ"),
];

/// The number that this many hexadecimal digits write.
fn hex(bytes: &[u8], at: usize, digits: usize) -> Option<u32> {
    let text = bytes.get(at..at + digits)?;
    text.iter().try_fold(0_u32, |number, byte| {
        char::from(*byte)
            .to_digit(16)
            .map(|digit| number << 4 | digit)
    })
}

/// The byte that three octal digits write.
fn octal(bytes: &[u8], at: usize) -> Option<u8> {
    let text = bytes.get(at..at + 3)?;
    let number = text.iter().try_fold(0_u32, |number, byte| {
        char::from(*byte)
            .to_digit(8)
            .map(|digit| number << 3 | digit)
    })?;
    u8::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> String {
        let mut decoded = Decoded::default();
        decoded.decode(text, Writings::ALL);
        String::from_utf8_lossy(&decoded.bytes).into_owned()
    }

    #[test]
    fn each_writing_gives_the_character() {
        for text in [
            "a+b=c'd&eä",
            "a\\u002bb\\u003Dc\\u0027d\\u0026e\\u00e4",
            "a\\x2bb=c'\\''d&e\\xc3\\xa4",
            "a%2bb%3dc%27d%26e%C3%A4",
            "a%252Bb%253Dc%2527d%2526e%25C3%25A4",
            "a&#43;b&#x3D;c&#39;d&amp;e&auml;",
            "a&plus;b&equals;c&amp;#39;d&amp;amp;e&#228;",
            "$'a+b=c\\'d&e\\303\\244'",
            "'a+b=c'\"'\"'d&e\u{e4}'",
            "a+b=c^'d^&e\u{e4}",
            "a+b=c|'d`&e\u{e4}",
            "a\\u002bb=c\\u0026#39;d\\u0026amp;e\\u0026auml;",
            "a%2Bb%3Dc%26%2339%3Bd%26amp%3Be%26auml%3B",
            "a%5Cu002bb=c%5Cu0027d%5C%5Cu0026e%5Cu00e4",
            "a&#92;u002bb=c&bsol;u0027d&#38;amp;e\u{e4}",
            "\\\"a\\\\u002bb=c\\\\\\\"d&e\\\\u{e4}",
        ] {
            assert_eq!(decode(text), "a+b=cd&eä", "{text}");
        }
        assert_eq!(decode("\\ud83d\\ude00 \\U0001f600"), "😀+😀");
    }

    #[test]
    fn what_only_looks_like_a_writing_stays() {
        assert_eq!(
            decode("100% %zz &foo; & \\u12 \\x1"),
            "100%+%zz+&foo;+&+u12+x1"
        );
        assert_eq!(decode("%25"), "%");
        assert_eq!(decode("100%% %5C %26 %26x &amp;x"), "100%++&+&x+&x");
    }

    #[test]
    fn a_decoded_range_knows_where_it_comes_from() {
        let mut decoded = Decoded::default();
        let text = "x a\\u002bb'\"'c y";
        decoded.decode(text, Writings::ALL);
        let at = decoded.bytes.windows(4).position(|w| w == b"a+bc").unwrap();
        assert_eq!(&text[decoded.source(at..at + 4)], "a\\u002bb'\"'c");
    }
}
