//! `massgen --select`: the team's config from a list.

use std::path::Path;

use massgen_config::Environment;

use crate::examples::{EXAMPLES, summary};
use crate::failure::Failure;
use crate::first_use::Dialogue;

/// Lets the user choose. Returns what `--config` would have been given.
pub(crate) fn select(environment: &Environment) -> Result<String, Failure> {
    if !Dialogue::is_possible() {
        return Err(Failure::execution("`--select` asks which config, and there is no terminal to ask on")
            .hint("name it with `--config FILE`; `massgen --list-examples` lists those that come with massgen"));
    }
    let (arguments, list): (Vec<String>, Vec<String>) = choices(environment).into_iter().unzip();
    let mut dialogue = Dialogue::of_process();
    let chosen = dialogue.choose("Which config", &list, 0)?;
    Ok(arguments.into_iter().nth(chosen).unwrap_or_default())
}

/// What `--config` takes, and how it is shown: the project's, the user's, then the examples.
fn choices(environment: &Environment) -> Vec<(String, String)> {
    let mut choices = Vec::new();
    for (folder, shown) in [(environment.cwd.join(".massgen"), ".massgen"), (environment.cwd.clone(), ".")] {
        choices.extend(configs_in(&folder, shown));
    }
    if let Some(home) = &environment.home {
        choices.extend(configs_in(&home.join(".config/massgen"), "~/.config/massgen"));
        choices.extend(configs_in(&home.join(".config/massgen/agents"), "~/.config/massgen/agents"));
    }
    choices.extend(EXAMPLES.iter().map(|example| {
        let argument = format!("@examples/{}", example.path());
        let shown = format!("{argument:42} {}", summary(example));
        (argument, shown)
    }));
    choices
}

fn configs_in(folder: &Path, shown: &str) -> Vec<(String, String)> {
    // A folder that cannot be read has nothing to choose from.
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_file() && is_config_name(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name != "package.json" && !name.ends_with(".schema.json") && !name.starts_with('.'))
        .collect();
    names.sort();
    names.into_iter().map(|name| (folder.join(&name).display().to_string(), format!("{shown}/{name}"))).collect()
}

/// Whether a path may be a config, by its suffix.
fn is_config_name(path: &Path) -> bool {
    matches!(path.extension().and_then(|suffix| suffix.to_str()), Some("yaml" | "yml" | "json"))
}
