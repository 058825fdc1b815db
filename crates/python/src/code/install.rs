//! Brings the files into the workspace.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::tree::Tree;
use super::{CodeError, CodeSettings};
use crate::custom::STAND_IN;

/// How much of custom tools is copied.
const FILES_MAX: usize = 1000;
const BYTES_MAX: u64 = 10 << 20;

/// Says of a folder that massgen made it: see `massgen_workspace::GENERATED_MARK`.
const GENERATED_MARK: &str = ".massgen-generated";

/// The folders that are massgen's in a workspace.
const OWNED: [&str; 3] = [".mcp", "custom_tools", "servers"];

/// Writes `tree` and the user's files. The result is what the workspace's links lead to.
///
/// An agent may have put links in the place of folders: so everything is written to a new folder beside the workspace, and
/// renamed into it.
pub(super) fn install(settings: &CodeSettings, tree: &Tree, socket: &Path) -> Result<Vec<PathBuf>, CodeError> {
    let workspace = &settings.workspace;
    let beside = workspace.parent().unwrap_or(workspace);
    let staging = tempfile::Builder::new().prefix(".massgen-code-").tempdir_in(beside);
    let staging = staging.map_err(CodeError::io("create a folder in", beside))?;
    let fresh = staging.path().join("new");
    let mut links = Vec::new();
    match &settings.shared_directory {
        None => {
            write(&fresh, tree)?;
            copy_custom_tools(settings, &fresh)?;
            mark(&fresh)?;
        }
        Some(shared) => {
            let prepared = staging.path().join("shared");
            write(&prepared, tree)?;
            copy_custom_tools(settings, &prepared)?;
            mark(&prepared)?;
            let kept = share(shared, &prepared)?;
            fs::create_dir_all(&fresh).map_err(CodeError::io("create", &fresh))?;
            for name in OWNED.iter().filter(|name| **name != ".mcp") {
                let link = fresh.join(name);
                std::os::unix::fs::symlink(kept.join(name), &link).map_err(CodeError::io("create", &link))?;
            }
            write(&fresh, &tree.iter().filter(|(path, _)| path.starts_with(".mcp/")).map(owned).collect())?;
            links.push(kept);
        }
    }
    mark(&fresh)?;
    let endpoint = fresh.join(".mcp/endpoint");
    fs::write(&endpoint, format!("{}\n", socket.display())).map_err(CodeError::io("write", &endpoint))?;
    for name in OWNED {
        replace(&fresh.join(name), &workspace.join(name), &staging.path().join(format!("old-{name}")))?;
    }
    if !settings.custom_tool_files.is_empty() {
        add_once(&staging.path().join("stand-in"), "massgen", STAND_IN, workspace)?;
    }
    // Without an `__init__.py` it is a package all the same, and nothing is published where an agent has put nothing in it.
    let utils = workspace.join("utils");
    match fs::create_dir(&utils) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(CodeError::io("create", &utils)(error)),
        _ => Ok(links),
    }
}

/// Marks the folders as made by massgen, so that no snapshot of the workspace holds them.
fn mark(folder: &Path) -> Result<(), CodeError> {
    for name in OWNED {
        let path = folder.join(name);
        if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            let path = path.join(GENERATED_MARK);
            fs::write(&path, "").map_err(CodeError::io("write", &path))?;
        }
    }
    Ok(())
}

fn owned((path, content): (&String, &String)) -> (String, String) {
    (path.clone(), content.clone())
}

fn write(folder: &Path, tree: &Tree) -> Result<(), CodeError> {
    let files: Vec<_> = tree.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
    crate::custom::write_all(folder, &files).map_err(CodeError::io("write", folder))
}

/// Puts `fresh` in the place of `target`, whatever that is.
fn replace(fresh: &Path, target: &Path, aside: &Path) -> Result<(), CodeError> {
    match fs::rename(target, aside) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(CodeError::io("replace", target)(error)),
    }
    fs::rename(fresh, target).map_err(CodeError::io("write", target))
}

/// Adds a folder unless something of its name is there.
fn add_once(staging: &Path, name: &str, files: &[(&str, &str)], workspace: &Path) -> Result<(), CodeError> {
    let target = workspace.join(name);
    if target.symlink_metadata().is_ok() {
        return Ok(());
    }
    crate::custom::write_all(staging, files).map_err(CodeError::io("write", staging))?;
    fs::rename(staging.join(name), &target).map_err(CodeError::io("write", &target))
}

/// Keeps one copy of `prepared` for each content, and returns where. A copy that somebody has changed is replaced.
fn share(shared: &Path, prepared: &Path) -> Result<PathBuf, CodeError> {
    fs::create_dir_all(shared).map_err(CodeError::io("create", shared))?;
    let shared = shared.canonicalize().map_err(CodeError::io("find", shared))?;
    let content = contents(prepared).map_err(CodeError::io("read", prepared))?;
    let kept = shared.join(format!("{:016x}", digest(&content)));
    if contents(&kept).is_ok_and(|known| known == content) {
        return Ok(kept);
    }
    let staging = tempfile::Builder::new().prefix(".new-").tempdir_in(&shared);
    let staging = staging.map_err(CodeError::io("create a folder in", &shared))?;
    let fresh = staging.path().join("new");
    for (path, bytes) in &content {
        let path = fresh.join(path);
        let parent = path.parent().unwrap_or(&fresh);
        fs::create_dir_all(parent).map_err(CodeError::io("create", parent))?;
        fs::write(&path, bytes).map_err(CodeError::io("write", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).map_err(CodeError::io("write", &path))?;
    }
    // Another run may do the same at the same time, and its copy is as good.
    match replace(&fresh, &kept, &staging.path().join("old")) {
        Err(_) if contents(&kept).is_ok_and(|known| known == content) => Ok(kept),
        other => other.map(|()| kept),
    }
}

type Contents = std::collections::BTreeMap<PathBuf, Vec<u8>>;

fn contents(folder: &Path) -> std::io::Result<Contents> {
    let mut found = Contents::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        for entry in fs::read_dir(folder.join(&relative))? {
            let entry = entry?;
            let path = relative.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                // A link in it is read as what it leads to, and differs; a file too large is not one of ours.
                found.insert(path, fs::read(entry.path())?);
            }
        }
    }
    Ok(found)
}

/// FNV-1a: names a copy. Two contents of one name cost a rewrite, since contents are compared.
fn digest(contents: &Contents) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes.iter().copied().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (path, bytes) in contents {
        feed(path.as_os_str().as_encoded_bytes());
        feed(bytes);
    }
    hash
}

/// Copies the user's files to `custom_tools/`. The modules that call tools have precedence.
fn copy_custom_tools(settings: &CodeSettings, fresh: &Path) -> Result<(), CodeError> {
    let target = fresh.join("custom_tools");
    let excluded: BTreeSet<&str> = settings.exclude.iter().map(String::as_str).collect();
    let (mut files, mut bytes) = (0_usize, 0_u64);
    for start in &settings.custom_tool_files {
        let mut pending = match start.is_dir() {
            true => vec![(start.clone(), PathBuf::new())],
            false => vec![(start.clone(), start.file_name().map(PathBuf::from).unwrap_or_default())],
        };
        while let Some((from, relative)) = pending.pop() {
            let name = relative.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || name == "__pycache__" || is_excluded(&excluded, &name) {
                continue;
            }
            let found = fs::symlink_metadata(&from).map_err(CodeError::io("read", &from))?;
            if found.is_dir() {
                for entry in fs::read_dir(&from).map_err(CodeError::io("read", &from))? {
                    let entry = entry.map_err(CodeError::io("read", &from))?;
                    pending.push((entry.path(), relative.join(entry.file_name())));
                }
            } else if found.is_file() {
                (files, bytes) = (files + 1, bytes + found.len());
                if files > FILES_MAX || bytes > BYTES_MAX {
                    return Err(CodeError::TooMuch { path: start.clone(), files: FILES_MAX, bytes: BYTES_MAX });
                }
                let to = target.join(&relative);
                if to.exists() {
                    continue;
                }
                let parent = to.parent().unwrap_or(&target);
                fs::create_dir_all(parent).map_err(CodeError::io("create", parent))?;
                fs::copy(&from, &to).map_err(CodeError::io("copy", &from))?;
            }
        }
    }
    Ok(())
}

fn is_excluded(excluded: &BTreeSet<&str>, name: &str) -> bool {
    excluded.contains(name) || name.strip_suffix(".py").is_some_and(|stem| excluded.contains(stem))
}
