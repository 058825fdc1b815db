//! A large team at work: what it costs, and what is started how often.

use std::cell::Cell;

use serde_json::json;

use crate::place::Place;
use crate::processes::{marked, peak_kb};
use crate::script::{call, play, read, run, steps};
use crate::servers::{server, starts};
use crate::team::Team;
use crate::told::calls;

const AGENTS: usize = 30;

/// What the program may use at most, in megabytes, with debug information and without optimisation.
const MEMORY_MAX_MB: u64 = 300;

#[test]
fn thirty_agents_work_with_one_server() {
    needs!(bwrap, python);
    let place = Place::new();
    let models: Vec<String> = (1..=AGENTS).map(|number| format!("m{number}")).collect();
    let mut scripts = json!({});
    for model in &models {
        let made = [
            call("mcp__sums__add", json!({"a": 40, "b": 2})),
            run(&format!("echo '42 by {model}' > answer.txt && wc -c < answer.txt")),
        ];
        let mut script = vec![json!({"when": {"presenting": true}, "say": "The answer is 42."})];
        script.extend(steps(json!({"answers": 0}), &made, json!({"new_answer": format!("42 by {model}.")})));
        script.push(json!({"when": {"rejected": true}, "call": read("${peers}/agent1/answer.txt")}));
        script.push(json!({"vote": {"for": "agent1", "reason": "It is right."}}));
        scripts[model] = json!(script);
    }
    let provider = play(scripts);
    let mut shared = server(&place, &[]);
    shared["sharing"] = json!("run");
    let keys = json!({"enable_mcp_command_line": true, "mcp_servers": {"sums": shared}});
    let team = models.iter().zip(["openai", "chatcompletion", "claude", "gemini"].iter().cycle());
    let team = team.fold(Team::new(), |team, (model, kind)| team.agent(&provider, kind, model, keys.clone()));

    let mut program = place.ask(&team.config(), &["--stream-events"]).start();
    let (pid, peak, servers) = (program.group(), Cell::new(0), Cell::new(0));
    let path = place.path().join("server.py").display().to_string();
    program.until(|view| {
        peak.set(peak_kb(pid).unwrap_or(peak.get()));
        if servers.get() == 0 && view.answers.len() == AGENTS {
            servers.set(marked(&path).iter().filter(|process| process.command.contains(&path)).count());
        }
        view.end.is_some()
    });
    let (peak, servers) = (peak.get(), servers.get());
    let finished = program.finish().expect(0);
    let log = place.log();
    let over = calls(&log);
    let of = |name: &str| over.iter().filter(|over| over.name.ends_with(name) && !over.is_refused()).count();
    assert_eq!((of("__add"), of("execute_command")), (AGENTS, AGENTS));
    assert_eq!(log.view().answers.len(), AGENTS);
    assert_eq!(log.view().valid_votes().count(), AGENTS);
    assert_eq!((starts(&place), servers), (1, 1), "one server for all");
    state!(
        "{AGENTS} agents with workspaces, commands and one server: {:.1} s, {} tool calls, at most {} MB of memory, {} MB of log",
        finished.took.as_secs_f64(),
        over.len(),
        peak / 1024,
        log.text("events.jsonl").len() >> 20,
    );
    assert!(peak > 0 && peak / 1024 < MEMORY_MAX_MB, "{peak} kB");
    assert!(marked(&place.path().display().to_string()).is_empty());
}
