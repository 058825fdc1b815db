//! The documents that are made from the program. A test compares them with what is in the repository;
//! `UPDATE_DOCS=1 cargo test -p massgen --bin massgen documentation` writes them anew.

use std::collections::BTreeSet;
use std::path::Path;

use clap::builder::Str;
use clap::{Arg, Command, CommandFactory};
use massgen_config::fields::{KnownOption, Status, options};
use massgen_config::json_schema;

use crate::args::Cli;
use crate::options::{is_shown_elsewhere, kind};

#[test]
fn the_schema_is_current() {
    check("schema/massgen.schema.json", &format!("{:#}\n", json_schema()));
}

#[test]
fn the_guide_to_configuration_is_current() {
    check("docs/configuration.md", &configuration());
}

#[test]
fn the_guide_to_the_command_line_is_current() {
    check("docs/command-line.md", &command_line());
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn no_flag_is_both_built_and_listed_as_not_built() {
    for argument in Cli::command().get_arguments() {
        let flag = format!("--{}", argument.get_long().unwrap_or_default());
        assert_eq!(crate::unbuilt::instead_of(&flag), None, "{flag}");
    }
    for command in Cli::command().get_subcommands() {
        assert_eq!(crate::unbuilt::command(command.get_name()), None);
    }
}

fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, expected).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let place = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{name} is not current, from line {} on: UPDATE_DOCS=1 cargo test -p massgen --bin massgen documentation",
        place.unwrap_or(found.lines().count().min(expected.lines().count())) + 1
    );
}

/// Text that stands in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "\\<").replace('\n', " ")
}

fn configuration() -> String {
    let all = options();
    let shown: Vec<&KnownOption> = all.iter().filter(|option| !is_shown_elsewhere(&option.path)).collect();
    let mut out = include_str!("documentation/preface.md").to_owned();
    out.push_str("## Options that massgen acts upon\n\nOther keys of a `backend` go to the provider as they are.\n");
    let acts = |option: &KnownOption| matches!(option.field.status, Status::Supported | Status::PassedOn);
    for parent in parents(&shown, acts) {
        let title = if parent.is_empty() { "At the top" } else { &format!("`{parent}`") };
        out.push_str(&format!("\n### {title}\n\n| key | takes | when not given | meaning |\n|---|---|---|---|\n"));
        for option in shown.iter().filter(|option| acts(option) && parent_of(&option.path) == parent) {
            let field = option.field;
            let default = field.default.map_or_else(String::new, |default| format!("`{default}`"));
            let to_provider = if field.status == Status::PassedOn { " (goes to the provider)" } else { "" };
            let meaning = cell(field.meaning);
            out.push_str(&format!(
                "| `{}` | {} | {default} | {meaning}{to_provider} |\n",
                field.key,
                cell(&kind(&field.kind))
            ));
        }
    }
    out.push_str("\n## Options that are known but not built yet\n\nThey are accepted, named in a note, and ignored.\n");
    let waits = |option: &KnownOption| option.field.status == Status::NotYet;
    for parent in parents(&shown, waits) {
        let title = if parent.is_empty() { "At the top" } else { &format!("`{parent}`") };
        out.push_str(&format!("\n### {title}\n\n"));
        for option in shown.iter().filter(|option| waits(option) && parent_of(&option.path) == parent) {
            out.push_str(&format!("- `{}`: {}\n", option.field.key, option.field.meaning));
        }
    }
    out.push_str("\n## Options without effect\n\nThey are accepted for the sake of older configs.\n\n");
    for option in &shown {
        if let Status::Ignored(reason) = option.field.status {
            out.push_str(&format!("- `{}`: {reason}\n", option.path));
        }
    }
    out.push_str("\n## Options that are refused\n\n");
    for option in &shown {
        if let Status::Refused(instead) = option.field.status {
            out.push_str(&format!("- `{}`: {instead}\n", option.path));
        }
    }
    out
}

/// The paths under which options of one kind stand, in the order of the table.
fn parents(shown: &[&KnownOption], belongs: impl Fn(&KnownOption) -> bool) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let parents = shown.iter().filter(|option| belongs(option)).map(|option| parent_of(&option.path).to_owned());
    parents.filter(|parent| seen.insert(parent.clone())).collect()
}

fn parent_of(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn command_line() -> String {
    let mut command = Cli::command();
    command.build();
    let mut out = String::from("# Command line\n\n    massgen [OPTIONS] [QUESTION]\n    massgen COMMAND\n\n");
    out.push_str("`-h` shows the usual options, `--help` all of them. `massgen completions SHELL` prints completions, `massgen man`\nthe manual page.\n");
    let mut headings: Vec<&str> = Vec::new();
    for argument in visible(&command) {
        let heading = argument.get_help_heading().unwrap_or("The task");
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        out.push_str(&format!("\n## {heading}\n\n| option | meaning |\n|---|---|\n"));
        for argument in visible(&command).filter(|one| one.get_help_heading().unwrap_or("The task") == heading) {
            out.push_str(&row(argument));
        }
    }
    out.push_str("\n## Commands\n");
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        out.push_str(&format!("\n### massgen {}\n\n{about}.\n", sub.get_name()));
        let arguments: Vec<&Arg> = visible(sub).collect();
        if !arguments.is_empty() {
            out.push_str("\n| option | meaning |\n|---|---|\n");
            out.extend(arguments.into_iter().map(row));
        }
        for inner in sub.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
            out.push_str(&format!("\n#### massgen {} {}\n\n{about}.\n", sub.get_name(), inner.get_name()));
            out.push_str("\n| option | meaning |\n|---|---|\n");
            out.extend(visible(inner).map(row));
        }
    }
    out.push_str(include_str!("documentation/afterword.md"));
    out
}

fn visible(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_hide_set() && argument.get_id() != "help")
}

fn row(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default();
    let takes = argument.get_action().takes_values();
    let name = match argument.get_long() {
        None => values.iter().map(ToString::to_string).collect(),
        Some(long) if !takes => format!("--{long}"),
        Some(long) => {
            let values: Vec<&str> = values.iter().map(Str::as_str).collect();
            let is_optional = argument.get_num_args().is_some_and(|number| number.min_values() == 0);
            let values = values.join(" ");
            if is_optional { format!("--{long}[={values}]") } else { format!("--{long} {values}") }
        }
    };
    let possible: Vec<String> =
        argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    let possible = if possible.is_empty() || !takes { String::new() } else { format!(": {}", possible.join(", ")) };
    let meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
    format!("| `{}` | {}{possible} |\n", name.replace('|', "\\|"), cell(&meaning))
}
