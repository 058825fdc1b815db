//! Other file systems: full ones, ones apart from the workspace, ones with reflinks.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use massgen_protocol::AgentIndex;
use massgen_workspace::{PeerViews, Sharing, ViewError};
use tempfile::TempDir;

use crate::support::{look, names, open, skip, verify_all, write};

/// A mounted file system, unmounted when dropped.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn runs(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| format!("{name}: {}", text.trim()))
}

fn mount(arguments: &[&str], what: &Path, at: &Path) -> Result<Mounted, String> {
    if !rustix::process::geteuid().is_root() {
        return Err("only root can mount file systems".to_owned());
    }
    std::fs::create_dir_all(at).unwrap();
    runs(Command::new("mount").args(arguments).arg(what).arg(at))?;
    Ok(Mounted(at.to_path_buf()))
}

fn tmpfs(size: &str, at: &Path) -> Result<Mounted, String> {
    mount(&["-t", "tmpfs", "-o", &format!("size={size}")], Path::new("tmpfs"), at)
}

#[test]
fn a_full_disk_leaves_nothing_half_done() {
    let temporary = TempDir::new().unwrap();
    let full = temporary.path().join("full");
    let _mounted = match tmpfs("2m", &full) {
        Ok(mounted) => mounted,
        Err(reason) => return skip("disk::a_full_disk_leaves_nothing_half_done", "mount", &reason),
    };
    let store = open(&full.join("store"));
    let workspace = temporary.path().join("workspace");
    write(&workspace, "small", "x".repeat(400_000));
    let small = store.publish(&workspace).unwrap().id;
    // Wherever the disk becomes full: in the first file or a later one, in a folder's description.
    for size in (1_000..2_400_000_usize).step_by(170_000).chain([1_100_000, 1_640_000, 1_650_000]) {
        for number in 0..10 {
            let content = format!("{number}").repeat(size / 10);
            write(&workspace, &format!("folder-{number}/file"), content);
        }
        match store.publish(&workspace) {
            Ok(published) => store.verify(&published.id).unwrap(),
            Err(error) => assert!(error.is_full(), "{error}"),
        }
        assert!(verify_all(&store).contains(&small));
        assert!(names(&store.directory().join("staging")).is_empty());
    }
    assert!(verify_all(&store).len() < 18, "the disk was never full");

    // A view that does not fit leaves the one before.
    let views = PeerViews::new(full.join("views"));
    write(&temporary.path().join("tiny"), "file", "tiny");
    std::fs::remove_dir_all(workspace.join("folder-0")).unwrap();
    drop(store);
    let store = open(&full.join("store"));
    store.remove_unused(std::slice::from_ref(&small)).unwrap();
    let tiny = store.publish(&temporary.path().join("tiny")).unwrap().id;
    views.show(&store, &[(AgentIndex(0), tiny)]).unwrap();
    std::fs::write(full.join("ballast"), vec![0; 1_300_000]).unwrap();
    let error = views.show(&store, &[(AgentIndex(0), small.clone())]).unwrap_err();
    assert!(matches!(&error, ViewError::Store { source, .. } if source.is_full()), "{error}");
    assert_eq!(std::fs::read_to_string(full.join("views/agent1/file")).unwrap(), "tiny");
    let out = full.join("out");
    assert!(store.materialise(&small, &out, Sharing::Private).unwrap_err().is_full());
    assert!(!out.exists());
    std::fs::remove_file(full.join("ballast")).unwrap();
    views.show(&store, &[(AgentIndex(0), small.clone())]).unwrap();
    assert_eq!(names(&full.join("views/agent1")), ["small"]);
    assert_eq!(names(&full), [".".to_owned() + "views.views", "store".into(), "views".into()]);
}

#[test]
fn the_store_may_be_on_another_file_system() {
    let temporary = TempDir::new().unwrap();
    let elsewhere = temporary.path().join("elsewhere");
    let _mounted = match tmpfs("20m", &elsewhere) {
        Ok(mounted) => mounted,
        Err(reason) => return skip("disk::the_store_may_be_on_another_file_system", "mount", &reason),
    };
    let store = open(&elsewhere.join("store"));
    let workspace = temporary.path().join("workspace");
    write(&workspace, "folder/file", "content");
    write(&workspace, "large", "x".repeat(600_000));
    let published = store.publish(&workspace).unwrap();
    assert_eq!((published.stored_files, published.reflinked_bytes), (2, 0));
    for (sharing, name) in [(Sharing::Private, "private"), (Sharing::ReadOnly, "log")] {
        let written = store.materialise(&published.id, &temporary.path().join(name), sharing).unwrap();
        assert_eq!(written.copied_bytes, 600_007);
        assert_eq!(look(&temporary.path().join(name)), look(&workspace));
    }
}

#[test]
fn btrfs_shares_what_it_stores() {
    reflinks("disk::btrfs_shares_what_it_stores", "mkfs.btrfs", "200M");
}

#[test]
fn xfs_shares_what_it_stores() {
    reflinks("disk::xfs_shares_what_it_stores", "mkfs.xfs", "320M");
}

fn reflinks(test: &str, mkfs: &str, size: &str) {
    let temporary = TempDir::new().unwrap();
    let (image, root) = (temporary.path().join("image"), temporary.path().join("root"));
    let mounted = runs(Command::new("truncate").arg("-s").arg(size).arg(&image))
        .and_then(|()| runs(Command::new(mkfs).arg("-q").arg(&image)))
        .and_then(|()| mount(&["-o", "loop"], &image, &root));
    let _mounted = match mounted {
        Ok(mounted) => mounted,
        Err(reason) => return skip(test, "reflink", &reason),
    };
    let store = open(&root.join("store"));
    let workspace = root.join("workspace");
    for number in 0..100_u8 {
        write(&workspace, &format!("folder/{number}"), vec![number; 50_000]);
    }
    write(&workspace, "large", (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let bytes = 100 * 50_000 + 8_000_000;

    let published = store.publish(&workspace).unwrap();
    assert_eq!((published.bytes, published.stored_bytes, published.reflinked_bytes), (bytes, bytes, bytes));
    store.verify(&published.id).unwrap();

    let views = PeerViews::new(root.join("views"));
    let shown: Vec<_> = AgentIndex::all(10).map(|agent| (agent, published.id.clone())).collect();
    let free = || rustix::fs::statvfs(&root).map(|stat| stat.f_bavail * stat.f_frsize).unwrap();
    let before = free();
    let prepared = views.show(&store, &shown).unwrap();
    rustix::fs::syncfs(std::fs::File::open(&root).unwrap()).unwrap();
    assert_eq!((prepared.bytes, prepared.shared_bytes, prepared.copied_bytes), (10 * bytes, 10 * bytes, 0));
    assert!(before.saturating_sub(free()) < bytes, "ten views of {bytes} bytes took {}", before - free());
    let log = store.materialise(&published.id, &root.join("log"), Sharing::ReadOnly).unwrap();
    assert_eq!(log.reflinked_bytes, bytes);

    // What is shared is copied when it is written to.
    write(&workspace, "folder/1", "changed");
    write(&root.join("views/agent1"), "folder/2", "changed");
    std::fs::write(root.join("views/agent2/large"), "changed").unwrap();
    store.verify(&published.id).unwrap();
    assert!(std::fs::read(root.join("views/agent3/folder/2")).unwrap() == vec![2; 50_000]);
    let again = store.publish(&workspace).unwrap();
    assert_eq!((again.stored_files, again.stored_bytes), (1, 7));
    assert_eq!(views.show(&store, &shown).unwrap().restored, 2);
    assert!(std::fs::read(root.join("views/agent1/folder/2")).unwrap() == vec![2; 50_000]);
}
