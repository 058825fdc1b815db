//! Gemini `streamGenerateContent`: <https://ai.google.dev/api/generate-content>.

mod bridge;
mod decode;
mod encode;

pub(crate) use bridge::{bridges, converse};
pub(crate) use decode::Decoder;
pub(crate) use encode::{adapt, body};

#[cfg(test)]
mod tests;
