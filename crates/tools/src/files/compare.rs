//! Comparing files and folders.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use super::arguments::{CompareDirectories, CompareFiles};
use super::directory::{Facts, Kind};
use super::edit::unified_diff;
use super::error::{FileError, size_text};
use super::resolve::Spot;
use super::session::{Said, Session};
use super::walk::{Entry, Next, WalkRules};

/// How much of a diff each file of a comparison of folders gets.
const DIFF_LINES_MAX: usize = 40;

/// How much is compared at once.
const BLOCK_BYTES: usize = 64 * 1024;

impl Session {
    pub(super) fn compare_files(&self, arguments: &CompareFiles) -> Said {
        let (left, right) = (self.to_read(&arguments.file1)?, self.to_read(&arguments.file2)?);
        let (left_text, right_text) = match (self.whole_text(&left), self.whole_text(&right)) {
            (Ok((left, _)), Ok((right, _))) => (left, right),
            (Err(error), _) | (_, Err(error)) if is_about_content(&error) => return self.compare_bytes(&left, &right),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        self.saw(&left.path);
        self.saw(&right.path);
        let (left_text, right_text) = if arguments.ignore_whitespace.0 {
            (without_spaces(&left_text), without_spaces(&right_text))
        } else {
            (left_text, right_text)
        };
        if left_text == right_text {
            return Ok("the files are the same".to_owned());
        }
        let diff = unified_diff(&left_text, &right_text, &left.shown, &right.shown);
        let lines: Vec<_> = diff.lines().map(str::to_owned).collect();
        Ok(self.listed(&lines, arguments.offset, None, "lines of the diff"))
    }

    pub(super) fn compare_directories(&self, arguments: &CompareDirectories) -> Said {
        let (left, right) = (self.to_read(&arguments.dir1)?, self.to_read(&arguments.dir2)?);
        let (left_files, right_files) = (self.files(&left)?, self.files(&right)?);
        let mut lines = Vec::new();
        let mut same = 0;
        for path in left_files.keys().filter(|path| !right_files.contains_key(*path)) {
            lines.push(format!("only in {}: {}", left.shown, path.display()));
        }
        for path in right_files.keys().filter(|path| !left_files.contains_key(*path)) {
            lines.push(format!("only in {}: {}", right.shown, path.display()));
        }
        for (path, left_facts) in &left_files {
            self.go_on()?;
            let Some(right_facts) = right_files.get(path) else { continue };
            let spot = |base: &Spot| self.to_read(&base.path.join(path).display().to_string());
            let (left_file, right_file) = (spot(&left)?, spot(&right)?);
            if left_facts.bytes == right_facts.bytes && self.first_difference(&left_file, &right_file)?.is_none() {
                same += 1;
                continue;
            }
            let sizes = format!("{} and {}", size_text(left_facts.bytes), size_text(right_facts.bytes));
            lines.push(format!("differs: {} ({sizes})", path.display()));
            if arguments.show_content_diff.0
                && let (Ok((old, _)), Ok((new, _))) = (self.whole_text(&left_file), self.whole_text(&right_file))
            {
                self.saw(&left_file.path);
                self.saw(&right_file.path);
                let diff = unified_diff(&old, &new, &left_file.shown, &right_file.shown);
                let all = diff.lines().count();
                lines.extend(diff.lines().take(DIFF_LINES_MAX).map(|line| format!("  {line}")));
                if all > DIFF_LINES_MAX {
                    lines.push(format!("  [{} more lines; see compare_files]", all - DIFF_LINES_MAX));
                }
            }
        }
        if lines.is_empty() {
            return Ok(format!("the folders are the same: {same} files"));
        }
        let listed = self.listed(&lines, arguments.offset, None, "lines");
        Ok(format!("{listed}\n{same} files are the same"))
    }

    fn files(&self, start: &Spot) -> Result<BTreeMap<PathBuf, Facts>, FileError> {
        let mut files = BTreeMap::new();
        self.walk(start, WalkRules::default(), &mut |entry: &Entry<'_>| {
            if entry.facts.kind == Kind::File {
                files.insert(entry.below.to_owned(), entry.facts);
            }
            Ok(Next::Into)
        })?;
        Ok(files)
    }

    fn compare_bytes(&self, left: &Spot, right: &Spot) -> Said {
        let size = |spot: &Spot| spot.open_file().map(|(_, facts)| size_text(facts.bytes));
        let (left_size, right_size) = (size(left)?, size(right)?);
        Ok(match self.first_difference(left, right)? {
            None => format!("the files are the same ({left_size}; not text)"),
            Some(at) => format!("the files differ from byte {at} on ({left_size} and {right_size}; not text)"),
        })
    }

    /// The first byte at which two files differ.
    fn first_difference(&self, left: &Spot, right: &Spot) -> Result<Option<u64>, FileError> {
        let ((mut left_file, _), (mut right_file, _)) = (left.open_file()?, right.open_file()?);
        let mut at = 0;
        loop {
            self.go_on()?;
            let left_block = block(&mut left_file).map_err(|source| left.io("read", source))?;
            let right_block = block(&mut right_file).map_err(|source| right.io("read", source))?;
            if left_block != right_block {
                let same = left_block.iter().zip(&right_block).take_while(|(left, right)| left == right).count();
                return Ok(Some(at + same as u64));
            }
            if left_block.is_empty() {
                return Ok(None);
            }
            at += left_block.len() as u64;
        }
    }
}

fn block(file: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(BLOCK_BYTES);
    file.take(BLOCK_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_about_content(error: &FileError) -> bool {
    matches!(error, FileError::Binary { .. } | FileError::NotUtf8 { .. } | FileError::TooLarge { .. })
}

/// Each line with its words one space apart.
fn without_spaces(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.lines() {
        for (index, word) in line.split_whitespace().enumerate() {
            if index > 0 {
                plain.push(' ');
            }
            plain.push_str(word);
        }
        plain.push('\n');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::without_spaces;

    #[test]
    fn white_space_is_evened_out() {
        assert_eq!(without_spaces("  a\t b\r\nc"), "a b\nc\n");
    }
}
