//! What an append says about its body: headers, or query parameters of the same name, because some agents can set
//! neither the one nor the other for each request.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use log_domain::{MAX_NUMBER, Numbering, ProducerName, Source};
use log_wire::{ErrorCode, WriteProblem};

use crate::error::ApiError;

/// The longest `phase`, in bytes.
pub(super) const MAX_PHASE: usize = 64;

/// How the lines are written in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object a line.
    Ndjson,
    /// The lines themselves.
    Text,
}

/// How the body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// Everything that an append says beside its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppendHead {
    /// How the lines are numbered. Without it they are appended at least once.
    pub(crate) numbering: Option<Numbering>,
    pub(crate) format: Format,
    pub(crate) encoding: Encoding,
    /// The source of lines that do not say theirs.
    pub(crate) source: Source,
    /// The phase of lines that do not say theirs.
    pub(crate) phase: Option<String>,
    /// Whether lines are appended as they come, and not at the end of the body.
    pub(crate) streamed: bool,
}

impl AppendHead {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// 422 names the header; 415 says which types and encodings are understood.
    pub(crate) fn from_request(request: &HttpRequest) -> Result<Self, ApiError> {
        let source = value(request, "Log-Source")?;
        let source = source.map_or(Source::Stdout, |text| Source::from(&*text));
        check_source(&source).map_err(|rule| invalid("Log-Source", rule))?;
        let phase = value(request, "Log-Phase")?.map(Cow::into_owned);
        if phase.as_ref().is_some_and(|phase| phase.len() > MAX_PHASE) {
            return Err(invalid("Log-Phase", "must have at most 64 bytes"));
        }
        let streamed = match value(request, "stream")?.as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => return Err(invalid("stream", "must be `0` or `1`")),
        };
        let encoding = encoding(request)?;
        if streamed && encoding != Encoding::Identity {
            return Err(media_type("a body with `stream=1` cannot be compressed"));
        }
        Ok(Self {
            numbering: numbering(request)?,
            format: format(request)?,
            encoding,
            source,
            phase,
            streamed,
        })
    }
}

/// Whether it is one of the wire contract.
pub(super) fn check_source(source: &Source) -> Result<(), &'static str> {
    match source {
        Source::Stdout | Source::Stderr | Source::System => Ok(()),
        Source::Other(_) => Err("must be `stdout`, `stderr` or `system`"),
    }
}

fn numbering(request: &HttpRequest) -> Result<Option<Numbering>, ApiError> {
    let producer = value(request, "Log-Producer")?;
    let (epoch, line) = (number(request, "Log-Epoch")?, number(request, "Log-Line")?);
    let Some(producer) = producer else {
        if epoch.is_some() || line.is_some() {
            return Err(invalid(
                "Log-Producer",
                "must be given with `Log-Epoch` and `Log-Line`",
            ));
        }
        return Ok(None);
    };
    let producer: ProducerName = producer
        .parse()
        .map_err(|error| invalid("Log-Producer", error))?;
    // Without it, a second request would be taken for a repeat of the first.
    let line = line.ok_or_else(|| invalid("Log-Line", "must be given with `Log-Producer`"))?;
    Ok(Numbering::new(producer, epoch.unwrap_or(0), line))
}

fn number(request: &HttpRequest, name: &'static str) -> Result<Option<u64>, ApiError> {
    let Some(text) = value(request, name)? else {
        return Ok(None);
    };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|n| digits && *n <= MAX_NUMBER);
    let rule = || {
        invalid(
            name,
            format!("must be a whole number from 0 to {MAX_NUMBER}"),
        )
    };
    number.map(Some).ok_or_else(rule)
}

fn format(request: &HttpRequest) -> Result<Format, ApiError> {
    let text = header(request, &CONTENT_TYPE)?.unwrap_or_default();
    let (essence, parameters) = text.split_once(';').unwrap_or((&text, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    if !matches!(
        charset.as_str(),
        "" | "charset=utf-8" | "charset=\"utf-8\"" | "charset=us-ascii"
    ) {
        return Err(media_type("the only charset is utf-8"));
    }
    match essence.trim().to_ascii_lowercase().as_str() {
        // What `curl -T` sends.
        "" | "text/plain" => Ok(Format::Text),
        // Fluent Bit sends its lines of JSON as the last one.
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/json" => Ok(Format::Ndjson),
        _ => Err(media_type(
            "`Content-Type` must be `application/x-ndjson` or `text/plain`",
        )),
    }
}

fn encoding(request: &HttpRequest) -> Result<Encoding, ApiError> {
    let text = header(request, &CONTENT_ENCODING)?.unwrap_or_default();
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        _ => Err(media_type("`Content-Encoding` must be `gzip` or `zstd`")),
    }
}

/// The value of a header that may be given once.
fn header<'r>(
    request: &'r HttpRequest,
    name: &HeaderName,
) -> Result<Option<Cow<'r, str>>, ApiError> {
    let mut values = request.headers().get_all(name);
    let value = values.next();
    if values.next().is_some() {
        return Err(media_type(
            "`Content-Type` and `Content-Encoding` must be given once",
        ));
    }
    Ok(value.map(|value| String::from_utf8_lossy(value.as_bytes())))
}

/// The value of a header, or of the query parameter of the same name.
fn value<'r>(
    request: &'r HttpRequest,
    name: &'static str,
) -> Result<Option<Cow<'r, str>>, ApiError> {
    let headers = request.headers().get_all(name);
    let headers = headers.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    let parameters = pairs
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value);
    let mut values = headers.chain(parameters);
    let value = values.next();
    match values.next() {
        Some(_) => Err(invalid(name, "must be given once")),
        // What is no UTF-8 has become this character.
        None if value
            .as_ref()
            .is_some_and(|value| value.contains('\u{fffd}')) =>
        {
            Err(invalid(name, "must be UTF-8"))
        }
        None => Ok(value),
    }
}

pub(super) fn invalid(field: &'static str, rule: impl ToString) -> ApiError {
    ApiError::Invalid {
        field,
        rule: rule.to_string(),
    }
}

fn media_type(detail: &str) -> ApiError {
    ApiError::Write {
        code: ErrorCode::UnsupportedMediaType,
        detail: detail.into(),
        more: Box::<WriteProblem>::default(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(query: &str, headers: &[(&str, &str)]) -> Result<AppendHead, String> {
        let mut request = TestRequest::with_uri(&format!("/?{query}"));
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        AppendHead::from_request(&request.to_http_request()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_word_it_is_text_from_standard_output() {
        let head = read("", &[]).unwrap();
        assert_eq!(
            (head.format, head.encoding),
            (Format::Text, Encoding::Identity)
        );
        assert_eq!(
            (head.source, head.phase, head.numbering),
            (Source::Stdout, None, None)
        );
        assert!(!head.streamed);
    }

    #[test]
    fn headers_and_query_parameters_mean_the_same() {
        let headers = [
            ("Log-Producer", "w"),
            ("Log-Line", "7"),
            ("Log-Source", "stderr"),
            ("Log-Phase", "code"),
        ];
        let query = "log-producer=w&LOG-LINE=7&Log-Source=stderr&log-phase=code&log-epoch=0";
        let head = read("", &headers).unwrap();
        assert_eq!(read(query, &[]).unwrap(), head);
        let numbering = head.numbering.unwrap();
        assert_eq!((numbering.epoch(), numbering.first()), (0, 7));
        let twice = read("log-line=7", &headers).unwrap_err();
        assert_eq!(twice, "`Log-Line` must be given once");
    }

    #[test]
    fn every_malformed_header_is_named() {
        let w = ("Log-Producer", "w");
        for (headers, expected) in [
            (&[w][..], "`Log-Line` must be given with `Log-Producer`"),
            (&[("Log-Line", "0")], "`Log-Producer` must be given with"),
            (&[("Log-Epoch", "0")], "`Log-Producer` must be given with"),
            (
                &[("Log-Producer", "a b"), ("Log-Line", "0")],
                "`Log-Producer` must be 1 to 64",
            ),
            (
                &[("Log-Producer", ""), ("Log-Line", "0")],
                "`Log-Producer` must be 1 to 64",
            ),
            (
                &[w, ("Log-Line", "-1")],
                "`Log-Line` must be a whole number",
            ),
            (
                &[w, ("Log-Line", "+1")],
                "`Log-Line` must be a whole number",
            ),
            (&[w, ("Log-Line", "")], "`Log-Line` must be a whole number"),
            (
                &[w, ("Log-Line", "1e3")],
                "`Log-Line` must be a whole number",
            ),
            (
                &[w, ("Log-Line", "18446744073709551616")],
                "`Log-Line` must be a whole number",
            ),
            (
                &[w, ("Log-Line", "9007199254740993")],
                "`Log-Line` must be a whole number",
            ),
            (
                &[w, ("Log-Line", "1"), ("Log-Line", "1")],
                "`Log-Line` must be given once",
            ),
            (
                &[w, ("Log-Line", "0"), ("Log-Epoch", "x")],
                "`Log-Epoch` must be a whole number",
            ),
            (&[("Log-Source", "STDOUT")], "`Log-Source` must be `stdout`"),
            (
                &[("Log-Phase", &"p".repeat(65))],
                "`Log-Phase` must have at most",
            ),
        ] {
            let error = read("", headers).unwrap_err();
            assert!(error.starts_with(expected), "{headers:?}: {error}");
        }
    }

    #[test]
    fn types_and_encodings_are_understood_or_refused_by_name() {
        let format = |text| read("", &[("Content-Type", text)]).map(|head| head.format);
        for text in [
            "application/x-ndjson",
            "application/json",
            "Application/X-NDJSON; charset=UTF-8",
        ] {
            assert_eq!(format(text), Ok(Format::Ndjson), "{text}");
        }
        assert_eq!(format("text/plain; charset=utf-8"), Ok(Format::Text));
        for text in [
            "application/x-www-form-urlencoded",
            "text/html",
            "text/plain; charset=latin1",
            "x",
        ] {
            assert!(
                format(text)
                    .unwrap_err()
                    .starts_with("unsupported-media-type"),
                "{text}"
            );
        }
        let encoding = |text| read("", &[("Content-Encoding", text)]).map(|head| head.encoding);
        assert_eq!(encoding("GZIP"), Ok(Encoding::Gzip));
        assert_eq!(encoding("zstd"), Ok(Encoding::Zstd));
        for text in ["br", "deflate", "gzip, gzip", "gzip,zstd"] {
            assert!(
                encoding(text)
                    .unwrap_err()
                    .starts_with("unsupported-media-type"),
                "{text}"
            );
        }
        let streamed = read("stream=1", &[("Content-Encoding", "gzip")]);
        assert!(streamed.unwrap_err().starts_with("unsupported-media-type"));
    }
}
