//! Makes a conversation one that providers accept: every tool call with its result, every result with its call.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::request::{AssistantTurn, Message, ToolResult};

/// The messages without tool calls that have no result and results that have no call. Every provider refuses a
/// conversation with either, and a cut turn can leave one. A turn that loses a call loses its echo too, since the
/// echo holds the call.
pub(crate) fn paired(messages: &[Message]) -> Vec<Cow<'_, Message>> {
    let mut paired: Vec<Cow<'_, Message>> = Vec::with_capacity(messages.len());
    let mut open: HashSet<&str> = HashSet::new();
    let mut rest = messages.iter().peekable();
    while let Some(message) = rest.next() {
        let kept = match message {
            Message::User(_) => Some(Cow::Borrowed(message)),
            Message::Assistant(turn) => {
                let answered: HashSet<&str> = match rest.peek() {
                    Some(Message::ToolResults(results)) => {
                        results.iter().map(|result| result.call_id.as_str()).collect()
                    }
                    _ => HashSet::new(),
                };
                open = turn.tool_calls.iter().map(|call| call.id.as_str()).filter(|id| answered.contains(id)).collect();
                answered_turn(message, turn, &open)
            }
            Message::ToolResults(results) => known_results(message, results, &std::mem::take(&mut open)),
        };
        paired.extend(kept);
    }
    paired
}

fn answered_turn<'a>(message: &'a Message, turn: &AssistantTurn, answered: &HashSet<&str>) -> Option<Cow<'a, Message>> {
    if turn.tool_calls.iter().all(|call| answered.contains(call.id.as_str())) {
        let is_empty = turn.text.trim().is_empty() && turn.tool_calls.is_empty() && turn.echo.is_none();
        return (!is_empty).then_some(Cow::Borrowed(message));
    }
    let calls = turn.tool_calls.iter().filter(|call| answered.contains(call.id.as_str())).cloned().collect::<Vec<_>>();
    let is_empty = turn.text.trim().is_empty() && calls.is_empty();
    let kept = AssistantTurn { text: turn.text.clone(), tool_calls: calls, echo: None };
    (!is_empty).then_some(Cow::Owned(Message::Assistant(kept)))
}

fn known_results<'a>(message: &'a Message, results: &[ToolResult], open: &HashSet<&str>) -> Option<Cow<'a, Message>> {
    let mut seen = HashSet::new();
    let mut is_known =
        |result: &&ToolResult| open.contains(result.call_id.as_str()) && seen.insert(result.call_id.clone());
    let known: Vec<ToolResult> = results.iter().filter(|result| is_known(result)).cloned().collect();
    if known.len() == results.len() {
        return (!known.is_empty()).then_some(Cow::Borrowed(message));
    }
    (!known.is_empty()).then_some(Cow::Owned(Message::ToolResults(known)))
}

/// A result's text for protocols that have no field for failure.
pub(crate) fn result_text(result: &ToolResult) -> Cow<'_, str> {
    if result.is_error && !result.content.to_ascii_lowercase().starts_with("error") {
        Cow::Owned(format!("error: {}", result.content))
    } else {
        Cow::Borrowed(&result.content)
    }
}

#[cfg(test)]
mod tests {
    use massgen_protocol::ToolCall;

    use super::*;
    use crate::request::Echo;

    fn call(id: &str) -> ToolCall {
        ToolCall { id: id.to_owned(), name: "vote".to_owned(), arguments: "{}".to_owned() }
    }

    fn result(id: &str) -> ToolResult {
        ToolResult { call_id: id.to_owned(), name: "vote".to_owned(), content: "ok".to_owned(), is_error: false }
    }

    #[test]
    fn calls_and_results_without_each_other_are_left_out_and_so_is_the_echo() {
        let echo = Some(Echo { wire: "chat_completions".to_owned(), model: "m".to_owned(), items: Vec::new() });
        let turn = AssistantTurn { text: String::new(), tool_calls: vec![call("a"), call("b")], echo };
        let messages = [
            Message::User("go".to_owned()),
            Message::Assistant(turn),
            Message::ToolResults(vec![result("b"), result("b"), result("stray")]),
            Message::Assistant(AssistantTurn { tool_calls: vec![call("cut")], ..AssistantTurn::default() }),
            Message::ToolResults(vec![result("stray")]),
        ];
        let kept: Vec<Message> = paired(&messages).into_iter().map(Cow::into_owned).collect();
        let turn = AssistantTurn { tool_calls: vec![call("b")], ..AssistantTurn::default() };
        let expected =
            [Message::User("go".to_owned()), Message::Assistant(turn), Message::ToolResults(vec![result("b")])];
        assert_eq!(kept, expected);
    }
}
