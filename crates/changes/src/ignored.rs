//! Git's rules of ignored names, for folders that git is not asked about.

use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Larger files of rules are not read.
pub(crate) const RULES_BYTES_MAX: u64 = 1 << 20;

/// Rules that hold in a folder, those of folders above it included.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// From weak to strong, each with the folder that its patterns are relative to.
    levels: Vec<(PathBuf, Gitignore)>,
}

impl Rules {
    /// Adds stronger rules: the text of a file of rules, for a folder relative to the top of the working tree.
    pub(crate) fn add(&mut self, folder: &Path, text: &[u8]) {
        let mut builder = GitignoreBuilder::new("");
        let text = String::from_utf8_lossy(text);
        for line in text.trim_start_matches('\u{feff}').lines() {
            // A pattern that cannot be understood ignores nothing, as in git.
            let _ = builder.add_line(None, line);
        }
        if let Ok(rules) = builder.build()
            && !rules.is_empty()
        {
            self.levels.push((folder.to_owned(), rules));
        }
    }

    /// Adds the rules in a file, if there is one.
    pub(crate) fn add_file(&mut self, folder: &Path, file: &Path) {
        if file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= RULES_BYTES_MAX)
            && let Ok(text) = std::fs::read(file)
        {
            self.add(folder, &text);
        }
    }

    /// How many levels there are; see [`Rules::cut`].
    pub(crate) fn len(&self) -> usize {
        self.levels.len()
    }

    /// Takes away the levels that were added since.
    pub(crate) fn cut(&mut self, len: usize) {
        self.levels.truncate(len);
    }

    /// Whether the path, relative to the top, is ignored. The folders above it are not.
    pub(crate) fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        for (folder, rules) in self.levels.iter().rev() {
            let Ok(path) = path.strip_prefix(folder) else { continue };
            match rules.matched(path, is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeper_rules_are_stronger() {
        let mut rules = Rules::default();
        rules.add(Path::new(""), b"*.log\n/target/\nbuild\n");
        rules.add(Path::new("sub"), b"!keep.log\n/only\n");
        let cases = [
            ("a.log", false, true),
            ("sub/a.log", false, true),
            ("sub/keep.log", false, false),
            ("sub/only", false, true),
            ("only", false, false),
            ("target", true, true),
            ("target", false, false),
            ("sub/target", true, false),
            ("sub/build", true, true),
        ];
        for (path, is_folder, ignored) in cases {
            assert_eq!(rules.ignores(Path::new(path), is_folder), ignored, "{path}");
        }
    }
}
