//! Workspaces.

use massgen_workspace::{Workspace, WorkspaceError};

use crate::helper::Helper;
use crate::support::{bench, look, names, set_mode, write};

#[test]
fn a_workspace_belongs_to_one_at_a_time() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("agents/workspace");
    let workspace = Workspace::create(&path).unwrap();
    let error = Workspace::create(&path).unwrap_err();
    assert!(matches!(error, WorkspaceError::InUse { process, .. } if process == std::process::id()), "{error}");
    drop(workspace);
    assert_eq!(names(&temporary.path().join("agents")), ["workspace"], "nothing is left beside it");
    // By whatever name.
    let _workspace = Workspace::create(&path).unwrap();
    std::os::unix::fs::symlink(&path, temporary.path().join("link")).unwrap();
    assert!(matches!(Workspace::create(&temporary.path().join("link")), Err(WorkspaceError::InUse { .. })));
}

#[test]
fn a_killed_process_gives_its_workspace_back() {
    let temporary = tempfile::tempdir().unwrap();
    let mut helper = Helper::start("hold-workspace", temporary.path());
    helper.let_go();
    helper.wait_for("held");
    let path = temporary.path().join("workspace");
    let error = Workspace::create(&path).unwrap_err();
    assert!(matches!(error, WorkspaceError::InUse { process, .. } if process == helper.child.id()), "{error}");
    helper.child.kill().unwrap();
    helper.child.wait().unwrap();
    Workspace::create(&path).unwrap();
}

#[test]
fn a_workspace_is_filled_and_cleared() {
    let (temporary, store, published) = bench();
    write(&published, "folder/file", "content");
    std::fs::create_dir(published.join("empty")).unwrap();
    let id = store.publish(&published).unwrap().id;
    let workspace = Workspace::create(&temporary.path().join("mine")).unwrap();
    let inode = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(workspace.path()).unwrap());
    let before = inode();
    assert!(workspace.is_empty().unwrap());
    write(workspace.path(), "__pycache__/x.pyc", "a cache is nothing");
    assert!(workspace.is_empty().unwrap());
    std::fs::remove_dir_all(workspace.path().join("__pycache__")).unwrap();

    let written = workspace.fill_from(&store, &id).unwrap();

    assert_eq!((written.files, written.bytes), (1, 7));
    assert_eq!(look(workspace.path()), look(&published));
    assert_eq!(inode(), before, "the directory itself stays");
    assert!(!workspace.is_empty().unwrap());
    assert!(matches!(workspace.fill_from(&store, &id), Err(WorkspaceError::NotEmpty(_))));
    write(workspace.path(), "folder/file", "the agent's own");
    store.verify(&id).unwrap();

    set_mode(&workspace.path().join("folder"), 0o000);
    workspace.clear().unwrap();
    assert!(names(workspace.path()).is_empty());
    assert_eq!(inode(), before);
    let unknown = "0".repeat(64).parse().unwrap();
    assert!(matches!(workspace.fill_from(&store, &unknown), Err(WorkspaceError::Store { .. })));
    assert!(names(workspace.path()).is_empty());
}

#[test]
fn the_root_is_no_workspace() {
    let error = Workspace::create(std::path::Path::new("/")).unwrap_err();
    assert!(matches!(error, WorkspaceError::BadPath(_)), "{error}");
}
