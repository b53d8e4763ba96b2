//! The store on Redis Streams, as existing producers fill them.
//!
//! A store has two connections (in a cluster: two to each node), whatever it watches: one for the reads of watches, one for
//! everything else. A read of a watch begins client tracking (RESP3): Redis pushes one notice at the next change of the key,
//! whatever changes, and the next read begins it again. Where the server does not offer that, watches poll; the contract is
//! the same.
//!
//! The oldest Redis that works is [`OLDEST_REDIS`]. Every operation ends within [`RedisOptions::deadline`] (R4), and works
//! again within 5 s after Redis does.
//!
//! # Permissions
//!
//! For the default key pattern. [`RedisStore::check`] tries the reads, [`RedisStore::check_writes`] the writes,
//! [`RedisStore::check_numbered`] what numbered lines need, [`RedisStore::check_access`] what tickets and revocations need:
//!
//! | for | commands | keys |
//! |---|---|---|
//! | reading | `HMGET` `EXISTS` | `job:*` |
//! | reading | `XRANGE` `XREVRANGE` `XINFO STREAM` | `job:*:logs` |
//! | reading | `PING` `CLIENT TRACKING` `CLIENT ID` `INFO` | – |
//! | appending | `EVAL` `XADD` `XTRIM` `EXPIRE` | `job:*:logs` |
//! | appending numbered lines | `EVAL` `EXISTS` `HGET` `HSET` `EXPIRE` | `log-api:producer:*` |
//! | appending, changing a status | `CLIENT INFO` `CLIENT KILL` | – |
//! | changing a status | `EVAL` `EXISTS` `HGET` `HSET` | `job:*` |
//! | changing a status | `PUBLISH` | channels `job:*:events` |
//! | tickets | `SET` `GETDEL` | `log-api:*` |
//! | revocations | `EVAL` `SET` `TIME` `XADD` `PEXPIRE` `XRANGE` `XINFO STREAM` | `log-api:*` |
//!
//! Without `CLIENT TRACKING`, watches poll. Without `CLIENT ID` or `INFO`, there is a note in the log, and a flush is
//! noticed later. A cluster also needs `CLUSTER SLOTS` and `CLUSTER INFO`, Sentinel what its clients need.
//!
//! **Invariant:** no command that blocks, and no type of fred in this module's API.

mod access;
mod appends;
mod batcher;
mod careful;
mod check;
mod check_error;
mod client;
mod collected;
mod connection;
mod decode;
mod fault;
mod flushes;
mod jobs;
mod keys;
mod logs;
mod numbered;
mod options;
mod peer;
mod permissions;
mod polling;
mod reads;
mod registry;
mod revocation_text;
mod role;
mod server_version;
mod session;
mod sizes;
mod store;
mod sweep;
mod tasks;
mod watch;
mod watch_flag;
mod writes;

pub use check::ServerFacts;
pub use check_error::CheckError;
pub use keys::{KeyPatternError, KeyPatterns};
pub use options::{RedisOptions, RedisOptionsError, Retention, UnknownWatchMode, WatchMode};
pub use server_version::{OLDEST_REDIS, ServerVersion};
pub use store::{RedisState, RedisStore};
