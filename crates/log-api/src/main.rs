//! The binary: see `log-api --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    log_api::cli::run()
}
