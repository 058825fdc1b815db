//! The helper of the sandbox as a program of its own, for tests and for programs that cannot call it themselves.

use std::process::ExitCode;

fn main() -> ExitCode {
    massgen_sandbox::helper_main_if_asked().unwrap_or(ExitCode::from(2))
}
