//! Answers that the real server gives seldom, and how each is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log_client::{Client, ClientError, Ending, Event, Follow, TokenSource, Trouble};
use log_domain::{EntryId, Start};
use tokio::time::Instant;

use crate::script::{Part, Script, answer};
use crate::support::{connected, job, lines, next, try_next};

const ONE: &str = "event: log\nid: 1-1\ndata: {\"id\":\"1-1\",\"ts\":null,\"source\":null,\"text\":\"1\",\"phase\":null}\n\n";
const TWO: &str = "event: log\nid: 1-2\ndata: {\"id\":\"1-2\",\"ts\":null,\"source\":null,\"text\":\"2\",\"phase\":null}\n\n";
const ONE_AND_RETRY: &str = "event: log\nid: 1-1\ndata: {\"id\":\"1-1\",\"ts\":null,\"source\":null,\"text\":\"1\",\"phase\":null}\n\nretry: 1500\n\n";
const REAUTH: &str = "event: log\nid: 1-1\ndata: {\"id\":\"1-1\",\"ts\":null,\"source\":null,\"text\":\"1\",\"phase\":null}\n\nevent: reauth\nid: 1-5\ndata: {\"after_id\":\"1-5\"}\n\n";
const GAP: &str = "event: gap\nid: 0-7\ndata: {\"after_id\":\"9-9\",\"first_id\":null}\n\n";
const FAILED: &str = "event: done\ndata: {\"status\":\"failed\"}\n\n";
const STREAM: &str = "content-type: text/event-stream\r\n";

fn follow(client: &Client) -> Follow {
    client.follow(&job(), Start::After(EntryId::ZERO))
}

/// Tokens that say their number.
fn numbered() -> (TokenSource, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&count);
    let source = TokenSource::fresh(move || {
        let n = made.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, std::io::Error>(format!("token-{n}")) }
    });
    (source, count)
}

#[tokio::test]
async fn a_body_that_ends_without_done_is_resumed_after_its_last_id() {
    let script = Script::play([Part::Stream(ONE), Part::Broken(TWO), Part::Stream(FAILED)]).await;
    let client = script.builder().build().unwrap();
    let mut log = follow(&client);
    assert_eq!(lines(&mut log, 2).await, [1, 2]);
    loop {
        match next(&mut log).await.unwrap() {
            Event::Done(ending) => break assert_eq!(ending, Ending::Failed),
            Event::Line(line) => panic!("{line:?} twice"),
            _ => {}
        }
    }
    let cursors: Vec<_> = (0..3)
        .map(|n| script.header(n, "last-event-id").unwrap())
        .collect();
    assert_eq!(cursors, ["0-0", "1-1", "1-2"]);
}

#[tokio::test]
async fn a_gap_moves_the_position_to_where_the_server_goes_on() {
    let script = Script::play([Part::Broken(GAP), Part::Open(ONE)]).await;
    let client = script.builder().build().unwrap();
    let mut log = client.follow(&job(), Start::After(EntryId::new(9, 9)));
    connected(&mut log).await;
    let gap = next(&mut log).await;
    assert!(
        matches!(gap, Some(Event::Gap { after_id, first_id: None }) if after_id == EntryId::new(9, 9)),
        "{gap:?}"
    );
    assert_eq!(log.position(), Some(EntryId::new(0, 7)));
    assert_eq!(lines(&mut log, 1).await, [1]);
    assert_eq!(script.header(1, "last-event-id").unwrap(), "0-7");
}

#[tokio::test]
async fn each_connection_has_a_token_of_its_own() {
    let script = Script::play([Part::Broken(ONE), Part::Open(TWO)]).await;
    let (tokens, _) = numbered();
    let client = script.builder().token(tokens).build().unwrap();
    assert_eq!(lines(&mut follow(&client), 2).await, [1, 2]);
    let authorization = |n| script.header(n, "authorization").unwrap();
    assert_eq!(authorization(0), "Bearer token-0");
    assert_eq!(authorization(1), "Bearer token-1");
}

#[tokio::test]
async fn a_server_that_wants_a_new_token_gets_it_and_nobody_is_troubled() {
    let script = Script::play([Part::Broken(REAUTH), Part::Open(TWO)]).await;
    let (tokens, _) = numbered();
    let client = script.builder().token(tokens).build().unwrap();
    let mut log = follow(&client);
    connected(&mut log).await;
    assert!(matches!(next(&mut log).await, Some(Event::Line(_))));
    // No interruption is told, and nothing comes twice.
    let again = next(&mut log).await;
    assert!(matches!(again, Some(Event::Connected)), "{again:?}");
    assert_eq!(lines(&mut log, 1).await, [2]);
    assert_eq!(script.header(1, "last-event-id").unwrap(), "1-5");
    assert_eq!(script.header(1, "authorization").unwrap(), "Bearer token-1");
}

#[tokio::test]
async fn a_server_says_when_to_come_back_by_retry_after_and_by_retry() {
    let busy =
        "{\"status\":503,\"code\":\"store-unavailable\",\"detail\":\"Later\",\"debug_id\":\"r-1\"}";
    let script = Script::play([
        answer("503 Service Unavailable", "retry-after: 1\r\n", busy),
        Part::Broken(ONE_AND_RETRY),
        Part::Open(TWO),
    ])
    .await;
    let client = script.builder().build().unwrap();
    let mut log = follow(&client);
    let began = Instant::now();
    let Some(Event::Interrupted { trouble, pause }) = next(&mut log).await else {
        panic!("503 passes");
    };
    assert_eq!(trouble.to_string(), "Later (503, request r-1)");
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
    assert_eq!(lines(&mut log, 1).await, [1]);
    assert!(began.elapsed() >= Duration::from_secs(1));
    let Some(Event::Interrupted { trouble, pause }) = next(&mut log).await else {
        panic!("the stream broke off");
    };
    assert!(matches!(trouble, Trouble::BrokenOff), "{trouble}");
    assert!(pause >= Duration::from_millis(1500), "{pause:?}");
    assert_eq!(lines(&mut log, 1).await, [2]);
}

#[tokio::test]
async fn final_answers_are_final_and_told_apart() {
    let problem = |status: u16| {
        format!(
            "{{\"status\":{status},\"code\":\"c\",\"detail\":\"No {status}\",\"debug_id\":\"r\"}}"
        )
    };
    type Is = fn(&ClientError) -> bool;
    let cases: [(&str, u16, Is); 6] = [
        ("401 Unauthorized", 401, |e| {
            matches!(e, ClientError::Unauthenticated(_))
        }),
        ("404 Not Found", 404, |e| {
            matches!(e, ClientError::NotFound(_))
        }),
        ("422 Unprocessable", 422, |e| {
            matches!(e, ClientError::Invalid(_))
        }),
        ("400 Bad Request", 400, |e| {
            matches!(e, ClientError::Invalid(_))
        }),
        ("403 Forbidden", 403, |e| {
            matches!(e, ClientError::Refused(_))
        }),
        ("307 Redirect", 307, |e| {
            matches!(e, ClientError::Refused(_))
        }),
    ];
    for (line, status, is) in cases {
        let elsewhere = "location: http://127.0.0.1:1/\r\n";
        let script = Script::play([answer(line, elsewhere, &problem(status))]).await;
        let client = script.builder().token(TokenSource::fixed("t")).build();
        let error = try_next(&mut follow(&client.unwrap())).await.unwrap_err();
        assert!(is(&error), "{line}: {error}");
        let text = error.to_string();
        assert_eq!(text, format!("No {status} ({status}, request r)"));
        assert_eq!(script.asked().len(), 1);
    }
}

#[tokio::test]
async fn what_does_not_speak_the_apis_language_is_told_so() {
    let broken = "event: log\ndata: {\"text\":1}\n\n";
    for part in [
        answer("200 OK", "content-type: text/html\r\n", "<h1>Sign in</h1>"),
        answer("200 OK", STREAM, broken),
    ] {
        let script = Script::play([part]).await;
        let client = script.builder().build().unwrap();
        let mut log = follow(&client);
        let error = loop {
            match try_next(&mut log).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ClientError::NotTheApi(_)), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_ran_out_on_its_way_is_replaced_once() {
    let refused = || answer("401 Unauthorized", "", "");
    let script = Script::play([Part::Broken(ONE), refused(), refused()]).await;
    let (tokens, count) = numbered();
    let client = script.builder().token(tokens).build().unwrap();
    let mut log = follow(&client);
    assert_eq!(lines(&mut log, 1).await, [1]);
    let error = loop {
        match try_next(&mut log).await {
            Ok(event) => assert!(
                matches!(event, Some(Event::Interrupted { .. })),
                "{event:?}"
            ),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ClientError::Unauthenticated(_)), "{error}");
    assert_eq!(count.load(Ordering::Relaxed), 3);
    assert_eq!(script.asked().len(), 3);
}

#[tokio::test]
async fn a_server_that_never_comes_back_is_given_up_when_asked_to() {
    // Nobody listens there.
    let gone = Client::builder("http://127.0.0.1:1").give_up_after(Duration::from_secs(1));
    let mut log = follow(&gone.build().unwrap());
    let began = Instant::now();
    let error = loop {
        match try_next(&mut log).await {
            Ok(event) => assert!(matches!(
                event,
                Some(Event::Interrupted {
                    trouble: Trouble::Unreachable(_),
                    ..
                })
            )),
            Err(error) => break error,
        }
    };
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(matches!(error, ClientError::GaveUp { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_token_source_that_never_works_is_final_at_once() {
    let source = TokenSource::fresh(|| async { Err::<String, _>("no such command") });
    let client = Client::builder("http://127.0.0.1:1").token(source);
    let error = try_next(&mut follow(&client.build().unwrap())).await;
    let error = error.unwrap_err();
    assert_eq!(error.to_string(), "no token could be had: no such command");
}
