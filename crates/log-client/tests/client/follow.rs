//! Following a log: from its start, live, to its end, and through broken connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log_client::{ClientOptions, Ending, Event, TransientError};
use log_domain::{EntryId, JobStatus, Start};
use tokio::time::{Instant, sleep};

use crate::support::job;
use crate::support::{Api, SOON, append, connected, lines, next, try_next};

const START: Start = Start::After(EntryId::ZERO);

/// Ten times the heartbeat of the server in these tests, so that a busy machine does not miss it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_first_then_new_lines_then_the_end() {
    let api = Api::start().await;
    api.append(0..1200).await;
    let mut log = api.client().follow(&job(), START);
    assert_eq!(lines(&mut log, 1200).await, Vec::from_iter(0..1200));
    let last = api.append(1200..1203).await;
    assert_eq!(lines(&mut log, 3).await, [1200, 1201, 1202]);
    assert_eq!(log.position(), Some(last));
    api.end(JobStatus::READY).await;
    assert!(matches!(
        next(&mut log).await,
        Some(Event::Done(Ending::Ready))
    ));
    assert!(next(&mut log).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_lose_no_line_and_repeat_none() {
    const BREAKS: usize = 15;
    let api = Api::start().await;
    let enough = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, enough) = (api.store.clone(), Arc::clone(&enough));
        tokio::spawn(async move {
            let mut written = 0;
            while !enough.load(Ordering::Relaxed) {
                append(&store, written..written + 20).await;
                written += 20;
                sleep(Duration::from_millis(10)).await;
            }
            written
        })
    };
    let mut log = api.client().follow(&job(), START);
    let (mut seen, mut breaks) = (Vec::new(), 0);
    // The lines of this connection. `None` from its break until the client has noticed it: lines that the client had
    // already received must not count for the next connection.
    let mut on_connection = Some(0);
    while breaks < BREAKS || on_connection.is_none() {
        match next(&mut log).await.expect("the log goes on") {
            Event::Line(line) => {
                seen.push(line.text.unwrap().parse().unwrap());
                on_connection = on_connection.map(|lines| lines + 1);
            }
            Event::Interrupted { .. } => on_connection = Some(0),
            Event::Connected | Event::Heartbeat => {}
            event => panic!("{event:?}"),
        }
        if breaks < BREAKS && on_connection == Some(150) {
            api.proxy.drop_connections().await;
            breaks += 1;
            on_connection = None;
        }
    }
    enough.store(true, Ordering::Relaxed);
    let written: usize = writer.await.unwrap();
    seen.extend(lines(&mut log, written - seen.len()).await);
    assert_eq!(seen, Vec::from_iter(0..written));
    let tokens = api.tokens.load(Ordering::Relaxed);
    assert!(
        tokens >= BREAKS,
        "each connection gets a new token: {tokens}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_only_follower_gets_lines_appended_while_it_was_disconnected_and_no_older_ones() {
    let api = Api::start().await;
    api.append(0..5).await;
    let mut log = api.client().follow(&job(), Start::Live);
    connected(&mut log).await;
    // The connection breaks before any event, even a heartbeat, has given the client a cursor.
    api.proxy.refuse().await;
    api.append(5..8).await;
    api.proxy.mend().await;
    assert_eq!(lines(&mut log, 3).await, [5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_only_follower_of_an_empty_log_loses_no_line() {
    let api = Api::start().await;
    let mut log = api.client().follow(&job(), Start::Live);
    connected(&mut log).await;
    api.proxy.drop_connections().await;
    api.append(0..3).await;
    assert_eq!(lines(&mut log, 3).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_data_is_closed_and_resumed() {
    let api = Api::start().await;
    api.append(0..2).await;
    let options = ClientOptions::default()
        .idle_timeout(IDLE_TIMEOUT)
        .response_timeout(IDLE_TIMEOUT)
        .initial_backoff(Duration::from_millis(20))
        .max_backoff(Duration::from_millis(100));
    let client = api.builder().options(options).build().unwrap();
    let mut log = client.follow(&job(), START);
    assert_eq!(lines(&mut log, 2).await, [0, 1]);
    // Heartbeats keep the stream open for longer than the time-out.
    let started = Instant::now();
    while started.elapsed() < IDLE_TIMEOUT + Duration::from_millis(500) {
        let event = tokio::time::timeout(SOON, log.next()).await.unwrap();
        assert!(matches!(event, Ok(Some(Event::Heartbeat))), "{event:?}");
    }
    api.proxy.black_hole();
    let event = next(&mut log).await.unwrap();
    let is_idle = matches!(
        event,
        Event::Interrupted {
            error: TransientError::Idle(_),
            ..
        }
    );
    assert!(is_idle, "{event:?}");
    api.append(2..4).await;
    api.proxy.mend().await;
    assert_eq!(lines(&mut log, 2).await, [2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_tells_the_client_when_to_come_back() {
    let mut api = Api::start().await;
    api.append(0..2).await;
    let mut log = api.client().follow(&job(), START);
    assert_eq!(lines(&mut log, 2).await, [0, 1]);
    api.stop();
    let Some(Event::Interrupted { error, pause }) = next(&mut log).await else {
        panic!("the stream breaks");
    };
    assert!(matches!(error, TransientError::Disconnected), "{error}");
    // The server's `retry:` is between one and five seconds. The client's own first pause is 20 ms.
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resumes_at_the_end_of_an_ended_log_learns_how_the_job_ended() {
    for (status, ending) in [
        (JobStatus::READY, Ending::Ready),
        (JobStatus::FAILED, Ending::Failed),
    ] {
        let api = Api::start().await;
        let last = api.append(0..3).await;
        api.end(status).await;
        let mut log = api.client().follow(&job(), Start::After(last));
        let event = next(&mut log).await;
        assert!(
            matches!(&event, Some(Event::Done(found)) if *found == ending),
            "the server's 204 does not say how: {event:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_call_of_next_loses_no_line() {
    let api = Api::start().await;
    let mut log = api.client().follow(&job(), START);
    let writer = {
        let store = api.store.clone();
        tokio::spawn(async move {
            for n in 0..200 {
                append(&store, n..n + 1).await;
                sleep(Duration::from_millis(2)).await;
            }
        })
    };
    let mut seen: Vec<usize> = Vec::new();
    while seen.len() < 200 {
        let event = tokio::time::timeout(Duration::from_millis(1), log.next()).await;
        if let Ok(event) = event
            && let Some(Event::Line(line)) = event.unwrap()
        {
            seen.push(line.text.unwrap().parse().unwrap());
        }
    }
    writer.await.unwrap();
    assert_eq!(seen, Vec::from_iter(0..200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_ask_whether_a_job_has_ended() {
    let api = Api::start().await;
    let client = api.client();
    let patience = Duration::from_secs(5);
    let short = Duration::from_millis(500);
    assert_eq!(client.ending(&job(), short).await.unwrap(), None);
    api.append(0..3).await;
    api.end(JobStatus::FAILED).await;
    let ending = client.ending(&job(), patience).await.unwrap();
    assert_eq!(ending, Some(Ending::Failed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_job_is_a_final_error() {
    let api = Api::start().await;
    let mut log = api.client().follow(&"no-such-job".parse().unwrap(), START);
    let error = try_next(&mut log).await.unwrap_err();
    assert!(
        matches!(error, log_client::ClientError::NotFound(_)),
        "{error}"
    );
    assert!(try_next(&mut log).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_path_in_the_url_is_not_reported_as_a_missing_job() {
    let api = Api::start().await;
    let url = format!("http://{}/elsewhere", api.proxy.address());
    let client = log_client::Client::builder(url).build().unwrap();
    let error = try_next(&mut client.follow(&job(), START)).await;
    let error = error.unwrap_err();
    assert!(
        matches!(error, log_client::ClientError::Refused(_)),
        "{error}"
    );
}
