//! Runs lines through a redaction, and checks what comes out.

use log_redact::Redaction;

/// A token of three parts, alone on a line in many tests.
pub(crate) const JWT: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N";

/// A redaction that knows some secrets.
pub(crate) fn knowing<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Redaction {
    let mut builder = Redaction::builder();
    for secret in secrets {
        builder.add(secret).unwrap();
    }
    builder.build().unwrap()
}

/// The lines that come out. All come at once, and again with a release after each line.
pub(crate) fn lines(redaction: &Redaction, text: &str) -> Vec<String> {
    let mut shown = Vec::new();
    let mut redactor = redaction.redactor();
    for line in text.lines() {
        redactor.push(line.to_owned(), |line| shown.push(line));
    }
    redactor.finish(|line| shown.push(line));
    assert_eq!(
        shown.len(),
        text.lines().count(),
        "a line for each line of {text:?}: {shown:#?}"
    );
    shown
}

/// The lines that come out if nothing follows a line for a while.
pub(crate) fn slow_lines(redaction: &Redaction, text: &str) -> Vec<String> {
    let mut shown = Vec::new();
    let mut redactor = redaction.redactor();
    for line in text.lines() {
        redactor.push(line.to_owned(), |line| shown.push(line));
        redactor.release_held_lines(|line| shown.push(line));
    }
    shown
}

#[track_caller]
pub(crate) fn check_with(redaction: &Redaction, text: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().collect();
    assert_eq!(lines(redaction, text), expected, "{text:?}");
}

/// Checks what the default rules show of a text.
#[track_caller]
pub(crate) fn check(text: &str, expected: &str) {
    check_with(&Redaction::default(), text, expected);
}

/// Checks many texts, and tells of all that are wrong.
#[track_caller]
pub(crate) fn check_all<'a>(cases: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let redaction = Redaction::default();
    let shown = cases
        .into_iter()
        .map(|(text, expected)| (redaction.apply(text), expected));
    let wrong: Vec<_> = shown
        .filter(|(shown, expected)| shown != expected)
        .collect();
    assert!(wrong.is_empty(), "shown, and expected: {wrong:#?}");
}

/// Checks that the default rules show a text as it is.
#[track_caller]
pub(crate) fn check_same(text: &str) {
    check(text, text);
}

/// All parts of four characters.
pub(crate) fn windows(text: &str) -> impl Iterator<Item = &str> {
    let places: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    (4..places.len()).map(move |end| &text[places[end - 4]..places[end]])
}

/// Checks that no four characters of a secret are shown.
#[track_caller]
pub(crate) fn check_no_part(secret: &str, shown: &[String]) {
    let whole = shown.join("\n");
    let passed: Vec<_> = windows(secret)
        .filter(|part| whole.contains(part))
        .collect();
    assert!(passed.is_empty(), "{passed:?} in {shown:#?}");
}
