//! Agents that do things, as their users meet them: the real program, real Python, a real sandbox, real servers; only
//! the models are scripted.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy exempts tests from these, but not their helpers; and JSON is written where it is handed over"
)]

/// Prints past the test harness, which keeps what passing tests print.
macro_rules! state {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        // Where nobody reads it, nothing is lost.
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

/// Ends the test where a part of the machine is missing, unless `MASSGEN_TEST_PARTS` says that it must be there.
macro_rules! needs {
    ($($part:ident),+) => {
        fn here() {}
        $(if !crate::parts::has(stringify!($part), std::any::type_name_of_val(&here)) { return; })+
    };
}

#[path = "../it/log.rs"]
#[allow(dead_code, reason = "shared with the other tests of the program")]
mod log;
#[path = "../it/place.rs"]
#[allow(dead_code, reason = "shared with the other tests of the program")]
mod place;
#[path = "../it/program.rs"]
#[allow(dead_code, reason = "shared with the other tests of the program")]
mod program;
#[path = "../it/provider.rs"]
#[allow(dead_code, reason = "shared with the other tests of the program")]
mod provider;
#[path = "../it/requests.rs"]
#[allow(dead_code, reason = "shared with the other tests of the program")]
mod requests;

#[path = "../it/traced.rs"]
mod traced;

mod files;
mod parts;
mod processes;
mod pty;
mod script;
mod team;
mod told;

mod analysis;
mod code;
mod commands;
mod contexts;
mod conversations;
mod crowd;
mod custom;
mod ends;
mod interrupted;
mod media;
mod peers;
mod servers;
mod skills;
mod verification;
