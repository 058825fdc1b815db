//! `massgen --setup`: keys for all projects of a user.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use massgen_config::{Environment, Secret};
use massgen_providers::PROVIDERS;

use crate::failure::Failure;
use crate::first_use::{Dialogue, check_name, check_value, keys_path, remote, save_key};
use crate::{surroundings, terminal};

/// Saves the key of this name, read from standard input, or those that the user chooses.
pub(crate) fn setup(name: Option<&str>) -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    let path = keys_path(&environment)?;
    let mut dialogue = Dialogue::of_process();
    match name {
        Some(name) => {
            check_name(name)?;
            if !is_known(name) {
                terminal::warn(&format!(
                    "no backend type looks at {name}; `massgen --list-backends` names the variables"
                ));
            }
            let question = if std::io::stdin().is_terminal() { format!("{name} (not shown)") } else { name.to_owned() };
            let key = dialogue.ask_secret(&question)?.ok_or_else(|| Failure::configuration("the key is empty"))?;
            check_value(key.expose()).map_err(Failure::configuration)?;
            save_key(&path, name, &key)?;
            tell_saved(&mut dialogue, name, &path);
            Ok(())
        }
        None => ask_for_keys(&mut dialogue, &environment, &path),
    }
}

/// Asks for one key after the other, and saves them.
pub(crate) fn ask_for_keys<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    environment: &Environment,
    path: &Path,
) -> Result<(), Failure> {
    let mut environment = environment.clone();
    loop {
        dialogue.say("Whose key do you have?\n");
        let providers: Vec<_> = remote().collect();
        let mut list: Vec<String> = Vec::new();
        for provider in &providers {
            let is_set = provider.key_variables.iter().any(|name| environment.var(name).is_some());
            let set = if is_set { "  (set)" } else { "" };
            list.push(format!("{:16} {}{set}", provider.kind, provider.name));
        }
        list.push("done             no more keys".to_owned());
        let chosen = dialogue.choose("Number", &list, providers.len())?;
        let Some(provider) = providers.get(chosen) else { return Ok(()) };
        let Some(name) = provider.key_variables.first() else { continue };
        if let Some(key) = ask_for_key(dialogue, name)? {
            save_key(path, name, &key)?;
            tell_saved(dialogue, name, path);
            environment.vars.insert((*name).to_owned(), "set".to_owned());
        }
    }
}

/// Asks for a key until it looks like one. `None`: the user has none at hand.
pub(crate) fn ask_for_key<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    name: &str,
) -> Result<Option<Secret>, Failure> {
    loop {
        let Some(key) = dialogue.ask_secret(&format!("{name} (not shown; Enter alone leaves it out)"))? else {
            return Ok(None);
        };
        match check_value(key.expose()) {
            Ok(()) => return Ok(Some(key)),
            Err(problem) => dialogue.say(&format!("  {problem}")),
        }
    }
}

fn tell_saved<R: BufRead, W: Write>(dialogue: &mut Dialogue<R, W>, name: &str, path: &Path) {
    dialogue.say(&format!("{name} is saved in {}, which only you can read.\n", path.display()));
    if std::env::var_os(name).is_some_and(|value| !value.is_empty()) {
        dialogue.say(&format!("note: {name} is also set in the environment, and that one counts first."));
    }
}

fn is_known(name: &str) -> bool {
    name.starts_with("AZURE_OPENAI_") || PROVIDERS.iter().any(|provider| provider.key_variables.contains(&name))
}
