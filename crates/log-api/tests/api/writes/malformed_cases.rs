//! Malformed requests, and how each is refused.

use std::io::Write as _;

use serde_json::{Value, json};

/// A request that is wrong, and how it is refused.
pub(super) struct Case {
    pub(super) method: &'static str,
    /// What follows the path of the log.
    pub(super) target: String,
    /// Lines of the head beside those of every request.
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// A part of the sentence.
    pub(super) names: &'static str,
}

impl Case {
    fn new(method: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method,
            target: String::new(),
            head: Vec::new(),
            body: body.into(),
            status: 422,
            code: "invalid-parameter",
            names: "",
        }
    }

    /// An append with such a line in its head.
    fn head(line: impl AsRef<[u8]>, names: &'static str) -> Self {
        let mut case = Self::new("POST", "x\n").names(names);
        case.head = [line.as_ref(), b"\r\n"].concat();
        case
    }

    /// An append of JSON.
    fn lines(body: impl Into<Vec<u8>>, names: &'static str) -> Self {
        let mut case = Self::new("POST", body).names(names);
        case.head = b"Content-Type: application/x-ndjson\r\n".to_vec();
        case.code = "line-malformed";
        case
    }

    /// An append of a body that is packed so.
    fn packed(encoding: &str, body: impl Into<Vec<u8>>, names: &'static str) -> Self {
        let mut case = Self::new("POST", body).names(names);
        case.head = format!("Content-Encoding: {encoding}\r\n").into_bytes();
        case
    }

    fn at(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    const fn names(mut self, names: &'static str) -> Self {
        self.names = names;
        self
    }

    const fn refused(mut self, status: u16, code: &'static str) -> Self {
        (self.status, self.code) = (status, code);
        self
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Heads of an append.
pub(super) fn heads() -> Vec<Case> {
    let numbered = |line: &str| format!("Log-Producer: w\r\n{line}");
    let mut cases = vec![
        Case::head(
            numbered("Log-Line: 0\r\nLog-Line: 0"),
            "`Log-Line` must be given once",
        ),
        Case::head(
            numbered("Log-Line: 0\r\nlog-line: 1"),
            "`Log-Line` must be given once",
        ),
        Case::head(
            numbered("Log-Line: 0\r\nLog-Producer: w"),
            "`Log-Producer` must be given once",
        ),
        Case::head(
            numbered("Log-Line: 0\r\nLog-Epoch: 1\r\nLog-Epoch: 2"),
            "`Log-Epoch` must be given once",
        ),
        Case::head("Log-Source: stdout\r\nLog-Source: stderr", "`Log-Source`"),
        Case::head("Log-Phase: code\r\nLog-Phase: code", "`Log-Phase`"),
        Case::head("Log-Source: stderr", "`Log-Source`").at("?Log-Source=stderr"),
        Case::head("Log-Source: Stdout", "`Log-Source`"),
        Case::head("Log-Source: stdout,stderr", "`Log-Source`"),
        Case::head("Log-Source: \"stdout\"", "`Log-Source`"),
        Case::head(b"Log-Source: \xff", "`Log-Source`"),
        Case::head(b"Log-Phase: \xc3\x28", "`Log-Phase` must be UTF-8"),
        Case::head(format!("Log-Phase: {}", "é".repeat(33)), "`Log-Phase`"),
        Case::head("Log-Producer: é\r\nLog-Line: 0", "`Log-Producer`"),
        Case::head(b"Log-Producer: \xff\r\nLog-Line: 0", "`Log-Producer`"),
        Case::head("Log-Producer: a,b\r\nLog-Line: 0", "`Log-Producer`"),
        Case::head("Log-Producer: ../w\r\nLog-Line: 0", "`Log-Producer`"),
        Case::head("Log-Producer: w\r\nLog-Epoch: 1", "`Log-Line`"),
    ];
    for number in [
        "0 0",
        "0;1",
        "-0",
        "\u{665}",
        "1_000",
        "0b1",
        "1.",
        ".5",
        "NaN",
        "null",
        "18446744073709551615",
        "4503599627370497",
        &"9".repeat(400),
    ] {
        cases.push(Case::head(
            numbered(&format!("Log-Line: {number}")),
            "`Log-Line`",
        ));
        let epoch = format!("Log-Line: 0\r\nLog-Epoch: {number}");
        cases.push(Case::head(numbered(&epoch), "`Log-Epoch`"));
    }
    for stream in ["2", "true", "", "01", "1%00"] {
        cases.push(
            Case::new("POST", "x\n")
                .at(format!("?stream={stream}"))
                .names("`stream`"),
        );
    }
    cases
}

/// Types and encodings of an append.
pub(super) fn media() -> Vec<Case> {
    let types = [
        "text/plain\r\nContent-Type: text/plain",
        "text/plain, application/x-ndjson",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/vnd.api+json",
        "application/x-ndjson; charset=utf-16",
        "application/x-ndjson; boundary=x",
        "text/plain; charset=utf-8; charset=latin1",
        "text / plain",
        "*/*",
    ];
    let encodings = [
        "gzip, gzip",
        "gzip\r\nContent-Encoding: gzip",
        "identity, gzip",
        "gzip;q=1",
        "deflate",
        "compress",
        "lz4",
        "utf-8",
    ];
    let types = types.map(|text| format!("Content-Type: {text}"));
    let encodings = encodings.map(|text| format!("Content-Encoding: {text}"));
    let wrong = types.into_iter().chain(encodings);
    let mut cases: Vec<_> = wrong.map(|line| Case::head(line, "`Content-")).collect();
    // A charset is named by its own sentence.
    cases.iter_mut().for_each(|case| {
        if String::from_utf8_lossy(&case.head).contains(';') && !case.head.starts_with(b"Content-E")
        {
            case.names = "charset";
        }
    });
    cases.push(Case::head("Content-Encoding: gzip", "`stream=1`").at("?stream=1"));
    let refused = |case: Case| case.refused(415, "unsupported-media-type");
    cases.into_iter().map(refused).collect()
}

/// Bodies of lines of JSON.
pub(super) fn json_lines() -> Vec<Case> {
    const NO_JSON: &str = "is not JSON";
    const NO_LINE: &str = "must be an object with `text`";
    let mut cases: Vec<_> = [
        (b"\xef\xbb\xbf{\"text\":\"a\"}".to_vec(), NO_JSON),
        (b"{\"text\":\"a\0b\"}".to_vec(), NO_JSON),
        (b"{\"text\":\"\xc3\"}".to_vec(), NO_JSON),
        (b"\0".to_vec(), NO_JSON),
        (b"{\0\"\0t\0".to_vec(), NO_JSON),
        (b"{'text':'a'}".to_vec(), NO_JSON),
        (b"{\"text\":\"a\",}".to_vec(), NO_JSON),
        (b"{\"text\":\"a\"}{\"text\":\"b\"}".to_vec(), NO_JSON),
        (b"{\"text\":\"\\x41\"}".to_vec(), NO_JSON),
        (b"{\"text\":\"\\u12\"}".to_vec(), NO_JSON),
        (b"{\"text\":\"\\udc00\"}".to_vec(), NO_JSON),
        (b"{\"text\":\"a\"} // a comment".to_vec(), NO_JSON),
        (b"{\"text\":\"a\",\"x\":NaN}".to_vec(), NO_JSON),
        (b"{\"text\":\"a\",\"x\":01}".to_vec(), NO_JSON),
        (b"{\"text\":\"a\"".to_vec(), NO_JSON),
        (b"data: {\"text\":\"a\"}".to_vec(), NO_JSON),
        (b"[\"a\"]".to_vec(), NO_LINE),
        (b" [\"a\",\"stderr\"]".to_vec(), NO_LINE),
        (b"true".to_vec(), NO_LINE),
        (b"{\"TEXT\":\"a\"}".to_vec(), NO_LINE),
        (b"{\"text\":{}}".to_vec(), NO_LINE),
        (b"{\"text\":[\"a\"]}".to_vec(), NO_LINE),
        (b"{\"text\":\"a\",\"text\":\"a\"}".to_vec(), NO_LINE),
        (
            b"{\"text\":\"a\",\"source\":\"stdout\",\"source\":\"stderr\"}".to_vec(),
            NO_LINE,
        ),
        (b"{\"text\":\"a\",\"open\":1}".to_vec(), NO_LINE),
        (b"{\"text\":\"a\",\"open\":\"yes\"}".to_vec(), NO_LINE),
        (b"{\"text\":\"a\",\"ts\":1764410400}".to_vec(), NO_LINE),
        (b"[{\"text\":\"a\"},{\"text\":\"b\"}]".to_vec(), NO_LINE),
        (
            b"{\"text\":\"a\",\"source\":\"STDERR\"}".to_vec(),
            "`source`",
        ),
        (b"{\"text\":\"a\",\"source\":\"\"}".to_vec(), "`source`"),
        (b"{\"text\":\"a\",\"ts\":\"\"}".to_vec(), "`ts`"),
        (
            b"{\"text\":\"a\",\"ts\":\"2026-13-01T00:00:00Z\"}".to_vec(),
            "`ts`",
        ),
        (
            b"{\"text\":\"a\",\"ts\":\"2026-02-30T00:00:00Z\"}".to_vec(),
            "`ts`",
        ),
        (b"{\"text\":\"a\",\"ts\":\"10:00\"}".to_vec(), "`ts`"),
        (b"{\"text\":\"a\",\"ts\":\"1764410400\"}".to_vec(), "`ts`"),
    ]
    .into_iter()
    .map(|(body, names)| Case::lines(body, names))
    .collect();
    // The last line of many, and a line that is cut by the end of the body.
    let good = "{\"text\":\"good\"}\n";
    let late = good.repeat(5_000) + "{\"text\":\"cu";
    cases.push(Case::lines(late, "Line 5000 of the body"));
    let two = good.to_owned() + "bad\nworse\n";
    cases.push(Case::lines(two, "Line 1 of the body"));
    cases
}

/// Bodies that are not what their head says.
pub(super) fn packed() -> Vec<Case> {
    let lines = gzip(b"a\nb\n");
    let zstd = zstd::encode_all(&b"a\nb\n"[..], 3).unwrap();
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0x55;
        bytes
    };
    let mut inside = Case::lines(
        gzip(b"{\"text\":\"a\"}\n{\"text\":}\n"),
        "Line 1 of the body",
    );
    inside.head.extend_from_slice(b"Content-Encoding: gzip\r\n");
    let mut twice = Case::lines(gzip(&gzip(b"{\"text\":\"a\"}\n")), "Line 0 of the body");
    twice.head.extend_from_slice(b"Content-Encoding: gzip\r\n");
    vec![
        Case::packed("gzip", b"a\nb\n".to_vec(), "gzip"),
        Case::packed("gzip", zstd.clone(), "gzip"),
        Case::packed("zstd", lines.clone(), "zstd"),
        Case::packed("gzip", lines[..lines.len() - 1].to_vec(), "gzip"),
        Case::packed("gzip", changed(&lines, lines.len() - 6), "gzip"),
        Case::packed("gzip", [lines.as_slice(), b"more"].concat(), "gzip"),
        Case::packed("gzip", b"\x1f\x8b".to_vec(), "gzip"),
        Case::packed("zstd", zstd[..zstd.len() - 1].to_vec(), "zstd"),
        Case::packed("zstd", changed(&zstd, 0), "zstd"),
        Case::packed("zstd", [zstd.as_slice(), b"more"].concat(), "zstd"),
        inside,
        twice,
    ]
}

/// Bodies of a new job.
pub(super) fn new_jobs() -> Vec<Case> {
    let user = |more: &str| format!(r#"{{"user_id":"user_ann",{more}}}"#);
    let fields = |fields: &Value| user(&format!(r#""fields":{fields}"#));
    let many: Value = (0..65)
        .map(|n| (format!("f{n}"), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let long = "x".repeat(4097);
    let deep = format!(r#""fields":{{"a":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    [
        ("null".to_owned(), "body"),
        ("\"user_ann\"".to_owned(), "body"),
        ("[\"user_ann\"]".to_owned(), "body"),
        ("\u{feff}{\"user_id\":\"user_ann\"}".to_owned(), "body"),
        ("{\"user_id\":\"user_ann\"} x".to_owned(), "body"),
        ("user_id=user_ann".to_owned(), "body"),
        ("\n".to_owned(), "body"),
        ("{\"user_id\":\"user_ann\0\"}".to_owned(), "body"),
        (r#"{"user_id":null}"#.to_owned(), "body"),
        (r#"{"user_id":["user_ann"]}"#.to_owned(), "body"),
        (r#"{"user_id":"a","user_id":"b"}"#.to_owned(), "body"),
        (r#"{"USER_ID":"user_ann"}"#.to_owned(), "body"),
        (user(r#""org_id":7"#), "body"),
        (user(r#""token":"yes""#), "body"),
        (user(r#""fields":[]"#), "body"),
        (user(&deep), "body"),
        (format!(r#"{{"user_id":"{long}"}}"#), "user_id"),
        (r#"{"user_id":"\n\t "}"#.to_owned(), "user_id"),
        (user(&format!(r#""org_id":"{long}""#)), "org_id"),
        (user(r#""org_id":" ""#), "org_id"),
        (user(r#""status":"QUEUED""#), "status"),
        (user(r#""status":"""#), "status"),
        (user(r#""status":"failed""#), "status"),
        (user(r#""status":"deleted""#), "status"),
        (fields(&many), "fields"),
        (fields(&json!({"user_id": "user_bob"})), "fields"),
        (fields(&json!({"created_at": "now"})), "fields"),
        (fields(&json!({"a": null})), "fields"),
        (fields(&json!({"a": {"b": 1}})), "fields"),
        (fields(&json!({"x".repeat(65): 1})), "fields"),
        (fields(&json!({"a": long})), "fields"),
    ]
    .into_iter()
    .map(|(body, names)| Case::new("PUT", body).names(names))
    .chain([
        Case::new("PUT", b"{\"user_id\":\"\xff\"}".to_vec()).names("body"),
        Case::new("PUT", gzip(b"{\"user_id\":\"user_ann\"}")).names("body"),
        Case::new(
            "PUT",
            format!(
                "{{\"user_id\":\"user_ann\",\"x\":\"{}\"}}",
                "x".repeat(70_000)
            ),
        )
        .refused(413, "body-too-large")
        .names("65536 bytes"),
    ])
    .collect()
}

/// Bodies of a change of the status, of a job that is `queued`.
pub(super) fn steps() -> Vec<Case> {
    let many: Value = (0..65)
        .map(|n| (format!("p{n}"), json!(0)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let producers = |producers: &str| format!(r#"{{"status":"failed","producers":{producers}}}"#);
    let long = "x".repeat(4097);
    [
        (String::new(), "body"),
        ("null".to_owned(), "body"),
        ("\"failed\"".to_owned(), "body"),
        ("[\"failed\"]".to_owned(), "body"),
        (r#"{"status":null}"#.to_owned(), "body"),
        (r#"{"status":0}"#.to_owned(), "body"),
        (r#"{"status":"failed","status":"ready"}"#.to_owned(), "body"),
        (r#"{"status":"failed","message":5}"#.to_owned(), "body"),
        (r#"{"status":"failed","message":"a"#.to_owned(), "body"),
        (producers("[]"), "body"),
        (producers(r#"{"w":1.5}"#), "body"),
        (producers(r#"{"w":"1"}"#), "body"),
        (producers(r#"{"w":-1}"#), "body"),
        (producers(r#"{"w":18446744073709551616}"#), "body"),
        (producers(r#"{"":1}"#), "producers"),
        (producers(r#"{"a/b":1}"#), "producers"),
        (
            producers(&json!({"x".repeat(65): 1}).to_string()),
            "producers",
        ),
        (producers(&many.to_string()), "producers"),
        (r#"{"status":"Failed"}"#.to_owned(), "status"),
        (r#"{"status":"failed "}"#.to_owned(), "status"),
        (r#"{"status":""}"#.to_owned(), "status"),
        (
            format!(r#"{{"status":"failed","message":"{long}"}}"#),
            "message",
        ),
    ]
    .into_iter()
    .map(|(body, names)| Case::new("PATCH", body).names(names))
    .chain(
        ["queued", "scaffold", "code", "deps", "checks", "ready"].map(|to| {
            let step = json!({"status": to}).to_string();
            Case::new("PATCH", step)
                .refused(409, "status-conflict")
                .names("`queued` cannot become")
        }),
    )
    .collect()
}

/// Names of producers, methods and routes that there are not.
pub(super) fn routes() -> Vec<Case> {
    let long = "p".repeat(65);
    let names = [
        "a%20b",
        "a%2Fb",
        "%00",
        "%FF",
        "%C3%A9",
        "a%0D%0AX:%20y",
        "a,b",
        "*",
        &long,
    ];
    let mut cases: Vec<_> = names
        .iter()
        .map(|name| {
            Case::new("GET", "")
                .at(format!("/producers/{name}"))
                .names("`name`")
        })
        .collect();
    for (method, target, status, code) in [
        ("GET", "/producers/", 404, "route-not-found"),
        ("GET", "/producers/a/b", 404, "route-not-found"),
        ("POST", "/lines", 404, "route-not-found"),
        ("POST", "/producers/w", 405, "method-not-allowed"),
        ("PUT", "/status", 405, "method-not-allowed"),
        ("DELETE", "", 405, "method-not-allowed"),
        ("TRACE", "", 405, "method-not-allowed"),
        ("post", "", 405, "method-not-allowed"),
    ] {
        cases.push(Case::new(method, "").at(target).refused(status, code));
    }
    cases
}
