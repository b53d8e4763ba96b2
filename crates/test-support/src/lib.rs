//! Real servers and small clients for tests.
//!
//! A failure here is a panic whose message says what to do: a test that cannot run has failed.
//!
//! | you need | use |
//! |---|---|
//! | a real Redis, also with faults | [`RedisServer`], [`RespClient`], [`Trouble`] |
//! | a real cluster, or a primary with Sentinels | [`RedisCluster`], [`SentinelSet`] |
//! | a network with faults | [`TcpProxy`] |
//! | the exact bytes of a server's answers | [`HttpClient`], [`Body`] |
//! | a live stream | [`SseReader`]; [`BrowserClient`] behaves like the existing browser client |
//! | a real browser | `Chromium`, with the feature `chromium` |
//! | the output of real builds | [`Recording`] |
//!
//! **Invariant:** nothing here knows how a log is stored. Every server listens on loopback only and ends when its handle
//! is dropped, also after a panic.
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
    reason = "test code in a library: a failure is a failed test"
)]

mod browser;
#[cfg(feature = "chromium")]
mod chromium;
mod cluster;
mod cluster_client;
mod docker;
mod http;
mod local;
mod recording;
mod redis;
mod resp;
mod sentinel;
mod sse;
mod tcp_proxy;
mod trouble;

pub use browser::{BrowserClient, BrowserEvent, BrowserView};
#[cfg(feature = "chromium")]
pub use chromium::{Chromium, ChromiumOptions};
pub use cluster::{ClusterNode, ClusterOptions, RedisCluster};
pub use cluster_client::ClusterClient;
pub use http::{Answer, Body, BodyEnd, HttpClient, Request, Response};
pub use local::free_address;
pub use recording::{Chunk, Recording};
pub use redis::{RedisOptions, RedisServer};
pub use resp::{RespClient, Value};
pub use sentinel::SentinelSet;
pub use sse::SseReader;
pub use tcp_proxy::TcpProxy;
pub use trouble::Trouble;
