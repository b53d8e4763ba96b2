//! The parameters and headers of requests, parsed into domain types.
//!
//! An unknown parameter is ignored. A repeated one is refused, because two programs could understand it differently. An
//! empty cursor counts as absent; an empty limit is refused.

use std::borrow::Cow;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header as _};
use auth::Rejection;
use log_domain::{EntryId, PageLimit, PageLimitError, PageRequest, Start};
use log_wire::StreamFormat;

use crate::access::Query;
use crate::error::ApiError;

impl Query for PageRequest {
    fn from_request(request: &HttpRequest) -> Result<Self, ApiError> {
        let query = request.query_string();
        let limit = match one(query, "limit")? {
            Some(text) => limit(&text).map_err(|error| invalid("limit", error))?,
            None => PageLimit::DEFAULT,
        };
        let before = cursor(query, "before_id")?;
        let after = cursor(query, "after_id")?;
        Ok(Self {
            after,
            before,
            limit,
        })
    }
}

/// What a request for a stream asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamQuery {
    /// Where the stream begins.
    pub start: Start,
    /// The cursor is one that the client got from a stream before, and not one that somebody asks for.
    pub came_back: bool,
    /// How the stream is written.
    pub format: StreamFormat,
}

impl Query for StreamQuery {
    /// The ticket is a credential, so a repeated one is malformed. An empty one counts as absent.
    fn ticket(request: &HttpRequest) -> Result<Option<String>, ApiError> {
        let ticket = one(request.query_string(), "ticket")
            .map_err(|_| ApiError::from(Rejection::MalformedCredentials))?;
        Ok(ticket
            .filter(|ticket| !ticket.is_empty())
            .map(Cow::into_owned))
    }

    fn from_request(request: &HttpRequest) -> Result<Self, ApiError> {
        let query = request.query_string();
        let header = last_event_id(request)?;
        let after = stream_cursor(query, "after_id")?;
        // `EventSource` polyfills that cannot set a header send the cursor by one of these names.
        let older = stream_cursor(query, "lastEventId")?;
        let polyfilled = older.or(stream_cursor(query, "last_event_id")?);
        let from_start = match one(query, "from")?.as_deref() {
            None => false,
            Some("start") => true,
            Some(_) => return Err(invalid("from", "must be `start`")),
        };
        let asked = after.or(polyfilled);
        let id = |cursor: Option<StreamCursor>| cursor.map(|cursor| cursor.id);
        let start = Start::from_request(id(header), id(asked), from_start);
        let is_time = header.or(asked).is_some_and(|cursor| cursor.is_time);
        Ok(Self {
            start: if is_time { start.as_time() } else { start },
            came_back: header.is_some() || (after.is_none() && polyfilled.is_some()),
            format: format(request),
        })
    }
}

/// For routes without parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoQuery;

impl Query for NoQuery {
    fn from_request(_: &HttpRequest) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

/// The greatest valid cursor of the header. Some libraries send one header with the cursor that they began with, and
/// another with the one that they have reached; a proxy may join the two.
fn last_event_id(request: &HttpRequest) -> Result<Option<StreamCursor>, ApiError> {
    const NAME: &str = "Last-Event-ID";
    let values = request.headers().get_all(NAME);
    // A value that is not visible ASCII is not an entry id either.
    let values = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
    let cursors = values.map(|text| StreamCursor::parse(text.trim(), NAME));
    let mut refused = None;
    let mut greatest = None;
    for cursor in cursors {
        match cursor {
            Ok(cursor) => greatest = greatest.max(cursor),
            Err(error) => refused = Some(error),
        }
    }
    match (greatest, refused) {
        (None, Some(error)) => Err(error),
        (greatest, _) => Ok(greatest),
    }
}

/// The format that the client prefers. Without a preference for another one that there is, it is an event stream: that is
/// what clients get that know of no other.
fn format(request: &HttpRequest) -> StreamFormat {
    let accepted = Accept::parse(request).map_or_else(|_| Vec::new(), |accept| accept.ranked());
    let named = accepted.iter().find_map(|accepted| {
        let media_type = accepted.essence_str();
        let is_open = matches!(media_type, "*/*" | "text/*");
        let mut formats = StreamFormat::ALL.into_iter();
        formats.find(|format| is_open || media_type == format.media_type())
    });
    named.unwrap_or_default()
}

/// Where a stream goes on, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct StreamCursor {
    id: EntryId,
    /// Milliseconds alone are a time, of which there need not be a line.
    is_time: bool,
}

impl StreamCursor {
    fn parse(text: &str, name: &'static str) -> Result<Option<Self>, ApiError> {
        let is_time = !text.contains('-');
        Ok(entry_id(text, name)?.map(|id| Self { id, is_time }))
    }
}

fn stream_cursor(query: &str, name: &'static str) -> Result<Option<StreamCursor>, ApiError> {
    one(query, name)?.map_or(Ok(None), |text| StreamCursor::parse(&text, name))
}

pub(super) fn cursor(query: &str, name: &'static str) -> Result<Option<EntryId>, ApiError> {
    one(query, name)?.map_or(Ok(None), |text| entry_id(&text, name))
}

fn entry_id(text: &str, name: &'static str) -> Result<Option<EntryId>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| invalid(name, error))
}

fn limit(text: &str) -> Result<PageLimit, PageLimitError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| usize::from_str(text).ok()).flatten();
    PageLimit::new(number.ok_or(PageLimitError)?)
}

/// The value of a parameter that may be given once.
pub(super) fn one<'q>(
    query: &'q str,
    name: &'static str,
) -> Result<Option<Cow<'q, str>>, ApiError> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value);
    let value = values.next();
    match values.next() {
        Some(_) => Err(invalid(name, "must be given once")),
        None => Ok(value),
    }
}

pub(super) fn invalid(field: &'static str, rule: impl ToString) -> ApiError {
    ApiError::Invalid {
        field,
        rule: rule.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn page(query: &str) -> Result<PageRequest, String> {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        PageRequest::from_request(&request).map_err(|error| error.to_string())
    }

    fn stream(query: &str, header: Option<&str>) -> Result<Start, String> {
        let mut request = TestRequest::with_uri(&format!("/?{query}"));
        if let Some(id) = header {
            request = request.insert_header(("Last-Event-ID", id));
        }
        StreamQuery::from_request(&request.to_http_request())
            .map(|query| query.start)
            .map_err(|e| e.to_string())
    }

    const fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    #[test]
    fn without_parameters_a_page_is_the_newest_hundred_lines() {
        let request = page("").unwrap();
        assert_eq!(
            (request.limit.get(), request.before, request.after),
            (100, None, None)
        );
    }

    #[test]
    fn every_malformed_limit_is_refused_by_name() {
        for text in [
            "",
            "0",
            "501",
            "-1",
            "+5",
            "1.0",
            "ten",
            "1e2",
            "%20",
            "99999999999999999999",
        ] {
            let error = page(&format!("limit={text}")).unwrap_err();
            assert_eq!(
                error, "`limit` must be a whole number from 1 to 500",
                "{text:?}"
            );
        }
        assert_eq!(page("limit=500").unwrap().limit.get(), 500);
    }

    #[test]
    fn an_empty_cursor_is_absent_and_a_malformed_one_is_named() {
        assert_eq!(page("before_id=&after_id=").unwrap().before, None);
        assert_eq!(page("before_id=5").unwrap().before, Some(id(5)));
        for name in ["before_id", "after_id"] {
            for text in [
                "x",
                "1-",
                "-1",
                "1-2-3",
                "%FF",
                "1+",
                "18446744073709551616",
            ] {
                let error = page(&format!("{name}={text}")).unwrap_err();
                assert!(
                    error.starts_with(&format!("`{name}` must be")),
                    "{text}: {error}"
                );
            }
        }
    }

    #[test]
    fn a_repeated_parameter_is_refused_and_an_unknown_one_ignored() {
        assert_eq!(
            page("limit=5&limit=5").unwrap_err(),
            "`limit` must be given once"
        );
        assert_eq!(
            page("before_id=&before_id=1").unwrap_err(),
            "`before_id` must be given once"
        );
        assert_eq!(
            stream("from=start&from=start", None).unwrap_err(),
            "`from` must be given once"
        );
        assert!(page("foo=1&foo=2&token=x").is_ok());
    }

    #[test]
    fn the_header_wins_then_the_cursor_then_from() {
        assert_eq!(stream("", None), Ok(Start::Live));
        assert_eq!(stream("from=start", None), Ok(Start::After(EntryId::ZERO)));
        assert_eq!(
            stream("from=start&after_id=3-0", None),
            Ok(Start::After(id(3)))
        );
        assert_eq!(stream("after_id=3", Some("4-0")), Ok(Start::After(id(4))));
        // Milliseconds alone are a time.
        assert_eq!(stream("after_id=3", Some("")), Ok(Start::AfterTime(id(3))));
        assert_eq!(
            stream("after_id=3-0", Some("4")),
            Ok(Start::AfterTime(id(4)))
        );
    }

    #[test]
    fn malformed_starts_are_refused_by_name() {
        assert_eq!(
            stream("from=end", None).unwrap_err(),
            "`from` must be `start`"
        );
        assert_eq!(stream("from=", None).unwrap_err(), "`from` must be `start`");
        let error = stream("", Some("last")).unwrap_err();
        assert!(error.starts_with("`Last-Event-ID` must be"), "{error}");
    }
}
