//! Whether there is a mask over what is hidden, seen from inside the box.

use std::io;
use std::path::Path;

use rustix::fs::{FileType, Mode, StatVfsMountFlags, fstat, fstatvfs};
use rustix::io::Errno;

use crate::grants;
use crate::plan::HiddenKind;

/// The null device: `Documentation/admin-guide/devices.txt` of Linux.
const NULL: (u32, u32) = (1, 3);

/// Looks whether what is at a path is a mask. Somebody may have moved a folder on the way while the box was made, and
/// then the mask lies elsewhere. Nothing at all is as good as a mask.
///
/// # Errors
/// When something else is there, or when what is there cannot be seen though the job could make it visible.
pub(super) fn check(path: &Path, kind: HiddenKind) -> io::Result<()> {
    let opened = match grants::open(path, true) {
        Ok(opened) => opened,
        Err(error) => {
            return match Errno::from_io_error(&error) {
                Some(Errno::NOENT | Errno::NOTDIR) => Ok(()),
                Some(Errno::ACCESS) if belongs_to_others(path) => Ok(()),
                _ => Err(error),
            };
        }
    };
    let metadata = fstat(&opened)?;
    let file_type = FileType::from_raw_mode(metadata.st_mode);
    let is_mask = match kind {
        HiddenKind::File => {
            let device = (rustix::fs::major(metadata.st_rdev), rustix::fs::minor(metadata.st_rdev));
            file_type == FileType::CharacterDevice && device == NULL
        }
        HiddenKind::Directory => {
            let readable = Mode::from_raw_mode(metadata.st_mode).intersects(Mode::RUSR | Mode::WUSR);
            let fixed = fstatvfs(&opened)?.f_flag.contains(StatVfsMountFlags::RDONLY);
            file_type == FileType::Directory && !readable && fixed && is_mounted(path, metadata.st_dev)?
        }
    };
    if is_mask { Ok(()) } else { Err(io::Error::other("it was replaced by something else in the meantime")) }
}

/// Whether the folder around it is on another file system.
fn is_mounted(path: &Path, device: u64) -> io::Result<bool> {
    let Some(parent) = path.parent() else { return Ok(false) };
    Ok(fstat(grants::open(parent, true)?)?.st_dev != device)
}

/// Whether the folder that keeps this user from a path is somebody else's, so that the job cannot open it for itself.
fn belongs_to_others(path: &Path) -> bool {
    let closed = path.ancestors().skip(1).find_map(|folder| grants::open(folder, true).ok());
    let owner = closed.and_then(|folder| Some(fstat(folder).ok()?.st_uid));
    owner.is_some_and(|owner| owner != rustix::process::getuid().as_raw())
}
