//! One request and one reply, in words that belong to no protocol.

use std::time::Duration;

use serde_json::Value;

/// What a client asked, as far as a script can react to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// The model as the client names it.
    pub(crate) model: String,
    /// Whether the reply is to be streamed.
    pub(crate) stream: bool,
    /// What the client tells the model before anybody speaks.
    pub(crate) instructions: String,
    /// Every user message and tool result, in order.
    pub(crate) texts: Vec<String>,
    /// The text of the last user message that is not a tool result.
    pub(crate) last_user: String,
    /// The tool results that the conversation ends with; empty when it ends with anything else.
    pub(crate) last_results: Vec<ToolResult>,
    /// How many tool results there are in the whole conversation.
    pub(crate) results: usize,
    /// The tools that the client runs.
    pub(crate) tools: Vec<OfferedTool>,
    /// Whether the client wants to see the model's reasoning.
    pub(crate) reasoning_wanted: bool,
    /// Rough count of the tokens sent.
    pub(crate) input_tokens: u64,
    /// Whether the client insists on a picture.
    pub(crate) draws: bool,
    /// The format in which the client wants to hear the reply.
    pub(crate) speaks: Option<String>,
}

/// The result of one tool call, as the client reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolResult {
    /// The tool's name; empty if the conversation does not tell.
    pub(crate) tool: String,
    /// Whether it is marked as an error, where the protocol has such a mark.
    pub(crate) is_error: bool,
    /// What the client says of it.
    pub(crate) text: String,
}

/// A tool that the client offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferedTool {
    /// The name to call it by.
    pub(crate) name: String,
    /// The group it belongs to (Responses only).
    pub(crate) namespace: Option<String>,
    /// What its `agent_id` may be, where the schema says so: whom a vote may be for.
    pub(crate) choices: Vec<String>,
}

impl OfferedTool {
    /// A tool with a JSON schema for its arguments.
    pub(crate) fn new(name: &str, schema: Option<&Value>) -> Self {
        let choices = schema.and_then(|schema| schema.pointer("/properties/agent_id/enum")).and_then(Value::as_array);
        let choices = choices.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Self { name: name.to_owned(), namespace: None, choices }
    }

    /// Whether the schema lets it be called for `agent`.
    pub(crate) fn admits(&self, agent: &str) -> bool {
        self.choices.is_empty() || self.choices.iter().any(|choice| choice == agent)
    }
}

impl Asked {
    /// Takes in a tool result, which is a text as well.
    pub(crate) fn push_result(&mut self, result: ToolResult) {
        self.texts.push(result.text.clone());
        self.last_results.push(result);
        self.results += 1;
    }

    /// The offered tool of that name. A coding agent offers the tools of an MCP server under
    /// longer names, such as `mcp__team__vote` or `mcp_team_vote`: these are found too.
    pub(crate) fn tool(&self, name: &str) -> Option<&OfferedTool> {
        let exact = self.tools.iter().find(|tool| tool.name == name);
        exact.or_else(|| self.tools.iter().find(|tool| is_tool(&tool.name, name)))
    }
}

/// Whether `name` is `tool`, or the name that a coding agent gives it as a tool of an MCP server.
pub(crate) fn is_tool(name: &str, tool: &str) -> bool {
    name == tool || (name.starts_with("mcp_") && name.strip_suffix(tool).is_some_and(|head| head.ends_with('_')))
}

/// What the model says.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// Reasoning, shown where the client asked for it.
    pub(crate) reason: Option<String>,
    /// Tools that the provider ran on its side.
    pub(crate) builtins: Vec<Builtin>,
    /// The text.
    pub(crate) say: Speech,
    /// Calls of the client's tools.
    pub(crate) calls: Vec<Call>,
    /// Why the reply ends.
    pub(crate) finish: Finish,
    /// How it is streamed.
    pub(crate) pace: Pace,
    /// Whether the parts of several calls are interleaved.
    pub(crate) interleave: bool,
}

/// The text of a reply.
#[derive(Debug, Clone)]
pub(crate) enum Speech {
    /// Said once, cut into chunks.
    Text(String),
    /// The same chunk over and over, which costs no memory.
    Repeated {
        /// One chunk.
        text: String,
        /// How often.
        times: u32,
    },
}

impl Speech {
    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Repeated { text, times } => text.is_empty() || *times == 0,
        }
    }

    /// The whole text.
    pub(crate) fn whole(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Repeated { text, times } => text.repeat(usize::try_from(*times).unwrap_or(usize::MAX)),
        }
    }

    /// The text in chunks, each with the number of times it is sent.
    pub(crate) fn chunks(&self, characters: usize) -> Vec<(&str, u32)> {
        match self {
            Self::Text(text) => chunks(text, characters).map(|chunk| (chunk, 1)).collect(),
            Self::Repeated { text, times } => vec![(text.as_str(), *times)],
        }
    }

    /// Rough count of its tokens.
    pub(crate) fn tokens(&self) -> u64 {
        match self {
            Self::Text(text) => tokens(text.len()),
            Self::Repeated { text, times } => tokens(text.len()) * u64::from(*times),
        }
    }
}

/// A call of a tool that the client runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The tool's name as it was offered.
    pub(crate) name: String,
    /// The group it belongs to.
    pub(crate) namespace: Option<String>,
    /// A JSON object.
    pub(crate) arguments: Value,
}

/// A tool that the provider runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Builtin {
    /// A search of the web.
    WebSearch {
        /// What was searched for.
        query: String,
        /// What was found: address and title.
        results: Vec<(String, String)>,
    },
    /// A program run on the provider's side.
    Code {
        /// The program.
        source: String,
        /// What it printed.
        output: String,
    },
}

/// Why a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Finish {
    /// The model has said what it had to say.
    #[default]
    Complete,
    /// The limit on output tokens was reached.
    Length,
    /// The provider's filter stopped it.
    Filtered,
}

/// How fast and in what pieces a reply is streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Characters in a chunk.
    pub(crate) chunk: usize,
    /// The pause before the first chunk.
    pub(crate) first: Duration,
    /// The pause between chunks.
    pub(crate) delay: Duration,
}

/// Rough count of the tokens in so many bytes.
pub(crate) fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

/// `text` in pieces of at most so many characters.
pub(crate) fn chunks(text: &str, characters: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(characters.max(1)).map_or(rest.len(), |(at, _)| at);
        let (chunk, tail) = rest.split_at_checked(end)?;
        rest = tail;
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_count_characters_and_lose_none() {
        assert_eq!(chunks("añb€c", 2).collect::<Vec<_>>(), ["añ", "b€", "c"]);
        assert_eq!(chunks("", 2).count(), 0);
        assert_eq!(chunks("abc", 0).count(), 3);
    }

    #[test]
    fn an_mcp_tool_is_found_by_its_short_name() {
        let tool = |name: &str| OfferedTool::new(name, None);
        let asked = Asked { tools: vec![tool("mcp__team__vote"), tool("mcp_team_new_answer")], ..Asked::default() };
        assert_eq!(asked.tool("vote").map(|tool| tool.name.as_str()), Some("mcp__team__vote"));
        assert_eq!(asked.tool("new_answer").map(|tool| tool.name.as_str()), Some("mcp_team_new_answer"));
        assert_eq!(asked.tool("answer_new"), None);
    }
}
