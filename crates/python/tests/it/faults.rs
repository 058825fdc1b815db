//! Functions that crash, hang, and make noise.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use massgen_tool::ToolSource;
use serde_json::json;

use crate::support::{bad_tools, call, settings, told, told_to_stop, tool_call, tools};

#[tokio::test]
async fn a_crash_costs_its_call_and_nothing_else() {
    let tools = bad_tools(settings());
    tools.ready().await;
    for (name, arguments, expected) in
        [("leave", json!({"code": 3}), "exit code 3"), ("segfault", json!({}), "signal 11")]
    {
        let outcome = call(&tools, name, arguments).await;
        assert!(outcome.is_error && outcome.is_unknown, "{outcome:?}");
        assert!(outcome.content.contains(expected), "{}", outcome.content);
        assert_eq!(call(&tools, "echo", json!({"text": "back"})).await.content, "back");
    }
    for name in ["system_exit", "async_exit"] {
        let before = call(&tools, "process", json!({})).await.content;
        let outcome = call(&tools, name, json!({})).await;
        assert!(outcome.is_error && outcome.content.contains("SystemExit: 3"), "{}", outcome.content);
        assert_eq!(call(&tools, "process", json!({})).await.content, before, "the process lives on");
    }
    tools.close().await;
}

#[tokio::test]
async fn exceptions_show_the_users_own_lines() {
    let tools = bad_tools(settings());
    let outcome = call(&tools, "fail", json!({"value": 0})).await;
    assert!(outcome.is_error, "a call before `ready` finds no tool");
    tools.ready().await;
    let outcome = call(&tools, "fail", json!({"value": 0})).await;
    assert!(outcome.is_error && !outcome.is_unknown);
    let lines: Vec<_> = outcome.content.lines().collect();
    assert_eq!(lines[0], "ZeroDivisionError: division by zero");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[2].ends_with("in deeper: return 1 / value"), "{lines:?}");
    tools.close().await;
}

#[tokio::test]
async fn what_is_printed_does_not_disturb() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.log = Some(dir.path().join("log"));
    settings.progress_bytes_max = 2000;
    let tools = bad_tools(settings);
    tools.ready().await;
    let listener = told();
    let outcome = tools.call(&tool_call("noise", &json!({"lines": 5})), &listener.context).await;
    assert_eq!(outcome.content, "quiet");
    assert_eq!(listener.output(), "noise 0\nnoise 1\nnoise 2\nnoise 3\nnoise 4\nto stderr");
    let listener = told();
    tools.call(&tool_call("noise", &json!({"lines": 10_000})), &listener.context).await;
    let output = listener.output();
    assert!(output.len() < 2200 && output.contains("not shown"), "{}", output.len());
    assert_eq!(call(&tools, "forked", json!({})).await.content, "parent");
    tools.close().await;
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    for text in ["forged", "from a child", "to stderr", "bytes", "in the child"] {
        assert!(log.contains(text), "{text}: {log}");
    }
}

#[tokio::test]
async fn results_are_bounded_and_always_text() {
    let mut settings = settings();
    settings.output_bytes_max = 10_000;
    let tools = bad_tools(settings);
    tools.ready().await;
    let outcome = call(&tools, "huge", json!({"size": 50_000_000})).await;
    assert!(outcome.content.starts_with("<xx") && outcome.content.ends_with("xx>"));
    assert!(outcome.content.len() < 10_100 && outcome.content.contains("bytes left out"), "{}", outcome.content.len());
    let outcome = call(&tools, "odd_text", json!({})).await;
    assert_eq!(outcome.content, "surrogate ?, null \0, line\u{2028}separator, 😀");
    let text = "a\u{2028}\u{0}\"\\😀".repeat(50_000);
    let outcome = call(&tools, "echo", json!({"text": &text})).await;
    assert!(outcome.content.len() < 10_100, "large arguments go through, too");
    tools.close().await;
}

#[tokio::test]
async fn a_hanging_task_is_cancelled() {
    let mut settings = settings();
    settings.cancel_grace = Duration::from_secs(300);
    let tools = bad_tools(settings);
    tools.ready().await;
    let process = call(&tools, "process", json!({})).await.content;

    let listener = told_to_stop();
    let outcome = tools.call(&tool_call("hang_async", &json!({})), &listener.context).await;
    assert_eq!(outcome.content, "cancelled");
    assert_eq!(call(&tools, "process", json!({})).await.content, process, "the process lives on");
    tools.close().await;
}

#[tokio::test]
async fn a_hanging_call_is_given_up_and_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.cancel_grace = Duration::from_millis(300);
    let tools = Arc::new(bad_tools(settings));
    tools.ready().await;
    for name in ["hang", "block_async", "stubborn"] {
        let before = call(&tools, "process", json!({})).await.content;
        let flag = dir.path().join(name);
        let listener = told();
        let begun = listener.begun.clone();
        let order = tool_call("slow_echo", &json!({"text": "still here", "path": flag}));
        let mut other = tokio::task::JoinSet::new();
        let shared = Arc::clone(&tools);
        other.spawn(async move { shared.call(&order, &listener.context).await });
        begun.cancelled().await;
        let listener = told_to_stop();
        let outcome = tools.call(&tool_call(name, &json!({})), &listener.context).await;
        assert!(outcome.is_error && outcome.is_unknown && outcome.content.contains("did not stop"), "{outcome:?}");
        let after = call(&tools, "process", json!({})).await.content;
        assert_ne!(after, before, "{name}: new calls go to a new process");
        std::fs::write(&flag, "").unwrap();
        assert_eq!(
            other.join_next().await.unwrap().unwrap().content,
            "still here",
            "{name}: the other call was not harmed"
        );
    }
    tools.close().await;
}

#[tokio::test]
async fn a_dropped_call_is_cancelled() {
    let mut settings = settings();
    settings.cancel_grace = Duration::from_millis(100);
    let tools = bad_tools(settings);
    tools.ready().await;
    let before = call(&tools, "process", json!({})).await.content;
    let (listener, order) = (told(), tool_call("hang", &json!({})));
    tokio::select! {
        outcome = tools.call(&order, &listener.context) => panic!("{outcome:?}"),
        () = listener.begun.cancelled() => {}
    }
    // Not at once: the call has its grace.
    let mut after = before.clone();
    while after == before {
        after = call(&tools, "process", json!({})).await.content;
    }
    tools.close().await;
}

#[tokio::test]
async fn a_file_that_fails_is_a_notice() {
    let mut settings = settings();
    settings.load_timeout = Duration::from_secs(20);
    let tools = tools(
        settings,
        &json!([
            {"function": "x", "path": "dies_on_import.py"},
            {"function": "never", "path": "fails_on_import.py"},
            {"function": ["echo", "gone"], "path": "bad_tools.py"},
            {"function": "y", "path": "no_such_module"},
            {"name": "preset", "function": "echo", "path": "bad_tools.py", "preset_args": {"no_such": 1}},
        ]),
    );
    let notices = tools.ready().await;
    assert_eq!(notices.len(), 5, "{notices:#?}");
    let has = |words: &[&str]| notices.iter().any(|notice| words.iter().all(|word| notice.contains(word)));
    assert!(has(&["`x`", "exit code 7"]), "{notices:#?}");
    assert!(has(&["`never`", "ModuleNotFoundError", "fails_on_import.py:1"]), "{notices:#?}");
    assert!(has(&["`gone`", "no function `gone`", "there are: leave"]), "{notices:#?}");
    assert!(has(&["`y`", "No module named 'no_such_module'"]), "{notices:#?}");
    assert!(has(&["`preset`", "no_such"]), "{notices:#?}");
    assert_eq!(tools.tools().len(), 1);
    assert_eq!(call(&tools, "echo", json!({"text": "here"})).await.content, "here");
    tools.close().await;
}

#[tokio::test]
async fn a_file_that_hangs_is_a_notice() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("hangs.py"), "import time\ntime.sleep(3600)").unwrap();
    std::fs::write(dir.path().join("works.py"), "def works(): return 'yes'").unwrap();
    let mut settings = settings();
    settings.roots = vec![dir.path().to_path_buf()];
    settings.load_timeout = Duration::from_secs(12);
    let tools = tools(settings, &json!([{"function": "x", "path": "hangs.py"}, {"path": "works.py"}]));
    let notices = tools.ready().await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("still being imported"), "{notices:?}");
    assert_eq!(call(&tools, "works", json!({})).await.content, "yes");
    tools.close().await;
}

#[tokio::test]
async fn nothing_is_left_after_closing() {
    let dir = tempfile::tempdir().unwrap();
    for close in [true, false] {
        let file = dir.path().join(close.to_string());
        let tools = bad_tools(settings());
        tools.ready().await;
        let sidecar = call(&tools, "process", json!({})).await.content;
        call(&tools, "child_that_stays", json!({"path": file})).await;
        let child = std::fs::read_to_string(&file).unwrap();
        assert!(is_running(&sidecar) && is_running(&child));
        if close {
            tools.close().await;
            let outcome = call(&tools, "echo", json!({"text": "x"})).await;
            assert!(outcome.is_error && outcome.content.contains("closed"), "{}", outcome.content);
        }
        drop(tools);
        for id in [&sidecar, &child] {
            // Killed, but perhaps not gone yet.
            while is_running(id) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test]
async fn the_users_environment_is_there() {
    let mut settings = settings();
    settings.python.environment.insert("PYTHONSAFEPATH".into(), "1".into());
    settings.python.environment.insert("SOME_KEY".into(), "some value".into());
    let tools = bad_tools(settings);
    tools.ready().await;
    assert_eq!(call(&tools, "environment", json!({"name": "SOME_KEY"})).await.content, "some value");
    tools.close().await;
}

#[tokio::test]
async fn without_python_all_is_told() {
    let mut settings = settings();
    settings.python.explicit = Some("/no/such/python".to_owned());
    let tools = bad_tools(settings);
    let notices = tools.ready().await;
    assert!(notices.iter().all(|notice| notice.contains("/no/such/python")), "{notices:?}");
    assert!(tools.tools().is_empty());
    tools.close().await;
}

/// Whether the process lives; one that is dead and not waited for does not.
fn is_running(id: &str) -> bool {
    let status = std::process::Command::new("ps").args(["-o", "stat=", "-p", id.trim()]).output().unwrap();
    let state = String::from_utf8_lossy(&status.stdout);
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}
