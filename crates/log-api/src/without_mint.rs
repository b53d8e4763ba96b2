//! In the place of `log-api demo` and `serve --dev` in a build without the feature `mint`: what to do.

use crate::cli_result::CliResult;

const ADVICE: &str =
    "this build cannot sign anybody in: build it with the feature `mint` (it is on by default)";

pub(crate) mod demo {
    use std::net::SocketAddr;

    use super::{ADVICE, CliResult};

    pub(crate) async fn run(_: Option<SocketAddr>, _: Vec<String>) -> CliResult {
        Err(ADVICE.into())
    }
}

pub(crate) mod dev {
    use std::net::SocketAddr;
    use std::path::PathBuf;

    use super::{ADVICE, CliResult};

    pub(crate) async fn run(_: Option<SocketAddr>, _: Option<PathBuf>) -> CliResult {
        Err(ADVICE.into())
    }
}
