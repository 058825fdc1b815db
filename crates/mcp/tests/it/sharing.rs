//! One process for all, or one for each.

use std::collections::BTreeSet;

use massgen_mcp::{AgentPlace, Sharing};
use massgen_protocol::AgentIndex;
use massgen_tool::ToolSource as _;
use serde_json::json;

use crate::support::{Bench, is_gone, is_reaped, odd, until};

const TEAM: u16 = 30;

#[tokio::test]
async fn thirty_agents_share_one_server_that_keeps_nothing() {
    let bench = Bench::new();
    let pids = bench.folder.path().join("pids");
    let mut settings = odd(&[&format!("pid={}", pids.display())]);
    settings.sharing = Sharing::PerRun;
    let places: Vec<AgentPlace> = (0..TEAM).map(|agent| bench.place(agent)).collect();
    let sources: Vec<_> = places.iter().map(|place| bench.servers.source(&settings, place)).collect();
    for source in &sources {
        assert_eq!(source.ready().await, Vec::<String>::new());
    }
    let calls = sources.iter().enumerate().map(|(n, source)| bench.text(source, "echo", json!({"n": n})));
    for (n, answer) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(answer, format!("{{\"n\": {n}}}"));
    }
    let started: Vec<u32> = std::fs::read_to_string(pids).unwrap().lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(started.len(), 1, "{started:?}");
    // Each agent's results are its own.
    bench.text(&sources[7], "long", json!({"length": 50_000})).await;
    let kept = |agent: u16| bench.place(agent).workspace.unwrap().join("mcp_results").exists();
    assert!(kept(7) && !kept(0));
    // It ends with the last who wants it.
    let (last, others) = sources.split_last().unwrap();
    for source in others {
        source.close().await;
        source.close().await;
    }
    assert_eq!(bench.text(last, "echo", json!({})).await, "{}");
    last.close().await;
    assert!(is_reaped(started[0]));
    bench.servers.close().await;
}

#[tokio::test]
async fn each_agent_has_its_own_server_by_default() {
    let bench = Bench::new();
    let sources: Vec<_> = (0..TEAM).map(|agent| bench.servers.source(&odd(&[]), &bench.place(agent))).collect();
    futures_util::future::join_all(sources.iter().map(|source| source.ready())).await;
    let status = bench.servers.status();
    let processes: BTreeSet<u32> = status.iter().filter_map(|status| status.process).collect();
    assert_eq!(processes.len(), usize::from(TEAM), "{status:?}");
    assert_eq!(status[3].agent, Some(AgentIndex(3)));
    let kilobytes: u64 = processes.iter().map(|process| resident(*process)).sum();
    println!("{} processes of the odd server: {} MiB resident", processes.len(), kilobytes >> 10);
    bench.servers.close().await;
    until(|| processes.iter().all(|process| is_gone(*process))).await;
}

/// The memory of a process that is its own or shared, in KiB.
#[expect(clippy::unwrap_used, reason = "clippy exempts tests from this, but not their helpers")]
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
