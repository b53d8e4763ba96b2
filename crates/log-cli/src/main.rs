//! The binary: see `joblog --help`.
//!
//! **Invariant:** the standard output of `run`, `tail` and `cat` carries log lines only; all that `joblog` itself says goes to
//! standard error. **Invariant:** no option takes a token or a secret, and none is printed.

mod cat;
mod cli;
mod direct;
mod environment;
mod exit;
mod job;
mod origin;
mod pages;
mod run;
mod say;
mod show;
mod signals;
mod since;
mod tail;
mod token;
mod waiting;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
