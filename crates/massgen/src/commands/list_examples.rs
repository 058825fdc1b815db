//! `massgen --list-examples` and `massgen --example NAME`.

use std::path::Path;

use massgen_config::{Environment, Located, find_config};

use crate::examples::{EXAMPLES, check_unambiguous, name, summary, text};
use crate::failure::Failure;
use crate::terminal;

/// Lists the examples, folder by folder.
pub(crate) fn list() -> Result<(), Failure> {
    terminal::print(&listing());
    Ok(())
}

/// Prints the text of an example.
pub(crate) fn print(wanted: &str) -> Result<(), Failure> {
    let wanted = wanted.trim_start_matches("@examples/");
    check_unambiguous(wanted)?;
    let argument = format!("@examples/{wanted}");
    match find_config(&argument, &Environment::default(), EXAMPLES, |_: &Path| false) {
        Ok(Located::Example(example)) => {
            terminal::print(&text(&example));
            Ok(())
        }
        Ok(Located::File(_)) => Ok(()),
        Err(error) => Err(Failure::configuration(error.to_string()).hint("massgen --list-examples lists them")),
    }
}

fn listing() -> String {
    let width = EXAMPLES.iter().map(|example| name(example).len()).max().unwrap_or_default();
    let mut out = String::new();
    let mut folder = "";
    for example in EXAMPLES {
        let name = name(example);
        let here = name.split('/').next().unwrap_or_default();
        if here != folder && !folder.is_empty() {
            out.push('\n');
        }
        folder = here;
        out.push_str(&format!("{name:width$}  {}\n", summary(example)));
    }
    out.push_str("\nRun one:    massgen --config @examples/NAME \"your question\"   (with --rehearse: without keys)\n");
    out.push_str("Change one: massgen --example NAME > team.yaml\n");
    out
}
