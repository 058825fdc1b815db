//! What a mistaken path probably meant.

use std::path::Path;

use super::error::FileError;
use super::grants::Access;
use super::resolve::{Last, Want};
use super::session::Session;
use super::walk::{Entry, Next, WalkRules};

/// How many suggestions are made.
const NEAREST_MAX: usize = 3;

/// How many entries are looked through for a name.
const LOOKED_AT_MAX: usize = 2000;

impl Session {
    /// Adds the nearest existing names to an error about a missing path.
    pub(super) fn with_nearest(&self, error: FileError) -> FileError {
        match error {
            FileError::Missing { path, nearest } if nearest.is_empty() => {
                let nearest = self.nearest(&path);
                FileError::Missing { path, nearest }
            }
            other => other,
        }
    }

    fn nearest(&self, shown: &str) -> Vec<String> {
        let mut found = Vec::new();
        // Peers' work is spoken of as `agent1/x`; it stands beside the workspace, not in it.
        if let (Some(views), true) = (self.grants.views(), Path::new(shown).is_relative()) {
            let text = views.given.join(shown).display().to_string();
            if self.to_read(&text).and_then(|spot| spot.facts()).is_ok_and(|facts| facts.is_some()) {
                return vec![text];
            }
        }
        let Ok(spot) = self.grants.find(shown, Last::Keep, Want::Read) else { return found };
        let wanted = match (spot.missing.first(), &spot.name) {
            (Some(name), _) | (None, Some(name)) => name.to_string_lossy().into_owned(),
            (None, None) => return found,
        };
        let depth = spot.missing.len() + 1;
        let Some(parent) = spot.path.ancestors().nth(depth) else { return found };
        let mut near: Vec<(usize, String)> = Vec::new();
        for name in spot.folder.names().unwrap_or_default().iter().take(LOOKED_AT_MAX) {
            let path = parent.join(name);
            if let (Some(distance), Access::Read(_) | Access::Write) =
                (closeness(&wanted, &name.to_string_lossy()), self.grants.access(&path))
            {
                near.push((distance, self.grants.shown(&path)));
            }
        }
        near.sort();
        found.extend(near.into_iter().map(|(_, name)| name).take(NEAREST_MAX));
        if found.is_empty()
            && let Some(name) = &spot.name
        {
            self.same_name_elsewhere(name.as_ref(), &mut found);
        }
        found
    }

    fn same_name_elsewhere(&self, name: &Path, found: &mut Vec<String>) {
        let Ok(workspace) = self.to_read(".") else { return };
        let mut looked_at = 0;
        let _ = self.walk(&workspace, WalkRules::default(), &mut |entry: &Entry<'_>| {
            looked_at += 1;
            if entry.name == name.as_os_str() {
                found.push(self.grants.shown(entry.path));
            }
            let is_enough = looked_at >= LOOKED_AT_MAX || found.len() >= NEAREST_MAX;
            Ok(if is_enough { Next::Stop } else { Next::Into })
        });
    }
}

/// How far two names are apart, when they are near.
fn closeness(wanted: &str, name: &str) -> Option<usize> {
    let (wanted, name) = (wanted.to_lowercase(), name.to_lowercase());
    if wanted == name {
        return Some(0);
    }
    let stem = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    if stem(&wanted).len() > 1 && stem(&wanted) == stem(&name) {
        return Some(1);
    }
    let limit = (wanted.chars().count() / 3).clamp(1, 4);
    let distance = edit_distance(&wanted, &name);
    (distance <= limit).then_some(distance + 1)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let cost = usize::from(left != *right);
            next.push((at(&row, j) + cost).min(at(&row, j + 1) + 1).min(at(&next, j) + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (a, b, distance) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
    }

    #[test]
    fn near_is_near() {
        assert_eq!(closeness("Readme.md", "README.md"), Some(0));
        assert!(closeness("analyis.py", "analysis.py").is_some());
        assert!(closeness("main.rs", "main.py").is_some());
        assert_eq!(closeness("a.py", "results.csv"), None);
    }
}
