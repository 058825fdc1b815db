//! How to see that a file was not touched without reading it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::Stat;

/// How coarse the clock may be that stamps files, on file systems with fractions of a second.
///
/// Linux stamps files with the time of the last timer tick, at most 10 ms ago.
const CLOCK_GRAIN: Duration = Duration::from_millis(20);

/// The same for file systems that keep whole or even seconds.
const COARSE_CLOCK_GRAIN: Duration = Duration::from_millis(2_020);

/// Which file this is, and when it was last changed as the kernel knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// Nanoseconds since 1970; programs can set it.
    pub(crate) modified_ns: i64,
    /// Nanoseconds since 1970; the kernel alone sets it, at every change of content, mode, owner or links.
    pub(crate) changed_ns: i64,
}

impl Stamp {
    pub(crate) fn of(stat: &Stat) -> Self {
        #[expect(clippy::unnecessary_cast, reason = "the types of these fields differ between architectures")]
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }

    /// Whether every change after `now` will give the file another stamp.
    ///
    /// A file that changed within the clock's grain before `now` can change again and keep its stamp: git calls such
    /// an entry racily clean. So does one that claims to be from the future.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        self.settles_at() <= since_epoch_ns(now)
    }

    /// The moment, in nanoseconds since 1970, from which on the stamp is settled.
    pub(crate) fn settles_at(&self) -> i64 {
        let whole = |ns: i64| ns.rem_euclid(1_000_000_000) == 0;
        let grain = if whole(self.changed_ns) && whole(self.modified_ns) { COARSE_CLOCK_GRAIN } else { CLOCK_GRAIN };
        let last = self.changed_ns.max(self.modified_ns);
        last.saturating_add(i64::try_from(grain.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// A moment as nanoseconds since 1970.
pub(crate) fn since_epoch_ns(moment: SystemTime) -> i64 {
    let ns = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    i64::try_from(ns).unwrap_or(i64::MAX)
}

fn nanoseconds(seconds: i64, fraction: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn settled(modified_ns: i64, changed_ns: i64, now_ns: u64) -> bool {
        let stamp = Stamp { device: 1, inode: 1, size: 1, modified_ns, changed_ns };
        stamp.is_settled(UNIX_EPOCH + Duration::from_nanos(now_ns))
    }

    #[test]
    fn a_stamp_proves_something_once_the_clock_has_moved_on() {
        assert!(!settled(100 * SECOND + 1, 100 * SECOND + 1, 100_000_000_001), "the same moment");
        assert!(!settled(100 * SECOND + 1, 100 * SECOND + 1, 100_010_000_001), "perhaps the same tick");
        assert!(settled(100 * SECOND + 1, 100 * SECOND + 1, 100_020_000_001));
        assert!(!settled(1, 100 * SECOND + 1, 100_000_000_002), "a program set the time back");
        assert!(!settled(200 * SECOND + 1, 100 * SECOND + 1, 150_000_000_000), "a program set the time forward");
        assert!(!settled(100 * SECOND, 100 * SECOND, 101_000_000_000), "a file system that counts in seconds");
        assert!(settled(100 * SECOND, 100 * SECOND, 102_020_000_000));
    }
}
