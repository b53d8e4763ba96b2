//! The scale benchmarks, as `cargo xtask bench scale` and `cargo xtask bench peers` run them.
//!
//! The servers and the load are processes of their own on loopback; CPU time and memory come from the kernel's
//! accounting of the servers' processes; what is judged is mostly a ratio within one run, because absolute times
//! differ between machines by a factor of three. Every viewer checks that it gets every line exactly once, in order; a run in
//! which one does not has no figures.
//!
//! | module | what it knows |
//! |---|---|
//! | [`cases`] | what is set up and measured, and what it has to reach |
//! | [`load`] | viewers and other clients, in processes of their own |
//! | [`producer`] | lines at a steady rate |
//! | [`bench`], [`server`], [`peers`] | how servers are started, and ended |
//! | [`accounting`] | what the kernel says about a process |
//! | [`figures`], [`document`], [`plan`] | the result, in a document, and what follows from it for more viewers |

mod accounting;
mod bench;
mod cases;
mod chunked;
mod cli;
mod clock;
mod cluster;
mod document;
mod error;
mod figures;
mod http;
mod line;
mod load;
mod peers;
mod plan;
mod producer;
mod resp;
mod say;
mod server;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::progress(format_args!("bench-load: {error}"));
            ExitCode::FAILURE
        }
    }
}
