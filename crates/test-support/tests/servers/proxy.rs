//! The faults that the proxy simulates.

use std::time::Duration;

use test_support::TcpProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// A proxy in front of a server that sends back what it receives.
async fn echo_proxy() -> TcpProxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = client.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    TcpProxy::start(address).await
}

async fn echo(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"x").await?;
    stream.read_exact(&mut [0]).await?;
    Ok(())
}

#[tokio::test]
async fn dropped_connections_end_and_new_ones_can_be_made() {
    let proxy = echo_proxy().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut stream).await.unwrap();
    assert_eq!(proxy.connections(), 1);
    proxy.drop_connections().await;
    assert_eq!(proxy.connections(), 0);
    assert!(echo(&mut stream).await.is_err());
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut stream).await.unwrap();
}

#[tokio::test]
async fn connections_are_refused_until_the_proxy_is_mended() {
    let proxy = echo_proxy().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut stream).await.unwrap();
    proxy.refuse().await;
    assert!(echo(&mut stream).await.is_err());
    assert!(TcpStream::connect(proxy.address()).await.is_err());
    proxy.mend().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut stream).await.unwrap();
}

#[tokio::test]
async fn a_black_hole_stops_all_data_until_the_proxy_is_mended() {
    let proxy = echo_proxy().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut stream).await.unwrap();
    proxy.black_hole();
    let silence = timeout(Duration::from_millis(200), echo(&mut stream)).await;
    assert!(silence.is_err());
    proxy.mend().await;
    let answer = timeout(Duration::from_secs(5), stream.read_exact(&mut [0])).await;
    assert!(answer.unwrap().is_ok());
}

#[tokio::test]
async fn a_delay_applies_in_both_directions() {
    let proxy = echo_proxy().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.delay(Duration::from_millis(100));
    let start = Instant::now();
    echo(&mut stream).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_connection_is_broken_off_after_so_many_bytes_of_either_side() {
    let proxy = echo_proxy().await;
    let got = async || {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let _ = stream.write_all(b"0123456789").await;
        let mut got = Vec::new();
        let _ = stream.read_to_end(&mut got).await;
        got
    };
    proxy.cut_answers_after(4);
    assert_eq!(got().await, b"0123");
    proxy.mend().await;
    proxy.cut_requests_after(3);
    assert!(
        b"012".starts_with(&got().await),
        "no more than the server got"
    );
    proxy.mend().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut stream).await.unwrap();
}
