//! Writing snapshots out.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use massgen_workspace::{Sharing, StoreError};

use crate::support::{bench, look, names, set_mode, write};

#[test]
fn a_private_copy_is_the_receivers_own() {
    let (temporary, store, workspace) = bench();
    write(&workspace, "folder/file", "content");
    write(&workspace, "run", "#!/bin/sh\n");
    set_mode(&workspace.join("run"), 0o755);
    symlink("folder", workspace.join("link")).unwrap();
    let id = store.publish(&workspace).unwrap().id;

    let into = temporary.path().join("new/copy");
    let written = store.materialise(&id, &into, Sharing::Private).unwrap();

    assert_eq!((written.files, written.bytes, written.linked_bytes), (2, 17, 0));
    assert_eq!(written.reflinked_bytes + written.copied_bytes, 17);
    assert_eq!(look(&into), look(&workspace));
    std::fs::write(into.join("folder/file"), "changed").unwrap();
    std::fs::write(into.join("run"), "changed").unwrap();
    store.verify(&id).unwrap();
    assert_eq!(names(&temporary.path().join("new")), ["copy"]);
}

#[test]
fn a_copy_for_the_log_shares_the_stores_files_and_is_read_only() {
    let (temporary, store, workspace) = bench();
    write(&workspace, "file", "content");
    write(&workspace, "run", "#!/bin/sh\n");
    set_mode(&workspace.join("run"), 0o755);
    let id = store.publish(&workspace).unwrap().id;

    let into = temporary.path().join("log");
    let written = store.materialise(&id, &into, Sharing::ReadOnly).unwrap();

    assert_eq!(written.linked_bytes + written.reflinked_bytes, 17, "{written:?}");
    assert_eq!(look(&into), look(&workspace));
    for (name, mode) in [("file", 0o444), ("run", 0o555)] {
        let metadata = std::fs::metadata(into.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o333, mode & 0o333, "{name}");
        assert!(metadata.nlink() == 2 || written.reflinked_bytes == 17);
    }
}

#[test]
fn only_a_new_or_empty_directory_is_written_to() {
    let (temporary, store, workspace) = bench();
    write(&workspace, "file", "content");
    let id = store.publish(&workspace).unwrap().id;
    let into = temporary.path().join("into");

    std::fs::create_dir(&into).unwrap();
    store.materialise(&id, &into, Sharing::Private).unwrap();
    assert_eq!(names(&into), ["file"]);

    std::fs::write(into.join("file"), "precious").unwrap();
    let error = store.materialise(&id, &into, Sharing::Private).unwrap_err();
    assert!(matches!(error, StoreError::NotEmpty(_)), "{error}");
    assert_eq!(std::fs::read_to_string(into.join("file")).unwrap(), "precious");

    // A link to an empty directory is not that directory.
    let elsewhere = temporary.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let link = temporary.path().join("link");
    symlink(&elsewhere, &link).unwrap();
    let error = store.materialise(&id, &link, Sharing::Private).unwrap_err();
    assert!(matches!(error, StoreError::NotEmpty(_)), "{error}");
    assert!(names(&elsewhere).is_empty());
    assert!(names(temporary.path()).iter().all(|name| !name.ends_with(".partial")));

    let unknown = "0".repeat(64).parse().unwrap();
    let error = store.materialise(&unknown, Path::new("nowhere"), Sharing::Private).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchSnapshot(_)), "{error}");
}

#[test]
fn a_link_where_a_stopped_writer_was_is_not_followed() {
    let (temporary, store, workspace) = bench();
    write(&workspace, "file", "content");
    let id = store.publish(&workspace).unwrap().id;
    let outside = temporary.path().join("outside");
    write(&outside, "kept", "kept");
    symlink(&outside, temporary.path().join(".into.partial")).unwrap();

    let result = store.materialise(&id, &temporary.path().join("into"), Sharing::Private);

    assert!(result.is_err());
    assert_eq!(names(&outside), ["kept"]);
}
