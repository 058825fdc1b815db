//! OpenAI Chat Completions, as spoken by most providers: <https://platform.openai.com/docs/api-reference/chat>.

mod decode;
mod encode;

pub(crate) use decode::Decoder;
pub(crate) use encode::{adapt, body};

#[cfg(test)]
mod tests;
