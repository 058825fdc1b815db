//! Goes on with a reply that the provider has paused.

use serde_json::{Value, json};

use crate::call::{Audience, Session};
use crate::error::CallError;
use crate::wire::Decoded;

/// One reply, out of as many requests as it takes.
///
/// While tools run on the provider's side, a long reply may stop with `pause_turn`; it continues when it is sent
/// back as it is. <https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons>.
pub(crate) async fn converse(session: &mut Session<'_>, mut body: Value) -> Result<Decoded, CallError> {
    let mut whole = session.exchange(&body, Audience::User).await?;
    session.settle_reply(&whole);
    for _ in 0..CONTINUATIONS_MAX {
        let Some(paused) = whole.paused.take() else { break };
        go_on(&mut body, &whole.items, paused.container);
        let next = session.exchange(&body, Audience::User).await?;
        session.settle_reply(&next);
        whole = joined(whole, next);
        // Each request carries the whole reply so far in place of what the last one carried.
        if let Some(messages) = body.get_mut("messages").and_then(Value::as_array_mut) {
            messages.pop();
        }
    }
    whole.paused = None;
    Ok(whole)
}

/// How often a paused reply is sent on.
const CONTINUATIONS_MAX: u32 = 10;

fn go_on(body: &mut Value, items: &[Value], container: Option<String>) {
    let Value::Object(body) = body else { return };
    if let Some(Value::Array(messages)) = body.get_mut("messages") {
        messages.push(json!({ "role": "assistant", "content": items }));
    }
    if let Some(container) = container {
        body.insert("container".to_owned(), json!(container));
    }
}

fn joined(mut first: Decoded, next: Decoded) -> Decoded {
    first.text.push_str(&next.text);
    first.tool_calls.extend(next.tool_calls);
    first.items.extend(next.items);
    first.citations.extend(next.citations);
    first.unknown_events += next.unknown_events;
    Decoded { finish: next.finish, paused: next.paused, usage: next.usage, ..first }
}
