//! `massgen --list-examples` and `massgen --example NAME`.

use massgen_config::find_example;

use crate::examples::{EXAMPLES, summary, text};
use crate::failure::Failure;
use crate::terminal;

/// Lists the examples, folder by folder.
pub(crate) fn list() -> Result<(), Failure> {
    terminal::print(&listing());
    Ok(())
}

/// Prints the text of an example.
pub(crate) fn print(wanted: &str) -> Result<(), Failure> {
    let example = find_example(wanted.trim_start_matches("@examples/"), EXAMPLES)
        .map_err(|error| Failure::configuration(error.to_string()).hint("massgen --list-examples lists them"))?;
    terminal::print(&text(&example));
    Ok(())
}

fn listing() -> String {
    let width = EXAMPLES.iter().map(|example| example.path().len()).max().unwrap_or_default();
    let mut out = String::new();
    let mut folder = "";
    for example in EXAMPLES {
        let name = example.path();
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
