//! Gives models that cannot mix their own tools with functions both of them.
//!
//! Each tool of the provider is declared as a function. When the model calls it, the call is answered with the
//! result of a request of its own in which only that tool is on, and the reply goes on.

use massgen_protocol::{BuiltinPhase, FinishReason, StreamChunk, ToolCall};
use serde_json::{Value, json};

use super::encode::{answer, function_response, mixes_tools};
use crate::call::{Audience, Session};
use crate::error::CallError;
use crate::plan::Plan;
use crate::wire::{Decoded, arguments_object};

/// A tool of the provider behind a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bridge {
    /// Google search.
    Search,
    /// The Python sandbox.
    Code,
}

impl Bridge {
    /// The function's name.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::Search => "builtin_google_search",
            Self::Code => "builtin_run_code",
        }
    }

    /// The function as the model sees it.
    pub(crate) fn declaration(self) -> Value {
        let (description, about) = match self {
            Self::Search => {
                ("Searches the web with Google and returns what it finds, with sources.", "What to find out.")
            }
            Self::Code => (
                "Writes and runs Python in a sandbox and returns the code and its output.",
                "What to compute, with all data that it needs, or the code to run.",
            ),
        };
        let parameters = json!({
            "type": "object",
            "properties": { self.argument(): { "type": "string", "description": about } },
            "required": [self.argument()],
        });
        json!({ "name": self.function(), "description": description, "parametersJsonSchema": parameters })
    }

    fn argument(self) -> &'static str {
        match self {
            Self::Search => "query",
            Self::Code => "task",
        }
    }

    /// The tool's name in our events.
    fn name(self) -> &'static str {
        match self {
            Self::Search => "web_search",
            Self::Code => "code_execution",
        }
    }

    fn request(self, task: &str) -> Value {
        let (tool, order) = match self {
            Self::Search => ("google_search", "Search the web and report what you find, facts first, for this query:"),
            Self::Code => ("code_execution", "Run Python code for this task and report the code's exact output:"),
        };
        json!({
            "contents": [{ "role": "user", "parts": [{ "text": format!("{order}\n\n{task}") }] }],
            "tools": [{ tool: {} }],
        })
    }
}

/// The bridges that a backend needs as soon as there are other functions.
pub(crate) fn bridges(plan: &Plan) -> Vec<Bridge> {
    if mixes_tools(&plan.model) {
        return Vec::new();
    }
    let wanted = [(plan.builtin.web_search, Bridge::Search), (plan.builtin.code_execution, Bridge::Code)];
    wanted.into_iter().filter_map(|(is_wanted, bridge)| is_wanted.then_some(bridge)).collect()
}

/// How many replies with bridged calls are answered in one call.
const ROUNDS_MAX: u32 = 8;

/// One reply, out of as many requests as it takes.
pub(crate) async fn converse(session: &mut Session<'_>, mut body: Value) -> Result<Decoded, CallError> {
    let mut before: Option<Decoded> = None;
    let mut round = 0;
    loop {
        let mut reply = session.exchange(&body, Audience::User).await?;
        let bridges = bridges(session.plan);
        let bridged = |call: &ToolCall| bridges.iter().copied().find(|bridge| bridge.function() == call.name);
        let (ours, theirs): (Vec<ToolCall>, Vec<ToolCall>) =
            std::mem::take(&mut reply.tool_calls).into_iter().partition(|call| bridged(call).is_some());
        reply.tool_calls = theirs;
        if ours.is_empty() {
            return Ok(joined(before, reply));
        }
        round += 1;
        session.settle_reply(&reply);
        let mut answers = Vec::new();
        for call in &ours {
            let Some(bridge) = bridged(call) else { continue };
            let result = if round > ROUNDS_MAX { Err(SPENT.to_owned()) } else { run(session, bridge, call).await };
            let (key, text) = match &result {
                Ok(text) => ("result", text),
                Err(text) => ("error", text),
            };
            answers.push(function_response(&call.id, &call.name, key, text));
        }
        answer(&mut reply.items, answers);
        let is_done = !reply.tool_calls.is_empty() || round > ROUNDS_MAX + 1;
        if let Some(contents) = body.get_mut("contents").and_then(Value::as_array_mut) {
            contents.extend(reply.items.iter().cloned());
        }
        if is_done {
            let has_calls = !reply.tool_calls.is_empty();
            reply.finish =
                if has_calls { FinishReason::ToolCalls } else { FinishReason::Other("tool_rounds".to_owned()) };
            return Ok(joined(before, reply));
        }
        before = Some(joined(before, reply));
    }
}

/// What a model reads that keeps searching.
const SPENT: &str = "the limit of such calls in one reply is reached: go on with what you have";

/// Runs one bridged call. A failure is the model's to read; the reply goes on.
async fn run(session: &mut Session<'_>, bridge: Bridge, call: &ToolCall) -> Result<String, String> {
    let arguments = arguments_object(&call.arguments);
    let task = arguments.get(bridge.argument()).and_then(Value::as_str).unwrap_or(&call.arguments).to_owned();
    let tell = |phase, detail| StreamChunk::BuiltinTool { name: bridge.name().to_owned(), phase, detail };
    session.settle(tell(BuiltinPhase::Started, task.clone()));
    match session.exchange(&bridge.request(&task), Audience::Tool).await {
        Ok(found) => {
            let report = report(&found);
            session.settle(tell(BuiltinPhase::Completed, task));
            for citation in found.citations {
                session.settle(citation);
            }
            Ok(report)
        }
        Err(error) => {
            let error = error.to_string();
            session.settle(tell(BuiltinPhase::Failed, error.clone()));
            Err(error)
        }
    }
}

/// What a sub-request found: its text, the code it ran with its output, its sources.
fn report(found: &Decoded) -> String {
    let mut report = String::new();
    let parts = found.items.iter().filter_map(|content| content.get("parts")?.as_array()).flatten();
    for part in parts {
        let texts = [("/executableCode/code", "code"), ("/codeExecutionResult/output", "output")];
        for (pointer, title) in texts {
            if let Some(text) = part.pointer(pointer).and_then(Value::as_str) {
                report.push_str(&format!("{title}:\n{text}\n"));
            }
        }
    }
    report.push_str(&found.text);
    for citation in &found.citations {
        if let StreamChunk::Citation { url, title } = citation {
            report.push_str(&format!("\n[{title}]({url})"));
        }
    }
    report
}

/// Earlier replies and the next one as one reply.
fn joined(before: Option<Decoded>, next: Decoded) -> Decoded {
    let Some(mut whole) = before else { return next };
    whole.text.push_str(&next.text);
    whole.items.extend(next.items);
    whole.citations.extend(next.citations);
    Decoded { tool_calls: next.tool_calls, finish: next.finish, usage: next.usage, ..whole }
}
