//! Following: from the start, live, to the end, through everything that breaks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use log_client::{ClientOptions, Ending, Event, Trouble};
use log_domain::{EntryId, JobStatus, Start};
use tokio::time::{Instant, sleep};

use crate::support::job;
use crate::support::{Api, SOON, append, connected, lines, next, try_next};

const START: Start = Start::After(EntryId::ZERO);

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_log_comes_then_what_is_appended_then_the_end() {
    let api = Api::start().await;
    api.append(0..1200).await;
    let mut log = api.client().follow(&job(), START);
    assert_eq!(lines(&mut log, 1200).await, Vec::from_iter(0..1200));
    let last = api.append(1200..1203).await;
    assert_eq!(lines(&mut log, 3).await, [1200, 1201, 1202]);
    assert_eq!(log.position(), Some(last));
    api.end(JobStatus::Ready).await;
    assert!(matches!(
        next(&mut log).await,
        Some(Event::Done(Ending::Ready))
    ));
    assert!(next(&mut log).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_again_and_again_loses_nothing_and_repeats_nothing() {
    const LINES: usize = 4000;
    let api = Api::start().await;
    let store = api.store.clone();
    let writer = tokio::spawn(async move {
        for n in (0..LINES).step_by(20) {
            append(&store, n..n + 20).await;
            sleep(Duration::from_millis(10)).await;
        }
    });
    let mut log = api.client().follow(&job(), START);
    let (mut seen, mut breaks) = (Vec::new(), 0);
    while seen.len() < LINES {
        seen.extend(lines(&mut log, 150.min(LINES - seen.len())).await);
        if breaks < 15 {
            api.proxy.drop_connections().await;
            breaks += 1;
        }
    }
    writer.await.unwrap();
    assert_eq!(seen, Vec::from_iter(0..LINES));
    assert_eq!(breaks, 15);
    let tokens = api.tokens.load(Ordering::Relaxed);
    assert!(tokens >= breaks, "a token for each connection: {tokens}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_only_follower_gets_what_was_appended_while_it_was_away_and_nothing_from_before() {
    let api = Api::start().await;
    api.append(0..5).await;
    let mut log = api.client().follow(&job(), Start::Live);
    connected(&mut log).await;
    // Before any event, a heartbeat included, has given it a cursor.
    api.proxy.refuse().await;
    api.append(5..8).await;
    api.proxy.mend().await;
    assert_eq!(lines(&mut log, 3).await, [5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_only_follower_of_an_empty_log_loses_nothing_either() {
    let api = Api::start().await;
    let mut log = api.client().follow(&job(), Start::Live);
    connected(&mut log).await;
    api.proxy.drop_connections().await;
    api.append(0..3).await;
    assert_eq!(lines(&mut log, 3).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_a_heartbeat_is_given_up_and_resumed() {
    let api = Api::start().await;
    api.append(0..2).await;
    let options = ClientOptions {
        silence: Duration::from_millis(700),
        answer: Duration::from_millis(700),
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(100),
        ..ClientOptions::default()
    };
    let client = api.builder().options(options).build().unwrap();
    let mut log = client.follow(&job(), START);
    assert_eq!(lines(&mut log, 2).await, [0, 1]);
    // Heartbeats keep it open for longer than the deadline.
    let until = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < until {
        let event = tokio::time::timeout(SOON, log.next()).await.unwrap();
        assert!(matches!(event, Ok(Some(Event::Heartbeat))), "{event:?}");
    }
    api.proxy.black_hole();
    let silent = next(&mut log).await.unwrap();
    let is_silence = |event: &Event| {
        matches!(
            event,
            Event::Interrupted {
                trouble: Trouble::Silent(_),
                ..
            }
        )
    };
    assert!(is_silence(&silent), "{silent:?}");
    api.append(2..4).await;
    api.proxy.mend().await;
    assert_eq!(lines(&mut log, 2).await, [2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_says_when_to_come_back() {
    let mut api = Api::start().await;
    api.append(0..2).await;
    let mut log = api.client().follow(&job(), START);
    assert_eq!(lines(&mut log, 2).await, [0, 1]);
    api.stop();
    let Some(Event::Interrupted { trouble, pause }) = next(&mut log).await else {
        panic!("the stream is broken off");
    };
    assert!(matches!(trouble, Trouble::BrokenOff), "{trouble}");
    // The server's `retry:` is one to five seconds; the client's own first pause is 20 ms.
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_comes_back_when_everything_is_over_is_told_how_it_ended() {
    for (status, ending) in [
        (JobStatus::Ready, Ending::Ready),
        (JobStatus::Failed, Ending::Failed),
    ] {
        let api = Api::start().await;
        let last = api.append(0..3).await;
        api.end(status).await;
        let mut log = api.client().follow(&job(), Start::After(last));
        let event = next(&mut log).await;
        assert!(
            matches!(&event, Some(Event::Done(found)) if *found == ending),
            "the server's 204 does not say it: {event:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_that_is_dropped_loses_nothing() {
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
async fn whether_a_job_has_ended_can_be_asked() {
    let api = Api::start().await;
    let client = api.client();
    let patience = Duration::from_secs(5);
    let short = Duration::from_millis(500);
    assert_eq!(client.ending(&job(), short).await.unwrap(), None);
    api.append(0..3).await;
    api.end(JobStatus::Failed).await;
    let ending = client.ending(&job(), patience).await.unwrap();
    assert_eq!(ending, Some(Ending::Failed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_nobodys_business_is_a_final_answer() {
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
async fn an_address_with_a_wrong_path_is_not_taken_for_a_missing_job() {
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
