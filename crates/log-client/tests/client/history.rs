//! Reading the history page by page.

use std::time::Duration;

use log_client::{Client, ClientError, History, TokenSource};
use log_domain::EntryId;
use tokio::time::timeout;

use crate::support::{ANN, Api, SOON, job, token};

async fn read(history: &mut History) -> Vec<usize> {
    let mut numbers = Vec::new();
    while let Some(page) = timeout(SOON, history.next()).await.unwrap().unwrap() {
        assert!(page.lines.len() <= 500 && page.gap.is_none(), "{page:?}");
        let number = |line: log_domain::Line| line.text.unwrap().parse::<usize>().unwrap();
        numbers.extend(page.lines.into_iter().map(number));
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_comes_once() {
    let api = Api::start().await;
    let middle = api.append(0..700).await;
    api.append(700..1201).await;
    let mut whole = api.client().history(&job(), EntryId::ZERO);
    assert_eq!(read(&mut whole).await, Vec::from_iter(0..1201));
    let mut rest = api.client().history(&job(), middle);
    assert_eq!(read(&mut rest).await, Vec::from_iter(700..1201));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_log_has_one_empty_page() {
    let api = Api::start().await;
    let mut history = api.client().history(&job(), EntryId::ZERO);
    let page = history.next().await.unwrap().unwrap();
    assert_eq!((page.gap, page.lines), (None, Vec::new()));
    assert_eq!(history.next().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_trimmed_between_two_pages_are_a_gap() {
    let api = Api::start().await;
    api.append(0..1000).await;
    let mut history = api.client().history(&job(), EntryId::ZERO);
    let first = history.next().await.unwrap().unwrap();
    // This removes all lines of the first page, and 100 more.
    api.store.trim_to(&job(), 400);
    let second = history.next().await.unwrap().unwrap();
    let gap = second.gap.unwrap();
    assert_eq!(gap.after_id, first.lines.last().unwrap().id);
    assert_eq!(gap.first_id, Some(second.lines[0].id));
    assert_eq!(second.lines[0].text.as_deref(), Some("600"));
    assert_eq!(second.lines.len(), 400);
    assert_eq!(history.next().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_deleted_between_two_pages_is_a_gap_without_a_first_id() {
    let api = Api::start().await;
    api.append(0..1000).await;
    let mut history = api.client().history(&job(), EntryId::ZERO);
    let first = history.next().await.unwrap().unwrap();
    api.store.delete_log(&job());
    let last = history.next().await.unwrap().unwrap();
    let gap = last.gap.unwrap();
    assert_eq!(gap.after_id, first.lines.last().unwrap().id);
    assert_eq!((gap.first_id, last.lines), (None, Vec::new()));
    assert_eq!(history.next().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_waits_for_a_server_that_is_unreachable_for_a_moment() {
    let api = Api::start().await;
    api.append(0..600).await;
    let mut history = api.client().history(&job(), EntryId::ZERO);
    assert_eq!(history.next().await.unwrap().unwrap().lines.len(), 500);
    api.proxy.refuse().await;
    while history.last_error().is_none() {
        // Dropping the call loses no page.
        let page = timeout(Duration::from_millis(100), history.next()).await;
        assert!(page.is_err(), "the server is unreachable: {page:?}");
    }
    api.proxy.mend().await;
    let page = timeout(SOON, history.next()).await.unwrap().unwrap();
    assert_eq!(page.unwrap().lines.len(), 100);
    assert!(history.last_error().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_ask_for_the_newest_line_below_a_bound() {
    let api = Api::start().await;
    let client = api.client();
    assert_eq!(client.newest_before(&job(), None).await.unwrap(), None);
    let first = api.append(0..1).await;
    let second = api.append(1..2).await;
    let newest = client.newest_before(&job(), None).await.unwrap();
    assert_eq!(newest, Some(second));
    let below = client.newest_before(&job(), Some(second)).await.unwrap();
    assert_eq!(below, Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_a_final_error_with_a_reason() {
    let api = Api::start().await;
    let url = format!("http://{}", api.proxy.address());
    for (source, reason) in [
        (TokenSource::none(), "missing"),
        (TokenSource::fixed("abc"), "malformed"),
    ] {
        let client = Client::builder(&url).token(source).build().unwrap();
        let mut history = client.history(&job(), EntryId::ZERO);
        let Err(ClientError::Unauthenticated(problem)) = history.next().await else {
            panic!("{reason}");
        };
        assert_eq!(problem.status, 401);
        assert!(problem.debug_id.is_some(), "{problem:?}");
    }
    let fixed = TokenSource::fixed(&format!(" {}\n", token(ANN)));
    let client = Client::builder(&url).token(fixed).build().unwrap();
    let mut history = client.history(&job(), EntryId::ZERO);
    assert!(history.next().await.is_ok());
}
