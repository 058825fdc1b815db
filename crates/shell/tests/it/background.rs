//! Commands that run in the background.

use massgen_tool::{ToolSource as _, TouchKind};
use serde_json::{Value, json};

use crate::{Bench, exists, long, processes_with, resident_bytes, until};

async fn start(bench: &Bench, command: &str) -> String {
    let reply = bench.reply("start_background_shell", json!({"command": command})).await;
    assert_eq!(reply["status"], "running", "{reply}");
    reply["shell_id"].as_str().unwrap().to_owned()
}

/// Asks for the status until it is `status`.
async fn status(bench: &Bench, id: &str, status: &str) -> Value {
    loop {
        let reply = bench.reply("get_background_shell_status", json!({"shell_id": id})).await;
        if reply["status"] == status {
            return reply;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn it_takes_input_and_gives_output_as_it_comes() {
    let bench = Bench::new();
    let id = start(&bench, "while read line; do echo \"got $line\"; done; exit 7").await;
    let sent = bench.reply("send_background_shell_input", json!({"shell_id": id, "input": "one\n"})).await;
    assert_eq!(sent["status"], "running");
    loop {
        let reply = bench.reply("get_background_shell_output", json!({"shell_id": id})).await;
        assert_eq!(reply["status"], "running");
        if reply["stdout"] == "got one\n" {
            assert_eq!((&reply["stdout_bytes"], &reply["stderr_bytes"]), (&json!(8), &json!(0)));
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    bench.reply("send_background_shell_input", json!({"shell_id": id, "input": "two\n", "end": true})).await;
    let reply = status(&bench, &id, "exited").await;
    assert_eq!(reply["exit_code"], 7);
    let page = bench.reply("get_background_shell_output", json!({"shell_id": id, "offset": 8})).await;
    assert_eq!((page["stdout"].as_str(), page["next_offset"].as_u64()), (Some("got two\n"), Some(16)));
    let refused = bench.call("send_background_shell_input", json!({"shell_id": id, "input": "x"})).await;
    assert!(refused.is_error);
}

#[tokio::test]
async fn a_killed_shell_is_gone_with_its_children_and_makes_room() {
    let bench = Bench::with("box", |settings| settings.shells_max = 2);
    let first = start(&bench, &format!("sleep {0} & sleep {0} & touch up; wait", long(98763))).await;
    start(&bench, &format!("sleep {}", long(98762))).await;
    let full = bench.call("start_background_shell", json!({"command": "true"})).await;
    assert!(full.is_error && full.content.contains("2 background shells run already"), "{}", full.content);
    until(|| exists(&bench.path("workspace/up"))).await;
    let list = bench.reply("list_background_shells", json!({})).await;
    assert_eq!((&list["count"], &list["shells"][0]["shell_id"]), (&json!(2), &json!(first)));
    let killed = bench.reply("kill_background_shell", json!({"shell_id": first})).await;
    assert_eq!((&killed["success"], &killed["status"]), (&json!(true), &json!("killed")));
    assert_eq!(processes_with(&long(98763)), 0);
    start(&bench, &format!("sleep {}", long(98762))).await;
    bench.tools.close().await;
    assert_eq!(processes_with(&long(98762)), 0);
    let late = bench.call("get_background_shell_status", json!({"shell_id": first})).await;
    assert!(late.is_error && late.content.contains("there is no shell"), "{}", late.content);
}

#[tokio::test]
async fn dropped_tools_leave_nothing_behind() {
    let bench = Bench::new();
    start(&bench, &format!("touch up; sleep {}", long(98761))).await;
    until(|| exists(&bench.path("workspace/up"))).await;
    assert!(processes_with(&long(98761)) > 0);
    drop(bench);
    until(|| processes_with(&long(98761)) == 0).await;
}

#[tokio::test]
async fn its_output_is_bounded_however_long_it_prints() {
    let bench = Bench::with("box", |settings| settings.output.files_bytes = 2 << 20);
    let before = resident_bytes();
    let id = start(&bench, "yes 0123456789 | head -c 200000000; echo the end >&2").await;
    let reply = status(&bench, &id, "exited").await;
    assert_eq!(reply["exit_code"], 0);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 60 << 20, "{} MiB", grown >> 20);
    let tail = bench.reply("get_background_shell_output", json!({"shell_id": id, "stream": "stderr", "tail": 1})).await;
    assert_eq!(tail["stderr"], "the end\n");
    let log = std::fs::metadata(bench.path(&format!("logs/{id}.stdout.txt"))).unwrap();
    assert!((2 << 20) - 4 <= log.len() && log.len() <= 2 << 20, "{}", log.len());
}

#[tokio::test]
async fn what_it_looked_at_is_noted_when_it_has_ended() {
    let bench = Bench::new();
    let peer = bench.path("view/agent1");
    let outcome = bench.call("start_background_shell", json!({"command": "exit 5", "work_dir": &peer})).await;
    assert!(outcome.touched.is_empty());
    status(&bench, "shell_1", "exited").await;
    let outcome = bench.call("get_background_shell_output", json!({"shell_id": "shell_1"})).await;
    let [touch] = outcome.touched.as_slice() else { panic!("{:?}", outcome.touched) };
    assert_eq!(touch.path, peer);
    assert_eq!(touch.kind, TouchKind::Ran { command: "exit 5".into(), exit_code: Some(5) });
    // The copies were renewed: of the new ones it has seen nothing.
    let mut later = bench.context.clone();
    later.caller.sight += 1;
    let outcome =
        crate::call(&bench.tools, &later, "get_background_shell_output", &json!({"shell_id": "shell_1"})).await;
    assert!(outcome.touched.is_empty());
}
