//! Putting new contents next to where they will be, and copies of old ones into the journal.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Gid, Mode, Uid, XattrFlags};

use super::Observer;
use super::content::Content;
use super::journal::{Journal, Place, sync_folder};
use super::plan::Put;
use crate::beneath::Folder;
use crate::entry::{Digest, Entry, copy_and_digest};

/// How staging one content ended.
pub(super) enum Staged {
    /// It waits, and this is what it is.
    Waits(Entry),
    /// The bytes are not those that were decided on.
    Differs,
}

/// Writes what is to be at a path to the place where it waits, and brings it to the storage device.
pub(super) fn stage(
    root: &Folder,
    copy: &Folder,
    put: &Put,
    place: &Place,
    observer: &mut Observer<'_>,
) -> io::Result<Staged> {
    let folder = root.descend(&place.folder)?;
    let name = OsStr::new(&place.name);
    let (digest, mode) = match &put.new {
        Entry::Link { target } => {
            folder.new_link(name, target)?;
            observer("stage link made");
            return Ok(Staged::Waits(put.new.clone()));
        }
        Entry::File { digest, mode } => (digest, *mode),
        Entry::Folder { .. } | Entry::Other => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let mut file = folder.new_file(name, 0o600)?;
    observer("stage made");
    let written = match &put.content {
        Some(Content::Text(text)) => {
            // In two parts, so that tests can stop between them.
            let (first, second) = text.as_bytes().split_at(text.len() / 2);
            file.write_all(first)?;
            observer("stage half written");
            file.write_all(second)?;
            Digest::of(text.as_bytes())
        }
        Some(Content::Copied(_)) => copied(copy, &put.path, &mut file)?,
        Some(Content::Kept) | None => copied(root, &put.path, &mut file)?,
    };
    observer("stage written");
    if written != *digest {
        return Ok(Staged::Differs);
    }
    dress(root, put, &folder, &file)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    file.sync_all()?;
    observer("stage synced");
    // Some file systems have no such modes: what counts is what is there.
    Ok(Staged::Waits(Entry::File { digest: written, mode: file.metadata()?.mode() & 0o7777 }))
}

/// Copies what will be replaced or deleted into the journal. `false` if it is no longer what was decided on.
pub(super) fn save(
    root: &Folder,
    path: &Path,
    old: &Entry,
    journal: &Journal,
    name: &str,
    observer: &mut Observer<'_>,
) -> io::Result<bool> {
    let Entry::File { digest, .. } = old else { return Ok(root.look_at(path)?.entry() == Some(old)) };
    // The user's file may be private.
    let mut saved = OpenOptions::new().write(true).create_new(true).mode(0o600).open(journal.old().join(name))?;
    observer("copy made");
    let (folder, file) = root.parent_of(path)?;
    let copied = copy_and_digest(&mut folder.file(file)?, &mut saved)?;
    saved.sync_all()?;
    observer("copy synced");
    Ok(copied == *digest)
}

/// Brings the names of what waits, and of the copies, to the storage device.
pub(super) fn sync(root: &Folder, places: &[Place], journal: &Journal) -> io::Result<()> {
    let mut folders: Vec<&Path> = places.iter().map(|place| place.folder.as_path()).collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        root.descend(folder)?.sync()?;
    }
    sync_folder(&journal.old())
}

fn copied(from: &Folder, path: &Path, target: &mut File) -> io::Result<Digest> {
    let (folder, name) = from.parent_of(path)?;
    copy_and_digest(&mut folder.file(name)?, target)
}

/// Gives the new file the owner, group and extended attributes of the old one, or the owner of the folder: as far as
/// the process may.
fn dress(root: &Folder, put: &Put, folder: &Folder, file: &File) -> io::Result<()> {
    let own = file.metadata()?;
    let old = match &put.old {
        Some(Entry::File { .. }) => root.parent_of(&put.path).and_then(|(folder, name)| folder.file(name)).ok(),
        _ => None,
    };
    let (owner, group) = match &old {
        Some(old) => old.metadata().map(|metadata| (metadata.uid(), metadata.gid()))?,
        None => rustix::fs::fstat(folder).map(|status| (status.st_uid, status.st_gid))?,
    };
    if (own.uid(), own.gid()) != (owner, group) && (old.is_some() || rustix::process::geteuid().is_root()) {
        // Who may not give files away keeps them, as with any editor.
        let _ = rustix::fs::fchown(file, Some(Uid::from_raw(owner)), Some(Gid::from_raw(group)));
    }
    if let Some(old) = old {
        attributes(&old, file);
    }
    Ok(())
}

/// Copies extended attributes, access lists among them, as far as file system and rights allow.
fn attributes(old: &File, new: &File) {
    let mut names = vec![0_u8; 64 << 10];
    let Ok(count) = rustix::fs::flistxattr(old, &mut names[..]) else { return };
    for name in names.get(..count).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0_u8; 64 << 10];
        if let Ok(length) = rustix::fs::fgetxattr(old, name, &mut value[..]) {
            let _ = rustix::fs::fsetxattr(new, name, value.get(..length).unwrap_or_default(), XattrFlags::empty());
        }
    }
}
