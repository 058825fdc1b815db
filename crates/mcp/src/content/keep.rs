//! Writes files into an agent's workspace, wherever the agent may have pointed its folders.

use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

use crate::AgentPlace;
use crate::names::sanitized;

/// How many files of one name are tried before giving up.
const NUMBERS_MAX: u32 = 10_000;

/// Saves `bytes` under a name that is free; the path, relative to the workspace.
pub(super) async fn keep(
    place: &AgentPlace,
    tool: &str,
    extension: &'static str,
    bytes: Vec<u8>,
) -> Result<String, String> {
    let Some(workspace) = place.workspace.clone() else { return Err("there is no workspace".to_owned()) };
    let media = place.media.clone();
    let tool = sanitized(tool);
    let write = move || write_new(&workspace, &media, &tool, extension, &bytes);
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(path)) => Ok(path.display().to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("writing it failed".to_owned()),
    }
}

/// No step of the way may be a symbolic link: the agent can plant some, and this process may write where the agent
/// may not.
fn write_new(workspace: &Path, media: &Path, stem: &str, extension: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let folder_flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let mut folder = openat(CWD, workspace, folder_flags, Mode::empty())?;
    for part in media.components() {
        let Component::Normal(part) = part else {
            return Err(std::io::Error::other(format!("`{}` is not a folder of the workspace", media.display())));
        };
        match mkdirat(&folder, part, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        folder = openat(&folder, part, folder_flags | OFlags::NOFOLLOW, Mode::empty())?;
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for number in 1..=NUMBERS_MAX {
        let name = format!("{stem}-{number}.{extension}");
        match openat(&folder, name.as_str(), flags, Mode::from_raw_mode(0o644)) {
            Ok(file) => {
                std::fs::File::from(file).write_all(bytes)?;
                return Ok(media.join(name));
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(std::io::Error::other("there are too many files of its kind"))
}
