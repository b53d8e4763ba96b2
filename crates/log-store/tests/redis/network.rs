//! A server that is frozen, and one that is taken off its network: a real one, where Docker answers.

use std::time::Duration;

use log_store::conformance::fresh_job;
use log_store::redis::RedisStore;
use test_support::RedisServer;
use tokio::time::sleep;

use crate::load::under_load;
use crate::support::{MODES, SHORT_DEADLINE, connected, options};

/// How long the server is away, twice.
const AWAY: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_frozen_or_cut_off_loses_and_repeats_no_line() {
    for mode in MODES {
        let redis = RedisServer::start().await;
        let store = RedisStore::new(options(redis.url(), mode).deadline(SHORT_DEADLINE));
        let store = store.unwrap();
        connected(&store).await;
        let happens = async {
            redis.pause().await;
            sleep(AWAY).await;
            redis.unpause().await;
            sleep(Duration::from_secs(1)).await;
            redis.cut_off().await;
            sleep(AWAY).await;
            redis.connect_again().await;
        };
        let row = under_load(&store, &store, &[fresh_job(), fresh_job()], happens).await;
        println!("| frozen for 3 s, off its network for 3 s, {mode} {row}");
        assert_eq!(row.gaps, 0, "{row:?}");
        // It was away, and came back.
        assert!(row.silence > AWAY - Duration::from_secs(1), "{row:?}");
        assert!(row.silence < AWAY + Duration::from_secs(6), "{row:?}");
    }
}
