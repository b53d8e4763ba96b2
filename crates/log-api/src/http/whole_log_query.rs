//! The parameters of a search and of a download.

use actix_web::HttpRequest;
use log_domain::EntryId;

use super::query::{cursor, invalid, one};
use crate::access::Query;
use crate::error::ApiError;
use crate::whole_log::download::{DownloadRequest, Format};
use crate::whole_log::search::SearchRequest;
use crate::whole_log::{Pattern, PatternRequest};

/// The most lines of one search.
const MAX_MATCHES: u64 = 10_000;

impl Query for SearchRequest {
    fn from_request(request: &HttpRequest) -> Result<Self, ApiError> {
        let query = request.query_string();
        let text = one(query, "q")?.unwrap_or_default();
        let pattern = PatternRequest {
            text: &text,
            is_regex: flag(query, "regex")?,
            case_sensitive: flag(query, "case")?,
        };
        let pattern = Pattern::compile(pattern).map_err(|rule| invalid("q", rule))?;
        let limit = match one(query, "limit")? {
            None => 1000,
            Some(text) => (text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse().ok())
                .flatten()
                .filter(|limit| (1..=MAX_MATCHES).contains(limit))
                .ok_or_else(|| {
                    let rule = format!("must be a whole number from 1 to {MAX_MATCHES}");
                    invalid("limit", rule)
                })?,
        };
        Ok(Self {
            pattern,
            after: cursor(query, "after_id")?.unwrap_or(EntryId::ZERO),
            limit,
        })
    }
}

impl Query for DownloadRequest {
    fn from_request(request: &HttpRequest) -> Result<Self, ApiError> {
        let query = request.query_string();
        let format = match one(query, "format")?.as_deref() {
            None | Some("text") => Format::Text,
            Some("ndjson") => Format::Ndjson,
            Some(_) => return Err(invalid("format", "must be `text` or `ndjson`")),
        };
        let keep_ansi = match one(query, "ansi")?.as_deref() {
            None | Some("strip") => false,
            Some("keep") => true,
            Some(_) => return Err(invalid("ansi", "must be `keep` or `strip`")),
        };
        Ok(Self {
            format,
            keep_ansi,
            after: cursor(query, "after_id")?,
            before: cursor(query, "before_id")?,
        })
    }
}

fn flag(query: &str, name: &'static str) -> Result<bool, ApiError> {
    match one(query, name)?.as_deref() {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(invalid(name, "must be 0 or 1")),
    }
}
