//! The tools by which agents decide, and what they are told when a reply holds no decision.

use massgen_backends::{AssistantTurn, ToolSpec};
use massgen_coordination::{DecisionCall, Reply, ReplyEnding};
use massgen_protocol::{Choices, FinishReason, ToolCall, Violation};
use serde::Deserialize;
use serde_json::json;

const NEW_ANSWER: &str = "new_answer";
const VOTE: &str = "vote";

/// The tools for one call: made anew each time, from what the call is shown.
pub(crate) fn tools(choices: &Choices) -> Vec<ToolSpec> {
    let mut tools = Vec::new();
    if choices.may_answer {
        tools.push(ToolSpec {
            name: NEW_ANSWER.to_owned(),
            description: "Publish your complete answer to the task.".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": { "content": { "type": "string", "description": "The whole answer." } },
                "required": ["content"],
                "additionalProperties": false,
            }),
        });
    }
    if !choices.votes.is_empty() {
        let agents: Vec<String> = choices.votes.iter().map(|answer| answer.agent.to_string()).collect();
        tools.push(ToolSpec {
            name: VOTE.to_owned(),
            description: "Vote for the best of the current answers.".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "agent_id": { "type": "string", "enum": agents, "description": "Whose answer." },
                    "reason": { "type": "string", "description": "Why, and what you checked." },
                },
                "required": ["agent_id", "reason"],
                "additionalProperties": false,
            }),
        });
    }
    tools
}

/// Whether a call of this name is a decision.
pub(crate) fn is_decision(name: &str) -> bool {
    name == NEW_ANSWER || name == VOTE
}

/// A reply in the words of the coordination.
///
/// Calls of other tools are no concern of the coordination, except where there are none.
pub(crate) fn reply(turn: &AssistantTurn, finish: &FinishReason, has_tools: bool) -> Reply {
    let is_meant = |call: &&ToolCall| !has_tools || is_decision(&call.name);
    Reply {
        text: turn.text.clone(),
        calls: turn.tool_calls.iter().filter(is_meant).map(decision).collect(),
        ending: match finish {
            FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Other(_) => ReplyEnding::Whole,
            FinishReason::Length => ReplyEnding::CutAtLimit,
            FinishReason::Refusal => ReplyEnding::Refused,
        },
        snapshot: None,
    }
}

/// Whether a reply may come to be an answer, which files go with. A vote needs none.
pub(crate) fn may_be_an_answer(reply: &Reply) -> bool {
    let is_answer = |call: &DecisionCall| matches!(call, DecisionCall::NewAnswer { .. });
    reply.calls.is_empty() || reply.calls.iter().any(is_answer)
}

fn decision(call: &ToolCall) -> DecisionCall {
    #[derive(Deserialize)]
    struct NewAnswer {
        #[serde(default)]
        content: String,
    }
    #[derive(Deserialize)]
    struct Vote {
        agent_id: String,
        #[serde(default)]
        reason: String,
    }
    // A call without arguments is sent as nothing at all by some providers.
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
    let unreadable =
        |error: serde_json::Error| DecisionCall::Unreadable { tool: call.name.clone(), problem: error.to_string() };
    match call.name.as_str() {
        NEW_ANSWER => serde_json::from_str(arguments)
            .map_or_else(unreadable, |NewAnswer { content }| DecisionCall::NewAnswer { content }),
        VOTE => serde_json::from_str(arguments)
            .map_or_else(unreadable, |Vote { agent_id, reason }| DecisionCall::Vote { target: agent_id, reason }),
        _ => DecisionCall::Unknown { tool: call.name.clone() },
    }
}

/// What a model is told about a reply that holds no valid decision.
pub(crate) fn rejection(violation: &Violation, choices: &Choices) -> String {
    let names: Vec<String> = choices.votes.iter().map(|answer| answer.agent.to_string()).collect();
    let names = names.join(", ");
    let options = match (choices.may_answer, names.is_empty()) {
        (true, true) => "Call new_answer with your complete answer.".to_owned(),
        (true, false) => format!("Call either vote (for one of: {names}) or new_answer."),
        (false, _) => format!("Call vote for one of: {names}."),
    };
    let problem = match violation {
        Violation::NoDecision => "Your turn ends with a tool call, and you made none.".to_owned(),
        Violation::AnswerAndVote => {
            "You published an answer and voted: one turn, one decision. Neither counts.".to_owned()
        }
        Violation::SeveralAnswers => "You published several answers: one turn, one decision. None counts.".to_owned(),
        Violation::SeveralVotes => "You voted for several answers: one turn, one vote. None counts.".to_owned(),
        Violation::NothingToVoteFor => "There is no answer to vote for yet.".to_owned(),
        Violation::UnknownTarget { target } => format!("There is no answer of \"{}\".", shortened(target)),
        Violation::AnswerNotAllowed => "You cannot publish another answer now.".to_owned(),
        Violation::EmptyAnswer => "Your answer was empty.".to_owned(),
        Violation::DuplicateAnswer { of } => {
            format!("Your answer is the same as that of {}. If you agree with it, vote for it.", of.agent)
        }
        Violation::TooSimilar { to, similarity_percent } => format!(
            "Your answer is too much like that of {} ({similarity_percent} % of the words). Vote for it, or publish \
             something that really differs.",
            to.agent
        ),
        Violation::Unchecked { target } => {
            let author = target.agent;
            return format!(
                "Your vote does not count yet: in this turn you have neither opened nor run any of the files that go with \
                 the answer of {author}. Look at them in your copy, {author}/, run or test what can be run, then vote."
            );
        }
        Violation::BadArguments { tool, problem } => {
            format!("The arguments of {} could not be read: {problem}.", shortened(tool))
        }
        Violation::UnknownTool { tool } => format!("There is no tool \"{}\".", shortened(tool)),
    };
    format!("{problem} {options}")
}

/// A model's own words, short enough to be told back.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
