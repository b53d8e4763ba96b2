//! Responses that the real server seldom sends, and what the client makes of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log_client::{
    Client, ClientError, Ending, Event, Follow, TokenSource, TransientError, reqwest,
};
use log_domain::{EntryId, Start};
use tokio::time::Instant;

use crate::script::{Reply, ScriptedServer, response};
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

/// A source of numbered tokens, and how many it gave.
fn numbered_tokens() -> (TokenSource, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&count);
    let source = TokenSource::fresh(move || {
        let n = made.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, std::io::Error>(format!("token-{n}")) }
    });
    (source, count)
}

#[tokio::test]
async fn a_stream_that_ends_without_done_is_resumed_after_its_last_id() {
    let server = ScriptedServer::play([
        Reply::Stream(ONE),
        Reply::Broken(TWO),
        Reply::Stream(FAILED),
    ])
    .await;
    let client = server.builder().build().unwrap();
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
        .map(|n| server.header(n, "last-event-id").unwrap())
        .collect();
    assert_eq!(cursors, ["0-0", "1-1", "1-2"]);
}

#[tokio::test]
async fn a_gap_moves_the_position_to_where_the_server_continues() {
    let server = ScriptedServer::play([Reply::Broken(GAP), Reply::Open(ONE)]).await;
    let client = server.builder().build().unwrap();
    let mut log = client.follow(&job(), Start::After(EntryId::new(9, 9)));
    connected(&mut log).await;
    let gap = next(&mut log).await;
    assert!(
        matches!(gap, Some(Event::Gap { after_id, first_id: None }) if after_id == EntryId::new(9, 9)),
        "{gap:?}"
    );
    assert_eq!(log.position(), Some(EntryId::new(0, 7)));
    assert_eq!(lines(&mut log, 1).await, [1]);
    assert_eq!(server.header(1, "last-event-id").unwrap(), "0-7");
}

#[tokio::test]
async fn each_connection_gets_a_new_token() {
    let server = ScriptedServer::play([Reply::Broken(ONE), Reply::Open(TWO)]).await;
    let (tokens, _) = numbered_tokens();
    let client = server.builder().token(tokens).build().unwrap();
    assert_eq!(lines(&mut follow(&client), 2).await, [1, 2]);
    let authorization = |n| server.header(n, "authorization").unwrap();
    assert_eq!(authorization(0), "Bearer token-0");
    assert_eq!(authorization(1), "Bearer token-1");
}

#[tokio::test]
async fn a_reauth_event_makes_the_client_reconnect_with_a_new_token_and_no_interruption() {
    let server = ScriptedServer::play([Reply::Broken(REAUTH), Reply::Open(TWO)]).await;
    let (tokens, _) = numbered_tokens();
    let client = server.builder().token(tokens).build().unwrap();
    let mut log = follow(&client);
    connected(&mut log).await;
    assert!(matches!(next(&mut log).await, Some(Event::Line(_))));
    // The caller sees no interruption, and no line twice.
    let again = next(&mut log).await;
    assert!(matches!(again, Some(Event::Connected)), "{again:?}");
    assert_eq!(lines(&mut log, 1).await, [2]);
    assert_eq!(server.header(1, "last-event-id").unwrap(), "1-5");
    assert_eq!(server.header(1, "authorization").unwrap(), "Bearer token-1");
}

#[tokio::test]
async fn retry_after_and_retry_set_the_pause() {
    let busy =
        "{\"status\":503,\"code\":\"store-unavailable\",\"detail\":\"Later\",\"debug_id\":\"r-1\"}";
    let server = ScriptedServer::play([
        response("503 Service Unavailable", "retry-after: 1\r\n", busy),
        Reply::Broken(ONE_AND_RETRY),
        Reply::Open(TWO),
    ])
    .await;
    let client = server.builder().build().unwrap();
    let mut log = follow(&client);
    let started = Instant::now();
    let Some(Event::Interrupted { error, pause }) = next(&mut log).await else {
        panic!("a 503 is transient");
    };
    assert_eq!(error.to_string(), "Later (503, request r-1)");
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
    assert_eq!(lines(&mut log, 1).await, [1]);
    assert!(started.elapsed() >= Duration::from_secs(1));
    let Some(Event::Interrupted { error, pause }) = next(&mut log).await else {
        panic!("the stream broke");
    };
    assert!(matches!(error, TransientError::Disconnected), "{error}");
    assert!(pause >= Duration::from_millis(1500), "{pause:?}");
    assert_eq!(lines(&mut log, 1).await, [2]);
}

#[tokio::test]
async fn each_final_status_is_an_error_of_its_own() {
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
        let server = ScriptedServer::play([response(line, elsewhere, &problem(status))]).await;
        let client = server.builder().token(TokenSource::fixed("t")).build();
        let error = try_next(&mut follow(&client.unwrap())).await.unwrap_err();
        assert!(is(&error), "{line}: {error}");
        let text = error.to_string();
        assert_eq!(text, format!("No {status} ({status}, request r)"));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_is_not_the_api_is_an_error() {
    let broken = "event: log\ndata: {\"text\":1}\n\n";
    for part in [
        response("200 OK", "content-type: text/html\r\n", "<h1>Sign in</h1>"),
        response("200 OK", STREAM, broken),
    ] {
        let server = ScriptedServer::play([part]).await;
        let client = server.builder().build().unwrap();
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
async fn a_refused_token_is_replaced_once() {
    let refused = || response("401 Unauthorized", "", "");
    let server = ScriptedServer::play([Reply::Broken(ONE), refused(), refused()]).await;
    let (tokens, count) = numbered_tokens();
    let client = server.builder().token(tokens).build().unwrap();
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
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn the_client_gives_up_on_a_server_that_never_comes_back_if_told_to() {
    // No server listens on this port.
    let gone = Client::builder("http://127.0.0.1:1").give_up_after(Duration::from_secs(1));
    let mut log = follow(&gone.build().unwrap());
    let started = Instant::now();
    let error = loop {
        match try_next(&mut log).await {
            Ok(event) => assert!(matches!(
                event,
                Some(Event::Interrupted {
                    error: TransientError::Unreachable(_),
                    ..
                })
            )),
            Err(error) => break error,
        }
    };
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(matches!(error, ClientError::GaveUp { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_token_source_that_never_worked_is_a_final_error() {
    let source = TokenSource::fresh(|| async { Err::<String, _>("no such command") });
    let client = Client::builder("http://127.0.0.1:1").token(source);
    let error = try_next(&mut follow(&client.build().unwrap())).await;
    let error = error.unwrap_err();
    assert_eq!(error.to_string(), "could not get a token: no such command");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_through_the_hosts_own_client() {
    let server = ScriptedServer::play([response("404 Not Found", "", "{}")]).await;
    let http = reqwest::Client::builder().user_agent("the-host/1");
    let builder = server.builder().http_client(http.build().unwrap());
    let mut log = follow(&builder.build().unwrap());
    try_next(&mut log).await.unwrap_err();
    assert_eq!(server.header(0, "user-agent").unwrap(), "the-host/1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_a_server_that_the_hosts_client_was_redirected_to_is_refused() {
    let other = ScriptedServer::play([Reply::Stream("")]).await;
    let to = format!("location: http://{}/\r\n", other.address);
    let server = ScriptedServer::play([response("302 Found", &to, "")]).await;
    let builder = server.builder().http_client(reqwest::Client::new());
    let mut log = follow(&builder.build().unwrap());
    let error = try_next(&mut log).await.unwrap_err();
    assert!(matches!(error, ClientError::NotTheApi(_)), "{error:?}");
    assert_eq!(other.requests().len(), 1, "it was redirected");
}
