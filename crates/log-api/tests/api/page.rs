//! A page of history.

use std::sync::Arc;

use log_domain::{JobId, Source, UserId};
use log_store::redis::{RedisOptions, RedisStore};
use log_writer::{LogWriter, Outcome, create_job};
use serde_json::{Value, json};
use test_support::{Recording, RedisServer};
use tokio::io::AsyncWriteExt as _;

use crate::support::{ANN, Api, Job, shared};

/// A page of Ann's job, which must be answered with 200.
async fn page(api: &Api, job: &Job, query: &str) -> Value {
    let answer = api.get(&format!("{}?{query}", job.path())).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let page = answer.json();
    assert_eq!(
        page["oldest_id"],
        lines(&page)
            .first()
            .map_or(Value::Null, |l| l["id"].clone())
    );
    assert_eq!(
        page["newest_id"],
        lines(&page).last().map_or(Value::Null, |l| l["id"].clone())
    );
    page
}

fn lines(page: &Value) -> &[Value] {
    page["lines"].as_array().unwrap()
}

fn column(page: &Value, name: &str) -> Vec<Value> {
    lines(page).iter().map(|line| line[name].clone()).collect()
}

fn has_more(page: &Value) -> bool {
    page["has_more"].as_bool().unwrap()
}

/// The whole log, read page by page from its end.
async fn paged_back(api: &Api, job: &Job, limit: usize) -> Vec<Value> {
    let mut found = Vec::new();
    let mut before = Value::from("");
    loop {
        let query = format!("limit={limit}&before_id={}", before.as_str().unwrap());
        let page = page(api, job, &query).await;
        assert!(lines(&page).len() <= limit && (!lines(&page).is_empty() || found.is_empty()));
        found.splice(0..0, lines(&page).iter().cloned());
        if !has_more(&page) {
            return found;
        }
        before = page["oldest_id"].clone();
    }
}

/// The lines after an id, read page by page, up to another id if one is given.
async fn paged_forward(
    api: &Api,
    job: &Job,
    limit: usize,
    after: &str,
    before: &str,
) -> Vec<Value> {
    let mut found = Vec::new();
    let mut after = Value::from(after);
    loop {
        let from = after.as_str().unwrap();
        let page = page(
            api,
            job,
            &format!("limit={limit}&after_id={from}&before_id={before}"),
        )
        .await;
        assert!(lines(&page).len() <= limit && (!lines(&page).is_empty() || found.is_empty()));
        found.extend(lines(&page).iter().cloned());
        if !has_more(&page) {
            return found;
        }
        after = page["newest_id"].clone();
    }
}

#[tokio::test]
async fn a_page_is_the_newest_lines_oldest_first() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(["a", "b", "c"]).await;

    let page = page(&api, &job, "limit=2").await;

    assert_eq!(column(&page, "text"), ["b", "c"]);
    assert_eq!(page["has_more"], true);
    assert_eq!(
        (&page["oldest_id"], &page["newest_id"]),
        (&json!(ids[1]), &json!(ids[2]))
    );
}

#[tokio::test]
async fn a_page_and_its_lines_have_exactly_the_fields_of_the_contract() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let id = job.append("hello").await;

    let line = json!({
        "id": id, "ts": "2026-01-01T00:00:00.000Z", "source": "stdout", "text": "hello", "phase": "install",
    });
    let expected = json!({"lines": [line], "has_more": false, "oldest_id": id, "newest_id": id});
    assert_eq!(page(&api, &job, "").await, expected);
}

#[tokio::test]
async fn the_limit_is_100_unless_asked_for_1_to_500() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..501).map(|n| n.to_string())).await;
    let all = job.lines().await;

    for (query, expected) in [
        ("", 100),
        ("limit=1", 1),
        ("limit=499", 499),
        ("limit=500", 500),
        ("limit=0500", 500),
    ] {
        let page = page(&api, &job, query).await;
        assert_eq!(lines(&page), &all[501 - expected..], "{query}");
        assert!(has_more(&page), "{query}");
    }
}

#[tokio::test]
async fn has_more_is_about_older_lines_or_with_after_id_about_newer_ones() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for n in 1..=5 {
        job.append_entry(&format!("{n}-0"), &[b"text", n.to_string().as_bytes()])
            .await;
    }
    let cases: [(&str, &[&str], bool); 12] = [
        ("limit=5", &["1", "2", "3", "4", "5"], false),
        ("limit=4", &["2", "3", "4", "5"], true),
        ("limit=2&before_id=4-0", &["2", "3"], true),
        ("limit=3&before_id=4-0", &["1", "2", "3"], false),
        ("limit=2&after_id=2-0", &["3", "4"], true),
        ("limit=3&after_id=2-0", &["3", "4", "5"], false),
        ("limit=2&after_id=0-0", &["1", "2"], true),
        // Lines that are newer than the window do not count.
        ("limit=2&after_id=1-0&before_id=5-0", &["2", "3"], true),
        (
            "limit=3&after_id=1-0&before_id=5-0",
            &["2", "3", "4"],
            false,
        ),
        ("limit=1&after_id=4-0&before_id=6-0", &["5"], false),
        ("after_id=2-0&before_id=3-0", &[], false),
        ("after_id=4-0&before_id=2-0", &[], false),
    ];
    for (query, texts, more) in cases {
        let page = page(&api, &job, query).await;
        assert_eq!(
            (column(&page, "text"), has_more(&page)),
            (texts.iter().map(|t| json!(t)).collect(), more),
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_empty_page_has_no_lines_no_more_and_no_cursors() {
    let (redis, api) = shared().await;
    let empty = json!({"lines": [], "has_more": false, "oldest_id": null, "newest_id": null});
    let job = Job::new(&redis).await;
    assert_eq!(page(&api, &job, "").await, empty, "nothing was written yet");

    let id = job.append("a").await;
    for query in [
        format!("before_id={id}"),
        format!("after_id={id}"),
        "before_id=0-0".into(),
    ] {
        assert_eq!(page(&api, &job, &query).await, empty, "{query}");
    }

    job.command(&["DEL", &job.logs_key()]).await;
    for query in ["", "after_id=0-0"] {
        assert_eq!(page(&api, &job, query).await, empty, "the log has expired");
    }
}

#[tokio::test]
async fn the_milliseconds_alone_mean_sequence_zero_in_either_place() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for id in ["5-0", "5-1", "6-0", "6-1"] {
        job.append_entry(id, &[b"text", id.as_bytes()]).await;
    }
    let cases: [(&str, &[&str]); 4] = [
        ("before_id=6", &["5-0", "5-1"]),
        ("before_id=5", &[]),
        ("after_id=5", &["5-1", "6-0", "6-1"]),
        ("after_id=5&before_id=6", &["5-1"]),
    ];
    for (query, ids) in cases {
        assert_eq!(column(&page(&api, &job, query).await, "id"), ids, "{query}");
    }
}

#[tokio::test]
async fn an_empty_cursor_is_absent_and_an_unknown_parameter_is_ignored() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["a", "b"]).await;
    let all = page(&api, &job, "").await;

    for query in [
        "before_id=",
        "after_id=",
        "before_id=&after_id=",
        "before_id",
        "&&",
        "cursor=x&offset=-1",
        "unknown=1&unknown=2",
        "Limit=1&LIMIT=x",
        "from=middle",
        "limit=100&before_id=&_=1700000000",
    ] {
        assert_eq!(page(&api, &job, query).await, all, "{query}");
    }
    let cursor = format!("{}?after_id=0-0", job.path());
    let request = api
        .client(ANN)
        .get(&cursor)
        .header("Last-Event-ID", "not an id");
    assert_eq!(
        request.send().await.status,
        200,
        "the header means nothing to a page"
    );
}

#[tokio::test]
async fn a_field_that_is_missing_is_null_and_an_extra_one_is_not_shown() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_entry("1-0", &[b"text", b"only text"]).await;
    job.append_entry(
        "2-0",
        &[b"level", b"info", b"id", b"9-9", b"has_more", b"x"],
    )
    .await;
    job.append_entry(
        "3-0",
        &[b"ts", b"", b"source", b"", b"text", b"", b"phase", b""],
    )
    .await;
    job.append_entry(
        "4-0",
        &[
            b"phase",
            b"new",
            b"ts",
            b"yesterday",
            b"source",
            b"stdlog",
            b"text",
            b"t",
            b"x",
            b"y",
        ],
    )
    .await;

    let nothing = Value::Null;
    let line = |id: &str, ts: &Value, source: &Value, text: &Value, phase: &Value| json!({"id": id, "ts": ts, "source": source, "text": text, "phase": phase});
    let expected = [
        line("1-0", &nothing, &nothing, &json!("only text"), &nothing),
        line("2-0", &nothing, &nothing, &nothing, &nothing),
        line("3-0", &json!(""), &json!(""), &json!(""), &json!("")),
        line(
            "4-0",
            &json!("yesterday"),
            &json!("stdlog"),
            &json!("t"),
            &json!("new"),
        ),
    ];
    assert_eq!(lines(&page(&api, &job, "").await), expected);
}

#[tokio::test]
async fn a_value_that_is_not_utf8_is_shown_with_replacement_characters() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let values: [&[u8]; 5] = [
        b"ok \xff\xfe end",
        b"\xc3",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x92\xa9 \x80",
    ];
    for value in values {
        job.append_entry("*", &[b"text", value, b"phase", value])
            .await;
    }
    let page = page(&api, &job, "").await;
    let expected: Vec<_> = values
        .iter()
        .map(|value| json!(String::from_utf8_lossy(value)))
        .collect();
    assert!(
        expected
            .iter()
            .all(|text| text.as_str().unwrap().contains('\u{fffd}'))
    );
    assert_eq!(column(&page, "text"), expected);
    assert_eq!(column(&page, "phase"), expected);
}

#[tokio::test]
async fn any_entry_id_up_to_the_last_u64_can_be_written_and_asked_for() {
    const MAX: &str = "18446744073709551615";
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let last = format!("{MAX}-{MAX}");
    let ids = [
        "0-1".to_owned(),
        format!("0-{MAX}"),
        "1-0".into(),
        "9-0".into(),
        "10-0".into(),
        format!("{MAX}-0"),
        last.clone(),
    ];
    for id in &ids {
        assert_eq!(&job.append_entry(id, &[b"text", b"x"]).await, id);
    }
    for limit in 1..=8 {
        let back: Vec<_> = paged_back(&api, &job, limit)
            .await
            .iter()
            .map(|l| l["id"].clone())
            .collect();
        assert_eq!(back, ids, "{limit}");
        let forward = paged_forward(&api, &job, limit, "0-0", "").await;
        assert_eq!(
            forward.iter().map(|l| l["id"].clone()).collect::<Vec<_>>(),
            ids,
            "{limit}"
        );
    }
    let cases = [
        (format!("before_id={last}"), 6, false),
        (format!("before_id={MAX}"), 5, false),
        (format!("after_id={last}"), 0, false),
        (format!("after_id={MAX}"), 1, false),
        ("before_id=0-1".into(), 0, false),
        ("before_id=10-0&limit=1".into(), 1, true),
    ];
    for (query, count, more) in cases {
        let page = page(&api, &job, &query).await;
        assert_eq!(
            (lines(&page).len(), has_more(&page)),
            (count, more),
            "{query}"
        );
    }
}

#[tokio::test]
async fn pages_cover_the_log_without_overlap_in_both_directions_for_every_limit() {
    let (redis, api) = shared().await;
    let short = Job::new(&redis).await;
    short.append_all((0..9).map(|n| n.to_string())).await;
    let long = Job::new(&redis).await;
    long.append_all((0..700).map(|n| n.to_string())).await;

    for (job, limits) in [
        (&short, &[1, 2, 3, 4, 5, 8, 9, 10][..]),
        (&long, &[97, 100, 350, 500]),
    ] {
        let all = job.lines().await;
        for &limit in limits {
            assert!(paged_back(&api, job, limit).await == all, "back by {limit}");
            assert!(
                paged_forward(&api, job, limit, "0-0", "").await == all,
                "forward by {limit}"
            );
            // The bounds of a window are not in it.
            let (low, high) = (all.len() / 4, all.len() - 2);
            let (after, before) = (
                all[low]["id"].as_str().unwrap(),
                all[high]["id"].as_str().unwrap(),
            );
            let window = paged_forward(&api, job, limit, after, before).await;
            assert!(window == all[low + 1..high], "a window by {limit}");
        }
    }
}

#[tokio::test]
async fn paging_back_through_a_growing_log_repeats_and_skips_nothing() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..30).map(|n| n.to_string())).await;
    let then = job.lines().await;

    let mut found = Vec::new();
    let mut before = String::new();
    loop {
        let page = page(&api, &job, &format!("limit=7&before_id={before}")).await;
        found.splice(0..0, lines(&page).iter().cloned());
        if !has_more(&page) {
            break;
        }
        before = page["oldest_id"].as_str().unwrap().to_owned();
        job.append_all(["new", "new"]).await;
    }
    assert_eq!(found, then);
}

#[tokio::test]
async fn a_trimmed_log_begins_with_its_oldest_remaining_line() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..10).map(|n| n.to_string())).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "4"])
        .await;

    let page = page(&api, &job, "").await;
    assert_eq!(
        (column(&page, "text"), has_more(&page)),
        (vec![json!("6"), json!("7"), json!("8"), json!("9")], false)
    );
    assert!(paged_forward(&api, &job, 3, &ids[0], "").await == lines(&page));
}

#[tokio::test]
async fn a_page_ends_at_8_mib_of_text_with_at_least_one_line() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let line = "x".repeat(3 * 1024 * 1024);
    let ids = job.append_all([&line; 4]).await;

    let newest = page(&api, &job, "").await;
    assert_eq!(
        (column(&newest, "id"), has_more(&newest)),
        (vec![json!(ids[2]), json!(ids[3])], true)
    );
    assert!(
        column(&newest, "text")
            .iter()
            .all(|text| text.as_str() == Some(&line))
    );
    let oldest = page(&api, &job, "after_id=0-0").await;
    assert_eq!(
        (column(&oldest, "id"), has_more(&oldest)),
        (vec![json!(ids[0]), json!(ids[1])], true)
    );
    // The next page in either direction is the rest.
    let rest = page(&api, &job, &format!("before_id={}", ids[2])).await;
    assert_eq!(
        (column(&rest, "id"), has_more(&rest)),
        (vec![json!(ids[0]), json!(ids[1])], false)
    );
}

#[tokio::test]
async fn a_line_of_more_than_8_mib_is_a_page_alone() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let long = "é".repeat(9 * 1024 * 1024 / 2);
    let ids = job.append_all(["before", &long, "after"]).await;

    let mut before = String::new();
    for (index, more) in [(2, true), (1, true), (0, false)] {
        let page = page(&api, &job, &format!("before_id={before}")).await;
        assert_eq!(
            (column(&page, "id"), has_more(&page)),
            (vec![json!(ids[index])], more)
        );
        before = ids[index].clone();
    }
    let alone = page(&api, &job, &format!("after_id={}", ids[0])).await;
    assert!(lines(&alone)[0]["text"].as_str() == Some(&long) && has_more(&alone));
}

#[tokio::test]
async fn the_text_of_a_line_is_exact_whatever_is_in_it() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let texts = [
        "",
        " leading and trailing \t",
        "progress 1%\rprogress 2%\r",
        "two\nlines\r\nin one\n\nentry",
        "\u{0}nul\u{0}",
        "\u{1b}[31mred\u{1b}[0m \u{7f} \u{8} \u{b}",
        "\u{2028}line\u{2029}paragraph\u{85}",
        r#"{"json": "quoted", "back\\slash"}"#,
        "data: x\nevent: done\n\n",
        "\u{feff}bom \u{200b} e\u{301} 日本語 🦀 \u{10ffff}",
        "</script><!-- & -->",
    ];
    job.append_all(texts).await;
    let page = page(&api, &job, "").await;
    assert_eq!(column(&page, "text"), texts);
}

#[tokio::test]
async fn the_pages_of_a_recorded_build_agree_with_the_lines_its_producer_wrote() {
    let (redis, api) = shared().await;
    for name in Recording::NAMES {
        let job = Job::new(&redis).await;
        let chunks = Recording::load(name).chunks;
        let output = chunks
            .into_iter()
            .flat_map(|chunk| chunk.bytes)
            .collect::<Vec<_>>();
        let output = String::from_utf8_lossy(&output).into_owned();
        // Written as a producer does that strips nothing: colours and carriage returns stay in.
        job.append_all(output.lines()).await;

        let found = paged_back(&api, &job, 100).await;
        let texts: Vec<_> = found
            .iter()
            .map(|line| line["text"].as_str().unwrap())
            .collect();
        assert!(texts.iter().copied().eq(output.lines()), "{name}");
        assert!(
            paged_forward(&api, &job, 100, "0-0", "").await == found,
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_pages_of_a_recorded_build_agree_with_what_our_writer_wrote() {
    let (redis, api) = shared().await;
    for name in Recording::NAMES {
        let job = written(&redis, Recording::load(name)).await;
        let all = job.lines().await;
        assert!(!all.is_empty(), "{name}");
        assert!(paged_back(&api, &job, 50).await == all, "{name}");
        assert!(
            paged_forward(&api, &job, 50, "0-0", "").await == all,
            "{name}"
        );
    }
}

/// A job that `log-writer` has written, from its creation to its end.
async fn written(redis: &Arc<RedisServer>, recording: Recording) -> Job {
    let job = Job::unwritten(redis);
    let store = Arc::new(RedisStore::new(RedisOptions::new(redis.url())).unwrap());
    let id: JobId = job.id.parse().unwrap();
    create_job(&*store, &id, UserId::new(ANN).unwrap())
        .await
        .unwrap();
    let writer = LogWriter::builder(id, store).start().unwrap();
    let (mut out, mut err) = (writer.stdout(), writer.stderr());
    for chunk in recording.chunks {
        let channel = if chunk.source == Source::Stderr {
            &mut err
        } else {
            &mut out
        };
        channel.write_all(&chunk.bytes).await.unwrap();
    }
    drop((out, err));
    let outcome = if recording.exit == 0 {
        Outcome::Ready
    } else {
        Outcome::Failed
    };
    writer.finish(outcome, "over").await.unwrap();
    job
}
