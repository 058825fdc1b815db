//! What can be wrong with a scenario file.

use serde_saphyr::Location;
use thiserror::Error;

/// A scenario that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name}:{line}:{column}: {message}\n  hint: {hint}")]
pub struct ScenarioError {
    /// The name that the scenario was read under, such as its path.
    pub name: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl ScenarioError {
    /// An error found by looking at what was read.
    pub(super) fn at(name: &str, location: Location, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            line: location.line(),
            column: location.column(),
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// An error of the YAML reader.
    pub(super) fn yaml(name: &str, error: &serde_saphyr::Error) -> Self {
        let error = error.without_snippet();
        let location = error.location().unwrap_or(Location::UNKNOWN);
        let whole = error.to_string();
        let message = whole.split_once(" at line ").map_or(whole.as_str(), |(head, _)| head);
        let message = message.strip_prefix("error: ").unwrap_or(message);
        // The reader speaks of its own options and types here.
        let message = message.split_once(", set DuplicateKeyPolicy").map_or(message, |(head, _)| head);
        let message = if message.starts_with("invalid u") { "this is not a whole number" } else { message };
        Self::at(name, location, message, hint(message))
    }
}

fn hint(message: &str) -> String {
    let hint = if message.starts_with("unknown field") {
        if let Some(near) = nearest(message) {
            return format!("did you mean `{near}`? SCENARIOS.md lists every key");
        }
        "the key belongs elsewhere, or nowhere: SCENARIOS.md lists every key"
    } else if message.starts_with("duplicate") {
        "write the key once"
    } else if message.starts_with("missing field") {
        "add the missing key; if it is there, look at its indentation"
    } else if message.starts_with("unknown variant") {
        "use one of the words listed"
    } else {
        "see SCENARIOS.md for the form of this value, and check the indentation"
    };
    hint.to_owned()
}

/// Of the names that `unknown field` lists, the one that the unknown one was most likely meant to be.
fn nearest(message: &str) -> Option<&str> {
    let (unknown, known) = message.split_once("`, expected ")?;
    let unknown = unknown.rsplit('`').next()?;
    let known = known.trim_start_matches("one of ").split(", ").map(|name| name.trim_matches('`'));
    let near = known.map(|name| (distance(unknown, name), name)).min()?;
    (near.0 <= 1 + unknown.len() / 4).then_some(near.1)
}

/// How many letters have to be added, taken away, replaced or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, letter) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in to.iter().enumerate() {
            let cell = |back: usize, column: usize| {
                rows.len().checked_sub(back).and_then(|at| rows.get(at)?.get(column).copied()).unwrap_or(usize::MAX)
            };
            let replaced = cell(1, j).saturating_add(usize::from(letter != other));
            let added = row.last().copied().unwrap_or(usize::MAX).saturating_add(1);
            let swap = i > 0 && j > 0 && from.get(i - 1) == Some(other) && to.get(j - 1) == Some(letter);
            let swapped = if swap { cell(2, j - 1).saturating_add(1) } else { usize::MAX };
            row.push(replaced.min(added).min(cell(1, j + 1).saturating_add(1)).min(swapped));
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_recognised() {
        let meant = |word: &str| {
            nearest(&format!("unknown field `{word}`, expected one of say, status, shows")).map(str::to_owned)
        };
        assert_eq!(meant("sya").as_deref(), Some("say"));
        assert_eq!(meant("stauts").as_deref(), Some("status"));
        assert_eq!(meant("tools"), None);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("show", "shows"), 1);
    }
}
