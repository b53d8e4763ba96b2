//! The load: each part of it is a process of its own, so that its work is in nobody's accounting.
//!
//! A load process reads its [`Spec`] as one line of JSON from standard input, says [`Answer::Ready`], and then
//! answers commands, a line each: `mark` begins a window, `report` tells what came in it. It ends with its input, so
//! it never outlives whoever started it.

pub(crate) mod block;
pub(crate) mod control;
pub(crate) mod pages;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod tally;
pub(crate) mod viewers;
pub(crate) mod work;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::load::tally::Report;

/// What a load process is to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Spec {
    /// Open streams and follow them.
    Viewers(Viewers),
    /// Follow one Redis stream with `XREAD BLOCK`.
    Block {
        /// Where Redis is.
        redis: SocketAddr,
        /// The stream.
        key: String,
    },
    /// Pass one Redis stream on to one viewer.
    Relay {
        /// Where to listen.
        listen: SocketAddr,
        /// Where Redis is.
        redis: SocketAddr,
        /// The stream.
        key: String,
    },
    /// Ask the same again and again on some connections, each waiting for its answer.
    Pages {
        /// Where the server is.
        server: SocketAddr,
        /// The requests, whole; connections take them in turn.
        requests: Vec<String>,
        /// How an answer ends.
        answers: Protocol,
        /// How many connections.
        connections: usize,
    },
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum Protocol {
    /// After as many bytes as its head says.
    Http,
    /// As Redis's protocol says.
    Redis,
}

/// Streams to open.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Viewers {
    /// Where the server is.
    pub(crate) server: SocketAddr,
    /// How many.
    pub(crate) count: usize,
    /// The request, whole; `{i}` stands for the viewer's number.
    pub(crate) request: String,
    /// The number that each one's first line must have.
    pub(crate) first: u64,
    /// Whether they read anything after the head.
    pub(crate) reads: bool,
}

/// What a load process says, a line of JSON each.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Answer {
    /// All streams are open, and have their heads.
    Ready,
    /// What came since the last `mark`.
    Report(Box<Report>),
    /// It cannot go on.
    Failed(String),
}
