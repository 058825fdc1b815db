//! The massgen command.
fn main() {}
