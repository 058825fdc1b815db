//! `massgen completions SHELL` and `massgen man`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;
use crate::terminal;

/// Prints the completions of a shell.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "massgen", &mut script);
    terminal::print(&String::from_utf8_lossy(&script));
    Ok(())
}

/// Prints the manual page.
pub(crate) fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Failure::execution(format!("the manual page cannot be written: {error}")))?;
    terminal::print(&String::from_utf8_lossy(&page));
    Ok(())
}
