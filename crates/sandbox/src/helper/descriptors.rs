//! Open descriptors that this process was born with.

use std::fs;

/// Closes everything but the standard streams. The job must not find open what happened to be open in the main
/// program or in what had started that. To be called before anything is opened.
pub(super) fn close_inherited() -> std::io::Result<()> {
    let mut inherited = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let number: Option<i32> = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        inherited.extend(number.filter(|number| *number > 2));
    }
    for number in inherited {
        // The descriptor of the listing itself is closed by now: that one fails, and nothing else can.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}
