//! What the head says, in every state that a log can be in.

use std::time::Duration;

use serde_json::json;
use test_support::RedisServer;

use crate::page::{Page, address};
use crate::support::{ANN, Api, Job, shared};

#[tokio::test]
async fn a_job_goes_from_queued_over_started_and_live_to_its_end() {
    let (redis, api) = shared().await;
    for (end, state, word) in [
        ("ready", "ended", "Succeeded"),
        ("failed", "failed", "Failed"),
    ] {
        let job = Job::new(&redis).await;
        job.set_status("queued").await;
        let page = Page::open(&api, &job).await;
        page.until_state("queued").await;
        assert!(
            page.text("root.querySelector('.empty').textContent")
                .await
                .contains("when the worker starts")
        );
        job.set_status("starting").await;
        page.until_state("starting").await;
        page.until("root.querySelector('.empty').textContent.includes('No output yet')")
            .await;
        job.append("hello").await;
        page.until_state("live").await;
        assert_eq!(
            page.get("root.querySelector('.empty').hidden").await,
            json!(true)
        );
        job.set_status(end).await;
        page.until_state(state).await;
        assert_eq!(
            page.text("root.querySelector('.word').textContent").await,
            word
        );
        page.until(&format!("document.title.startsWith('{word}')"))
            .await;
    }
}

#[tokio::test]
async fn a_job_without_a_line_says_so_at_its_end() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.set_status("failed").await;
    let page = Page::open(&api, &job).await;
    page.until_state("failed").await;
    page.until("root.querySelector('.empty').textContent.includes('ended without a line')")
        .await;
}

#[tokio::test]
async fn a_build_that_says_nothing_is_told_from_a_connection_that_is_gone() {
    let redis = RedisServer::shared().await;
    let mut api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    page.run("log.setAttribute('silent-after', '1')").await;
    page.until_state("silent").await;
    assert!(
        page.text("root.querySelector('.word').textContent")
            .await
            .starts_with("No output for")
    );
    job.append("b").await;
    page.run("log.removeAttribute('silent-after')").await;
    page.until_state("live").await;
    api.kill();
    page.until_state("reconnecting").await;
    assert_eq!(page.text("texts().join()").await, "a,b", "the lines stay");
    assert_eq!(
        page.get("root.querySelector('.again').hidden").await,
        json!(false)
    );
}

#[tokio::test]
async fn a_machine_without_a_network_is_offline_and_goes_on_by_itself() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    let network = |offline: bool| {
        let conditions = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        page.browser
            .devtools("Network.emulateNetworkConditions", conditions)
    };
    page.browser.devtools("Network.enable", json!({})).await;
    network(true).await;
    page.run("window.dispatchEvent(new Event('offline'))").await;
    page.until_state("offline").await;
    job.append("b").await;
    network(false).await;
    page.until_state("live").await;
    page.until("texts().join() === 'a,b'").await;
}

#[tokio::test]
async fn a_job_that_is_deleted_keeps_its_lines_on_the_page() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    job.command(&["DEL", &job.key()]).await;
    page.until_state("deleted").await;
    assert_eq!(page.text("texts().join()").await, "a");
}

#[tokio::test]
async fn a_log_that_is_not_the_readers_shows_nothing() {
    let (redis, api) = shared().await;
    let theirs = Job::owned_by(&redis, "user_bob").await;
    theirs.append("a secret of Bob's").await;
    let page = Page::open(&api, &theirs).await;
    page.until_state("denied").await;
    assert_eq!(page.get("rows().length").await, 0);
    page.until("root.querySelector('.empty').textContent.includes('or it is not yours')")
        .await;
}

#[tokio::test]
async fn nobody_is_signed_out_until_there_is_a_token() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    let page = Page::open(&api, &job).await;
    page.go_to(&format!("http://{}/jobs/{}", api.addr, job.id))
        .await;
    page.until_state("signed-out").await;
    let token = crate::support::token(ANN);
    page.run(&format!("log.getToken = async () => '{token}'"))
        .await;
    page.until_state("live").await;
}

#[tokio::test]
async fn the_session_cookie_opens_a_log_without_a_token() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    let page = Page::open(&api, &job).await;
    let token = crate::support::token(ANN);
    page.run(&format!("document.cookie = '__session={token}; path=/'"))
        .await;
    page.go_to(&format!("http://{}/jobs/{}", api.addr, job.id))
        .await;
    page.until_state("live").await;
    assert_eq!(page.text("texts().join()").await, "a");
}

#[tokio::test]
async fn too_many_viewers_are_told_whose_limit_it_is_and_get_their_turn() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_MAX_STREAMS_PER_USER", "1")]).await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    let other = api.stream(&job, "").open().await;
    assert_eq!(other.status, 200);
    let page = Page::open(&api, &job).await;
    page.until_state("limited").await;
    assert_eq!(
        page.text("texts().join()").await,
        "a",
        "pages have no such limit"
    );
    assert!(
        page.text("root.querySelector('.detail').textContent")
            .await
            .contains("Next try in")
    );
    drop(other);
    page.until_state("live").await;
}

#[tokio::test]
async fn a_store_that_is_away_is_said_and_is_no_empty_log() {
    let redis = RedisServer::start().await;
    let api = Api::on(&redis).await;
    let redis = std::sync::Arc::new(redis);
    let job = Job::new(&redis).await;
    job.append("a").await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    redis.kill().await;
    page.browser.open("about:blank").await;
    page.browser.open(&address(&api, &job, "")).await;
    page.until("log?.dataset.state === 'unavailable'").await;
    redis.start_again().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    page.run("root.querySelector('.again').click()").await;
    page.until("!['unavailable', 'starting'].includes(log.dataset.state)")
        .await;
}

#[tokio::test]
async fn lines_that_were_trimmed_are_a_gap_in_their_place() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["a", "b", "c", "d"]).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "2"])
        .await;
    let page = Page::open(&api, &job).await;
    page.until("root.querySelector('[data-gap]')").await;
    let order = "[...root.querySelectorAll('.row')].map((row) => row.dataset.gap ? 'gap' : textOf(row)).join()";
    page.until(&format!("{order} === 'gap,c,d'")).await;
    assert_eq!(
        page.text("root.querySelector('[data-gap]').dataset.gap")
            .await,
        "0-0"
    );
    assert!(
        page.text("root.querySelector('[data-gap]').textContent")
            .await
            .contains("are missing")
    );
    assert_eq!(
        page.get("rows()[0].querySelector('.gutter').dataset.number ?? null")
            .await,
        json!(null),
        "no number that would be wrong"
    );
}
