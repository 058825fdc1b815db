//! OpenAI Responses, as spoken by OpenAI and xAI: <https://platform.openai.com/docs/api-reference/responses>.

mod decode;
mod encode;

pub(crate) use decode::Decoder;
pub(crate) use encode::{adapt, body, is_reasoning_model};

#[cfg(test)]
mod tests;
