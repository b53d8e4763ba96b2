//! What a search answers: one JSON object a line.

use log_domain::EntryId;
use serde::{Deserialize, Serialize};

use crate::rest::write_json;

/// One object of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SearchEvent<'a> {
    /// A line that matches.
    #[serde(borrow)]
    Match(SearchMatch<'a>),
    /// How far the search has come. Sent now and then.
    Progress(SearchProgress),
    /// The search is over. Always the last object: without it, the answer is not complete.
    End(SearchEnd),
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchMatch<'a> {
    /// The id of the line.
    #[serde(with = "crate::text")]
    pub id: EntryId,
    /// The text that was searched: without terminal control.
    pub text: std::borrow::Cow<'a, str>,
    /// Where it matches, from the beginning: start and end in UTF-16 units of `text`, as JavaScript counts. At most
    /// [`SearchMatch::MAX_SPANS`], and none where the match is empty.
    pub spans: Vec<[usize; 2]>,
}

impl SearchMatch<'_> {
    /// The most spans of one line.
    pub const MAX_SPANS: usize = 1000;
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchProgress {
    /// The last line that was looked at. A search with `after_id` of this goes on behind it.
    #[serde(with = "crate::text")]
    pub scanned_to: EntryId,
    /// How many lines were looked at.
    pub lines: u64,
    /// How many of them match.
    pub matches: u64,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchEnd {
    /// Why.
    pub reason: SearchEndReason,
    /// How far it came.
    #[serde(flatten)]
    pub progress: SearchProgress,
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SearchEndReason {
    /// The log has no further lines.
    End,
    /// It found as many lines as were asked for.
    Limit,
    /// It took as long as a search may.
    Time,
}

impl SearchEvent<'_> {
    /// Appends the object and a newline.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_json(out, self);
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: SearchProgress = SearchProgress {
        scanned_to: EntryId::new(7, 1),
        lines: 20,
        matches: 1,
    };

    fn json(event: &SearchEvent<'_>) -> String {
        let mut out = Vec::new();
        event.write(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            &serde_json::from_str::<SearchEvent<'_>>(&text).unwrap(),
            event
        );
        text
    }

    #[test]
    fn the_objects_have_the_form_of_the_contract() {
        let found = SearchEvent::Match(SearchMatch {
            id: EntryId::new(7, 0),
            text: "an \"error\"".into(),
            spans: vec![[4, 9]],
        });
        let end = SearchEvent::End(SearchEnd {
            reason: SearchEndReason::Limit,
            progress: PROGRESS,
        });
        insta::assert_snapshot!(json(&found), @r#"{"match":{"id":"7-0","text":"an \"error\"","spans":[[4,9]]}}"#);
        insta::assert_snapshot!(json(&SearchEvent::Progress(PROGRESS)), @r#"{"progress":{"scanned_to":"7-1","lines":20,"matches":1}}"#);
        insta::assert_snapshot!(json(&end), @r#"{"end":{"reason":"limit","scanned_to":"7-1","lines":20,"matches":1}}"#);
    }
}
