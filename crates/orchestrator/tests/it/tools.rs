//! Agents that do things, with a few small tools that are real enough: they write, read and run files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use massgen_orchestrator::Desk;
use massgen_protocol::{
    Activity, AnswerRevision, Event, Fact, Finding, Record, Rules, RunEnd, ToolCall, ToolEnd, ToolSpec, TurnOutcome,
    Verification, Violation,
};
use massgen_rehearsal::Scenario;
use massgen_tool::{CallContext, Effect, Tool, ToolOutcome, ToolSource, Toolbox, Touch, TouchKind};
use massgen_workspace::SnapshotStore;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;

/// Writes and reads files, fails, hangs and panics on request.
struct Bench {
    workspace: PathBuf,
    closed: Arc<AtomicUsize>,
}

impl ToolSource for Bench {
    fn name(&self) -> &str {
        "bench"
    }

    fn tools(&self) -> Vec<Tool> {
        let tool = |name: &str, effect| Tool {
            spec: ToolSpec {
                name: name.to_owned(),
                description: "Does what its name says.".to_owned(),
                parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
            },
            effect,
        };
        vec![
            tool("write", Effect::Own),
            tool("read", Effect::None),
            tool("run", Effect::Own),
            tool("fail", Effect::None),
            tool("hang", Effect::None),
            tool("panic", Effect::Outside),
        ]
    }

    fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
            let path = self.workspace.join(arguments["path"].as_str().unwrap_or_default());
            context.report(massgen_tool::Progress::Output(format!("{} at work\n", call.name)));
            match call.name.as_str() {
                "write" => match std::fs::write(&path, arguments["text"].as_str().unwrap_or("text")) {
                    Ok(()) => ToolOutcome::done("written"),
                    Err(error) => ToolOutcome::failed(error.to_string()),
                },
                "read" => match std::fs::read_to_string(&path) {
                    Ok(text) => ToolOutcome::done(text).touching([Touch { path, kind: TouchKind::Read }]),
                    Err(error) => ToolOutcome::failed(error.to_string()),
                },
                "run" => {
                    let command = format!("python3 {}", path.display());
                    let exit_code = Some(i32::from(!path.exists()));
                    ToolOutcome::done("ran").touching([Touch { path, kind: TouchKind::Ran { command, exit_code } }])
                }
                "hang" => std::future::pending().await,
                "panic" => panic!("as asked"),
                _ => ToolOutcome::failed("it failed"),
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.closed.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

struct Workshop {
    stage: Stage,
    closed: Arc<AtomicUsize>,
}

impl Workshop {
    async fn new(scenario: &str, rules: Rules) -> Self {
        let mut stage = Stage::new(Scenario::parse(scenario, "tools").unwrap(), rules).await;
        let folder = stage.folder.path().to_owned();
        let store = Arc::new(SnapshotStore::open(&folder.join("snapshots")).unwrap());
        let closed = Arc::new(AtomicUsize::new(0));
        for (number, agent) in stage.setup.agents.iter_mut().enumerate() {
            let workspace = folder.join(format!("desk_{number}"));
            std::fs::create_dir_all(&workspace).unwrap();
            agent.tools =
                Toolbox::new(vec![Arc::new(Bench { workspace: workspace.clone(), closed: Arc::clone(&closed) })]);
            agent.desk = Some(Desk::new(workspace, folder.join(format!("peers_{number}")), Arc::clone(&store)));
        }
        Self { stage, closed }
    }

    /// Plays the run to its end.
    async fn play(&self) -> (massgen_protocol::RunView, Vec<Record>) {
        let mut records = Vec::new();
        let view = self.stage.play(|record| records.push((**record).clone()), CancellationToken::new()).await.view;
        (view, records)
    }

    fn request(&self, model: &str, number: usize) -> Value {
        self.stage.server.received().into_iter().filter(|got| got.model == model).nth(number).unwrap().body
    }
}

fn revision(label: &str) -> AnswerRevision {
    label.parse().unwrap()
}

const MODELS: [&str; 4] = ["gpt-5-nano", "claude-sonnet-4-5", "gemini-2.5-flash", "glm-4.5"];

#[tokio::test]
async fn every_protocol_carries_a_tool_loop_and_each_call_has_one_end() {
    for model in MODELS {
        let scenario = format!(
            "
title: A tool loop
question: q
models:
  {model}:
    - {{when: {{results: 0}}, say: I write., calls: [{{tool: write, arguments: {{path: a.txt, text: hello}}}}, {{tool: fail, arguments: {{}}}}]}}
    - {{when: {{results: 2, returned: [it failed]}}, call: {{tool: read, arguments: {{path: a.txt}}}}}}
    - {{when: {{results: 3, returned: [hello]}}, call: {{tool: nonsense, arguments: {{}}}}}}
    - {{when: {{results: 4, returned: [no tool]}}, call: {{tool: panic, arguments: {{}}}}}}
    - {{when: {{results: 5, returned: [not known whether]}}, say: done}}
"
        );
        let workshop = Workshop::new(&scenario, Rules::default()).await;
        let (view, records) = workshop.play().await;
        assert_eq!(view.end, Some(RunEnd::SingleAnswer), "{model}");
        assert_eq!(view.final_answer.unwrap().1, "done", "{model}");
        let tools = records.iter().filter_map(|record| match &record.event {
            Event::Activity(Activity::ToolCalled { name, .. }) => Some((name.clone(), None)),
            Event::Activity(Activity::ToolEnded { name, end, .. }) => Some((name.clone(), Some(*end))),
            _ => None,
        });
        let mut ends: Vec<_> = tools.collect();
        ends.sort_by_key(|(name, end)| (name.clone(), end.is_some()));
        let expected = [
            ("fail", ToolEnd::Failed),
            ("nonsense", ToolEnd::Failed),
            ("panic", ToolEnd::Failed),
            ("read", ToolEnd::Done),
            ("write", ToolEnd::Done),
        ];
        let expected: Vec<_> = expected
            .iter()
            .flat_map(|(name, end)| [((*name).to_owned(), None), ((*name).to_owned(), Some(*end))])
            .collect();
        assert_eq!(ends, expected, "{model}");
        assert!(view.final_snapshot.is_some(), "{model}: the workspace goes with the answer");
        assert_eq!(workshop.closed.load(Ordering::SeqCst), 1, "{model}");
        workshop.stage.server.stop().await;
    }
}

/// Two agents: the first writes a file and answers; the second looks at it in its own copy.
const LOOKING: &str = "
title: One looks at the other's files
question: q
models:
  gpt-5-nano:
    - {when: {answers: 0, results: 0}, call: {tool: write, arguments: {path: analysis.py, text: first}}}
    - {when: {answers: 0}, new_answer: see analysis.py}
    - {when: {presenting: true}, say: presented}
    - {when: {rejected: true}, call: {tool: run, arguments: {path: '${peers}/agent1/analysis.py'}}}
    - {vote: {for: analysis.py, reason: mine}}
  claude-sonnet-4-5:
    - {when: {answers: 0}, new_answer: no files}
    - {when: {results: 0}, call: {tool: read, arguments: {path: '${peers}/agent1/analysis.py'}}}
    - {when: {returned: [first]}, call: {tool: run, arguments: {path: '${peers}/agent1/missing.py'}}}
    - {vote: {for: analysis.py, reason: it is there}}
";

#[tokio::test]
async fn peers_see_each_other_s_files_and_votes_say_what_was_checked() {
    let rules = Rules { verification: Verification::Required, ..Rules::default() };
    let workshop = Workshop::new(LOOKING, rules).await;
    let (view, records) = workshop.play().await;
    assert_eq!(view.end, Some(RunEnd::Consensus));
    let own = |voter: u16| view.valid_votes().find(|vote| vote.voter.0 == voter).unwrap().checks.clone();
    let subjects: Vec<_> = own(1).into_iter().map(|check| (check.subject, check.finding)).collect();
    let failed = Finding::Failed { exit_code: Some(1) };
    assert_eq!(subjects, [("analysis.py".to_owned(), Finding::Read), ("python3 agent1/missing.py".to_owned(), failed)]);
    assert_eq!(own(0).first().map(|check| check.finding), Some(Finding::Passed));
    let refused = records.iter().filter(|record| {
        matches!(&record.event, Event::Fact(Fact::DecisionRejected { violation: Violation::Unchecked { .. }, .. }))
    });
    assert_eq!(refused.count(), 1, "only the one that had not looked was refused");
    let answer = view.answer(revision("agent1.1")).unwrap();
    assert_eq!(answer.failures().count(), 1);
    assert!(answer.snapshot.is_some() && view.answer(revision("agent2.1")).unwrap().snapshot.is_none());
    // The presenter's own files go with the final answer.
    assert_eq!(view.final_snapshot, answer.snapshot);
    let prompt = workshop.request("claude-sonnet-4-5", 1).to_string();
    let peers = workshop.stage.folder.path().join("peers_1/agent1");
    assert!(prompt.contains(&format!("agent1: {}", peers.display())), "{prompt}");
    assert!(!prompt.contains("desk_0"), "nobody learns where another works: {prompt}");
    workshop.stage.server.stop().await;
}

#[tokio::test]
async fn a_decision_beside_a_tool_call_that_fails_is_not_taken() {
    let scenario = "
title: Too hasty
question: q
models:
  gpt-5-nano:
    - {when: {answers: 0, results: 0}, calls: [{tool: fail, arguments: {}}, {tool: new_answer, arguments: {content: built on sand}}]}
    - {when: {answers: 0, returned: ['Not taken']}, calls: [{tool: write, arguments: {path: a, text: a}}, {tool: new_answer, arguments: {content: built on rock}}]}
    - {vote: {for: rock, reason: r}}
  claude-sonnet-4-5:
    - {when: {answers: 0}, new_answer: other}
    - {vote: {for: rock, reason: r}}
";
    let workshop = Workshop::new(scenario, Rules::default()).await;
    let (view, _) = workshop.play().await;
    let contents: Vec<_> = view.answers.iter().map(|answer| answer.content.as_str()).collect();
    assert!(contents.contains(&"built on rock") && !contents.contains(&"built on sand"), "{contents:?}");
    assert!(view.answer(revision("agent1.1")).unwrap().snapshot.is_some(), "it was written before it was published");
    workshop.stage.server.stop().await;
}

#[tokio::test]
async fn a_turn_with_tools_learns_of_news_between_two_calls() {
    let scenario = "
title: News
question: q
models:
  gpt-5-nano:
    - {when: {answers: 0}, new_answer: one}
    - {when: {answers: 2, not_shows: [three]}, first_ms: 500, new_answer: three}
    - {vote: {for: three, reason: r}}
  claude-sonnet-4-5:
    - {when: {answers: 0}, new_answer: two}
    - {when: {not_shows: [three]}, delay_ms: 5, call: {tool: read, arguments: {path: nothing}}}
    - {vote: {for: three, reason: r}}
";
    let workshop = Workshop::new(scenario, Rules::default()).await;
    let (view, records) = workshop.play().await;
    assert_eq!(view.final_answer.unwrap().0, revision("agent1.2"));
    let count = |wanted: fn(&Fact) -> bool| {
        records.iter().filter(|record| matches!(&record.event, Event::Fact(fact) if wanted(fact))).count()
    };
    assert_eq!(count(|fact| matches!(fact, Fact::TurnRefreshed { .. })), 1);
    assert_eq!(count(|fact| matches!(fact, Fact::TurnCut { .. })), 0, "work in hand is not thrown away");
    workshop.stage.server.stop().await;
}

#[tokio::test]
async fn a_tool_that_never_ends_is_stopped_with_its_turn() {
    let scenario = "
title: Hanging
question: q
models:
  gpt-5-nano: [{call: {tool: hang, arguments: {}}}]
";
    let workshop = Workshop::new(scenario, Rules::default()).await;
    let cancel = CancellationToken::new();
    let mut events = Vec::new();
    let observe = |record: &Arc<Record>| {
        if matches!(record.event, Event::Activity(Activity::ToolOutput { .. })) {
            cancel.cancel();
        }
        events.push(record.event.clone());
    };
    let view = workshop.stage.play(observe, cancel.clone()).await.view;
    assert_eq!(view.end, Some(RunEnd::Cancelled));
    let stopped = |event: &Event| matches!(event, Event::Activity(Activity::ToolEnded { end: ToolEnd::Stopped, .. }));
    assert!(events.iter().any(stopped));
    let cancelled =
        |event: &Event| matches!(event, Event::Fact(Fact::TurnEnded { outcome: TurnOutcome::Cancelled, .. }));
    assert!(events.iter().any(cancelled));
    assert_eq!(workshop.closed.load(Ordering::SeqCst), 1);
    workshop.stage.server.stop().await;
}
