//! Putting a result into a document, between the two marks that stand there for it.

use std::path::Path;

use crate::error::BenchError;
use crate::say;

/// Replaces what stands between `<!-- begin: {name} -->` and `<!-- end: {name} -->`.
pub(crate) fn put(file: &Path, name: &str, text: &str) -> Result<(), BenchError> {
    let shown = file.display();
    let document =
        std::fs::read_to_string(file).map_err(BenchError::io(format!("read {shown}")))?;
    let Some(new) = replaced(&document, name, text) else {
        return Err(BenchError::peer(
            shown.to_string(),
            format!("it has no marks `<!-- begin: {name} -->` and `<!-- end: {name} -->`"),
        ));
    };
    std::fs::write(file, new).map_err(BenchError::io(format!("write {shown}")))?;
    say::progress(format_args!("Written into {shown}"));
    Ok(())
}

fn replaced(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- begin: {name} -->"),
        format!("<!-- end: {name} -->"),
    );
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        text.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced_and_nothing_else() {
        let document = "a\n<!-- begin: scale -->\nold\n<!-- end: scale -->\nb\n";
        let new = replaced(document, "scale", "new\n").unwrap();
        assert_eq!(
            new,
            "a\n<!-- begin: scale -->\n\nnew\n\n<!-- end: scale -->\nb\n"
        );
        assert_eq!(
            replaced(&new, "scale", "new").unwrap(),
            new,
            "again is the same"
        );
    }

    #[test]
    fn a_document_without_marks_is_left_alone() {
        assert_eq!(replaced("a", "scale", "new"), None);
    }
}
