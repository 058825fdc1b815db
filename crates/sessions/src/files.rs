//! Files and folders that only their owner can read, and that are seen old or new but never half.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// No file of a session that is read whole may be larger. Answers are texts that people read.
const BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Tells the temporary files of this process apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Makes one folder that must not exist.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    builder().create(path)
}

/// Makes a folder and those above it that are missing.
pub(crate) fn private_dirs(path: &Path) -> io::Result<()> {
    builder().recursive(true).create(path)
}

fn builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Replaces the file at `path` in one step and waits until the storage device has it: a reader sees the old
/// file or the new one, after a power failure too.
pub(crate) fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let temporary = folder.join(format!(
        ".{}.{}-{}.tmp",
        name.to_string_lossy(),
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    let write = || {
        let mut file = private_file(OpenOptions::new().write(true).create_new(true)).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        // What is in the way of the next try is worth removing; that it cannot be is the smaller trouble.
        let _ = fs::remove_file(&temporary);
    })?;
    sync_dir(folder)
}

/// Waits until the storage device knows the names in a folder.
pub(crate) fn sync_dir(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        // Folders cannot be opened there, and names are made durable with their files.
        return Ok(());
    }
    File::open(folder)?.sync_all()
}

/// Options for a file that only its owner can read.
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// The text of a file; `None` when there is none. What is not UTF-8 in it is replaced.
///
/// # Errors
/// In words for the reader of a list: when it is no ordinary file, too large or unreadable.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, String> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{name} cannot be read: {error}")),
    };
    if !metadata.is_file() {
        // A link may lead anywhere, and a pipe would be waited for.
        return Err(format!("{name} is not an ordinary file"));
    }
    if metadata.len() > BYTES_MAX {
        return Err(format!("{name} is larger than {} MiB", BYTES_MAX / (1024 * 1024)));
    }
    let bytes = fs::read(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    Ok(Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_durably(&path, b"old").unwrap();
        write_durably(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");

        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("x"), "x").unwrap();
        assert!(write_durably(&taken, b"a file cannot replace a folder").is_err());
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.txt", "taken"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, link) = (folder.path().join("secret"), folder.path().join("answer.txt"));
        fs::write(&secret, "secret").unwrap();
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        assert_eq!(read_text(&link).unwrap_err(), "answer.txt is not an ordinary file");
        assert_eq!(read_text(&folder.path().join("missing")), Ok(None));
    }
}
