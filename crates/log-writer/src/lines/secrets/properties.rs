//! Property tests of the redactor: any chunking, any text.

use proptest::prelude::*;

use super::*;

/// Text in which the beginnings of secrets are frequent.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("\n".to_owned()),
        1 => Just("\r".to_owned()),
        1 => Just("\x1b[31m".to_owned()),
        3 => "[a-z0-9=:@/\"' .-]{1,5}",
        1 => Just("Xq7/vR+2mZ".to_owned()),
        1 => Just(" k9é&w".to_owned()),
        1 => Just("password=".to_owned()),
        1 => Just("\"token\": \"".to_owned()),
        1 => Just("ghp_16C7e42F292c6912".to_owned()),
        1 => Just("://a:b".to_owned()),
        1 => Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        1 => Just("eyJhbGciOiJI.eyJzdWIiOiI".to_owned()),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn redaction_does_not_depend_on_the_chunks(
        text in text(),
        colours in any::<bool>(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let redaction = registered();
        let ansi = if colours { Ansi::KeepColours } else { Ansi::Strip };
        let options = LineOptions { ansi, ..LineOptions::default() };
        let bytes = text.as_bytes();
        let whole = lines_with(options, &redaction, [bytes]);
        prop_assert_eq!(&lines_with(options, &redaction, bytes.chunks(1)), &whole);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.sort_unstable();
        places.push(bytes.len());
        let mut from = 0;
        let mut chunks = Vec::new();
        for place in places {
            chunks.push(&bytes[from..place]);
            from = place;
        }
        prop_assert_eq!(&lines_with(options, &redaction, chunks), &whole);
    }

    #[test]
    fn no_registered_secret_is_visible(
        before in "[ -~]{0,20}",
        after in "[ -~]{0,20}",
        breaks in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut secret = SECRET.to_owned();
        for place in breaks {
            let mut at = place.index(secret.len());
            while !secret.is_char_boundary(at) {
                at -= 1;
            }
            secret.insert(at, '\n');
        }
        let shown = lines(&registered(), [format!("{before}{secret}{after}").as_bytes()]).concat();
        let expected = windows(SECRET).filter(|part| before.contains(part) || after.contains(part)).count();
        let passed = windows(SECRET).filter(|part| shown.contains(part)).count();
        prop_assert!(passed <= expected, "{}", shown);
    }

    #[test]
    fn text_without_secrets_is_unchanged(words in proptest::collection::vec("[b-df-hj-nq-z]{1,9}[.,!]?", 0..60)) {
        let text = words.join(" ");
        prop_assert_eq!(Redaction::default().apply(&text), text);
    }
}
