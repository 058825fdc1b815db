//! What the tests share.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use massgen_protocol::{AgentIndex, ToolCall, TurnId};
use massgen_python::{ContextValues, CustomSettings, CustomToolSpec, CustomTools, InterpreterSearch};
use massgen_tool::{CallContext, Caller, Progress, ToolOutcome, ToolSource};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

pub(crate) fn environment() -> BTreeMap<OsString, OsString> {
    std::env::vars_os().filter(|(name, _)| name != "VIRTUAL_ENV").collect()
}

pub(crate) fn search() -> InterpreterSearch {
    // So that the tests can be run with another Python.
    let explicit = std::env::var("MASSGEN_TEST_PYTHON").ok();
    InterpreterSearch { explicit, folders: Vec::new(), environment: environment() }
}

pub(crate) fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

pub(crate) fn settings() -> CustomSettings {
    CustomSettings::new(files(), search())
}

pub(crate) fn specs(entries: &Value) -> Vec<CustomToolSpec> {
    entries.as_array().unwrap().iter().map(|entry| CustomToolSpec::from_value(entry).unwrap()).collect()
}

pub(crate) fn tools(settings: CustomSettings, entries: &Value) -> CustomTools {
    CustomTools::new(settings, &specs(entries))
}

/// All functions of the file of bad tools.
pub(crate) fn bad_tools(settings: CustomSettings) -> CustomTools {
    let names: Vec<&str> = vec![
        "leave",
        "segfault",
        "system_exit",
        "async_exit",
        "fail",
        "hang",
        "hang_async",
        "block_async",
        "stubborn",
        "echo",
        "slow_echo",
        "noise",
        "huge",
        "odd_text",
        "forked",
        "child_that_stays",
        "process",
        "environment",
    ];
    tools(settings, &json!([{"function": names, "path": "bad_tools.py"}]))
}

/// A context whose progress can be read.
pub(crate) struct Told {
    pub(crate) context: CallContext,
    /// Cancelled at the first output.
    pub(crate) begun: CancellationToken,
    pub(crate) progress: Arc<Mutex<Vec<Progress>>>,
}

pub(crate) fn told() -> Told {
    let progress = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&progress);
    let begun = CancellationToken::new();
    let first = begun.clone();
    let context = CallContext {
        caller: Caller { turn: TurnId { agent: AgentIndex(1), number: 1 }, presenting: false, sight: 0 },
        cancel: CancellationToken::new(),
        progress: Arc::new(move |event| {
            first.cancel();
            sink.lock().unwrap().push(event);
        }),
    };
    Told { context, begun, progress }
}

/// The context of a call that is cancelled as soon as it has printed something.
pub(crate) fn told_to_stop() -> Told {
    let mut told = told();
    told.context.cancel = told.begun.clone();
    told
}

impl Told {
    pub(crate) fn output(&self) -> String {
        let text = |event: &Progress| match event {
            Progress::Output(text) => Some(text.clone()),
            Progress::Note(_) => None,
        };
        self.progress.lock().unwrap().iter().filter_map(text).collect()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        let text = |event: &Progress| match event {
            Progress::Note(text) => Some(text.clone()),
            Progress::Output(_) => None,
        };
        self.progress.lock().unwrap().iter().filter_map(text).collect()
    }
}

pub(crate) fn tool_call(name: &str, arguments: &Value) -> ToolCall {
    ToolCall { id: "1".to_owned(), name: format!("custom_tool__{name}"), arguments: arguments.to_string() }
}

pub(crate) async fn call(tools: &CustomTools, name: &str, arguments: Value) -> ToolOutcome {
    tools.call(&tool_call(name, &arguments), &told().context).await
}

/// Surroundings with a prompt and a workspace.
pub(crate) struct Surroundings(pub(crate) PathBuf);

impl ContextValues for Surroundings {
    fn values(&self, names: &[String], context: &CallContext) -> Map<String, Value> {
        let all = json!({
            "prompt": [{"role": "user", "content": "rain?"}], "agent_id": format!("agent{}", context.caller.agent().0),
            "messages": [],
        });
        let known = |name: &String| Some((name.clone(), all.get(name)?.clone()));
        names.iter().filter_map(known).collect()
    }

    fn workspace(&self, _: &CallContext) -> Option<PathBuf> {
        Some(self.0.clone())
    }
}

/// Whether the Python of the tests can import a module.
pub(crate) fn has_module(name: &str) -> bool {
    let program = std::env::var("MASSGEN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = std::process::Command::new(program).args(["-c", &format!("import {name}")]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// Whether a part that a test needs is there. A part that the environment names must be.
pub(crate) fn has_part(test: &str, part: &str, is_there: bool, reason: &str) -> bool {
    let demanded = std::env::var("MASSGEN_TEST_PARTS").unwrap_or_default();
    assert!(is_there || !demanded.split(',').any(|name| name.trim() == part), "{test} needs {part}: {reason}");
    if !is_there {
        eprintln!("SKIPPED {test}: {reason}");
    }
    is_there
}
