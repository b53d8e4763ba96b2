//! Runs a Redis until its standard input is closed, and writes its address on standard output.
//!
//! `cargo xtask test` starts it: the tests that use jobs of their own then share one server.

use std::io::{Read as _, Write as _};

use test_support::RedisServer;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let redis = RedisServer::start().await;
    let mut out = std::io::stdout();
    writeln!(out, "{}", redis.url())?;
    out.flush()?;
    let closed = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    closed.await??;
    Ok(())
}
