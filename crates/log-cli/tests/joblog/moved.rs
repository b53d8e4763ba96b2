//! The primary moves behind its name (DNS, a floating address) while `joblog run` runs, and all connections stay open.

use std::sync::Arc;
use std::time::Duration;

use test_support::{RedisServer, TcpProxy};
use tokio::time::{sleep, timeout};

use crate::support::{Job, SOON, counting, end_of, numbered};

const LINES: usize = 300;

#[tokio::test]
async fn a_primary_that_moves_behind_its_name_costs_a_run_no_line() {
    let old = RedisServer::start_process().await;
    let new = Arc::new(RedisServer::start_process().await);
    new.follow(&old).await;
    let name = TcpProxy::start(old.address()).await;
    let job = Job::on(new.clone());
    let mut command = job.run(&[], &counting(LINES, 10, "0.1"));
    command.env("JOBLOG_REDIS_URL", format!("redis://{}", name.address()));
    let child = command.spawn().unwrap();
    let logs = format!("{}:logs", job.key());
    let some = async {
        // At the replica, so that it has the job, too. What follows is not about that.
        while new.command(&["XLEN", &logs]).await.int() < 60 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, some).await.expect("the first lines");
    // As an operator does it: what is written to the old one from now on is gone when that follows the new one.
    new.command(&["REPLICAOF", "NO", "ONE"]).await;
    old.follow(&new).await;
    name.lead_to(new.address());
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(job.texts().await, numbered(0..LINES));
    assert_eq!(job.status().await, "ready");
}
