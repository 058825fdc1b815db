//! Plays a scenario: picks the step for each request and turns it into a reply.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::exchange::{Asked, Call, Finish, Pace, Reply, Speech, ToolResult, is_tool};
use crate::scenario::Scenario;
use crate::scenario::step::{Act, Damage, Deed, Failure, Line, Step, Target, When};
use crate::shown::{VisibleAnswer, visible_answers};

/// A scenario being played. Which steps have been used is the only thing it remembers.
#[derive(Debug)]
pub(crate) struct Script {
    scenario: Scenario,
    /// Steps for requests that no step of the scenario is for.
    fallback: Option<Scenario>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// How many requests each model has had.
    calls: HashMap<String, u32>,
    /// How often each step was used, by its place among the steps for the model.
    used: HashMap<(String, usize), u32>,
}

/// What is to happen on one request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An HTTP status.
    Fail(Failure),
    /// A dropped connection.
    Refuse,
    /// Nothing, for ever.
    Hang,
    /// A reply, perhaps damaged on its way.
    Reply(Box<Reply>, Damage),
}

impl Script {
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self { scenario, fallback: Scenario::builtin("any"), progress: Mutex::default() }
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Decides what happens on a valid request, and counts it.
    pub(crate) fn next(&self, asked: &Asked) -> Outcome {
        let visible = visible_answers(&asked.texts);
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let count = progress.calls.entry(asked.model.clone()).or_default();
        *count = count.saturating_add(1);
        let moment = Moment { asked, visible: &visible, call: *count, scenario: self.scenario.name() };
        let fallback = self.fallback.iter().flat_map(|any| any.steps("*"));
        for (place, step) in self.scenario.steps(&asked.model).chain(fallback).enumerate() {
            let used = progress.used.entry((asked.model.clone(), place)).or_default();
            if step.times.is_none_or(|times| *used < times) && moment.fits(step) {
                *used = used.saturating_add(1);
                return moment.play(step);
            }
        }
        moment.plain("[rehearsal] No step of the scenario is for this request.")
    }
}

/// One request, and what the model can see in it.
struct Moment<'a> {
    asked: &'a Asked,
    visible: &'a [VisibleAnswer],
    call: u32,
    scenario: &'a str,
}

const DECISIONS: [&str; 2] = ["new_answer", "vote"];

impl Moment<'_> {
    fn fits(&self, step: &Step) -> bool {
        self.holds(&step.when) && self.possible(&step.act)
    }

    fn holds(&self, when: &When) -> bool {
        let shown = |text: &String| self.visible.iter().any(|answer| answer.text.contains(text.as_str()));
        when.answers.is_none_or(|count| count.contains(self.visible.len()))
            && when.shows.iter().all(shown)
            && !when.not_shows.iter().any(shown)
            && when.asked.as_ref().is_none_or(|text| self.asked.last_user.contains(text.as_str()))
            && when.tool.as_ref().is_none_or(|tool| self.asked.tool(tool).is_some())
            && when.presenting.is_none_or(|presenting| presenting == self.presenting())
            && when.call.is_none_or(|call| call == self.call)
            && when.after_tool.as_ref().is_none_or(|tool| self.after_tool(tool))
            && when.results.is_none_or(|count| count.contains(self.asked.results))
            && when.returned.iter().all(|text| self.returned(text))
            && when.rejected.is_none_or(|rejected| rejected == self.rejected())
    }

    /// A decision can only be made while it is offered, and a vote only for something in sight.
    fn possible(&self, act: &Act) -> bool {
        let Act::Reply(line, _) = act else { return true };
        match &line.deed {
            Deed::Talk | Deed::Calls(_) => true,
            Deed::Answer(_) => self.asked.tool("new_answer").is_some(),
            Deed::Vote { target, .. } => self.asked.tool("vote").is_some() && self.voted_for(target).is_some(),
        }
    }

    fn presenting(&self) -> bool {
        DECISIONS.iter().all(|tool| self.asked.tool(tool).is_none())
    }

    fn after_tool(&self, tool: &str) -> bool {
        self.asked.last_results.iter().any(|result| is_tool(&result.tool, tool))
    }

    fn returned(&self, text: &str) -> bool {
        self.asked.last_results.iter().any(|result| result.text.contains(text))
    }

    /// A decision that is accepted ends the turn, so a request that ends with its result tells of
    /// a refusal. Chat Completions and Responses have no mark for errors to go by.
    fn rejected(&self) -> bool {
        let decision = |name: &str| DECISIONS.iter().any(|tool| is_tool(name, tool));
        let nameless = |result: &ToolResult| result.tool.is_empty() && result.is_error;
        self.asked.last_results.iter().any(|result| decision(&result.tool) || nameless(result))
    }

    /// The agent a vote goes to. Of several answers that fit, the one of the first agent, so that
    /// voters who see them in different orders agree.
    fn voted_for(&self, target: &Target) -> Option<String> {
        match target {
            Target::Agent(agent) => Some(agent.clone()),
            Target::Containing(text) => {
                let vote = self.asked.tool("vote");
                let eligible = |answer: &&VisibleAnswer| vote.is_none_or(|vote| vote.admits(&answer.agent));
                let fitting = self.visible.iter().filter(eligible).filter(|a| a.text.contains(text.as_str()));
                fitting.map(|answer| &answer.agent).min_by_key(|agent| (agent.len(), *agent)).cloned()
            }
        }
    }

    fn play(&self, step: &Step) -> Outcome {
        match &step.act {
            Act::Fail(failure) => Outcome::Fail(failure.clone()),
            Act::Refuse => Outcome::Refuse,
            Act::Hang => Outcome::Hang,
            Act::Reply(line, damage) => Outcome::Reply(Box::new(self.reply(line)), *damage),
        }
    }

    fn reply(&self, line: &Line) -> Reply {
        let calls = match &line.deed {
            Deed::Talk => Vec::new(),
            Deed::Answer(content) => vec![self.call("new_answer", json!({"content": self.fill(content)}))],
            Deed::Vote { target, reason } => {
                let agent = self.voted_for(target).unwrap_or_default();
                vec![self.call("vote", json!({"agent_id": agent, "reason": self.fill(reason)}))]
            }
            Deed::Calls(calls) => {
                calls.iter().map(|(tool, arguments)| self.call(tool, self.filled(arguments))).collect()
            }
        };
        Reply {
            reason: line.reason.as_ref().map(|text| self.fill(text)),
            builtins: line.builtins.clone(),
            say: match &line.say {
                Speech::Text(text) => Speech::Text(self.fill(text)),
                Speech::Repeated { .. } => line.say.clone(),
            },
            calls,
            finish: line.finish,
            pace: line.pace,
            interleave: line.interleave,
        }
    }

    fn call(&self, tool: &str, arguments: serde_json::Value) -> Call {
        let offered = self.asked.tool(tool);
        Call {
            name: offered.map_or(tool, |offered| offered.name.as_str()).to_owned(),
            namespace: offered.and_then(|offered| offered.namespace.clone()),
            arguments,
        }
    }

    /// The same with every text filled in.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), self.filled(value))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// What stands between two texts of the conversation: where a client tells its agent to work.
    fn told(&self, before: &str, after: &str) -> &str {
        let texts = std::iter::once(&self.asked.instructions).chain(&self.asked.texts);
        let rest = texts.filter_map(|text| text.split_once(before)).map(|(_, rest)| rest).next().unwrap_or_default();
        rest.split_once(after).map_or("", |(told, _)| told)
    }

    /// Replaces `${model}`, `${call}` and `${scenario}`, and the directories that massgen tells its agents of.
    fn fill(&self, text: &str) -> String {
        if !text.contains("${") {
            return text.to_owned();
        }
        let text = text.replace("${model}", &self.asked.model).replace("${call}", &self.call.to_string());
        let text = text.replace("${scenario}", self.scenario);
        let text = text.replace("${workspace}", self.told("Your workspace is ", "; relative paths"));
        let text = text.replace("${copy}", self.told("in copies:\n- ", " stands for "));
        text.replace("${peers}", self.told(" are copied to ", "/agent1 and so on"))
    }

    fn plain(&self, text: &str) -> Outcome {
        let reply = Reply {
            reason: None,
            builtins: Vec::new(),
            say: Speech::Text(self.fill(text)),
            calls: Vec::new(),
            finish: Finish::Complete,
            pace: Pace { chunk: 24, first: Duration::ZERO, delay: Duration::ZERO },
            interleave: false,
        };
        Outcome::Reply(Box::new(reply), Damage::default())
    }
}

#[cfg(test)]
mod tests;
