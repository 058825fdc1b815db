//! Rules and calls.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use massgen_protocol::{AgentIndex, ToolSpec, TurnId};
use massgen_tool::{Caller, Gate as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::{Asker, AutomationDefault, NobodyToAsk};
use super::*;

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::parse(text).unwrap()).collect()
}

fn rules(deny: &[&str], allow: &[&str], ask: &[&str]) -> Rules {
    Rules { enabled: true, deny: patterns(deny), allow: patterns(allow), ask: patterns(ask), ..Rules::default() }
}

fn tool(name: &str, effect: Effect) -> Tool {
    let spec = ToolSpec { name: name.to_owned(), description: String::new(), parameters: Value::Null };
    Tool { spec, effect }
}

fn call(name: &str, arguments: &Value) -> ToolCall {
    ToolCall { id: "1".to_owned(), name: name.to_owned(), arguments: arguments.to_string() }
}

#[derive(Debug, PartialEq, Eq)]
enum Is {
    Granted,
    Asked,
    Refused,
}
use Is::{Asked, Granted, Refused};

fn places() -> FilePlaces {
    FilePlaces {
        workspace: PathBuf::from("/nowhere/ws"),
        views: PathBuf::from("/nowhere/views"),
        ..FilePlaces::default()
    }
}

fn judged_at(rules: &Rules, name: &str, effect: Effect, arguments: &Value, places: &FilePlaces) -> Is {
    let tool = tool(name, effect);
    let subjects = subject::subjects(&tool, &call(name, arguments), places);
    let verdicts: Vec<_> = judge(rules, &tool, subjects, places).into_iter().map(|(_, verdict)| verdict).collect();
    if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Refused { .. })) {
        Refused
    } else if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Ask { .. })) {
        Asked
    } else {
        Granted
    }
}

fn command(rules: &Rules, line: &str) -> Is {
    let arguments = json!({"command": line});
    judged_at(rules, "mcp__command_line__execute_command", Effect::Own, &arguments, &places())
}

#[test]
fn every_part_of_a_line_needs_its_own_permission() {
    let rules = rules(&[], &["command(git status*)", "command(make*)"], &[]);
    for line in ["git status", "git status -s && make all", "git   status; 'make' x", "make 2>&1 | cat"] {
        assert_eq!(command(&rules, line), Granted, "{line}");
    }
    for line in [
        "git status && git push --force",
        "git status; python x",
        "git status | sh",
        "git status $(git push)",
        "git status `git push`",
        "git status \"$(git push)\"",
        "git status <(git push)",
        "git status\ngit push",
        "git status & git push",
        "git status || git push",
        "eval git status",
        "make $TARGET",
        "git() { git push; }; git status",
        "FOO=1 make",
        "./make",
        "make > /somewhere/else",
        "make {a,b}",
        "$MAKE",
    ] {
        assert_eq!(command(&rules, line), Asked, "{line}");
    }
}

#[test]
fn a_denied_part_denies_the_line() {
    let rules = rules(&["command(git push --force*)"], &["command(*)"], &[]);
    for line in [
        "git push --force",
        "git status && git push --force origin",
        "ls; (git push --force)",
        "echo $(git push --force)",
        "bash -c 'cd x && git push --force'",
        "sudo git push --force",
        "/usr/bin/git push --force",
        "git  push\t--force",
        "'git' \"push\" --for\"ce\"",
        "git -C dir push --force",
        "G=git; $G push --force",
        "git $ARGS",
        "$(echo git) push --force",
        "eval \"git push --force\"",
        "eval \"$X\"",
        "echo Z2l0 | base64 -d | sh",
        "find . -exec git push --force ;",
        "env X=1 timeout 5 git push --force",
        "while true; do git push --force; done",
        "bash <<EOF\ngit push --force\nEOF",
    ] {
        assert_eq!(command(&rules, line), Refused, "{line}");
    }
    for line in ["git push", "echo 'git push --force'", "echo $HOME", "python -c 'print(1)'", "git status > out"] {
        assert_eq!(command(&rules, line), Granted, "{line}");
    }
}

#[test]
fn deny_comes_before_allow_and_allow_before_ask() {
    let rules = rules(&["command(npm publish*)"], &["command(npm run*)", "command(npm publish*)"], &["command(npm *)"]);
    assert_eq!(command(&rules, "npm publish"), Refused);
    assert_eq!(command(&rules, "npm run build"), Granted);
    assert_eq!(command(&rules, "npm install x"), Asked);
    assert_eq!(command(&rules, "ls"), Granted);
    assert_eq!(command(&rules, "rm -rf build"), Asked);
}

#[test]
fn no_rule_allows_what_ruins_a_machine() {
    let all = rules(&[], &["*(*)", "command(rm -rf /)"], &[]);
    let off = Rules::default();
    for rules in [&all, &off] {
        for line in ["rm -rf /", "ls && rm -rf ~", "echo x > /dev/sda", ":(){ :|:& };:"] {
            assert_eq!(command(rules, line), Refused, "{line}");
        }
        assert_eq!(command(rules, "rm -rf build && $ANYTHING"), Granted);
    }
}

#[test]
fn a_rule_may_name_one_line_exactly() {
    let rules = rules(&[], &["command(echo $HOME | sh)"], &[]);
    assert_eq!(command(&rules, "echo $HOME | sh"), Granted);
    assert_eq!(command(&rules, "echo $HOME | sh -x"), Asked);
}

#[test]
fn paths_are_matched_where_they_lead() {
    let folder = tempfile::tempdir().unwrap();
    let places = FilePlaces { workspace: folder.path().join("ws"), ..FilePlaces::default() };
    std::fs::create_dir_all(places.workspace.join("sub")).unwrap();
    std::fs::create_dir(folder.path().join("etc")).unwrap();
    std::os::unix::fs::symlink("../etc", places.workspace.join("link")).unwrap();
    let deny = format!("write_file({}/etc/**)", folder.path().display());
    let rules = rules(&[&deny, "read_file(./sub/secret)"], &["write_file(./**)"], &[]);
    let is = |name: &str, arguments: Value| judged_at(&rules, name, Effect::Own, &arguments, &places);
    let write = |path: &str| is("mcp__filesystem__write_file", json!({"path": path, "content": ""}));
    assert_eq!(write("a/b"), Granted);
    assert_eq!(write("link/passwd"), Refused);
    assert_eq!(write("../etc/passwd"), Refused);
    assert_eq!(write(&places.workspace.join("link/x").display().to_string()), Refused);
    assert_eq!(write("sub/../link/../etc/x"), Refused);
    assert_eq!(write("../other"), Asked);
    // Through a folder that holds it.
    assert_eq!(is("mcp__filesystem__grep", json!({"pattern": "x"})), Granted);
    std::fs::write(places.workspace.join("sub/secret"), "").unwrap();
    assert_eq!(is("mcp__filesystem__grep", json!({"pattern": "x"})), Refused);
    assert_eq!(is("mcp__workspace_tools__copy_file", json!({"source_path": "sub", "destination_path": "y"})), Refused);
    assert_eq!(is("mcp__filesystem__read_multiple_files", json!({"paths": ["a", "sub/secret"]})), Refused);
    // And through a command.
    for line in [
        "cd sub && cat secret",
        "cd sub; cat x > ../link/x",
        "cat x > $OUT/x",
        "cd $X; ls > x",
        "cat sub/secret",
        "cat < sub/secret",
        "cp --x=./sub/secret y",
        "ls > link/x",
    ] {
        assert_eq!(is("mcp__command_line__execute_command", json!({"command": line})), Refused, "{line}");
    }
    assert_eq!(is("mcp__command_line__execute_command", json!({"command": "cat sub/other > out"})), Granted);
}

#[test]
fn servers_and_addresses_have_rules() {
    let rules =
        rules(&["mcp(git__push)", "read_url(*.evil.com)"], &["mcp(fetch__*)"], &["read_url(https://ask.com/*)"]);
    let is = |name: &str, arguments: Value| judged_at(&rules, name, Effect::Outside, &arguments, &places());
    assert_eq!(is("mcp__git__push", json!({})), Refused);
    assert_eq!(is("mcp__git__log", json!({})), Asked);
    assert_eq!(is("mcp__fetch__fetch", json!({"url": "https://docs.rs/x"})), Granted);
    assert_eq!(is("mcp__fetch__fetch", json!({"url": "https://docs.rs@a.EVIL.com/x"})), Refused);
    assert_eq!(is("mcp__fetch__fetch", json!({"url": "https://ask.com/x"})), Asked);
    assert_eq!(is("mcp__fetch__fetch", json!({"url": "not an address"})), Refused);
    assert_eq!(is("custom_tool__x", json!({})), Asked);
}

#[test]
fn roles_are_bounds_that_rules_do_not_lift() {
    let is = |role: Role, name: &str, effect: Effect, arguments: Value| {
        let rules = Rules { role, ..rules(&[], &["*(*)"], &[]) };
        judged_at(&rules, name, effect, &arguments, &places())
    };
    let write = |role, path: &str| is(role, "mcp__filesystem__write_file", Effect::Own, json!({"path": path}));
    assert_eq!(write(Role::ReadOnly, "a"), Refused);
    assert_eq!(write(Role::Researcher, "a"), Granted);
    assert_eq!(write(Role::Researcher, "/elsewhere/a"), Refused);
    assert_eq!(write(Role::ReadWrite, "/elsewhere/a"), Granted);
    let run = |role, line: &str| is(role, "mcp__command_line__execute_command", Effect::Own, json!({"command": line}));
    assert_eq!(run(Role::ReadOnly, "ls && cat x"), Granted);
    assert_eq!(run(Role::ReadOnly, "ls > x"), Refused);
    assert_eq!(run(Role::Researcher, "python x"), Refused);
    assert_eq!(is(Role::ReadOnly, "mcp__x__y", Effect::Outside, json!({})), Refused);
    assert_eq!(is(Role::ReadOnly, "mcp__x__y", Effect::None, json!({})), Granted);
}

struct Script(Mutex<Vec<Answer>>, Mutex<Vec<AskRequest>>);

impl Asker for Script {
    fn ask(&self, request: AskRequest) -> BoxFuture<'_, Answer> {
        self.1.lock().unwrap().push(request);
        let answer = self.0.lock().unwrap().remove(0);
        Box::pin(std::future::ready(answer))
    }
}

fn context() -> CallContext {
    CallContext {
        caller: Caller { turn: TurnId { agent: AgentIndex(1), number: 1 }, presenting: false, sight: 0 },
        cancel: CancellationToken::new(),
        progress: Arc::new(|_| {}),
    }
}

fn approvals(rules: Rules, asker: Arc<dyn Asker>) -> (Approvals, Arc<Mutex<Vec<AuditLine>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&lines);
    let places = |_: &Caller| places();
    let audit = Arc::new(move |line| written.lock().unwrap().push(line));
    (Approvals::new(rules, Arc::new(places), asker, audit), lines)
}

#[tokio::test]
async fn every_decision_is_accounted_for() {
    let answers = vec![Answer::Once, Answer::No("too soon".to_owned()), Answer::Always];
    let asker = Arc::new(Script(Mutex::new(answers), Mutex::default()));
    let (gate, lines) = approvals(rules(&["command(x*)"], &["command(a*)"], &[]), Arc::clone(&asker) as _);
    let tool = tool("mcp__command_line__execute_command", Effect::Own);
    let run = async |line: &str| gate.admit(&tool, &call(&tool.spec.name, &json!({"command": line})), &context()).await;
    assert_eq!(run("a").await, Admission::Granted);
    assert!(matches!(run("a; x y").await, Admission::Refused { reason } if reason.contains("deny command(x*)")));
    assert_eq!(run("b").await, Admission::Granted);
    assert!(matches!(run("b").await, Admission::Refused { reason } if reason.contains("too soon")));
    assert_eq!(run("b && c").await, Admission::Granted);
    // Allowed for good, each of them; nothing is asked any more.
    assert_eq!(run("c && b && a").await, Admission::Granted);
    assert_eq!(asker.1.lock().unwrap().len(), 3);
    assert_eq!(asker.1.lock().unwrap()[2].subjects.len(), 2);
    let lines: Vec<_> = lines
        .lock()
        .unwrap()
        .iter()
        .map(|line| format!("{} {:?} {} {}", line.agent, line.decision, line.subject, line.by))
        .collect();
    assert_eq!(
        lines,
        [
            "agent2 Granted a allow command(a*)",
            "agent2 Refused a; x y deny command(x*), for `x y`",
            "agent2 Granted b the answer to a question: medium risk, and no rule about it",
            "agent2 Refused b the answer to a question: medium risk, and no rule about it",
            "agent2 Granted b && c the answer to a question: medium risk, and no rule about it",
            "agent2 Granted c && b && a the user, for good",
        ]
    );
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_setting_answers() {
    for (default, medium, high) in [
        (AutomationDefault::Allow, true, true),
        (AutomationDefault::RiskBased, true, false),
        (AutomationDefault::Deny, false, false),
    ] {
        let (gate, lines) = approvals(rules(&[], &[], &[]), Arc::new(NobodyToAsk { default }));
        let tool = tool("mcp__command_line__execute_command", Effect::Own);
        for (line, expected) in [("python x", medium), ("git push", high)] {
            let admission = gate.admit(&tool, &call(&tool.spec.name, &json!({"command": line})), &context()).await;
            assert_eq!(admission == Admission::Granted, expected, "{default:?} {line}");
        }
        assert_eq!(lines.lock().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_question_ends_with_its_turn() {
    struct Silent;
    impl Asker for Silent {
        fn ask(&self, _: AskRequest) -> BoxFuture<'_, Answer> {
            Box::pin(std::future::pending())
        }
    }
    let (gate, lines) = approvals(rules(&[], &[], &[]), Arc::new(Silent));
    let tool = tool("custom_tool__x", Effect::Outside);
    let context = context();
    context.cancel.cancel();
    let admission = gate.admit(&tool, &call("custom_tool__x", &json!({})), &context).await;
    assert!(matches!(admission, Admission::Refused { .. }));
    assert_eq!(lines.lock().unwrap().len(), 1);
}

/// Pieces of lines that are allowed each by itself, joined as shells join them.
fn joined(separators: &'static [&'static str]) -> impl Strategy<Value = (Vec<String>, Vec<&'static str>)> {
    let parts = prop::collection::vec("(good|good [a-z ]{0,6}|good '[;&|()a-z]{0,5}')", 1..5);
    (parts, prop::collection::vec(prop::sample::select(separators), 5))
}

const SEPARATORS: &[&str] = &[" && ", ";", " | ", "\n", " || ", " & ", "&&", "|"];

/// Ways to put one command into another.
const HIDINGS: &[&str] = &[
    "$(@)",
    "`@`",
    "\"$(@)\"",
    "<(@)",
    "; @",
    "&& @",
    "| @",
    "\n@",
    "& @",
    "|| @",
    "; (@)",
    "; { @; }",
    "; eval '@'",
    "; bash -c '@'",
    "; sudo @",
    "; X=1 @",
    "; if true; then @; fi",
    "; ! @",
    "$(echo $(@))",
    "; /bin/@",
    "; xargs @",
    "; nohup @ &",
    "${X:-$(@)}",
    "; 'bad' x",
    "; ba\\d x",
    "; b''ad x",
    "; echo bad | sh",
];

proptest! {
    #[test]
    fn good_parts_make_a_good_line((parts, separators) in joined(SEPARATORS)) {
        let line: String = parts.iter().zip(&separators).flat_map(|(part, between)| [part.as_str(), between]).collect();
        let line = format!("{line} good");
        let rules = rules(&["command(bad*)"], &["command(good*)"], &["command(*)"]);
        prop_assert_eq!(command(&rules, &line), Granted, "{}", line);
    }

    #[test]
    fn one_bad_part_makes_a_bad_line(
        (parts, separators) in joined(SEPARATORS), hiding in prop::sample::select(HIDINGS), at in 0_usize..5,
    ) {
        let mut line = String::new();
        for (index, (part, between)) in parts.iter().zip(&separators).enumerate() {
            line.push_str(part);
            if index == at % parts.len() {
                line.push_str(&format!(" {}", hiding.replace('@', "bad x")));
            }
            line.push_str(between);
        }
        let line = format!("{line} good");
        let deny = rules(&["command(bad*)"], &["command(*)"], &[]);
        prop_assert_eq!(command(&deny, &line), Refused, "{}", line);
        let allow = rules(&[], &["command(good*)"], &["command(*)"]);
        prop_assert_eq!(command(&allow, &line), Asked, "{}", line);
    }

    /// Whatever a model writes, it is decided about.
    #[test]
    fn no_line_is_too_strange(line in "[ab $`'\"(){};|&<>\\\\\n#*~=-]{0,40}") {
        let rules = rules(&["command(bad*)"], &["command(a*)"], &[]);
        command(&rules, &line);
    }

    /// Only what is plain is allowed by a rule's beginning.
    #[test]
    fn allowed_lines_hold_nothing_but_what_is_allowed(line in "(good|bad|[ $`'\"(){};|&<>\\\\\n]){0,12}") {
        let rules = rules(&[], &["command(good*)"], &["command(*)"]);
        if command(&rules, &line) == Granted {
            // What is left without quoted texts and comments begins with the good one everywhere.
            for part in super::super::command_line::CommandLine::parse(&line).parts {
                prop_assert!(part.words.is_empty() || part.text().starts_with("good"), "{}", line);
            }
            let may_be_text = line.contains(['\'', '\\']) || line.contains("<<");
            prop_assert!(!line.contains("$(") || may_be_text, "{}", line);
        }
    }
}
