//! The user's Python is found.

use std::process::Command;

use crate::support::{environment, has_part, search};

#[tokio::test]
async fn a_virtual_environment_is_preferred_to_what_is_on_path() {
    let mut search = search();
    let base = search.find().await.unwrap();
    assert!(base.version >= (3, 9), "{base:?}");
    search.explicit = None;
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new(&base.executable)
        .args(["-m", "venv", "--without-pip", "--symlinks"])
        .arg(dir.path().join(".venv"))
        .status()
        .unwrap();
    assert!(made.success());
    search.folders = vec![dir.path().to_path_buf()];
    let found = search.find().await.unwrap();
    assert_eq!(found.origin, ".venv");
    assert_eq!(found.executable, dir.path().join(".venv/bin/python"), "its own program: it finds its packages by it");
    search.environment.insert("VIRTUAL_ENV".into(), dir.path().join(".venv").into());
    assert_eq!(search.find().await.unwrap().origin, "$VIRTUAL_ENV");
    search.explicit = Some(base.executable.display().to_string());
    assert_eq!(search.find().await.unwrap().origin, "as configured");
    search.explicit = Some("./.venv".to_owned());
    assert_eq!(search.find().await.unwrap().executable, found.executable);
}

#[tokio::test]
async fn a_uv_project_is_asked_through_uv() {
    let there = Command::new("uv").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_part("a_uv_project_is_asked_through_uv", "uv", there, "uv is not on PATH") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let project = "[project]\nname = \"p\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n[tool.uv]\npackage = false\n";
    std::fs::write(dir.path().join("pyproject.toml"), project).unwrap();
    let mut search = massgen_python::InterpreterSearch {
        explicit: None,
        folders: vec![dir.path().to_path_buf()],
        environment: environment(),
    };
    // Neither from the network nor from anywhere else than this machine.
    search.environment.insert("UV_PYTHON_DOWNLOADS".into(), "never".into());
    let found = search.find().await.unwrap();
    assert_eq!(found.origin, "uv run python");
    assert!(found.executable.starts_with(dir.path().join(".venv")), "{found:?}");
}
