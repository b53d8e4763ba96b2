//! The binary: see `log-api --help`.

use std::process::ExitCode;

/// Gives memory back while nothing happens; glibc's keeps what ten thousand viewers used (docs/adr/0014-allocator.md).
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    log_api::cli::run()
}
