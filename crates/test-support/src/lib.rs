//! Real servers and small clients for tests.
//!
//! Everything here fails by panicking, with a sentence that says what to do: a test that cannot run is a failed test.
//!
//! | for | here |
//! |---|---|
//! | a real Redis, its faults included | [`RedisServer`], [`RespClient`] |
//! | a network that breaks | [`TcpProxy`] |
//! | a server's answers, byte by byte | [`HttpClient`], [`Body`] |
//! | a live stream | [`SseReader`]; [`BrowserClient`] is the client that exists today |
//! | what builds print | [`Recording`] |
//!
//! **Invariant:** nothing here knows how a log is stored; every server listens on loopback only and ends with its
//! handle, a panic included.
//!
//! ```no_run
//! # async fn doc() {
//! let redis = test_support::RedisServer::start().await;
//! redis.command(&["XADD", "job:a:logs", "*", "text", "hello"]).await;
//! redis.kill().await;
//! redis.start_again().await;
//! # }
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code in a library: what cannot be done is a failed test"
)]

mod browser;
mod docker;
mod http;
mod local;
mod recording;
mod redis;
mod resp;
mod sse;
mod tcp_proxy;

pub use browser::{BrowserClient, BrowserEvent, BrowserView};
pub use http::{Answer, Body, BodyEnd, HttpClient, Request, Response};
pub use recording::{Chunk, Recording};
pub use redis::{RedisOptions, RedisServer};
pub use resp::{RespClient, Value};
pub use sse::SseReader;
pub use tcp_proxy::TcpProxy;
