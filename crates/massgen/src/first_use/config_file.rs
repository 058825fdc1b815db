//! Writing a config for a user.

use std::io::Write;
use std::path::{Path, PathBuf};

use massgen_config::{Environment, TeamConfig, json_schema};

use crate::failure::Failure;

/// The file that editors check the project's config with, beside it.
const SCHEMA_FILE: &str = "massgen.schema.json";

/// The config of the project that massgen is started in.
pub(crate) fn project_config(environment: &Environment) -> PathBuf {
    environment.cwd.join(".massgen/config.yaml")
}

/// Writes a config: YAML or JSON, by the file's suffix. A file that is there stays, unless `replace`.
pub(crate) fn write_config(path: &Path, config: &TeamConfig, replace: bool) -> Result<(), Failure> {
    let is_json = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("yaml" | "yml") => false,
        Some("json") => true,
        _ => {
            return Err(Failure::configuration(format!(
                "{} is no name for a config: it ends in .yaml, .yml or .json",
                path.display()
            )));
        }
    };
    if !replace && path.exists() {
        return Err(Failure::configuration(format!("there is a config already: {}", path.display()))
            .hint("`--force` replaces it; `--generate-config FILE` writes another"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let failed = |error: std::io::Error| {
        Failure::configuration(format!("the config {} cannot be written: {error}", path.display()))
    };
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let text = if is_json {
        config.to_json()
    } else {
        // The schema goes only where the folder is massgen's own.
        let is_own = folder.file_name().is_some_and(|name| name == ".massgen");
        let has_schema = is_own && put(&folder.join(SCHEMA_FILE), &format!("{:#}\n", json_schema())).is_ok();
        format!("{}{}", head(has_schema), config.to_yaml())
    };
    put(path, &text).map_err(failed)
}

fn head(has_schema: bool) -> String {
    let schema = if has_schema { format!("# yaml-language-server: $schema={SCHEMA_FILE}\n") } else { String::new() };
    format!(
        "{schema}# The team that massgen asks. Options: massgen --show-schema; other teams: massgen --list-examples\n"
    )
}

/// Writes a file at once or not at all.
pub(super) fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = std::fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path).inspect_err(|_| {
        // What could not be put in place is of no use.
        let _ = std::fs::remove_file(&new);
    })
}

#[cfg(test)]
mod tests {
    use massgen_config::{Environment, SourceText, load};

    use super::*;

    #[test]
    fn what_is_written_loads_and_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = TeamConfig::single(None, Some("gpt-5-mini"), None, None).expect("a team");
        for name in [".massgen/config.yaml", "deep/er/team.yml", "team.json"] {
            let path = folder.path().join(name);
            write_config(&path, &config, false).expect("written");
            let bytes = std::fs::read(&path).expect("there");
            let source = SourceText::from_bytes(name, bytes).expect("a source");
            let loaded = load(&source, &Environment::default());
            assert_eq!(loaded.config.as_ref(), Some(&config), "{name}");
            let again = write_config(&path, &config, false).expect_err("it is there").to_string();
            assert!(again.contains("there is a config already"), "{again}");
            write_config(&path, &config, true).expect("replaced");
        }
        assert!(folder.path().join(".massgen/massgen.schema.json").is_file());
        assert!(!folder.path().join("deep/er/massgen.schema.json").exists());
        assert!(write_config(&folder.path().join("team.toml"), &config, false).is_err());
    }
}
