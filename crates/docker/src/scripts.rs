//! The shell scripts that run in containers. They need `sh`, `tail` and `tr`, and `/proc`.

/// The first process of a container: takes over orphans, and stays. A container ends by being removed.
pub(crate) const INIT: &str = "tail -f /dev/null & wait; exec tail -f /dev/null";

/// Installs packages.
pub(crate) const INSTALL: &str = include_str!("scripts/install.sh");

const END: &str = include_str!("scripts/end.sh");
const OUT_OF_MEMORY: &str = include_str!("scripts/out_of_memory.sh");
const PREPARE: &str = include_str!("scripts/prepare.sh");
const SWEEP: &str = include_str!("scripts/sweep.sh");

/// Prepares a container. Prints also how often it ran out of memory so far.
pub(crate) fn prepare() -> String {
    format!("{PREPARE}{OUT_OF_MEMORY}")
}

/// Around a job: `$1` is the keeper, then comes the program with its arguments. Ends with the job's exit code when
/// nothing of the job runs any more.
pub(crate) fn job() -> String {
    // Signals that a job sends to its whole group must not end what cleans up after it.
    format!("keeper=$1\nshift\ntrap : HUP INT QUIT TERM\n\"$@\"\ncode=$?\n{SWEEP}sweep ''\nexit $code\n")
}

/// Ends a job from outside: `$1` is the keeper, `$2` the job's mark. Prints how often the container ran out of memory.
pub(crate) fn end() -> String {
    format!("keeper=$1\n{SWEEP}{END}{OUT_OF_MEMORY}")
}
