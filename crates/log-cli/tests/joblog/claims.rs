//! A run owns its job: nobody else runs it meanwhile, and a worker that was lost is noticed.

use std::time::Duration;

use test_support::Value;
use tokio::process::Child;
use tokio::time::sleep;

use crate::support::{Job, end_of, ended, first_line};

/// A run that goes on until its standard input is closed.
async fn running(job: &Job, exit_code: u8) -> Child {
    let script = format!("echo running; read _; exit {exit_code}");
    let mut command = job.run(&[], &script);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "running");
    child
}

/// Starts a run and kills it with `kill -9`. Its claim remains.
async fn killed(job: &Job) {
    let mut child = running(job, 0).await;
    while job.texts().await.is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    child.kill().await.unwrap();
    assert_eq!(job.status().await, "starting");
    assert_eq!(claims(job).await, 1);
}

/// Lets the lease of a run lapse, as if a minute had passed without a renewal.
async fn lapse(job: &Job) {
    let set = job.command(&["HSET", &claim(job), "until", "1"]).await;
    assert_eq!(set, Value::Int(0));
    job.command(&["ZADD", "log-api:runs:job:*", "1", &job.id])
        .await;
}

fn claim(job: &Job) -> String {
    format!("log-api:run:{{{}}}", job.key())
}

/// How many claims the job has.
async fn claims(job: &Job) -> usize {
    let exists = job.command(&["EXISTS", &claim(job)]).await;
    usize::from(exists == Value::Int(1))
}

#[tokio::test]
async fn a_second_run_of_a_job_is_refused_and_the_end_of_the_first_one_stands() {
    for (exit_code, status) in [(3, "failed"), (0, "ready")] {
        let job = Job::new().await;
        let mut first = running(&job, exit_code).await;
        let second = ended(job.run(&[], "echo second")).await;
        assert_eq!(second.code, Some(125), "{second:?}");
        assert!(second.out.is_empty(), "the command was not started");
        assert!(
            second.err.contains("another joblog run is running it"),
            "{second:?}"
        );
        assert_eq!(job.status().await, "starting");
        drop(first.stdin.take());
        let first = end_of(first).await;
        assert_eq!(first.code, Some(i32::from(exit_code)), "{first:?}");
        assert_eq!(job.status().await, status);
        assert_eq!(job.texts().await, ["running"]);
        assert_eq!(claims(&job).await, 0, "the claim ends with the job");
    }
}

#[tokio::test]
async fn of_many_runs_at_once_one_gets_the_job() {
    let job = Job::with_status("queued").await;
    let runs: Vec<_> = (0..6)
        .map(|_| job.run(&[], "echo mine; sleep 3").spawn().unwrap())
        .collect();
    let mut codes = Vec::new();
    for run in runs {
        codes.push(end_of(run).await.code);
    }
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            Some(0),
            Some(125),
            Some(125),
            Some(125),
            Some(125),
            Some(125)
        ]
    );
    assert_eq!(job.texts().await, ["mine"]);
    assert_eq!(job.status().await, "ready");
}

#[tokio::test]
async fn the_status_of_a_job_whose_worker_was_killed_is_failed() {
    let job = Job::new().await;
    killed(&job).await;
    let before = ended(job.joblog(&["status"])).await;
    assert_eq!(before.text(), "starting\n", "the lease is still held");
    lapse(&job).await;
    let after = ended(job.joblog(&["status"])).await;
    assert_eq!(
        (after.text().as_str(), after.err.as_str()),
        ("failed\n", "")
    );
    let message = job.command(&["HGET", &job.key(), "status_message"]).await;
    assert_eq!(message.text(), "the worker was lost");
    assert_eq!(claims(&job).await, 0);
}

#[tokio::test]
async fn tail_ends_when_the_worker_was_killed() {
    let job = Job::new().await;
    killed(&job).await;
    lapse(&job).await;
    let tail = ended(job.joblog(&["tail", "--from", "start"])).await;
    assert_eq!(tail.code, Some(1), "{tail:?}");
    assert!(tail.err.contains("the job has ended: failed"), "{tail:?}");
    assert_eq!(tail.lines().last().unwrap(), "running");
}

#[tokio::test]
async fn a_run_of_a_job_whose_worker_was_killed_is_refused_and_says_so() {
    let job = Job::new().await;
    killed(&job).await;
    lapse(&job).await;
    let second = ended(job.run(&[], "echo second")).await;
    assert_eq!(second.code, Some(125), "{second:?}");
    assert!(
        second.err.contains("it is failed (the worker was lost)"),
        "{second:?}"
    );
    assert_eq!(job.status().await, "failed");
}

#[tokio::test]
async fn a_job_that_nobody_claimed_is_left_alone() {
    let job = Job::with_status("code").await;
    let asked = ended(job.joblog(&["status"])).await;
    assert_eq!(asked.text(), "code\n");
    assert_eq!(job.status().await, "code");
}

#[tokio::test]
async fn a_run_whose_job_was_ended_by_somebody_else_says_so_and_changes_nothing() {
    let job = Job::new().await;
    let mut run = running(&job, 0).await;
    job.set_status("failed").await;
    drop(run.stdin.take());
    let ended = end_of(run).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("the job did not end: "), "{ended:?}");
    assert_eq!(job.status().await, "failed");
}
