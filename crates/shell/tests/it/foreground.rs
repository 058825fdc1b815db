//! Commands that are waited for.

use massgen_shell::CommandRules;
use massgen_tool::{Effect, Progress, ToolSource as _, Touch, TouchKind};
use serde_json::json;

use crate::{Bench, call, exists, long, processes_with, resident_bytes, until};

#[tokio::test]
async fn gives_what_the_reference_gives() {
    let bench = Bench::new();
    let reply = bench.reply("execute_command", json!({"command": "pwd; cat; echo oops >&2; exit 3"})).await;
    let workspace = bench.path("workspace");
    assert_eq!(reply["success"], false);
    assert_eq!(reply["exit_code"], 3);
    assert_eq!(reply["stdout"], format!("{}\n", workspace.display()));
    assert_eq!(reply["stderr"], "oops\n");
    assert_eq!(reply["work_dir"], json!(workspace));
    assert_eq!(reply["command"], "pwd; cat; echo oops >&2; exit 3");
    assert!(reply["execution_time"].as_f64().unwrap() >= 0.0 && reply.get("error").is_none());
    let outcome = bench.call("execute_command", json!({"command": "printf '\\033[1mred\\033[0m \\xff\\r\\n'"})).await;
    assert!(!outcome.is_error && outcome.content.contains(r#""stdout":"red �\n""#), "{}", outcome.content);
    let told = bench.progress.lock().unwrap();
    assert!(told.contains(&Progress::Output("oops\n".into())), "{told:?}");
}

#[tokio::test]
async fn home_and_temporary_files_have_their_place_and_keys_have_none() {
    let bench = Bench::new();
    let reply = bench.reply("execute_command", json!({"command": "echo $HOME $TMPDIR; env"})).await;
    let stdout = reply["stdout"].as_str().unwrap();
    assert!(stdout.starts_with(&format!("{} /tmp\n", bench.path("workspace").display())), "{stdout}");
    // Cargo sets this one for tests: a variable that nobody granted.
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok() && !stdout.contains("CARGO_MANIFEST_DIR"));
}

#[tokio::test]
async fn time_over_ends_everything_it_started() {
    let bench = Bench::new();
    let mark = format!("sleep {}", long(98765));
    let command = format!("echo begun; {mark} & {mark} & wait");
    let outcome = bench.call("execute_command", json!({"command": command, "timeout": 0.3})).await;
    assert!(outcome.is_error && outcome.content.contains("did not end within 0.3 s"), "{}", outcome.content);
    assert!(outcome.content.contains(r#""stdout":"begun\n""#), "{}", outcome.content);
    assert_eq!(processes_with(&mark), 0);
}

#[tokio::test]
async fn a_cancelled_call_and_a_dropped_one_end_the_command() {
    let bench = Bench::new();
    let begun = bench.path("workspace/begun");
    let command = json!({"command": format!("touch begun; sleep {}; echo", long(98764))});
    let running = bench.call("execute_command", command.clone());
    let cancelling = async {
        until(|| exists(&begun)).await;
        bench.context.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(running, cancelling);
    assert!(outcome.is_error && outcome.content.contains("the turn is over"), "{}", outcome.content);
    assert_eq!(processes_with(&long(98764)), 0);

    std::fs::remove_file(&begun).unwrap();
    let fresh = massgen_tool::CallContext { cancel: Default::default(), ..bench.context.clone() };
    tokio::select! {
        _ = call(&bench.tools, &fresh, "execute_command", &command) => panic!("it cannot end by itself"),
        () = until(|| exists(&begun)) => {}
    }
    until(|| processes_with(&long(98764)) == 0).await;
}

#[tokio::test]
async fn long_output_keeps_its_ends_and_can_be_paged_through() {
    let bench = Bench::new();
    let reply = bench.reply("execute_command", json!({"command": "seq 1 400000; echo last >&2"})).await;
    let stdout = reply["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("1\n2\n") && stdout.ends_with("399999\n400000\n") && stdout.len() < 30_500);
    assert!(
        stdout.contains("bytes left out here; page through it with get_background_shell_output, shell_id command_1")
    );
    let (mut whole, mut offset) = (String::new(), 0);
    loop {
        let page = json!({"shell_id": "command_1", "offset": offset});
        let reply = bench.reply("get_background_shell_output", page).await;
        let text = reply["stdout"].as_str().unwrap().to_owned();
        if text.is_empty() {
            assert_eq!(reply["total_bytes"], offset);
            break;
        }
        whole.push_str(&text);
        offset = reply["next_offset"].as_u64().unwrap();
    }
    let expected: String = (1..=400_000).map(|number| format!("{number}\n")).collect();
    assert!(whole == expected, "{} bytes instead of {}", whole.len(), expected.len());
    let tail = bench.reply("get_background_shell_output", json!({"shell_id": "command_1", "tail": 2})).await;
    assert_eq!(tail["stdout"], "399999\n400000\n");
    let log = std::fs::read_to_string(bench.path("logs/command_1.stdout.txt")).unwrap();
    assert!(log == expected);
    assert!(!exists(&bench.path("logs/command_1.stderr.txt")));
    let told: usize = bench
        .progress
        .lock()
        .unwrap()
        .iter()
        .map(|told| match told {
            Progress::Output(text) | Progress::Note(text) => text.len(),
        })
        .sum();
    assert!(told < 300 << 10, "{told}");
}

#[tokio::test]
async fn endless_output_takes_neither_memory_nor_disk() {
    let bench = Bench::with("box", |settings| settings.output.file_bytes = 1 << 20);
    let before = resident_bytes();
    let command = "head -c 8000000 /dev/urandom";
    let reply = bench.reply("execute_command", json!({"command": command, "timeout": 500})).await;
    assert_eq!(reply["exit_code"], 0, "{reply}");
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 60 << 20, "{} MiB", grown >> 20);
    let log = std::fs::metadata(bench.path("logs/command_1.stdout.txt")).unwrap().len();
    assert!(((1 << 20) - 4..=1 << 20).contains(&log), "{log}");
    // What was not kept is told.
    let reply = bench.reply("get_background_shell_output", json!({"shell_id": "command_1", "offset": 2_000_000})).await;
    assert!(reply["note"].as_str().unwrap().contains("bytes before this page were not kept"), "{reply}");
    assert_eq!(
        reply["next_offset"].as_u64().unwrap() - 2_000_000,
        reply["note"].as_str().unwrap().split(' ').next().unwrap().parse::<u64>().unwrap()
            + reply["stdout"].as_str().unwrap().len() as u64
    );
}

#[tokio::test]
async fn a_long_command_is_not_repeated() {
    let bench = Bench::new();
    let command = format!("cat << END\n{}\nEND", "x".repeat(50_000));
    let outcome = bench.call("execute_command", json!({"command": command})).await;
    assert!(outcome.content.len() < 32_000 && outcome.content.contains("bytes left out"), "{}", outcome.content.len());
}

#[tokio::test]
async fn runs_only_where_it_may() {
    let bench = Bench::new();
    let outcome = bench.call("execute_command", json!({"command": "ls", "work_dir": "../elsewhere"})).await;
    assert!(outcome.is_error && outcome.content.contains("is outside of what commands may use"), "{}", outcome.content);
    let peer = bench.path("view/agent2");
    let outcome = bench.call("execute_command", json!({"command": "pwd", "work_dir": &peer})).await;
    assert!(outcome.content.contains(&format!("{}\\n", peer.display())), "{}", outcome.content);
}

#[tokio::test]
async fn notes_which_answers_a_command_looked_at() {
    let bench = Bench::new();
    let view = bench.path("view");
    std::fs::write(view.join("agent1/check.sh"), "exit 4").unwrap();
    std::os::unix::fs::symlink(view.join("agent2"), bench.path("workspace/peer")).unwrap();
    let command = format!("cd peer &&\nsh {}/agent1/check.sh", view.display());
    let outcome = bench.call("execute_command", json!({"command": command})).await;
    let kind = TouchKind::Ran { command: command.replace('\n', " "), exit_code: Some(4) };
    let touch = |name: &str| Touch { path: view.join(name), kind: kind.clone() };
    assert_eq!(outcome.touched, [touch("agent2"), touch("agent1/check.sh")]);
    assert!(bench.call("execute_command", json!({"command": "ls"})).await.touched.is_empty());
}

#[tokio::test]
async fn what_is_refused_does_not_run() {
    let rules = CommandRules::new([], ["touch"]).unwrap();
    let bench = Bench::with("local", |settings| settings.rules = rules);
    for command in ["touch x", "true; touch x", "rm -rf /", "chmod 777 ../workspace; > x", " ", "> x; a\0b"] {
        let outcome = bench.call("execute_command", json!({"command": command})).await;
        assert!(outcome.is_error && !exists(&bench.path("workspace/x")), "{command}: {}", outcome.content);
    }
    // Without a box, nobody knows what a command changes.
    let effect = |bench: &Bench| bench.tools.tools()[0].effect;
    assert_eq!((effect(&bench), effect(&Bench::new())), (Effect::Outside, Effect::Own));
}
