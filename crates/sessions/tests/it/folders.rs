//! Turns are written so that a crash at any point leaves something readable.

use std::fs;

use massgen_protocol::RunEnd;
use massgen_sessions::{SessionError, TurnEnd, TurnResult, TurnStatus};
use serde_json::{Value, json};

use crate::world::{START_MS, World, completed, events, spend, write_journal};

fn metadata(dir: &std::path::Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("metadata.json")).unwrap()).unwrap()
}

#[test]
fn a_session_of_two_turns() {
    let world = World::new();
    let session = world.session("s", &[("Why?", "Because."), ("And then?", "Nothing.")]);
    let turns = session.turns().unwrap();
    assert_eq!(turns.iter().map(|turn| turn.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(turns[0].status, TurnStatus::Completed);
    assert_eq!(turns[0].agents, completed("", 0).agents);
    assert_eq!(turns[1].workspace().unwrap(), session.dir().join("turn_2/workspace"));
    assert_eq!(fs::read_to_string(session.dir().join("turn_1/answer.txt")).unwrap(), "Because.");

    let written = metadata(&turns[0].dir);
    let expected = json!({
        "turn": 1, "timestamp": "2026-01-31T14:03:05.123000+00:00", "winning_agent": "alpha", "task": "Why?",
        "session_id": "s", "status": "completed", "log_dir": world.path("log"), "started_ms": START_MS,
        "end": "consensus", "ended_ms": START_MS + 5_000, "cost_usd": 0.25, "unpriced_calls": 3,
        "input_tokens": 2400, "output_tokens": 600,
        "agents": [
            {"id": "alpha", "backend": "openai", "model": "gpt-5.2", "cost_usd": 0.25, "unpriced_calls": 0,
             "input_tokens": 1200, "output_tokens": 300},
            {"id": "beta", "backend": "openai", "model": "local", "cost_usd": null, "unpriced_calls": 3,
             "input_tokens": 1200, "output_tokens": 300},
        ],
    });
    assert_eq!(written, expected);

    let winners: Value =
        serde_json::from_str(&fs::read_to_string(session.dir().join("winning_agents_history.json")).unwrap()).unwrap();
    assert_eq!(winners, json!([{"agent_id": "alpha", "turn": 1}, {"agent_id": "alpha", "turn": 2}]));
    let summary = fs::read_to_string(session.dir().join("SESSION_SUMMARY.txt")).unwrap();
    assert!(summary.contains("TURN 2 (completed)") && summary.contains("    Because."), "{summary}");

    let history = session.history().unwrap();
    let history: Vec<_> = history.iter().map(|exchange| (&*exchange.question, &*exchange.answer)).collect();
    assert_eq!(history, [("Why?", "Because."), ("And then?", "Nothing.")]);
}

#[test]
fn a_turn_is_known_from_its_beginning() {
    let world = World::new();
    let session = world.store.create(None).unwrap();
    assert!(session.id().as_str().starts_with("session_20"), "{}", session.id());
    let turn = session.begin_turn("Why?", &world.path("log")).unwrap();
    assert!(session.is_alive().unwrap(), "its folder is held");
    drop(turn);

    let turns = session.turns().unwrap();
    assert_eq!((turns[0].status, turns[0].question.as_deref()), (TurnStatus::Running, Some("Why?")));
    assert!(!session.is_alive().unwrap(), "nobody writes its journal");
    assert!(session.history().unwrap()[0].answer.contains("was stopped"));
    assert_eq!(session.begin_turn("Again?", &world.path("log")).unwrap().number(), 2);
}

#[test]
fn partial_turns_are_kept_and_marked() {
    let world = World::new();
    let session = world.store.create_at(Some("s"), START_MS).unwrap();
    let turn = session.begin_turn_at("Why?", &world.path("log"), START_MS).unwrap();
    let answers = vec![("beta".to_owned(), "One.".to_owned()), ("alpha".to_owned(), "Two.".to_owned())];
    let result = TurnResult {
        ended_ms: START_MS + 1,
        end: "cancelled".to_owned(),
        outcome: TurnEnd::Partial { phase: "deciding".to_owned(), answers, selected: Some("beta".to_owned()) },
        agents: vec![spend("alpha", "m", Default::default()), spend("beta", "m", Default::default())],
    };
    let record = turn.finish(&result).unwrap();
    assert_eq!((record.status, record.answer.as_deref()), (TurnStatus::Partial, Some("One.")));
    let written = metadata(&record.dir);
    assert_eq!(written["partial"], json!({"phase": "deciding", "agents_with_answers": ["beta", "alpha"]}));
    let file: Value =
        serde_json::from_str(&fs::read_to_string(record.dir.join("partial_answers.json")).unwrap()).unwrap();
    assert_eq!(file, json!({"beta": "One.", "alpha": "Two."}));

    let history = session.history().unwrap();
    assert_eq!(history[0].status, TurnStatus::Partial);
    let said = &history[0].answer;
    assert!(said.contains("deciding") && said.contains("[agent2]\nOne.") && said.contains("[agent1]\nTwo."), "{said}");
    assert!(!said.contains("alpha") && !said.contains("beta"), "models do not learn who is who: {said}");
}

#[test]
fn what_came_of_a_run_is_read_from_its_view() {
    let world = World::new();
    let all = events("");
    let view = write_journal(&world.path("whole"), &all);
    let result = TurnResult::of_run(&view);
    assert!(matches!(&result.outcome, TurnEnd::Completed { winner, .. } if winner == "alpha"));
    assert_eq!((result.end.as_str(), result.agents[2].cost.unpriced_calls), ("consensus", 1));

    let cut = all.iter().position(|(at_ms, _)| *at_ms > 31_700).unwrap();
    let view = write_journal(&world.path("cut"), &all[..cut]);
    let TurnEnd::Partial { phase, answers, selected } = TurnResult::of_run(&view).outcome else { panic!() };
    assert_eq!((phase.as_str(), answers.len(), selected), ("deciding", 2, None));
    let view = write_journal(&world.path("short"), &all[..4]);
    assert_eq!(TurnResult::of_run(&view).outcome, TurnEnd::Failed);
}

#[test]
fn names_are_never_shared() {
    let world = World::new();
    let first = world.store.create_at(None, START_MS).unwrap();
    let second = world.store.create_at(None, START_MS).unwrap();
    assert_eq!(first.id().as_str(), "session_20260131_140305");
    assert_eq!(second.id().as_str(), "session_20260131_140305_1");
    assert!(matches!(world.store.create(Some(first.id().as_str())), Err(SessionError::Taken { .. })));
    assert!(matches!(world.store.create(Some("../x")), Err(SessionError::BadId { .. })));
    assert!(matches!(world.store.open("nobody"), Err(SessionError::Missing { .. })));
    assert!(matches!(world.store.open(".."), Err(SessionError::BadId { .. })));
}

#[test]
fn the_latest_session_has_turns() {
    let world = World::new();
    assert!(world.store.latest().unwrap().is_none(), "there is not even a base");
    for (id, age) in [("old", 300), ("new", 200), ("middle", 250)] {
        let session = world.session(id, &[("q", "a")]);
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        fs::File::open(session.dir()).unwrap().set_modified(then).unwrap();
    }
    world.store.create(Some("empty")).unwrap();
    fs::write(world.store.base().join("index.sqlite3"), "").unwrap();
    assert_eq!(world.store.latest().unwrap().unwrap().id().as_str(), "new");
}

#[test]
#[cfg(unix)]
fn folders_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let session = world.session("s", &[("q", "a")]);
    let turn = session.begin_turn("q", &world.path("log")).unwrap();
    let workspaces = turn.partial_workspace("alpha").unwrap();
    assert!(turn.partial_workspace("../alpha").is_err());
    for dir in [world.store.base(), session.dir(), turn.dir(), &turn.workspace(), &workspaces] {
        assert_eq!(fs::metadata(dir).unwrap().permissions().mode() & 0o777, 0o700, "{}", dir.display());
    }
    for file in ["turn_1/answer.txt", "turn_1/metadata.json", "SESSION_SUMMARY.txt"] {
        assert_eq!(fs::metadata(session.dir().join(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

/// Each file of a turn is cut at many lengths, and left out: everything else stays readable.
#[test]
fn damaged_files_cost_their_content() {
    let world = World::new();
    let session = world.session("s", &[("Why?", "Because."), ("And?", "So.")]);
    let dir = session.dir().join("turn_1");
    for name in ["answer.txt", "metadata.json"] {
        let whole = fs::read(dir.join(name)).unwrap();
        for cut in (0..whole.len()).step_by(7) {
            fs::write(dir.join(name), &whole[..cut]).unwrap();
            let turns = session.turns().unwrap();
            assert_eq!(turns[1].answer.as_deref(), Some("So."));
            if name == "metadata.json" {
                assert_eq!(turns[0].answer.as_deref(), Some("Because."));
                assert_eq!(turns[0].problems.len(), 1, "cut at {cut}");
            } else {
                assert_eq!(turns[0].question.as_deref(), Some("Why?"));
            }
            session.history().unwrap();
        }
        fs::remove_file(dir.join(name)).unwrap();
        assert_eq!(session.turns().unwrap().len(), 2);
        fs::write(dir.join(name), whole).unwrap();
    }
    // The temporary file of a writer that was killed is nobody's turn or answer.
    fs::write(dir.join(".answer.txt.1-0.tmp"), "half").unwrap();
    assert_eq!(session.turns().unwrap()[0].answer.as_deref(), Some("Because."));
}

#[test]
fn what_is_missing_of_the_session_files_comes_with_the_next_turn() {
    let world = World::new();
    let session = world.session("s", &[("Why?", "Because.")]);
    fs::remove_file(session.dir().join("SESSION_SUMMARY.txt")).unwrap();
    fs::write(session.dir().join("winning_agents_history.json"), "[{\"agent_id\": \"al").unwrap();
    session.begin_turn("And?", &world.path("log")).unwrap().finish(&completed("So.", START_MS)).unwrap();
    let summary = fs::read_to_string(session.dir().join("SESSION_SUMMARY.txt")).unwrap();
    assert!(summary.contains("TURN 1 (completed)") && summary.contains("TURN 2 (completed)"), "{summary}");
    let winners = fs::read_to_string(session.dir().join("winning_agents_history.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&winners).unwrap().as_array().unwrap().len(), 2);
}

#[test]
fn a_stopped_turn_goes_on_and_leaves_no_trace_of_the_stop() {
    let world = World::new();
    let session = world.session("s", &[("Why?", "Because.")]);
    let turn = session.begin_turn_at("And then?", &world.path("log/attempt_1"), START_MS).unwrap();
    fs::write(turn.partial_workspace("alpha").unwrap().join("x"), "x").unwrap();
    let answers = vec![("beta".to_owned(), "Two.".to_owned()), ("alpha".to_owned(), "One.".to_owned())];
    let outcome = TurnEnd::Partial { phase: "deciding".to_owned(), answers, selected: None };
    let stopped = turn.finish(&TurnResult { outcome, ..completed("", START_MS + 1_000) }).unwrap();
    assert_eq!(stopped.status, TurnStatus::Partial);
    let told = &session.history().unwrap()[1].answer;
    assert!(told.ends_with("[agent1]\nOne.\n\n[agent2]\nTwo."), "in the order of the team: {told}");

    let turn = session.reopen_turn(2, &world.path("log/attempt_2")).unwrap();
    assert_eq!((turn.number(), session.is_alive().unwrap()), (2, true));
    let running = metadata(turn.dir());
    assert_eq!((&running["status"], &running["task"]), (&json!("running"), &json!("And then?")));
    assert!(running["log_dir"].as_str().unwrap().ends_with("attempt_2"), "{running:#}");
    let finished = turn.finish(&completed("Nothing.", START_MS + 9_000)).unwrap();
    assert_eq!((finished.status, finished.answer.as_deref()), (TurnStatus::Completed, Some("Nothing.")));
    assert_eq!((finished.started_ms, finished.ended_ms), (Some(START_MS), Some(START_MS + 9_000)));
    assert_eq!((finished.partial, finished.partial_answers.len()), (None, 0));
    assert!(!finished.dir.join("workspaces").exists());
    assert_eq!(session.turns().unwrap().len(), 2);

    assert!(matches!(session.reopen_turn(3, &world.path("log")), Err(SessionError::Read { .. })));
}

#[test]
fn a_run_that_the_user_stopped_is_partial_whatever_was_taken_at_last() {
    let world = World::new();
    let mut view = write_journal(&world.path("log"), &events(""));
    assert!(matches!(TurnResult::of_run(&view).outcome, TurnEnd::Completed { .. }));
    view.end = Some(RunEnd::Cancelled);
    let stopped = TurnResult::of_run(&view);
    let TurnEnd::Partial { phase, selected, .. } = &stopped.outcome else { panic!("{stopped:?}") };
    assert_eq!((phase.as_str(), selected.as_deref(), stopped.end.as_str()), ("deciding", Some("alpha"), "cancelled"));
}
