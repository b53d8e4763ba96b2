//! `joblog completions` and `joblog man`. Both are generated from the command line itself.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::args::Cli;
use crate::exit::Failure;
use crate::stdout;

pub(crate) fn print_completions(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "joblog", &mut script);
    stdout::print(&script)?;
    Ok(0)
}

pub(crate) fn print_manual(command: Option<&str>) -> Result<u8, Failure> {
    let mut whole = Cli::command();
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => {
            let found = whole.find_subcommand(name).cloned();
            found.ok_or_else(|| Failure::usage(format_args!("joblog has no command `{name}`")))?
        }
    };
    let mut roff = Vec::new();
    let rendered = Man::new(page).render(&mut roff);
    rendered.map_err(|error| Failure::new(Failure::OTHER, error))?;
    stdout::print(&roff)?;
    Ok(0)
}
