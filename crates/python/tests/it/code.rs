//! Generated code is run by Python, and its calls arrive.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use massgen_protocol::{ToolCall, ToolSpec};
use massgen_python::{CodeSettings, CodeTools, Dispatch, ToolboxDispatch, group_by_server, token_cost};
use massgen_tool::{CallContext, Effect, Tool, ToolOutcome, ToolSource, Toolbox, ToolboxSettings};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::Notify;

use crate::support::{files, has_part, told};

fn tool(name: &str, effect: Effect, properties: &Value, required: &[&str]) -> Tool {
    let parameters = json!({"type": "object", "properties": properties, "required": required});
    Tool { spec: ToolSpec { name: name.to_owned(), description: format!("Does {name}."), parameters }, effect }
}

fn some_tools() -> Vec<Tool> {
    let text = || json!({"text": {"type": "string"}, "max-count": {"type": "integer"}});
    vec![
        tool("mcp__every-thing__echo", Effect::None, &text(), &["text"]),
        tool("mcp__every-thing__class", Effect::Outside, &json!({"a": {}, "b": {}}), &["a"]),
        tool("mcp__git__git_log", Effect::None, &json!({}), &[]),
        tool(
            "custom_tool__two_num_tool",
            Effect::None,
            &json!({"x": {"type": "integer"}, "y": {"type": "integer"}}),
            &["x", "y"],
        ),
    ]
}

/// Answers with what it was asked; some tools fail, wait, or answer with much.
#[derive(Default)]
struct Fake {
    calls: Mutex<Vec<(String, Value)>>,
    running: AtomicUsize,
    running_max: AtomicUsize,
    begun: Notify,
    dropped: Arc<Notify>,
    release: Notify,
}

struct OnDrop(Arc<Notify>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Dispatch for Fake {
    fn dispatch<'a>(&'a self, name: &'a str, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            self.calls.lock().unwrap().push((name.to_owned(), arguments.clone()));
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.running_max.fetch_max(running, Ordering::SeqCst);
            let outcome = match arguments.get("text").and_then(Value::as_str) {
                Some("fail") => ToolOutcome::failed("refused: not today"),
                Some("wait") => {
                    let _guard = OnDrop(Arc::clone(&self.dropped));
                    self.begun.notify_one();
                    self.release.notified().await;
                    ToolOutcome::done("released")
                }
                Some("huge") => ToolOutcome::done("x".repeat(5_000_000)),
                _ => ToolOutcome::done(json!({"tool": name, "arguments": arguments}).to_string()),
            };
            self.running.fetch_sub(1, Ordering::SeqCst);
            outcome
        })
    }
}

struct Bench {
    dir: tempfile::TempDir,
    fake: Arc<Fake>,
    tools: CodeTools,
}

impl Bench {
    async fn new(change: impl FnOnce(&mut CodeSettings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("workspace");
        std::fs::create_dir(&workspace).unwrap();
        let mut settings = CodeSettings::new(workspace);
        change(&mut settings);
        let fake = Arc::new(Fake::default());
        let servers = group_by_server(&some_tools());
        let tools = CodeTools::open(settings, servers, Arc::clone(&fake) as Arc<dyn Dispatch>).await.unwrap();
        Self { dir, fake, tools }
    }

    fn workspace(&self) -> PathBuf {
        self.dir.path().join("workspace")
    }

    fn python(&self, program: &str) -> Command {
        std::fs::create_dir_all(self.workspace().join("scripts")).unwrap();
        std::fs::write(self.workspace().join("scripts/script.py"), program).unwrap();
        let mut command = Command::new(std::env::var("MASSGEN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned()));
        command.arg("scripts/script.py").current_dir(self.workspace());
        self.equip(&mut command);
        command
    }

    fn equip(&self, command: &mut Command) {
        command.envs(self.tools.environment()).env("PYTHONIOENCODING", "utf-8").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    async fn run(&self, program: &str) -> Output {
        self.python(program).output().await.unwrap()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn programs_call_tools() {
    let bench = Bench::new(|_| {}).await;
    let output = bench
        .run(
            r#"
import servers.git
from custom_tools import two_num_tool
from servers.every_thing import class_, echo
from servers.every_thing.echo import echo as again

result = again(text="grüße 😀\n\"", max_count=3)
print(result.json()["arguments"]["text"], result["tool"], result[0])
print(two_num_tool(2, y=3)["arguments"])
print(class_(a={"deep": [1, None]}, b=None)["arguments"])
print(servers.git.git_log()["arguments"])
try:
    echo("fail")
except Exception as error:
    print(type(error).__name__, error)
try:
    echo()
except TypeError as error:
    print("TypeError")
print(len(echo("huge")), len(echo("y" * 3000000)))
"#,
        )
        .await;
    let expected = "grüße 😀\n\" mcp__every-thing__echo {\n{'x': 2, 'y': 3}\n{'a': {'deep': [1, None]}}\n{}\nToolError refused: not \
                    today\nTypeError\n5000000 3000057\n";
    assert_eq!(text(&output), expected);
    let calls = bench.fake.calls.lock().unwrap().clone();
    assert_eq!(calls[0], ("mcp__every-thing__echo".to_owned(), json!({"text": "grüße 😀\n\"", "max-count": 3})));
    bench.tools.close().await;
    assert!(!bench.tools.socket().exists());
    let output = bench.run("from servers.git import git_log\ngit_log()").await;
    assert!(text(&output).contains("ToolError: tools cannot be called here"), "{}", text(&output));
}

#[tokio::test]
async fn modules_can_be_discovered() {
    let bench = Bench::new(|_| {}).await;
    let workspace = bench.workspace();
    let listing = bench.tools.listing();
    assert!(
        listing.contains("  every_thing/ (2 tools)\n  git/ (1 tool)\ncustom_tools/ (1): two_num_tool\n"),
        "{listing}"
    );
    for path in ["servers/every_thing/class_.py", "custom_tools/two_num_tool.py", ".mcp/client.py"] {
        assert!(workspace.join(path).is_file(), "{path}");
    }
    std::fs::write(workspace.join("utils/mine.py"), "x = 1").unwrap();
    let more = [some_tools(), vec![tool("mcp__time__now", Effect::None, &json!({}), &[])]].concat();
    bench.tools.update(group_by_server(&more)).await.unwrap();
    assert!(workspace.join("servers/time/now.py").is_file());
    assert!(workspace.join("utils/mine.py").is_file(), "what the agent wrote stays");
    let output = bench.run("from servers.time import now\nprint(now()['tool'])").await;
    assert_eq!(text(&output), "mcp__time__now\n");
    bench.tools.close().await;
}

#[tokio::test]
async fn only_those_who_know_the_token_reach_only_these_tools() {
    let bench = Bench::new(|settings| settings.request_bytes_max = 100_000).await;
    let program = r#"
import json, os, socket, struct
path = os.environ["MASSGEN_TOOLS_SOCKET"]
token = open(os.path.join(os.path.dirname(path), "token")).read()

def send(raw):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    connection.sendall(raw)
    connection.shutdown(socket.SHUT_WR) if not raw else None
    head = connection.recv(4)
    return json.loads(connection.recv(100000))["error"] if len(head) == 4 else "nothing"

def ask(**request):
    body = json.dumps(request).encode()
    return send(struct.pack(">I", len(body)) + body)

print(ask(token="wrong", tool="mcp__git__git_log", arguments={}))
print(ask(token="", tool="mcp__git__git_log", arguments={}))
print(ask(token=token, tool="new_answer", arguments={}))
print(ask(token=token, tool="mcp__git__git_log", arguments=[1]))
print(ask(tool="mcp__git__git_log"))
print(send(struct.pack(">I", 5) + b"{{{{{"))
print(send(struct.pack(">I", 0xffffffff)))
print(send(b""))
print(oct(os.stat(path).st_mode & 0o777), oct(os.stat(os.path.dirname(path)).st_mode & 0o777))
"#;
    let said = text(&bench.run(program).await);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines[..4],
        ["the token is wrong", "the token is wrong", "there is no such tool", "the arguments must be an object"]
    );
    assert!(lines[4].contains("not understood: missing field `token`"), "{said}");
    assert!(lines[5].contains("not understood"), "{said}");
    assert!(lines[6].contains("larger than 100000 bytes"), "{said}");
    assert_eq!(lines[7..], ["nothing", "0o600 0o700"]);
    assert!(bench.fake.calls.lock().unwrap().is_empty());
    bench.tools.close().await;
}

#[tokio::test]
async fn calls_at_once_are_bounded_and_all_are_answered() {
    let bench = Bench::new(|settings| settings.calls_max = 2).await;
    let program = r#"
from concurrent.futures import ThreadPoolExecutor
from servers.every_thing import echo
with ThreadPoolExecutor(20) as pool:
    results = list(pool.map(lambda number: echo(str(number))["arguments"]["text"], range(100)))
print(results == [str(number) for number in range(100)])
"#;
    assert_eq!(text(&bench.run(program).await), "True\n");
    assert!(bench.fake.running_max.load(Ordering::SeqCst) <= 2);
    bench.tools.close().await;

    let bench = Bench::new(|settings| settings.connections_max = 1).await;
    let mut waiting = bench.python("from servers.every_thing import echo\nprint(echo('wait'))").spawn().unwrap();
    bench.fake.begun.notified().await;
    let output = bench.run("from servers.every_thing import echo\necho('x' * 100)").await;
    assert!(text(&output).contains("ToolError: too many calls at once"), "{}", text(&output));
    bench.fake.release.notify_one();
    assert!(waiting.wait().await.unwrap().success());
    bench.tools.close().await;
}

#[tokio::test]
async fn a_program_that_ends_takes_its_call_along_and_closing_takes_all() {
    let bench = Bench::new(|_| {}).await;
    let mut program = bench.python("from servers.every_thing import echo\necho('wait')").spawn().unwrap();
    bench.fake.begun.notified().await;
    program.kill().await.unwrap();
    bench.fake.dropped.notified().await;

    let program = bench.python("from servers.every_thing import echo\necho('wait')").spawn().unwrap();
    bench.fake.begun.notified().await;
    bench.tools.close().await;
    bench.fake.dropped.notified().await;
    let output = program.wait_with_output().await.unwrap();
    assert!(text(&output).contains("ToolError: the connection ended"), "{}", text(&output));
}

#[tokio::test]
async fn it_works_without_a_network() {
    let bwrap = std::process::Command::new("bwrap").args(["--ro-bind", "/", "/", "--unshare-net", "true"]).output();
    let works = bwrap.is_ok_and(|output| output.status.success());
    if !has_part("it_works_without_a_network", "bwrap", works, "bwrap is not there or may not make namespaces") {
        return;
    }
    let bench = Bench::new(|_| {}).await;
    let inner = bench.python(
        "import socket\nfrom servers.git import git_log\nprint(git_log()['tool'])\n\
         try:\n    socket.create_connection(('127.0.0.1', 1))\nexcept OSError as error:\n    print('no network')",
    );
    let mut command = Command::new("bwrap");
    command.args(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all", "--die-with-parent"]);
    command.arg("--bind").arg(bench.workspace()).arg(bench.workspace()).arg("--chdir").arg(bench.workspace());
    command.arg(inner.as_std().get_program()).args(inner.as_std().get_args());
    bench.equip(&mut command);
    let output = command.output().await.unwrap();
    assert_eq!(text(&output), "mcp__git__git_log\nno network\n");
    bench.tools.close().await;
}

#[tokio::test]
async fn workspaces_share_one_copy_that_is_checked() {
    let shared = tempfile::tempdir().unwrap();
    let (one, two) = (
        Bench::new(|settings| settings.shared_directory = Some(shared.path().to_path_buf())).await,
        Bench::new(|settings| settings.shared_directory = Some(shared.path().to_path_buf())).await,
    );
    let copies = || std::fs::read_dir(shared.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(copies().len(), 1);
    assert_eq!(one.tools.linked_directories(), two.tools.linked_directories());
    assert_eq!(one.tools.linked_directories(), [copies()[0].canonicalize().unwrap()]);
    for bench in [&one, &two] {
        assert!(bench.workspace().join("servers").is_symlink());
        let output = bench.run("from servers.git import git_log\nprint(git_log()['tool'])").await;
        assert_eq!(text(&output), "mcp__git__git_log\n");
        assert_eq!(bench.fake.calls.lock().unwrap().len(), 1, "each workspace calls its own agent's tools");
    }
    let planted = copies()[0].join("servers/git/__init__.py");
    std::fs::remove_file(&planted).unwrap();
    std::fs::write(&planted, "print('planted')").unwrap();
    one.tools.update(group_by_server(&some_tools())).await.unwrap();
    let output = one.run("from servers.git import git_log\nprint(git_log()['tool'])").await;
    assert_eq!(text(&output), "mcp__git__git_log\n", "a changed copy is replaced");
}

#[tokio::test]
async fn links_in_a_workspace_lead_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (workspace, victim) = (dir.path().join("w"), dir.path().join("victim"));
    std::fs::create_dir_all(&victim).unwrap();
    std::fs::create_dir_all(&workspace).unwrap();
    for name in ["servers", ".mcp", "custom_tools", "utils", "massgen"] {
        std::os::unix::fs::symlink(&victim, workspace.join(name)).unwrap();
    }
    let mut settings = CodeSettings::new(&workspace);
    settings.custom_tool_files = vec![files()];
    let tools = CodeTools::open(settings, group_by_server(&some_tools()), Arc::new(Fake::default())).await.unwrap();
    assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 0);
    assert!(workspace.join("servers/git/git_log.py").is_file() && !workspace.join("servers").is_symlink());
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    tools.close().await;
}

#[tokio::test]
async fn files_of_the_user_are_there_as_they_are() {
    let bench = Bench::new(|settings| {
        settings.custom_tool_files = vec![files()];
        settings.exclude = vec!["bad_tools".to_owned()];
    })
    .await;
    assert!(bench.workspace().join("custom_tools/weather_units.py").is_file());
    assert!(!bench.workspace().join("custom_tools/bad_tools.py").exists());
    let program = r#"
import sys
sys.path.append("custom_tools")
from custom_tools.weather_tools import to_fahrenheit
print(to_fahrenheit(100).output_blocks[0].data)
from custom_tools import two_num_tool
print(two_num_tool(1, 2)["tool"])
"#;
    assert_eq!(text(&bench.run(program).await), "weather tools are imported\n212.0\ncustom_tool__two_num_tool\n");
}

#[tokio::test]
async fn calls_go_through_the_toolbox() {
    struct Source;
    impl ToolSource for Source {
        fn name(&self) -> &str {
            "test"
        }
        fn tools(&self) -> Vec<Tool> {
            some_tools()
        }
        fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
            Box::pin(async move {
                if call.arguments.contains("wait") {
                    context.report(massgen_tool::Progress::Note("waits".to_owned()));
                    std::future::pending::<()>().await;
                }
                ToolOutcome::done(format!("{} {}", call.name, call.arguments))
            })
        }
    }
    let settings = ToolboxSettings { planning: true, ..ToolboxSettings::default() };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let toolbox = Toolbox::new(vec![Arc::new(Source)]).with_settings(settings);
    let dispatch = ToolboxDispatch::new(toolbox)
        .with_observer(move |_, call, outcome| sink.lock().unwrap().push((call.name.clone(), outcome.is_error)));
    let dispatch = Arc::new(dispatch);
    let mut bench = Bench::new(|_| {}).await;
    let servers = group_by_server(&some_tools());
    bench.tools.close().await;
    bench.tools =
        CodeTools::open(CodeSettings::new(bench.workspace()), servers, Arc::clone(&dispatch) as Arc<dyn Dispatch>)
            .await
            .unwrap();
    let program = r#"
import sys
from servers.every_thing import class_, echo
for call in (lambda: echo("x"), lambda: class_(1), lambda: echo("wait") if len(sys.argv) > 1 else ""):
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, str(error)[:45])
"#;
    let said = text(&bench.run(program).await);
    assert_eq!(said.matches("ToolError no turn is under way").count(), 2, "{said}");
    let listener = told();
    dispatch.set_context(Some(listener.context.clone()));
    let said = text(&bench.run(program).await);
    assert!(said.contains("mcp__every-thing__echo {\"text\":\"x\"}"), "{said}");
    assert!(said.contains("ToolError not carried out: the team is planning"), "{said}");
    let expected = [("mcp__every-thing__echo".to_owned(), false), ("mcp__every-thing__class".to_owned(), true)];
    assert_eq!(*seen.lock().unwrap(), expected);

    let program = bench.python(program).arg("wait").spawn().unwrap();
    listener.begun.cancelled().await;
    listener.context.cancel.cancel();
    let said = text(&program.wait_with_output().await.unwrap());
    assert!(said.contains("ToolError the turn is over"), "{said}");
}

#[tokio::test]
async fn a_socket_in_too_deep_a_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = CodeSettings::new(dir.path());
    settings.socket_directory = Some(dir.path().join("x".repeat(100)));
    let error = CodeTools::open(settings, Vec::new(), Arc::new(Fake::default())).await.unwrap_err();
    assert!(error.to_string().contains("is longer than"), "{error}");
}

#[test]
fn the_saving_grows_with_the_number_of_tools() {
    let many: Vec<Tool> = (0..40)
        .map(|number| {
            let properties = json!({"path": {"type": "string", "description": "x".repeat(200)}});
            tool(&format!("mcp__server__tool_{number}"), Effect::None, &properties, &["path"])
        })
        .collect();
    let cost = token_cost(&many);
    assert!(cost.plain_tokens() > 3000 && cost.code_tokens() < 300, "{cost:?}");
}
