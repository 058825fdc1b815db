//! `massgen record`: makes a recording of a run, for `--cassette`, or a scenario, for `massgen rehearse`.

use std::collections::BTreeMap;

use massgen_journal::{Journal, LogFolder, read};
use massgen_protocol::{Activity, AgentIndex, AssistantTurn, Event, Record, RunView};
use serde_json::{Map, Value, json};

use crate::args::RecordArgs;
use crate::commands::resume::{find, log_base, newest_run};
use crate::failure::{Failure, with_causes};
use crate::{delivery, surroundings, terminal};

/// Writes what the run's providers replied, or a scenario that replies the same.
pub(crate) fn record(args: &RecordArgs) -> Result<(), Failure> {
    let base = log_base(&surroundings::environment()?);
    let logs = match &args.id {
        Some(id) => find(&base, id)?,
        None => newest_run(&base)?,
    };
    let records = read(&logs.journal()).map_err(|error| Failure::execution(with_causes(&error)))?.records;
    if args.scenario {
        return put(args, &scenario(&records)?);
    }
    let Some(path) = &args.output else {
        return Err(Failure::execution("a recording is a file: name it with `-o FILE`")
            .hint(format!("a run can be repeated without one: massgen --cassette {} ...", logs.session_id())));
    };
    let kept = without_streams(records);
    Journal::create_with(path, &kept).map_err(|error| Failure::execution(with_causes(&error)))?;
    tell(&logs, &kept, &path.display().to_string());
    Ok(())
}

/// The records without what was streamed: replies are kept whole. There are no keys in either.
fn without_streams(records: Vec<Record>) -> Vec<Record> {
    let is_streamed = |record: &Record| {
        matches!(
            record.event,
            Event::Activity(Activity::Text { .. } | Activity::Reasoning { .. } | Activity::ToolOutput { .. })
        )
    };
    let kept = records.into_iter().filter(|record| !is_streamed(record));
    (1..).zip(kept).map(|(seq, record)| Record { seq, ..record }).collect()
}

fn tell(logs: &LogFolder, kept: &[Record], path: &str) {
    let replies = replies(kept).values().map(Vec::len).sum::<usize>();
    terminal::tell(&format!(
        "recorded {replies} replies of {} in {path}; `--cassette {path}` with the same config repeats the run offline",
        logs.session_id()
    ));
}

/// What each agent's model said, in order.
fn replies(records: &[Record]) -> BTreeMap<AgentIndex, Vec<&AssistantTurn>> {
    let mut replies: BTreeMap<AgentIndex, Vec<&AssistantTurn>> = BTreeMap::new();
    for record in records {
        if let Event::Activity(Activity::CallEnded { turn, reply: Some(reply), .. }) = &record.event {
            replies.entry(turn.agent).or_default().push(reply);
        }
    }
    replies
}

/// A rehearsal scenario that says the same, step by step.
fn scenario(records: &[Record]) -> Result<String, Failure> {
    let view = RunView::replay(records);
    let mut models: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (agent, replies) in replies(records) {
        let Some(profile) = view.agent(agent).map(|agent| agent.profile.clone()) else { continue };
        models.entry(profile.model).or_default().extend(replies.into_iter().map(step));
    }
    if models.is_empty() {
        return Err(Failure::configuration("nobody has replied in this run: there is nothing to rehearse"));
    }
    let document = json!({
        "title": format!("recorded: {}", view.run_id),
        "question": view.question,
        "models": models,
    });
    serde_saphyr::to_string(&document)
        .map_err(|error| Failure::execution(format!("the scenario cannot be written as YAML: {error}")))
}

/// One reply as a step that is played once.
fn step(reply: &AssistantTurn) -> Value {
    let mut step = Map::new();
    step.insert("times".to_owned(), json!(1));
    if !reply.text.is_empty() {
        step.insert("say".to_owned(), json!(reply.text));
    }
    let mut calls = Vec::new();
    for call in &reply.tool_calls {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or(Value::Null);
        let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
        match call.name.as_str() {
            "new_answer" => drop(step.insert("new_answer".to_owned(), json!(text("content")))),
            "vote" => {
                step.insert("vote".to_owned(), json!({ "for": text("agent_id"), "reason": text("reason") }));
            }
            name => calls.push(json!({ "tool": name, "arguments": arguments })),
        }
    }
    if !calls.is_empty() {
        step.insert("calls".to_owned(), Value::Array(calls));
    }
    if step.len() == 1 {
        step.insert("say".to_owned(), json!(""));
    }
    Value::Object(step)
}

fn put(args: &RecordArgs, text: &str) -> Result<(), Failure> {
    match &args.output {
        None => delivery::print(text),
        Some(path) => std::fs::write(path, text).map_err(|error| {
            Failure::execution(format!("the scenario cannot be written to {}: {error}", path.display()))
        })?,
    }
    Ok(())
}
