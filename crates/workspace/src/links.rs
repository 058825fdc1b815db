//! Which symbolic links a snapshot may hold.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// Whether a link with this target, in a folder `depth` levels below the root (0 in the root itself), stays inside.
///
/// It does when its target is relative, climbs no higher than the root, and climbs only at its beginning: the folders
/// above a link are real ones, but a name further on may be another link, and `..` after it would climb from wherever
/// that leads. By this rule no chain of kept links leaves the root, whatever they point to.
pub(crate) fn stays_inside(target: &OsStr, depth: usize) -> bool {
    let mut climbed = 0;
    let mut descended = false;
    for component in Path::new(target).components() {
        match component {
            Component::Prefix(_) | Component::RootDir => return false,
            Component::CurDir => {}
            Component::ParentDir if descended => return false,
            Component::ParentDir => climbed += 1,
            Component::Normal(_) => descended = true,
        }
    }
    !target.is_empty() && climbed <= depth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_that_cannot_leave_the_root_are_kept() {
        let inside = [("a", 0), ("./a/b", 0), ("../a", 1), ("../../x", 2), (".", 0), ("..", 1)];
        for (target, depth) in inside {
            assert!(stays_inside(OsStr::new(target), depth), "{target} at {depth}");
        }
        let outside = [("/etc/passwd", 5), ("..", 0), ("../a", 0), ("../../a", 1), ("a/../b", 1), ("", 0), ("./..", 0)];
        for (target, depth) in outside {
            assert!(!stays_inside(OsStr::new(target), depth), "{target} at {depth}");
        }
    }
}
