//! `joblog cat`, `create` and `status` on Redis.

use crate::support::{ANN, Job, end_of, ended, first_line, joblog};

#[tokio::test]
async fn the_whole_log_is_printed_page_by_page() {
    let job = Job::with_status("code").await;
    let line = |n: usize| {
        let logs = format!("{}:logs", job.key());
        let words = ["XADD", &logs, "*", "text", &format!("line {n}")];
        words.map(|word| word.as_bytes().to_vec()).to_vec()
    };
    let commands: Vec<_> = (0..1301).map(line).collect();
    job.redis.client().await.pipeline(&commands).await;
    let ended = ended(job.joblog(&["cat"])).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(ended.lines(), crate::support::numbered(0..1301));
}

#[tokio::test]
async fn it_is_no_error_if_the_reader_goes_away() {
    let job = Job::with_status("code").await;
    for n in 0..50 {
        let text = format!("{n} {}", "x".repeat(10_000));
        job.append("*", "stdout", &text).await;
    }
    let mut child = job.joblog(&["cat"]).spawn().unwrap();
    assert!(first_line(&mut child).await.starts_with("0 x"));
    drop(child.stdout.take());
    let ended = end_of(child).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_job_is_created_once_and_its_status_is_printed() {
    let job = Job::new().await;
    assert_eq!(ended(job.joblog(&["status"])).await.code, Some(3));
    assert_eq!(ended(job.joblog(&["cat"])).await.code, Some(3));
    let ownerless = ended(job.joblog(&["create"])).await;
    assert_eq!(ownerless.code, Some(2), "{ownerless:?}");
    let mut create = job.joblog(&["create"]);
    create.env("JOBLOG_USER", ANN);
    assert_eq!(ended(create).await.code, Some(0));
    let again = ended(job.joblog(&["create", "--user", "bob"])).await;
    assert_eq!(again.code, Some(6), "{again:?}");
    assert!(again.err.contains("already"));
    let owner = job.command(&["HGET", &job.key(), "user_id"]).await;
    assert_eq!(owner.text(), ANN);
    assert_eq!(ended(job.joblog(&["status"])).await.text(), "queued\n");
    job.set_status("checks").await;
    assert_eq!(ended(job.joblog(&["status"])).await.text(), "checks\n");
}

#[tokio::test]
async fn a_missing_redis_url_is_a_usage_error_and_an_unreachable_redis_has_exit_code_5() {
    let nowhere = ended(joblog(&["cat", "a"])).await;
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.err.contains("REDIS_URL"), "{nowhere:?}");
    let redis = "redis://127.0.0.1:1";
    let unreachable = |command| {
        let arguments = [command, "a", "--redis", redis, "--give-up-after", "1"];
        ended(joblog(&arguments))
    };
    let (cat, tail, status) = tokio::join!(
        unreachable("cat"),
        unreachable("tail"),
        unreachable("status")
    );
    for away in [cat, tail, status] {
        assert_eq!(away.code, Some(5), "{away:?}");
        assert!(away.out.is_empty());
        assert!(away.err.contains("cannot be reached"), "{away:?}");
    }
    let wrong = ended(joblog(&["cat", "a", "--redis", "http://127.0.0.1"])).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}
