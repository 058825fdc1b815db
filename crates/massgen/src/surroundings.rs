//! What the program knows of where it runs.

use std::io::ErrorKind;

use massgen_config::{Colour, Environment};

use crate::failure::Failure;
use crate::terminal;

/// The environment of this process, with the variables of `.env` files.
pub(crate) fn environment() -> Result<Environment, Failure> {
    let mut environment = Environment::of_process().map_err(|error| {
        Failure::execution(format!("the current directory cannot be read: {error}"))
            .hint("change to a directory that exists")
    })?;
    let unreadable = std::cell::RefCell::new(Vec::new());
    let found = environment.add_dotenv(|path| match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => {
            unreadable.borrow_mut().push(format!("{}: {error}", path.display()));
            None
        }
    });
    for trouble in unreadable.into_inner() {
        terminal::warn(&format!("variables are not read from {trouble}"));
    }
    for diagnostics in found.iter().filter(|found| !found.is_empty()) {
        terminal::tell_painted(&diagnostics.render(colour()));
    }
    Ok(environment)
}

/// Whether messages on standard error are coloured.
pub(crate) fn colour() -> Colour {
    if terminal::stderr_takes_colour() { Colour::Ansi } else { Colour::Plain }
}
