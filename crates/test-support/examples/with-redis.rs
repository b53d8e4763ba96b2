//! Starts a Redis, runs a command with its address in `TEST_REDIS_URL`, and ends as the command does.
//!
//! `cargo xtask test` runs the tests by it: those that use jobs of their own then share one server.

use std::process::{Command, ExitCode};

use test_support::RedisServer;

#[tokio::main]
async fn main() -> std::io::Result<ExitCode> {
    let redis = RedisServer::start().await;
    let mut words = std::env::args_os().skip(1);
    let mut command = Command::new(words.next().unwrap_or_else(|| "true".into()));
    command
        .args(words)
        .env(RedisServer::SHARED_URL, redis.url());
    let status = tokio::task::spawn_blocking(move || command.status());
    let code = status
        .await??
        .code()
        .and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
