//! `cargo xtask dev`: Redis by compose and the API that uses it. `xtask/dev.sh` does the work.

use clap::Args;
use xshell::{Shell, cmd};

use crate::image;

/// Run Redis by compose, and the API that uses it.
///
/// Redis comes from docker-compose.yml (append-only, on 127.0.0.1 only) and is stopped at the end; its data stays in a
/// volume. The API is compiled and run here, with the settings of `.env` (see .env.example). Settings that are missing
/// there get values for development. Ctrl-C ends both.
#[derive(Args, Debug)]
pub(crate) struct DevArgs {
    /// Passed to `log-api serve` as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    serve_args: Vec<String>,
}

/// `cargo xtask dev`.
pub(crate) fn run(sh: &Shell, args: &DevArgs) -> anyhow::Result<()> {
    image::ensure_redis(sh, image::REDIS_IMAGE)?;
    let args = &args.serve_args;
    Ok(cmd!(sh, "sh xtask/dev.sh {args...}").run()?)
}
