//! Keys for all projects of a user, in a file that only they can read.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use massgen_config::{Environment, Secret};

use crate::failure::Failure;

/// Where keys are saved.
pub(crate) fn keys_path(environment: &Environment) -> Result<PathBuf, Failure> {
    let home = environment.home.as_ref().ok_or_else(|| {
        Failure::configuration("there is no home directory to save keys in").hint("set HOME, or write a .env file here")
    })?;
    Ok(home.join(".massgen/.env"))
}

/// Refuses what cannot be the name of a variable.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = name.starts_with(is_start) && name.chars().all(|c| is_start(c) || c.is_ascii_digit());
    // What looks like a key instead of a name must not get into a message.
    if is_name && name.len() <= 64 && name.chars().any(|c| c == '_') {
        return Ok(());
    }
    Err(Failure::configuration("that is no name of a variable such as OPENAI_API_KEY")
        .hint("the key itself is read from standard input: massgen --setup OPENAI_API_KEY < key.txt"))
}

/// Refuses what cannot be a key.
pub(crate) fn check_value(value: &str) -> Result<(), &'static str> {
    if value.is_empty() {
        return Err("the key is empty");
    }
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '`' | '$');
    if !value.chars().all(is_plain) || value.starts_with('#') {
        return Err("a key has no spaces, quotes or line breaks: that was something else");
    }
    Ok(())
}

/// Saves a key under its name, in the place of an earlier one.
pub(crate) fn save_key(path: &Path, name: &str, key: &Secret) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::configuration(format!("the key cannot be saved in {}: {error}", path.display()))
    };
    // A link is followed, so that it stays one.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let mut text: String =
        old.lines().filter(|line| assigned(line) != Some(name)).flat_map(|line| [line, "\n"]).collect();
    text.push_str(&format!("{name}={}\n", key.expose()));
    if let Some(folder) = path.parent() {
        crate::private_directory::private_directory(folder).map_err(failed)?;
    }
    put_private(path, &text).map_err(failed)
}

/// The name that a line of a file of variables assigns to.
fn assigned(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.split_once('=').map(|(name, _)| name.trim())
}
/// Writes a file at once or not at all, readable by its owner only from the first byte on.
fn put_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| {
        // A key that could not be put in place must not lie around.
        let _ = std::fs::remove_file(&new);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_the_place_of_the_earlier_one_and_the_rest_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".massgen/.env");
        std::fs::create_dir(folder.path().join(".massgen")).expect("made");
        std::fs::write(&path, "# mine\nexport A_KEY = 'old'\nB_KEY=b").expect("written");
        save_key(&path, "A_KEY", &Secret::new("new")).expect("saved");
        save_key(&path, "C_KEY", &Secret::new("c")).expect("saved");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "# mine\nB_KEY=b\nA_KEY=new\nC_KEY=c\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path().join(".massgen")).expect("there").count(), 1, "nothing lies around");
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for value in ["", "two words", "a\nb", "\"quoted\"", "#comment", "$(rm)"] {
            assert!(check_value(value).is_err(), "{value}");
        }
        assert_eq!(check_value("sk-proj-abc_DEF+/=.~"), Ok(()));
        assert!(check_name("OPENAI_API_KEY").is_ok());
        for name in ["sk-abc", "1_A", "", "A B", "skabcdef"] {
            let said = check_name(name).expect_err("no name").to_string();
            assert!(name.is_empty() || !said.contains(name), "{said}");
        }
    }
}
