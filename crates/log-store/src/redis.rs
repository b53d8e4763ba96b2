//! The store on Redis Streams, as existing producers fill them.
//!
//! A store has two connections (in a cluster: two to each master), whatever it watches: one for the reads of watches, one for
//! everything else. From the first long line on there is a third one, for large replies. A read of a watch begins client
//! tracking (RESP3): Redis pushes one notice at the next change of the key,
//! whatever changes, and the next read begins it again. Where the server does not offer that, watches poll; the contract is
//! the same.
//!
//! The oldest Redis that works is [`OLDEST_REDIS`]. Every operation ends within [`RedisOptions::deadline`] (R4), and works
//! again within 5 s after Redis does.
//!
//! # Permissions
//!
//! For the default key pattern. [`RedisStore::check`] tries the reads, [`RedisStore::check_writes`] the writes,
//! [`RedisStore::check_numbered`] what numbered lines need, [`RedisStore::check_access`] what tickets and revocations need,
//! [`RedisStore::check_runs`] what noticing lost runs needs:
//!
//! | for | commands | keys |
//! |---|---|---|
//! | reading | `HMGET` `EXISTS` | `job:*` |
//! | reading | `XRANGE` `XREVRANGE` `XINFO STREAM`, better also `XREAD` | `job:*:logs` |
//! | reading, so that a mixed-up reply is surely noticed | `MULTI` `EXEC` | – |
//! | reading long lines, if allowed | `EVAL_RO` | `job:*:logs` |
//! | reading | `PING` `CLIENT TRACKING` `CLIENT ID` `INFO`, better also `ECHO` | – |
//! | appending | `EVAL` `XADD` `XTRIM` `EXPIRE` | `job:*:logs` |
//! | appending, where replicas are waited for | `WAIT` | – |
//! | appending numbered lines | `EVAL` `EXISTS` `HGET` `HSET` `EXPIRE` | `log-api:producer:*` |
//! | appending, changing a status | `CLIENT INFO` `CLIENT KILL` | – |
//! | changing a status | `EVAL` `EXISTS` `HGET` `HSET` | `job:*` |
//! | changing a status | `PUBLISH` | channels `job:*:events` |
//! | runs | `EVAL` `TIME` `HMGET` `HGET` `HSET` `PEXPIRE` `DEL` `ZADD` `ZSCORE` `ZREM` `ZRANGE` | `log-api:*` |
//! | lost runs | as for changing a status, and for runs | `job:*` `log-api:*` |
//! | tickets | `SET` `GETDEL` | `log-api:*` |
//! | revocations | `EVAL` `SET` `TIME` `XADD` `PEXPIRE` `XRANGE` `XINFO STREAM` | `log-api:*` |
//!
//! Without `EVAL_RO`, long lines are read by plain commands, and Redis sends up to three times as much.
//! Without `ECHO`, nothing can be read while Redis cannot save its database (`MISCONF`). Without `CLIENT TRACKING`, watches poll. Without `CLIENT ID` or `INFO`, there is a note in the log, and a flush is
//! noticed later. A cluster also needs `CLUSTER SLOTS` and `CLUSTER INFO`. Of a Sentinel's
//! user: `SENTINEL MASTER` and `SENTINEL SENTINELS`.
//!
//! # Crypto provider
//!
//! An address with TLS (`rediss://`) needs the feature `tls`, which switches on the provider `aws_lc_rs` of `rustls`. If the
//! process has installed a provider (`rustls::crypto::CryptoProvider::install_default`), the store uses that, else
//! `aws_lc_rs`. It never asks `rustls` to choose: that panics where several providers are compiled in. A host with a provider
//! of its own, for example `ring`, has to install it: its own calls of `ClientConfig::builder()` would panic otherwise.
//!
//! **Invariant:** no command that blocks, but a `WAIT` of 100 ms where replicas are waited for; and no type of fred in this module's API.

mod access;
mod appends;
mod arming;
mod batcher;
mod careful;
mod check;
mod check_error;
mod client;
mod cluster;
mod cluster_check;
mod cluster_nodes;
mod cluster_view;
mod collected;
mod connection;
mod decode;
mod error_text;
mod fault;
mod jobs;
mod keys;
mod logs;
mod node;
mod node_options;
mod numbered;
mod options;
mod options_error;
mod peer;
mod permissions;
mod polling;
mod question;
mod reads;
mod registry;
mod replicas;
mod role;
mod runs;
mod sentinel;
mod server_version;
mod server_watch;
mod servers;
mod session;
mod share;
mod sizes;
mod slot_map;
mod store;
mod sweep;
mod tasks;
mod tls;
#[cfg(feature = "tls")]
mod tls_config;
mod token;
mod verdict;
mod watch;
mod watch_flag;
mod writes;

pub use check::ServerFacts;
pub use check_error::CheckError;
pub use keys::{KeyPatternError, KeyPatterns};
pub use options::{RedisOptions, Retention, UnknownWatchMode, WatchMode};
pub use options_error::RedisOptionsError;
pub use server_version::{OLDEST_REDIS, ServerVersion};
pub use store::{RedisState, RedisStore};
pub use tls::RedisTls;
