//! The `joblog` binary. `joblog --help` describes it.
//!
//! **Invariants:**
//!
//! - The standard output of `run`, `tail` and `cat` contains log lines only. All messages of `joblog` itself go to standard
//!   error.
//! - No option takes a token or a secret, and no message contains one.
//! - A standard output or standard error that cannot be written never causes a panic.

mod api;
mod api_job;
mod api_store;
mod args;
mod commands;
mod dispatch;
mod environment;
mod event;
mod exit;
mod help;
mod lost_run;
mod printer;
mod redis;
mod redis_follow;
mod retry;
mod signals;
mod since;
mod source;
mod stdout;
mod style;
mod terminal;
mod token;
mod wait_notice;

use std::process::ExitCode;

fn main() -> ExitCode {
    dispatch::main()
}
