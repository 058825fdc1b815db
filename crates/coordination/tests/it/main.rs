//! The coordination, explored, fuzzed and scripted through its public interface.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers are tests too"
)]

mod exploration;
mod explorer;
mod properties;
mod scripts;
mod world;

/// States a figure in the output of the tests. The harness keeps what passing tests print; this goes
/// past it.
fn state(figure: &str) {
    use std::io::Write;
    // Where nobody reads it, nothing is lost.
    let _ = writeln!(std::io::stderr(), "{figure}");
}
