//! Which file `--config` means.

use std::path::{Path, PathBuf};

use crate::Environment;
use crate::suggest::nearest;

/// A config that comes with massgen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// Its path among the examples, such as `basic/multi/three_agents.yaml`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Where a config is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// In a file.
    File(PathBuf),
    /// Among the examples.
    Example(Example),
}

/// Why a config is nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// In none of the places.
    #[error("no config `{argument}`; looked for {}", places(searched))]
    NoFile {
        /// What was asked for.
        argument: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// Among the examples there is none with this in its name.
    #[error("no example has `{wanted}` in its name{}", meant.map(|name| format!("; did you mean `@examples/{name}`?")).unwrap_or_default())]
    NoExample {
        /// What was asked for.
        wanted: String,
        /// The nearest name.
        meant: Option<&'static str>,
    },
    /// Several examples have this in their names, and it is the name of none.
    #[error("`{wanted}` is part of the names of {} examples; write one of {}", candidates.len(), addresses(candidates))]
    AmbiguousExample {
        /// What was asked for.
        wanted: String,
        /// The names that it is a part of.
        candidates: Vec<&'static str>,
    },
}

impl Example {
    /// What it is called: its path without the suffix.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.name.trim_end_matches(".yaml").trim_end_matches(".yml")
    }

    /// The last part of its path, by which it can be called where that is enough.
    #[must_use]
    pub fn stem(&self) -> &'static str {
        self.path().rsplit('/').next().unwrap_or(self.name)
    }
}

fn addresses(names: &[&str]) -> String {
    names.iter().map(|name| format!("{EXAMPLES}{name}")).collect::<Vec<_>>().join(", ")
}

fn places(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// How an argument begins that means an example.
const EXAMPLES: &str = "@examples/";

/// Finds what `--config` means: an example, a path, or a name in `~/.config/massgen/agents`.
/// `is_file` looks.
///
/// # Errors
/// When there is no such config; the error says where it was looked for.
pub fn find_config(
    argument: &str,
    environment: &Environment,
    examples: &[Example],
    is_file: impl Fn(&Path) -> bool,
) -> Result<Located, LocateError> {
    if let Some(wanted) = argument.strip_prefix(EXAMPLES) {
        return find_example(wanted, examples).map(Located::Example);
    }
    let mut searched = vec![environment.absolute(argument)];
    if let Some(home) = &environment.home {
        let named = home.join(".config/massgen/agents").join(argument);
        let has_suffix = matches!(named.extension().and_then(|suffix| suffix.to_str()), Some("yaml" | "yml" | "json"));
        if !has_suffix {
            let mut with_suffix = named.clone().into_os_string();
            with_suffix.push(".yaml");
            searched.extend([named, PathBuf::from(with_suffix)]);
        } else {
            searched.push(named);
        }
    }
    searched.dedup();
    match searched.iter().find(|path| is_file(path)) {
        Some(path) => Ok(Located::File(path.clone())),
        None => Err(LocateError::NoFile { argument: argument.to_owned(), searched }),
    }
}

/// Finds the config for when none is named: the project's, or else the user's.
pub fn find_default_config(environment: &Environment, is_file: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let project = environment.cwd.join(".massgen/config.yaml");
    let user = environment.home.as_ref().map(|home| home.join(".config/massgen/config.yaml"));
    [Some(project), user].into_iter().flatten().find(|path| is_file(path))
}

/// Finds the example that is meant: the one with this path, else the one with this last name, else the only
/// one with this in its path.
///
/// # Errors
/// When there is none, or more than one that could be meant.
pub fn find_example(wanted: &str, examples: &[Example]) -> Result<Example, LocateError> {
    let plain = wanted.trim_end_matches(".yaml").trim_end_matches(".yml");
    let exact = |name: fn(&Example) -> &'static str| examples.iter().find(|example| name(example) == plain);
    if let Some(example) = exact(Example::path).or_else(|| exact(Example::stem)) {
        return Ok(*example);
    }
    let fitting: Vec<&Example> =
        examples.iter().filter(|example| !plain.is_empty() && example.path().contains(plain)).collect();
    match fitting.as_slice() {
        [example] => Ok(**example),
        [] => {
            let meant = nearest(plain, examples.iter().map(Example::stem));
            // The names live as long as the program, unlike the borrow of the search.
            let meant = meant.and_then(|meant| examples.iter().map(Example::stem).find(|name| *name == meant));
            Err(LocateError::NoExample { wanted: wanted.to_owned(), meant })
        }
        several => Err(LocateError::AmbiguousExample {
            wanted: plain.to_owned(),
            candidates: several.iter().map(|example| example.path()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment { home: Some("/home/u".into()), cwd: "/work".into(), ..Environment::default() }
    }

    fn find(argument: &str, files: &[&str]) -> Result<Located, String> {
        find_config(argument, &environment(), EXAMPLES, |path| files.iter().any(|file| Path::new(file) == path))
            .map_err(|error| error.to_string())
    }

    const EXAMPLES: &[Example] = &[
        Example { name: "basic/multi/three_agents.yaml", text: "a" },
        Example { name: "basic/three.yaml", text: "b" },
    ];

    #[test]
    fn a_path_comes_before_a_name() {
        let file = |path: &str| Ok(Located::File(path.into()));
        let named = "/home/u/.config/massgen/agents/team.yaml";
        assert_eq!(find("team.yaml", &["/work/team.yaml", named]), file("/work/team.yaml"));
        assert_eq!(find("team.yaml", &[named]), file(named));
        assert_eq!(find("team", &[named]), file(named));
        assert_eq!(
            find("v1.2", &["/home/u/.config/massgen/agents/v1.2.yaml"]),
            file("/home/u/.config/massgen/agents/v1.2.yaml")
        );
        assert_eq!(find("~/x.yaml", &["/home/u/x.yaml"]), file("/home/u/x.yaml"));
        assert_eq!(find("../x.yaml", &["/x.yaml"]), file("/x.yaml"));
        insta::assert_snapshot!(
            find("team", &[]).unwrap_err(),
            @"no config `team`; looked for /work/team, /home/u/.config/massgen/agents/team, /home/u/.config/massgen/agents/team.yaml"
        );
    }

    #[test]
    fn an_example_is_found_by_part_of_its_path() {
        let text = |argument| match find(argument, &[]) {
            Ok(Located::Example(example)) => example.text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text("@examples/three_agents"), "a");
        assert_eq!(text("@examples/three.yaml"), "b", "the exact name comes first");
        assert_eq!(text("@examples/basic/three"), "b");
        assert_eq!(text("@examples/multi"), "a");
        insta::assert_snapshot!(
            find("@examples/bas", &[]).unwrap_err(),
            @"`bas` is part of the names of 2 examples; write one of @examples/basic/multi/three_agents, @examples/basic/three"
        );
        insta::assert_snapshot!(find("@examples/tree", &[]).unwrap_err(), @"no example has `tree` in its name; did you mean `@examples/three`?");
        assert!(find("@examples/", &[]).is_err());
    }

    #[test]
    fn the_project_comes_before_the_user() {
        let (project, user) = ("/work/.massgen/config.yaml", "/home/u/.config/massgen/config.yaml");
        let find =
            |files: &[&str]| find_default_config(&environment(), |path| files.iter().any(|f| Path::new(f) == path));
        assert_eq!(find(&[project, user]), Some(project.into()));
        assert_eq!(find(&[user]), Some(user.into()));
        assert_eq!(find(&[]), None);
    }
}
