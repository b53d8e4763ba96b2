//! A Redis of one's own.

use std::sync::Arc;
use std::time::Duration;

use test_support::{RedisOptions, RedisServer, RespClient, Value};
use tokio::time::timeout;

#[tokio::test]
async fn a_server_keeps_its_port_and_its_data_across_a_kill_and_a_stop() {
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    };
    let redis = RedisServer::start_with(options).await;
    let address = redis.address();
    assert!(address.ip().is_loopback());
    redis.command(&["SET", "k", "v"]).await;
    for stop in [false, true] {
        if stop {
            redis.stop().await;
        } else {
            redis.kill().await;
        }
        assert!(RespClient::connect(address).await.is_err());
        redis.start_again().await;
        assert_eq!(redis.address(), address);
        assert_eq!(redis.command(&["GET", "k"]).await.text(), "v");
    }
}

#[tokio::test]
async fn a_paused_server_says_nothing_until_it_goes_on() {
    let redis = RedisServer::start().await;
    let mut client = redis.client().await;
    redis.pause().await;
    client.send(&["PING"]).await.unwrap();
    let silence = timeout(Duration::from_millis(300), client.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    redis.unpause().await;
    assert_eq!(client.next().await.unwrap().text(), "PONG");
}

#[tokio::test]
async fn arguments_reach_the_server_and_errors_the_test() {
    let options = RedisOptions {
        args: vec!["--maxmemory".into(), "12mb".into()],
        ..RedisOptions::default()
    };
    let redis = RedisServer::start_with(options).await;
    let limit = redis.command(&["CONFIG", "GET", "maxmemory"]).await.array();
    assert_eq!(limit[1].int(), 12 * 1024 * 1024);
    let error = redis
        .client()
        .await
        .try_command(&["NONSENSE"])
        .await
        .unwrap();
    assert!(matches!(error, Value::Error(_)), "{error:?}");
}

#[test]
fn a_server_ends_with_a_test_that_panics_even_where_it_is_paused() {
    let (told, hear) = std::sync::mpsc::channel();
    let failing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let redis = RedisServer::start().await;
            redis.pause().await;
            told.send(redis.address()).unwrap();
            panic!("a failed test");
        });
    });
    assert!(failing.join().is_err());
    let address = hear.recv().unwrap();
    let connected = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1));
    assert!(connected.is_err(), "somebody still listens on {address}");
}

#[test]
fn a_shared_server_outlives_the_runtime_that_made_it() {
    let run = || tokio::runtime::Runtime::new().unwrap();
    let first = run().block_on(RedisServer::shared());
    let second = run().block_on(RedisServer::shared());
    assert!(Arc::ptr_eq(&first, &second));
    drop(first);
    run().block_on(second.command(&["PING"]));
}

#[tokio::test]
#[should_panic(expected = "other tests use this Redis too")]
async fn a_shared_server_is_not_stopped_by_a_test() {
    RedisServer::shared().await.stop().await;
}
