//! Servers that hang, die, flood and forget their manners.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use massgen_mcp::{BreakerSettings, ServerState, Transport};
use massgen_tool::{Effect, ToolSource as _};
use serde_json::json;

use crate::support::{Bench, is_gone, is_reaped, odd, stdio, tool_call, until};

#[tokio::test]
async fn a_server_that_hangs_at_its_start_costs_a_line_and_leaves_no_process() {
    let bench = Bench::new();
    let pids = bench.folder.path().join("pids");
    let mut settings = odd(&["start=hang", &format!("pid={}", pids.display())]);
    settings.start_timeout = Duration::from_secs(2);
    let source = bench.servers.source(&settings, &bench.place(0));
    let notices = source.ready().await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].starts_with("MCP server `odd` did not start"), "{notices:?}");
    assert!(source.tools().is_empty());
    bench.servers.close().await;
    for pid in std::fs::read_to_string(pids).unwrap().lines() {
        assert!(is_reaped(pid.parse().unwrap()), "{pid}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_start_is_told_with_its_last_words_and_left_alone_after_three_times() {
    let bench = Bench::new();
    let source = bench.servers.source(&odd(&["start=die"]), &bench.place(0));
    let notices = source.ready().await;
    assert!(notices[0].contains("no key is set"), "{notices:?}");
    let status = source.status();
    assert!(matches!(status.state, ServerState::Paused { .. }), "{status:?}");
    assert_eq!((status.failures, status.starts), (3, 3));
    // Told once.
    assert!(source.ready().await.is_empty());
    bench.servers.close().await;
    assert_eq!(source.status().state, ServerState::Closed);
}

#[tokio::test]
async fn a_program_that_is_missing_is_not_tried_again() {
    let bench = Bench::new();
    let source = bench.servers.source(&stdio("none", "massgen-no-such-program", &[]), &bench.place(0));
    let notices = source.ready().await;
    assert!(notices[0].contains("`massgen-no-such-program` cannot be run"), "{notices:?}");
    assert!(matches!(source.status().state, ServerState::Failed { .. }));
    assert_eq!(source.status().starts, 1);
    bench.servers.close().await;
}

#[tokio::test]
async fn garbage_on_standard_output_and_a_flood_on_standard_error_do_no_harm() {
    let bench = Bench::new();
    let source = bench.started(&odd(&["start=garbage", "flood"])).await;
    for number in 0..20 {
        assert_eq!(bench.text(&source, "echo", json!({"n": number})).await, format!("{{\"n\": {number}}}"));
    }
    bench.servers.close().await;
    let log = bench.log("mcp_odd_agent1_stderr.log");
    assert!(log.len() < (1 << 20) + 200, "{}", log.len());
}

#[tokio::test]
async fn a_call_without_an_answer_runs_out_of_time_and_the_server_goes_on() {
    let bench = Bench::new();
    let mut settings = odd(&[]);
    settings.call_timeout = Duration::from_secs(4);
    let source = bench.started(&settings).await;
    let outcome = bench.call(&source, "silent", json!({})).await;
    assert!(outcome.is_error && outcome.is_unknown, "{outcome:?}");
    assert!(outcome.content.contains("did not answer within 4 s"), "{outcome:?}");
    let outcome = bench.call(&source, "silent_reader", json!({})).await;
    assert!(outcome.is_error && !outcome.is_unknown, "reading again does no harm: {outcome:?}");
    // Both calls were cancelled at the server, which hears of it in its own time.
    bench.until_text(&source, "was_cancelled", "2").await;
    assert_eq!(source.status().starts, 1);
    bench.servers.close().await;
}

#[tokio::test]
async fn a_server_that_ignores_cancellation_holds_nobody_up() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let context = bench.context();
    let call = tool_call(&source, "stubborn", &json!({}));
    let cancelled = async {
        // Only a call that has begun can be cancelled there.
        bench.text(&source, "echo", json!({})).await;
        context.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(source.call(&call, &context), cancelled);
    assert!(outcome.is_error && outcome.is_unknown, "{outcome:?}");
    bench.until_text(&source, "was_cancelled", "1").await;
    bench.servers.close().await;
}

#[tokio::test]
async fn dropping_a_call_cancels_it_at_the_server() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let (context, call) = (bench.context(), tool_call(&source, "silent", &json!({})));
    {
        let mut dropped = source.call(&call, &context);
        let echo = bench.text(&source, "echo", json!({}));
        tokio::select! {
            biased;
            outcome = &mut dropped => panic!("{outcome:?}"),
            _ = echo => {}
        }
    }
    bench.until_text(&source, "was_cancelled", "1").await;
    bench.servers.close().await;
}

#[tokio::test]
async fn a_server_that_dies_in_a_call_costs_that_call_and_is_started_again() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let first = source.status().process.unwrap();
    let outcome = bench.call(&source, "die", json!({})).await;
    assert!(outcome.is_error && outcome.is_unknown, "{outcome:?}");
    assert!(outcome.content.contains("exit code 7"), "{outcome:?}");
    // The next call waits for the new one. Tools stay on offer meanwhile.
    assert_eq!(bench.text(&source, "echo", json!({})).await, "{}");
    let second = source.status();
    assert_ne!(second.process, Some(first));
    assert_eq!((second.starts, second.failures), (2, 0));
    let outcome = bench.call(&source, "die_reader", json!({})).await;
    assert!(outcome.is_error && !outcome.is_unknown, "{outcome:?}");
    bench.servers.close().await;
    assert!(bench.log("mcp_odd_agent1_stderr.log").contains("last words"));
}

#[tokio::test]
async fn a_server_that_dies_in_every_call_is_left_alone_and_taken_back() {
    let pause = Duration::from_secs(5);
    let bench = Bench::with(|hub| hub.breaker = BreakerSettings { failures_max: 3, pause });
    let source = bench.started(&odd(&[])).await;
    for _ in 0..3 {
        let outcome = bench.call(&source, "die", json!({})).await;
        assert!(outcome.is_unknown, "{outcome:?}");
    }
    let outcome = bench.call(&source, "echo", json!({})).await;
    assert!(outcome.content.contains("it is left alone for"), "{outcome:?}");
    assert!(!outcome.is_unknown, "it was not made: {outcome:?}");
    assert!(matches!(source.status().state, ServerState::Paused { .. }));
    until(|| source.status().state == ServerState::Up).await;
    assert_eq!(bench.text(&source, "echo", json!({})).await, "{}");
    assert_eq!(source.status().failures, 0);
    bench.servers.close().await;
}

#[tokio::test]
async fn a_server_that_hangs_for_good_is_replaced() {
    let bench = Bench::new();
    let mut settings = odd(&[]);
    settings.call_timeout = Duration::from_secs(4);
    let source = bench.started(&settings).await;
    let outcome = bench.call(&source, "wedge", json!({})).await;
    assert!(outcome.is_unknown, "{outcome:?}");
    until(|| source.status().starts == 2).await;
    assert_eq!(bench.text(&source, "echo", json!({})).await, "{}");
    bench.servers.close().await;
}

#[tokio::test]
async fn five_hundred_tools_in_pages_have_five_hundred_names() {
    let bench = Bench::new();
    let mut settings = odd(&["many"]);
    let source = bench.started(&settings).await;
    let names: BTreeSet<String> = source.tools().into_iter().map(|tool| tool.spec.name).collect();
    assert_eq!(names.len(), 500);
    assert!(names.contains("mcp__odd__tool_499"));
    settings.allowed_tools = Some(["tool_3", "tool_4"].map(str::to_owned).into());
    settings.exclude_tools = ["tool_4".to_owned()].into();
    let few = bench.started(&settings).await;
    let names: Vec<String> = few.tools().into_iter().map(|tool| tool.spec.name).collect();
    assert_eq!(names, ["mcp__odd__tool_3"]);
    bench.servers.close().await;
}

#[tokio::test]
async fn a_list_that_changes_is_asked_for_again() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let has = |name: &str| source.tools().iter().any(|tool| tool.spec.name == name);
    assert!(!has("mcp__odd__grown_0"));
    bench.text(&source, "grow", json!({})).await;
    until(|| has("mcp__odd__grown_0")).await;
    let effects: BTreeSet<Effect> = source.tools().iter().map(|tool| tool.effect).collect();
    assert_eq!(effects, BTreeSet::from([Effect::None, Effect::Outside]));
    bench.servers.close().await;
}

#[tokio::test]
async fn progress_is_told_and_gives_the_call_more_time() {
    let bench = Bench::new();
    let mut settings = odd(&[]);
    settings.call_timeout = Duration::from_secs(4);
    let source = bench.started(&settings).await;
    let start = Instant::now();
    // Longer than the limit in all, shorter between two signs of life.
    assert_eq!(bench.text(&source, "progress", json!({"pause": 2})).await, "done");
    assert!(start.elapsed() > settings.call_timeout);
    let mut notes = bench.notes.lock().unwrap().clone();
    notes.sort();
    assert_eq!(notes, ["step 1 (1 of 3)", "step 2 (2 of 3)", "step 3 (3 of 3)"]);
    bench.servers.close().await;
}

#[tokio::test]
async fn log_messages_go_to_the_log() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    bench.text(&source, "log", json!({})).await;
    until(|| bench.log("mcp_odd_agent1_stderr.log").contains("[warning odd] a log message")).await;
    bench.servers.close().await;
}

#[tokio::test]
async fn what_a_server_forked_ends_with_it() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let mut processes = vec![source.status().process.unwrap()];
    for session in [false, true] {
        let child = bench.text(&source, "fork", json!({"session": session})).await;
        processes.push(child.parse().unwrap());
    }
    assert!(processes.iter().all(|process| !is_gone(*process)));
    source.close().await;
    assert!(is_reaped(processes[0]));
    until(|| processes.iter().all(|process| is_gone(*process))).await;
    assert!(source.tools().is_empty());
    bench.servers.close().await;
}

#[tokio::test]
async fn nothing_survives_a_hub_that_is_dropped() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let child: u32 = bench.text(&source, "fork", json!({"session": true})).await.parse().unwrap();
    let server = source.status().process.unwrap();
    drop((source, bench));
    until(|| is_gone(child) && is_gone(server)).await;
}

#[tokio::test]
async fn the_environment_has_no_keys_but_those_that_are_configured() {
    let bench = Bench::with(|hub| {
        hub.environment =
            massgen_mcp::base_environment(std::env::vars_os().chain([("OPENAI_API_KEY".into(), "sk-none".into())]));
    });
    let mut settings = odd(&[]);
    if let Transport::Stdio(stdio) = &mut settings.transport {
        stdio.environment.insert("WEATHER_KEY".to_owned(), "w".into());
    }
    let source = bench.started(&settings).await;
    let names = bench.text(&source, "environment", json!({})).await;
    let names: Vec<String> = serde_json::from_str(&names).unwrap();
    assert!(names.contains(&"WEATHER_KEY".to_owned()) && names.contains(&"PATH".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("OPENAI") || name.starts_with("CARGO")), "{names:?}");
    bench.servers.close().await;
}

#[tokio::test]
async fn long_results_are_kept_in_the_workspace() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let text = bench.text(&source, "long", json!({"length": 100_000})).await;
    let end = text.lines().last().unwrap();
    assert!(end.ends_with("the whole is in mcp_results/mcp__odd__long-1.txt]"), "{end}");
    assert!(text.len() < 41_000);
    let whole = std::fs::read(bench.place(0).workspace.unwrap().join("mcp_results/mcp__odd__long-1.txt")).unwrap();
    assert_eq!(whole.len(), 100_000);
    bench.servers.close().await;
}

#[tokio::test]
async fn the_workspace_is_the_root_of_an_agents_own_server_that_is_to_know_it() {
    let bench = Bench::new();
    let mut settings = odd(&[]);
    let unasked = bench.started(&settings).await;
    assert_eq!(bench.text(&unasked, "roots", json!({})).await, "{\"roots\": []}");
    settings.tells_workspace = true;
    let own = bench.started(&settings).await;
    let roots = bench.text(&own, "roots", json!({})).await;
    let workspace = bench.place(0).workspace.unwrap();
    assert!(roots.contains(&format!("file://{}", workspace.display())), "{roots}");
    settings.sharing = massgen_mcp::Sharing::PerRun;
    let shared = bench.started(&settings).await;
    assert_eq!(bench.text(&shared, "roots", json!({})).await, "{\"roots\": []}");
    bench.servers.close().await;
}

#[tokio::test]
async fn a_server_that_knows_only_the_newest_protocol_is_spoken_to_in_it() {
    let bench = Bench::new();
    let source = bench.started(&odd(&["modern"])).await;
    assert_eq!(bench.text(&source, "echo", json!({"a": 1})).await, "{\"a\": 1}");
    // Changes are only told to those who listen, which is asked for in the background.
    let has = |name: &str| source.tools().iter().any(|tool| tool.spec.name == name);
    let mut grown = 0;
    while !has("mcp__odd__grown_0") {
        bench.text(&source, "grow", json!({})).await;
        grown += 1;
        assert!(grown < 1000, "no change is heard of");
    }
    bench.servers.close().await;
}

/// Not a test of its own: holds a server until it is killed.
#[tokio::test]
#[ignore = "run by the test below"]
async fn holds_a_server_for_ever() {
    let Some(file) = std::env::var_os("MASSGEN_TEST_HOLD") else { return };
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let child = bench.text(&source, "fork", json!({"session": true})).await;
    let path = std::path::PathBuf::from(file);
    std::fs::write(path.with_extension("new"), format!("{} {child}", source.status().process.unwrap())).unwrap();
    std::fs::rename(path.with_extension("new"), path).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn nothing_survives_a_massgen_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("processes");
    let mut massgen = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "odd::holds_a_server_for_ever", "--ignored"])
        .env("MASSGEN_TEST_HOLD", &file)
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until(|| file.exists()).await;
    let processes: Vec<u32> =
        std::fs::read_to_string(&file).unwrap().split_whitespace().map(|process| process.parse().unwrap()).collect();
    assert!(processes.len() == 2 && processes.iter().all(|process| !is_gone(*process)));
    // SIGKILL: it can do nothing about it.
    massgen.kill().await.unwrap();
    until(|| processes.iter().all(|process| is_gone(*process))).await;
}
