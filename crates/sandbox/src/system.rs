//! The parts of the system that every job may read: programs, libraries and settings that everybody may read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Folders with programs and libraries. Those that a system does not have are left out.
pub(crate) const FOLDERS: [&str; 11] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store", "/snap"];

/// Settings.
pub(crate) const SETTINGS: &str = "/etc";

/// How many processors there are; runtimes size their pools by it.
pub(crate) const PROCESSORS: &str = "/sys/devices/system/cpu";

/// Where programs are looked up when a job has no `PATH`.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where the settings of the resolver really are: often a link to something that runs.
pub(crate) const RESOLVER: &str = "/etc/resolv.conf";

/// What lies in `/etc` and not everybody may read: keys, password hashes. A job that runs as root could read it.
pub(crate) fn secrets() -> &'static [PathBuf] {
    static SECRETS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    SECRETS.get_or_init(|| {
        let mut secrets = Vec::new();
        let mut open = vec![PathBuf::from(SETTINGS)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let Ok(metadata) = path.symlink_metadata() else { continue };
                let mode = metadata.permissions().mode();
                if metadata.is_dir() && mode & 0o005 == 0o005 {
                    open.push(path);
                } else if metadata.is_dir() || metadata.is_file() && mode & 0o004 == 0 {
                    secrets.push(path);
                }
            }
        }
        secrets
    })
}

/// The entries of `/etc` that hold no secret, as deep as needed: for a driver that can only allow.
pub(crate) fn public_settings() -> &'static [PathBuf] {
    static PUBLIC: OnceLock<Vec<PathBuf>> = OnceLock::new();
    PUBLIC.get_or_init(|| {
        let mut public = Vec::new();
        let mut open = vec![PathBuf::from(SETTINGS)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if secrets().contains(&path) {
                    continue;
                }
                if secrets().iter().any(|secret| secret.starts_with(&path)) {
                    open.push(path);
                } else if !path.is_symlink() {
                    public.push(path);
                }
            }
        }
        public
    })
}

/// The file that the resolver's settings really are in, when it is outside `/etc`.
pub(crate) fn resolver_settings() -> Option<PathBuf> {
    let real = Path::new(RESOLVER).canonicalize().ok()?;
    (real.is_file() && !real.starts_with(SETTINGS)).then_some(real)
}

/// Whether a path belongs to what every job may read.
pub(crate) fn contains(path: &Path) -> bool {
    FOLDERS.iter().chain([&SETTINGS]).any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_hashes_are_secrets() {
        if Path::new("/etc/shadow").exists() {
            assert!(secrets().contains(&PathBuf::from("/etc/shadow")));
        }
        let public = public_settings();
        assert!(public.iter().all(|path| !secrets().iter().any(|secret| secret.starts_with(path))));
        assert!(public.contains(&PathBuf::from("/etc/passwd")));
    }
}
