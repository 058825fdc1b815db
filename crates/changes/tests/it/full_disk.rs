//! A file system without space.

use std::path::Path;
use std::process::Command;

use massgen_changes::{ApplyError, ContextPath, CopyMode, IsolateError, Isolated, recover};

use crate::bench::{Bench, apply_all, part_is_there, tree, write};

/// A small file system, unmounted with this value.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

fn mount(folder: &Path, size: &str) -> Result<(), String> {
    let options = format!("size={size}");
    let output = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn without_space_for_the_new_files_nothing_is_changed() {
    let bench = Bench::new();
    let user = bench.user();
    let missing = mount(&user, "1m").err();
    if !part_is_there("tmpfs", "without_space_for_the_new_files_nothing_is_changed", missing) {
        return;
    }
    let _mounted = Mounted(&user);
    for name in ["a", "b"] {
        write(&user, name, vec![b'o'; 300 << 10]);
    }
    let isolated = bench.isolate(CopyMode::Auto);
    for name in ["a", "b", "c"] {
        write(isolated.directory(), name, vec![b'n'; 300 << 10]);
    }
    let before = tree(&user);
    let error = apply_all(&isolated).unwrap_err();
    assert!(
        matches!(&error, ApplyError::Prepare { source, .. } if source.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    assert_eq!(tree(&user), before);
    // With space it goes on.
    std::fs::remove_file(user.join("b")).unwrap();
    write(isolated.directory(), "a", "short\n");
    std::fs::remove_file(isolated.directory().join("b")).unwrap();
    std::fs::remove_file(isolated.directory().join("c")).unwrap();
    apply_all(&isolated).unwrap();
    assert_eq!(std::fs::read_to_string(user.join("a")).unwrap(), "short\n");
    drop(isolated);
    bench.assert_clean();
}

#[test]
fn without_space_for_the_state_nothing_is_changed() {
    let bench = Bench::new();
    std::fs::create_dir(bench.state()).unwrap();
    let state = bench.state();
    let missing = mount(&state, "1m").err();
    if !part_is_there("tmpfs", "without_space_for_the_state_nothing_is_changed", missing) {
        return;
    }
    let _mounted = Mounted(&state);
    bench.write("a", vec![b'a'; 2 << 20]);
    let error = Isolated::create(&state, &bench.context(), CopyMode::Auto).unwrap_err();
    assert!(matches!(error, IsolateError::Io { .. }), "{error}");
    bench.assert_clean();
    // The copy has room, the copies of old contents have none.
    bench.write("b", vec![0; 600 << 10]);
    let context = ContextPath::new(&bench.user().join("b"), &[]).unwrap();
    let isolated = Isolated::create(&state, &context, CopyMode::Auto).unwrap();
    write(isolated.directory(), "b", [0, 1]);
    write(&state, "filler", vec![0; 200 << 10]);
    let size = |target: usize| write(&state, "filler", vec![0; target << 10]);
    size(900);
    let before = bench.tree();
    let applied = apply_all(&isolated);
    assert!(applied.is_err(), "{applied:?}");
    assert_eq!(bench.tree(), before);
    std::fs::remove_file(state.join("filler")).unwrap();
    recover(&state).unwrap();
    apply_all(&isolated).unwrap();
    assert_eq!(std::fs::read(bench.user().join("b")).unwrap(), [0, 1]);
}
