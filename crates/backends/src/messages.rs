//! Anthropic Messages: <https://platform.claude.com/docs/en/api/messages>.

mod converse;
mod decode;
mod encode;

pub(crate) use converse::converse;
pub(crate) use decode::Decoder;
pub(crate) use encode::{adapt, body};

#[cfg(test)]
mod tests;
