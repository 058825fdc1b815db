//! Whatever can be asked: a backend, or something that stands before one.

use std::fmt;

use futures_util::future::BoxFuture;
use massgen_protocol::{CallKey, Usage};
use massgen_providers::Price;

use crate::backend::Backend;
use crate::error::CallError;
use crate::request::{CallEvent, Message, ModelRequest, Reply};

/// A model that can be asked. Shared by all turns of its agent.
pub trait Model: fmt::Debug + Send + Sync {
    /// Asks the model and streams its reply through `on`. Dropping the future ends the call.
    ///
    /// # Errors
    /// When there is no reply; see [`CallError`].
    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        on: &'a mut (dyn FnMut(CallEvent) + Send),
    ) -> BoxFuture<'a, Result<Reply, CallError>>;

    /// What was adapted or left out because this provider or model does not take it. For the user to read.
    fn notices(&self) -> &[String];

    /// Names what `request` asks of this model.
    fn key(&self, request: &ModelRequest) -> CallKey;

    /// What a call cost in US dollars; `None` for a model without a known price.
    fn price(&self, usage: &Usage) -> Option<f64>;

    /// The most that a call can take.
    fn bounds(&self, request: &ModelRequest) -> Bounds;
}

/// The most that a call can take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Tokens that are sent. Not counted, but no tokenizer makes more of the request.
    pub input_tokens: u64,
    /// Tokens that may come back, reasoning included.
    pub output_tokens: u64,
    /// What they cost; `None` for a model without a known price.
    pub price: Option<Price>,
}

impl Bounds {
    /// In US dollars, if at most `output_tokens` come back.
    #[must_use]
    pub fn usd(&self, output_tokens: u64) -> Option<f64> {
        let price = self.price?;
        let dearest = price.input.max(price.cache_write);
        Some(Price { input: dearest, ..price }.usd(self.input_tokens, 0, 0, output_tokens))
    }

    /// How many tokens may come back for `usd`, the request paid for; `None`: there is no price to go by.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that saturates")]
    pub fn output_for(&self, usd: f64) -> Option<u64> {
        let price = self.price?;
        let left = usd - self.usd(0)?;
        if price.output <= 0.0 {
            return Some(if left >= 0.0 { u64::MAX } else { 0 });
        }
        Some((left.max(0.0) * 1e6 / price.output).floor() as u64)
    }
}

/// Tokens of a text, from above: two bytes each, where usual text has four; three bytes of another script are at most
/// two tokens.
#[must_use]
pub fn tokens_at_most(text: &str) -> u64 {
    let (ascii, other) =
        text.bytes().fold(
            (0_u64, 0_u64),
            |(ascii, other), byte| {
                if byte.is_ascii() { (ascii + 1, other) } else { (ascii, other + 1) }
            },
        );
    ascii.div_ceil(2) + (other * 2).div_ceil(3)
}

/// Tokens of a whole request, from above.
pub(crate) fn request_at_most(request: &ModelRequest) -> u64 {
    /// What frames each message and tool.
    const FRAME: u64 = 16;
    let of_message = |message: &Message| {
        let text = match message {
            Message::User(text) => tokens_at_most(text),
            // With what the provider wants back untouched.
            Message::Assistant(_) => tokens_at_most(&serde_json::to_string(message).unwrap_or_default()),
            Message::ToolResults(results) => results.iter().map(|result| FRAME + tokens_at_most(&result.content)).sum(),
        };
        FRAME + text
    };
    let of_tool = |tool: &massgen_protocol::ToolSpec| {
        FRAME
            + tokens_at_most(&tool.name)
            + tokens_at_most(&tool.description)
            + tokens_at_most(&tool.parameters.to_string())
    };
    tokens_at_most(&request.system)
        + request.messages.iter().map(of_message).sum::<u64>()
        + request.tools.iter().map(of_tool).sum::<u64>()
        + 8 * FRAME
}

impl Model for Backend {
    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        on: &'a mut (dyn FnMut(CallEvent) + Send),
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(self.ask(request, on))
    }

    fn notices(&self) -> &[String] {
        self.notices()
    }

    fn key(&self, request: &ModelRequest) -> CallKey {
        self.key(request)
    }

    fn price(&self, usage: &Usage) -> Option<f64> {
        self.price(usage)
    }

    fn bounds(&self, request: &ModelRequest) -> Bounds {
        self.bounds(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_tokens_are_two_sides_of_one_bound() {
        let price = Price { input: 1.0, cached_input: 0.1, cache_write: 1.25, output: 10.0 };
        let bounds = Bounds { input_tokens: 1000, output_tokens: 500, price: Some(price) };
        assert_eq!(bounds.usd(0), Some(0.00125));
        assert_eq!(bounds.output_for(0.00125 + 0.001), Some(100));
        assert_eq!(bounds.output_for(0.001), Some(0));
        let free = Price { input: 0.0, cached_input: 0.0, cache_write: 0.0, output: 0.0 };
        assert_eq!(Bounds { price: Some(free), ..bounds }.output_for(0.0), Some(u64::MAX));
        assert_eq!(Bounds { price: None, ..bounds }.output_for(1.0), None);
    }

    #[test]
    fn no_text_has_more_tokens_than_are_said() {
        assert_eq!(tokens_at_most(""), 0);
        assert_eq!(tokens_at_most("four"), 2);
        assert_eq!(tokens_at_most("\u{4e16}\u{754c}"), 4);
    }
}
