//! Directories as maps from paths to contents.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files below a directory, by their paths in it.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn files(of: &[(&str, &str)]) -> Files {
    of.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_owned())).collect()
}

/// Reads a directory. Links count as files with what they point to; a directory that is not there is empty.
pub(crate) fn read_files(directory: &Path) -> Files {
    let mut found = Files::new();
    collect(directory, directory, &mut found);
    found
}

/// Everything below a directory, directories included, sorted.
pub(crate) fn entries(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(listing) = fs::read_dir(directory) else { return found };
    for entry in listing {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            found.extend(entries(&entry.path()).into_iter().map(|below| format!("{name}/{below}")));
        }
        found.push(name);
    }
    found.sort();
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Files) {
    let Ok(listing) = fs::read_dir(directory) else { return };
    for entry in listing {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if kind.is_dir() {
            collect(root, &path, found);
        } else if kind.is_symlink() {
            found.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()).into_bytes());
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
}
