//! The same tests as an ordinary user, where root runs them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use crate::box_drivers::helper;

/// A user that every system has and that owns nothing.
const NOBODY: u32 = 65534;

pub(crate) fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// Who runs the test, for tables.
pub(crate) fn name() -> &'static str {
    if is_root() { "root" } else { "user" }
}

/// Runs tests of this program whose names contain the filter, but for some, as another user. Whoever is not root is an
/// ordinary user already.
pub(crate) fn run_as_ordinary(filter: &str, without: &[&str]) {
    if !is_root() {
        state!("SKIPPED {filter} as another user: only root can become one");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().canonicalize().unwrap();
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let own = folder.join("own");
    fs::create_dir(&own).unwrap();
    chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    // Where they are built need not be readable for others.
    let copy = |from: &std::path::Path, name: &str| {
        let to = folder.join(name);
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, PermissionsExt::from_mode(0o755)).unwrap();
        to
    };
    let tests = copy(&std::env::current_exe().unwrap(), "tests");
    let helper = copy(helper().program(), "helper");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]).arg(tests).arg(filter);
    command.args(["--nocapture", "--test-threads", "1"]);
    for name in without {
        command.args(["--skip", name]);
    }
    command.env("MASSGEN_TEST_HELPER", helper).env("TMPDIR", &own).env("HOME", &own).current_dir(&own);
    command.env("API_KEY", crate::world::SECRET);
    let output = command.output().expect("setpriv runs (package util-linux)");
    let words = String::from_utf8_lossy(&output.stderr);
    for line in words.lines().filter(|line| line.starts_with("escape:") || line.starts_with("SKIPPED")) {
        state!("{line}");
    }
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "as an ordinary user:\n{told}\n{words}");
    assert!(!told.contains("running 0 tests"), "{told}");
}
