//! The binary. `log-api --help` explains it.

use std::process::ExitCode;

/// Gives memory back to the system when viewers leave. glibc's allocator keeps it (docs/adr/0014-allocator.md).
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    log_api::cli::run()
}
