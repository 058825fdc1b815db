//! What may not stand in a server's settings: the reference's rules.
//!
//! They keep a config that somebody else wrote from running or reaching what its reader would not expect. They are no
//! sandbox: an interpreter may run anything.

use crate::names::is_server_name;
use crate::{ServerSettings, Transport};

mod command;
mod url;

/// Something wrong with a server's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: the key under the server, such as `command` or `env.PATH`.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

/// Everything that is wrong with a server's settings. Values of variables are not judged by their content.
#[must_use]
pub fn validate(settings: &ServerSettings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !is_server_name(&settings.name) {
        let message = format!("`{}` may only have letters, digits, `_` and `-`", settings.name);
        problems.push(Problem::new("name", message));
    }
    match &settings.transport {
        Transport::Stdio(stdio) => command::check(stdio, &settings.security, &mut problems),
        Transport::StreamableHttp(http) | Transport::Sse(http) => url::check(http, &settings.security, &mut problems),
    }
    problems
}
