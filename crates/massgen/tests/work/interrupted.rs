//! Agents that run programs, killed in the middle of it: what they have done is there, and is not done twice.

use massgen_protocol::{Activity, Event, Record, RunEnd, ToolEnd, TurnId};

use crate::place::Place;
use crate::provider::Provider;
use crate::traced::killed_before_write;

fn team(provider: &Provider) -> String {
    let team = provider.team(&[("openai", "gpt-5-nano"), ("claude", "claude-sonnet-4-5")]);
    team.replace("api_key:", "cwd: workspace, enable_mcp_command_line: true, api_key:")
}

#[test]
fn a_run_with_tools_goes_on_where_it_was_killed() {
    needs!(bwrap, python);
    let (mut points, mut recalled, mut unknown) = (0, 0, 0);
    // Every write would take minutes; these steps meet calls, results, snapshots and decisions in turn.
    for write in (1..).step_by(7) {
        let place = Place::new();
        // It lives on while the program dies, and so knows what it has played.
        let provider = Provider::play(include_str!("../../../rehearsal/scenarios/analysis.yaml"));
        place.write("team.yaml", &team(&provider));
        match killed_before_write(write, place.path(), &["--automation", "--config", "team.yaml", "Sum the squares."]) {
            Err(reason) => {
                state!("skipped: {reason}");
                return;
            }
            Ok(false) => break,
            Ok(true) => {}
        }
        let before = place.log().records();
        if before.iter().any(|record| matches!(record.event, Event::Fact(massgen_protocol::Fact::RunEnded { .. }))) {
            continue;
        }
        place.massgen(["resume", "--automation"]).run().expect(0);
        let (log, after) = (place.log(), place.log().records());
        assert_eq!(log.view().end, Some(RunEnd::Consensus), "killed before write {write}");
        // The scripted provider of the new process counts its calls anew: what tells them apart is what they ask for.
        let ended = |of: TurnId, call: &str| {
            before.iter().any(|record| {
                matches!(&record.event, Event::Activity(Activity::ToolEnded { turn, id, end, .. })
                    if *turn == of && id == call && *end != ToolEnd::Stopped)
            })
        };
        let called = |record: &Record| match &record.event {
            Event::Activity(Activity::ToolCalled { turn, id, name, arguments }) => {
                Some((*turn, id.clone(), name.clone(), arguments.clone()))
            }
            _ => None,
        };
        let over: Vec<_> = before.iter().filter_map(called).filter(|(turn, id, ..)| ended(*turn, id)).collect();
        let again = after[before.len()..].iter().filter_map(called).filter(|call| over.contains(call));
        assert_eq!(again.count(), 0, "a call that was over is made again, killed before write {write}");
        recalled += over.len();
        let is_unknown = |record: &&Record| matches!(&record.event, Event::Activity(Activity::ToolEnded { result, .. }) if result.starts_with("massgen was interrupted"));
        // The script goes its way by what its calls bring, and a reply that never arrived is played for nothing: who wins
        // may differ, that somebody does may not.
        assert!(log.view().final_answer.is_some(), "killed before write {write}");
        let told = after.iter().filter(is_unknown).count();
        unknown += told;
        // What goes with the answer is there, byte by byte.
        assert!(log.files().iter().any(|file| file.starts_with("turn_1/attempt_1/final/")), "killed before {write}");
        points += 1;
    }
    state!("kill points: {points}; tool calls not made again: {recalled}; told as unknown: {unknown}");
    assert!(points > 10, "{points}");
}
