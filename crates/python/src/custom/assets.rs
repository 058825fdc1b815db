//! The files that the sidecar is made of.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

const SIDECAR: &[(&str, &str)] = &[
    ("massgen_sidecar.py", include_str!("../../assets/sidecar/massgen_sidecar.py")),
    ("massgen_schema.py", include_str!("../../assets/sidecar/massgen_schema.py")),
];

/// The package that stands in for `massgen`: only what files of tools import.
pub(crate) const STAND_IN: &[(&str, &str)] = &[
    ("massgen/__init__.py", include_str!("../../assets/shim/massgen/__init__.py")),
    ("massgen/logger_config.py", include_str!("../../assets/shim/massgen/logger_config.py")),
    ("massgen/tool/__init__.py", include_str!("../../assets/shim/massgen/tool/__init__.py")),
    ("massgen/tool/_decorators.py", include_str!("../../assets/shim/massgen/tool/_decorators.py")),
    ("massgen/tool/_result.py", include_str!("../../assets/shim/massgen/tool/_result.py")),
];

/// A private folder with those files; gone when dropped.
pub(super) struct Home {
    folder: TempDir,
}

impl Home {
    pub(super) fn create() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("massgen-python-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()?;
        write_all(&folder.path().join("sidecar"), SIDECAR)?;
        write_all(&folder.path().join("stand-in"), STAND_IN)?;
        Ok(Self { folder })
    }

    /// The folder of the sidecar.
    pub(super) fn sidecar(&self) -> std::path::PathBuf {
        self.folder.path().join("sidecar")
    }

    /// The folder of the stand-in.
    pub(super) fn stand_in(&self) -> std::path::PathBuf {
        self.folder.path().join("stand-in")
    }
}

/// Writes `files` below `folder`, which must not exist yet or belong to nobody else.
pub(crate) fn write_all(folder: &Path, files: &[(&str, &str)]) -> std::io::Result<()> {
    for (name, content) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}
