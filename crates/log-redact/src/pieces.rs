//! The secret values inside of a registered secret: those of a kubeconfig, of JSON, of a dotenv file, of a key file.
//!
//! The rules that find secrets in a log find them here. The ordinary lines of such a file (`apiVersion: v1`) are no secrets:
//! as registered secrets they would hide lines of the log.

use std::collections::BTreeSet;

use crate::common::is_common;
use crate::key_block::KeyBlock;
use crate::patterns;
use crate::ranges::Ranges;
use crate::value::{Randomness, is_numeric, randomness};

/// The minimum length of a piece, in bytes.
const MIN_PIECE: usize = 4;

/// The minimum length of a line of plain text that is a piece.
const MIN_LINE: usize = 8;

/// The minimum length of a word that looks random.
const MIN_WORD: usize = 12;

/// The secret values in a registered secret, apart from the secret itself.
pub(crate) fn pieces(secret: &str) -> BTreeSet<String> {
    let mut pieces = BTreeSet::new();
    let has_lines = secret.contains('\n');
    let mut block: Option<KeyBlock> = None;
    for line in secret.lines() {
        let mut hidden = Ranges::default();
        if let Some(open) = &mut block
            && !open.next_line(line, &mut hidden)
        {
            block = None;
        }
        let found = patterns::find(line, false, &mut hidden);
        block = block.or(found.block);
        let hidden = hidden.merged();
        for range in &hidden {
            add_value(&mut pieces, &line[range.clone()]);
        }
        if has_lines && hidden.is_empty() {
            add_ordinary(&mut pieces, line.trim());
        }
    }
    pieces.remove(secret.trim());
    pieces
}

/// Adds a value that a rule has found. If it has written-out line ends, each of its lines is a value.
fn add_value(pieces: &mut BTreeSet<String>, value: &str) {
    let is_piece = |value: &str| value.len() >= MIN_PIECE && !is_common(value);
    if is_piece(value) {
        pieces.insert(value.to_owned());
    }
    if value.contains("\\n") {
        let lines = value
            .split("\\n")
            .filter(|line| line.len() >= MIN_LINE && !line.starts_with("-----"));
        pieces.extend(lines.map(str::to_owned));
    }
}

/// Adds what is secret in a line in which no rule found anything.
fn add_ordinary(pieces: &mut BTreeSet<String>, line: &str) {
    if let Some(value) = dotenv_value(line) {
        let is_secret = randomness(value) > Randomness::Ordinary
            || (value.len() >= MIN_LINE && value.contains(['!', '#', '%', ' ']));
        let is_address = value.contains("://") || value.contains('/');
        if is_secret && !is_address && !is_common(value) && !is_numeric(value) {
            pieces.insert(value.to_owned());
        }
        return;
    }
    if is_plain(line) {
        if line.len() >= MIN_LINE && !is_common(line) {
            pieces.insert(line.to_owned());
        }
        return;
    }
    let is_edge = |c: char| c.is_whitespace() || "\"'`,;:={}[]()<>".contains(c);
    let words = line
        .split(is_edge)
        .filter(|word| word.len() >= MIN_WORD && randomness(word) == Randomness::Random);
    pieces.extend(words.map(str::to_owned));
}

/// The value of a line of a dotenv file: `NAME=value`, also with `export` and quotes.
fn dotenv_value(line: &str) -> Option<&str> {
    let (name, value) = line
        .strip_prefix("export ")
        .unwrap_or(line)
        .split_once('=')?;
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let is_named =
        !name.is_empty() && name.bytes().all(is_name) && !name.as_bytes()[0].is_ascii_digit();
    let value = value.trim();
    let quoted = ['"', '\'']
        .iter()
        .find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q));
    is_named.then(|| quoted.unwrap_or(value))
}

/// Whether a line is text, not a part of a structure: a key, a bracket, a comment, a mark of a key block.
pub(crate) fn is_plain(line: &str) -> bool {
    let is_structure = line.starts_with([
        '{', '}', '[', ']', '(', ')', '<', '#', ';', '-', '"', '\'', '/', '!',
    ]) || line.ends_with(['{', '}', '[', ']', ',', ':', '\\', '>'])
        || line.contains(": ")
        || line.contains(" = ")
        || line.contains("=\"")
        || dotenv_value(line).is_some();
    !line.is_empty() && !is_structure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, expected: &[&str]) {
        let found: Vec<String> = pieces(secret).into_iter().collect();
        assert_eq!(found, expected, "{secret}");
    }

    #[test]
    fn the_values_of_a_kubeconfig_are_found_and_its_ordinary_lines_are_not() {
        check(
            "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\n  name: prod\ncurrent-context: prod\n\
             users:\n- name: admin\n  user:\n    token: k8s-Aa1Bb2Cc3Dd4\n    password: hunter22\n",
            &["hunter22", "k8s-Aa1Bb2Cc3Dd4"],
        );
    }

    #[test]
    fn the_values_of_json_are_found() {
        check(
            "{\n  \"enabled\": true,\n  \"region\": \"eu-west-1\",\n  \"apiKey\": \"zz-top-7\",\n  \"port\": 8080\n}\n",
            &["zz-top-7"],
        );
        check("{\"enabled\":true,\"apiKey\":\"zz-top-7\"}", &["zz-top-7"]);
    }

    #[test]
    fn the_values_of_a_dotenv_file_are_found() {
        check(
            "# settings\nDEBUG=true\nPORT=3000\nNODE_ENV=production\nDB_PASSWORD=letmein\nexport API='x9-Yb_27q'\nURL=http://localhost:3000\n",
            &["letmein", "x9-Yb_27q"],
        );
        check(
            "DATABASE_URL=postgres://app:s3cret@db/x\nA=b\n",
            &["s3cret"],
        );
    }

    #[test]
    fn the_lines_of_a_plain_text_are_found() {
        check(
            "correct horse battery\nstaple\nanother-long-line\n",
            &["another-long-line", "correct horse battery"],
        );
    }

    #[test]
    fn the_lines_of_a_key_are_found() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\nAgEAAoIBAQC7VJTU\n-----END PRIVATE KEY-----\n";
        check(
            key,
            &[
                "AgEAAoIBAQC7VJTU",
                "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj",
            ],
        );
    }
}
