//! What tools are called.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The longest name that every provider takes.
const NAME_CHARS_MAX: usize = 64;

/// The names of one server's tools, both ways. A name that was given once stays, so that lists that change do not
/// rename what a model has seen.
#[derive(Debug)]
pub(crate) struct Names {
    prefix: String,
    given: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl Names {
    pub(crate) fn new(server: &str) -> Self {
        Self { prefix: format!("mcp__{}__", sanitized(server)), given: BTreeMap::new(), taken: BTreeSet::new() }
    }

    /// What models call the server's tool `tool`.
    pub(crate) fn name(&mut self, tool: &str) -> String {
        if let Some(name) = self.given.get(tool) {
            return name.clone();
        }
        let wanted = shortened(format!("{}{}", self.prefix, sanitized(tool)));
        let mut name = wanted.clone();
        let mut number = 2_u32;
        while !self.taken.insert(name.clone()) {
            let suffix = format!("_{number}");
            name = format!("{}{suffix}", first_chars(&wanted, NAME_CHARS_MAX.saturating_sub(suffix.len())));
            number = number.saturating_add(1);
        }
        self.given.insert(tool.to_owned(), name.clone());
        name
    }
}

/// Whether `name` may be a server's: `[A-Za-z0-9_-]+`, as the reference has it.
pub(crate) fn is_server_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// `name` in the characters that providers take: `[A-Za-z0-9_-]`.
pub(crate) fn sanitized(name: &str) -> String {
    let replaced: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect();
    if replaced.is_empty() { "_".to_owned() } else { replaced }
}

/// A name that is too long ends in a hash of the whole, so that names that begin alike stay apart.
fn shortened(name: String) -> String {
    if name.len() <= NAME_CHARS_MAX {
        return name;
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let hash = format!("_{:08x}", hasher.finish() & 0xffff_ffff);
    format!("{}{hash}", first_chars(&name, NAME_CHARS_MAX.saturating_sub(hash.len())))
}

fn first_chars(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_every_provider_and_stay_apart() {
        let mut names = Names::new("git-hub");
        let long = "x".repeat(100);
        let other = format!("{long}y");
        let tools = ["search", "search.all", "search_all", "search all", "größe", "", &long, &other];
        let given: Vec<String> = tools.iter().map(|tool| names.name(tool)).collect();
        assert_eq!(given[0], "mcp__git-hub__search");
        assert_eq!(
            given[1..4],
            ["mcp__git-hub__search_all", "mcp__git-hub__search_all_2", "mcp__git-hub__search_all_3"]
        );
        assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), tools.len());
        for name in &given {
            assert!(name.len() <= 64 && is_server_name(name), "{name}");
        }
    }

    #[test]
    fn a_name_stays_when_the_list_changes() {
        let mut names = Names::new("s");
        let before = names.name("a b");
        names.name("a.b");
        assert_eq!(names.name("a b"), before);
        assert_ne!(names.name("a.b"), before);
    }
}
