//! Completions and manual pages, made from the command line itself.

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::Failure;

pub(crate) fn completions(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "joblog", &mut script);
    print(&script)
}

pub(crate) fn manual(command: Option<&str>) -> Result<u8, Failure> {
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
    print(&roff)
}

pub(crate) fn print(bytes: &[u8]) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    done(out.write_all(bytes).and_then(|()| out.flush()))?;
    Ok(0)
}

/// Judges a write to standard output; `false` where nobody reads it any more, which is no error.
pub(crate) fn done(written: io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(
            Failure::OTHER,
            format_args!("standard output: {error}"),
        )),
    }
}
