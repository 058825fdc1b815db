//! Turns that follow each other, and what there is to see of them afterwards.

use std::path::PathBuf;

use serde_json::Value;

use crate::log::Log;
use crate::place::Place;
use crate::program::Program;
use crate::provider::Provider;
use crate::requests::texts;

/// The question of the first turn.
const FIRST: &str = "What is 6 x 7?";

/// A place with a team of two, on two models with known prices.
fn place_with_team(provider: &Provider) -> Place {
    let place = Place::new();
    place.write("team.yaml", &provider.team(&[("openai", "gpt-5-nano"), ("claude", "claude-sonnet-4-5")]));
    place
}

/// Asks the team in `team.yaml`.
fn ask(place: &Place, args: &[&str], question: &str) -> Program {
    place.massgen(["--automation", "--config", "team.yaml"].into_iter().chain(args.iter().copied()).chain([question]))
}

/// All sessions, by name.
fn sessions(place: &Place) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place.path().join(".massgen/sessions")).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// The one session that there is.
#[track_caller]
fn session(place: &Place) -> PathBuf {
    let found = sessions(place);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn id(session: &std::path::Path) -> String {
    session.file_name().unwrap().to_str().unwrap().to_owned()
}

fn metadata(session: &std::path::Path, turn: u32) -> Value {
    let text = std::fs::read_to_string(session.join(format!("turn_{turn}/metadata.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What every request says that came after the first `before`.
fn said_after(provider: &Provider, before: usize) -> Vec<String> {
    let received = provider.received();
    received.get(before..).unwrap().iter().map(|request| texts(&request.body).join("\n")).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_run_is_a_turn_of_a_session() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    ask(&place, &[], FIRST).run().expect(0);
    let session = session(&place);
    assert!(id(&session).starts_with("session_20"), "{session:?}");
    assert_eq!(std::fs::read_to_string(session.join("turn_1/answer.txt")).unwrap(), "The answer is 42.");
    let metadata = metadata(&session, 1);
    assert_eq!((&metadata["task"], &metadata["status"]), (&FIRST.into(), &"completed".into()), "{metadata:#}");
    assert_eq!((&metadata["end"], metadata.get("rehearsal")), (&"consensus".into(), None), "{metadata:#}");
    let log_dir = place.log().attempt().canonicalize().unwrap();
    assert_eq!(PathBuf::from(metadata["log_dir"].as_str().unwrap()).canonicalize().unwrap(), log_dir);
    // The place of these tests is its user's home as well.
    let registry = json(&place.read(".massgen/sessions.json"));
    let entry = &registry["sessions"][0];
    assert_eq!(entry["session_id"], id(&session).as_str());
    assert_eq!((&entry["status"], &entry["description"]), (&"completed".into(), &FIRST.into()), "{registry:#}");
    assert_eq!(entry["model"], "claude-sonnet-4-5, gpt-5-nano");
}

#[test]
fn the_next_turn_is_told_what_was_said_before() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    ask(&place, &[], FIRST).run().expect(0);
    assert!(said_after(&provider, 0).iter().all(|text| !text.contains("earlier-question")));
    let before = provider.received().len();
    // Without a config: the session knows whom to ask.
    let finished = place.massgen(["--automation", "--continue", "Are you sure?"]).run().expect(0);
    assert!(
        finished.stderr.contains("going on with session_") && finished.stderr.contains("1 turn so far"),
        "{finished}"
    );
    let said = said_after(&provider, before);
    assert!(said.len() >= 4, "both agents were asked: {said:#?}");
    for text in &said {
        let earlier = format!(
            "<earlier-question turn=\"1\">\n{FIRST}\n</earlier-question>\n\n\
             <earlier-answer turn=\"1\">\nThe answer is 42.\n</earlier-answer>"
        );
        let told = text.find(&earlier).unwrap_or_else(|| panic!("nothing earlier in {text}"));
        assert!(text.rfind("Are you sure?").unwrap() > told, "{text}");
    }
    let session = session(&place);
    assert_eq!(metadata(&session, 2)["task"], "Are you sure?");
    assert!(session.join("turn_2/answer.txt").exists());

    // A third turn has both before it, in order; another question without --continue has none.
    let before = provider.received().len();
    ask(&place, &["--session-id", &id(&session)], "Really?").run().expect(0);
    for text in said_after(&provider, before) {
        assert!(text.find(FIRST).unwrap() < text.find("Are you sure?").unwrap(), "{text}");
    }
    let before = provider.received().len();
    ask(&place, &[], "Something else?").run().expect(0);
    assert!(said_after(&provider, before).iter().all(|text| !text.contains("earlier-")));
    assert_eq!(sessions(&place).len(), 2);
}

#[test]
fn a_session_has_the_name_it_is_given() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    ask(&place, &["--session-id", "numbers", "--no-session-registry"], FIRST).run().expect(0);
    assert_eq!(id(&session(&place)), "numbers");
    assert!(!place.path().join(".massgen/sessions.json").exists());
    ask(&place, &["--session-id", "numbers", "--continue"], "Sure?").run().expect(0);
    assert_eq!(metadata(&session(&place), 2)["turn"], 2);

    let finished = ask(&place, &["--session-id", "nombers", "--continue"], "Sure?").run().expect(1);
    assert!(finished.stderr.contains("there is no session `nombers`"), "{finished}");
    assert!(finished.stderr.contains("the newest are numbers;"), "{finished}");
    let finished = ask(&place, &["--session-id", "../numbers"], "Sure?").run().expect(1);
    assert!(finished.stderr.contains("cannot name a session"), "{finished}");
    assert_eq!(sessions(&place).len(), 1, "what failed has left nothing");

    place.write("named.yaml", &format!("session_id: numbers\n{}", place.read("team.yaml")));
    place.massgen(["--automation", "--config", "named.yaml", "And now?"]).run().expect(0);
    assert_eq!(metadata(&session(&place), 3)["task"], "And now?");
}

#[test]
fn where_there_is_nothing_to_continue() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    let finished = ask(&place, &["--continue"], FIRST).run().expect(1);
    assert!(finished.stderr.contains("nothing to continue: there is no session"), "{finished}");
    assert!(provider.received().is_empty());
    let list = place.massgen(["sessions"]).run().expect(0);
    assert!(list.stdout.is_empty() && list.stderr.contains("no sessions in"), "{list}");
    assert!(!place.path().join(".massgen/sessions").exists(), "looking leaves nothing");

    // What was rehearsed was not said.
    ask(&place, &["--rehearse"], FIRST).run().expect(0);
    let session = session(&place);
    assert_eq!(metadata(&session, 1)["rehearsal"], true);
    assert!(!place.path().join(".massgen/sessions.json").exists(), "other programs are not told of a rehearsal");
    let finished = ask(&place, &["--continue"], FIRST).run().expect(1);
    assert!(finished.stderr.contains("no model has answered in any session"), "{finished}");
    ask(&place, &["--continue", "--rehearse"], "And?").run().expect(0);
    assert_eq!(metadata(&session, 2)["rehearsal"], true);

    // Who goes on with it by its name is not told what was scripted.
    ask(&place, &["--session-id", &id(&session)], FIRST).run().expect(0);
    assert!(said_after(&provider, 0).iter().all(|text| !text.contains("earlier-")));
    assert_eq!(metadata(&session, 3).get("rehearsal"), None);
}

#[test]
fn a_run_without_a_log_is_no_turn() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    ask(&place, &["--no-logs"], FIRST).run().expect(0);
    assert!(sessions(&place).is_empty());
    assert!(!place.path().join(".massgen/sessions.json").exists());
}

#[cfg(unix)]
#[test]
fn a_turn_that_is_stopped_keeps_what_is_finished() {
    use massgen_protocol::AgentState;
    use rustix::process::Signal;
    let provider = Provider::agreeable_but("  silent: [{when: {call: 1}, fault: hang, times: 1}]\n");
    let place = Place::new();
    place.write("team.yaml", &provider.team(&[("openai", "one"), ("claude", "two"), ("gemini", "silent")]));
    let mut program = place.massgen(["--stream-events", "--config", "team.yaml", FIRST]).start();
    program.until(|view| view.answers.len() == 2 && view.agents[2].state == AgentState::Thinking);
    program.signal(Signal::INT);
    program.finish().expect(4);
    let session = session(&place);
    let stopped = metadata(&session, 1);
    assert_eq!((&stopped["status"], &stopped["end"]), (&"partial".into(), &"cancelled".into()), "{stopped:#}");
    assert_eq!(stopped["partial"]["agents_with_answers"].as_array().unwrap().len(), 2, "{stopped:#}");
    let answers = json(&std::fs::read_to_string(session.join("turn_1/partial_answers.json")).unwrap());
    assert_eq!(answers, serde_json::json!({"one": "6 x 7 = 42", "two": "6 x 7 = 42"}));

    // The next turn is told how far it came, and by whom under other names.
    let before = provider.received().len();
    place.massgen(["--automation", "--continue", "Go on?"]).run().expect(0);
    for text in said_after(&provider, before) {
        assert!(text.contains("[This turn was stopped in the phase `deciding`"), "{text}");
        assert!(text.contains("[agent1]\n6 x 7 = 42\n\n[agent2]\n6 x 7 = 42"), "{text}");
    }

    // And it can still be finished itself.
    let log = PathBuf::from(stopped["log_dir"].as_str().unwrap());
    let log = Log::new(log.parent().unwrap().parent().unwrap().to_owned());
    let name = id(log.session());
    place.massgen(["resume", "--automation", &name]).run().expect(0);
    let finished = metadata(&session, 1);
    assert_eq!((&finished["status"], &finished["end"]), (&"completed".into(), &"consensus".into()), "{finished:#}");
    assert!(finished["log_dir"].as_str().unwrap().ends_with("turn_1/attempt_2"), "{finished:#}");
    assert!(finished.get("partial").is_none() && !session.join("turn_1/partial_answers.json").exists());
    assert_eq!(std::fs::read_to_string(session.join("turn_1/answer.txt")).unwrap(), "The answer is 42.");
}

#[cfg(unix)]
#[test]
fn a_turn_whose_process_died_is_told_of_and_resumed_by_its_session() {
    use massgen_protocol::AgentState;
    let provider = Provider::agreeable_but("  silent: [{when: {call: 1}, fault: hang, times: 1}]\n");
    let place = Place::new();
    place.write("team.yaml", &provider.team(&[("openai", "one"), ("gemini", "silent")]));
    let mut program = place.massgen(["--stream-events", "--config", "team.yaml", FIRST]).start();
    program.until(|view| view.answers.len() == 1 && view.agents[1].state == AgentState::Thinking);
    let refused = ask(&place, &["--continue"], "Go on?").run().expect(2);
    assert!(refused.stderr.contains("is at work in another process"), "{refused}");
    program.kill();
    program.finish();
    let session = session(&place);
    assert_eq!(metadata(&session, 1)["status"], "running");
    let list = place.massgen(["sessions"]).run().expect(0).stdout;
    assert!(list.contains("interrupted"), "{list}");
    let shown = place.massgen(["sessions", "show", &id(&session)]).run().expect(0).stdout;
    assert!(shown.contains("Go on     massgen resume log_"), "{shown}");

    let before = provider.received().len();
    let finished = ask(&place, &["--continue"], "Go on?").run().expect(0);
    assert!(finished.stderr.contains("turn 1 was interrupted, as its process died"), "{finished}");
    assert!(finished.stderr.contains("massgen resume log_"), "{finished}");
    for text in said_after(&provider, before) {
        assert!(text.contains("What its agents had answered:]\n\n[agent1]\n6 x 7 = 42"), "{text}");
    }
    assert_eq!(metadata(&session, 1)["status"], "partial");
    assert_eq!(metadata(&session, 2)["status"], "completed");

    // A session's name stands for its newest turn.
    let done = place.massgen(["resume", &id(&session)]).run().expect(1);
    assert!(done.stderr.contains("came to its end") && done.stderr.contains("massgen --continue"), "{done}");
    let log_dir = metadata(&session, 1)["log_dir"].as_str().unwrap().to_owned();
    let name = PathBuf::from(log_dir).parent().unwrap().parent().unwrap().to_owned();
    place.massgen(["resume", "--automation", &id(&name)]).run().expect(0);
    assert_eq!(metadata(&session, 1)["status"], "completed");
}

#[cfg(unix)]
#[test]
fn a_second_turn_that_is_resumed_asks_what_it_asked() {
    use massgen_protocol::{Activity, AgentState, Event, Record};
    let provider = Provider::agreeable_but("  silent: [{when: {asked: 'Still?'}, fault: hang, times: 1}]\n");
    let place = Place::new();
    place.write("team.yaml", &provider.team(&[("openai", "one"), ("gemini", "silent")]));
    ask(&place, &["--session-id", "talk"], FIRST).run().expect(0);
    ask(&place, &["--session-id", "talk"], "Sure?").run().expect(0);
    // Its team is that of the session.
    let mut program = place.massgen(["--stream-events", "--session-id", "talk", "Still?"]).start();
    program.until(|view| view.answers.len() == 1 && view.agents[1].state == AgentState::Thinking);
    program.kill();
    program.finish();
    assert_eq!(metadata(&session(&place), 3)["status"], "running");
    place.massgen(["resume", "--automation", "talk"]).run().expect(0);
    let metadata = metadata(&session(&place), 3);
    assert_eq!(metadata["status"], "completed", "{metadata:#}");
    // With other words before the question, nothing that was answered could have been recalled.
    let journal = std::fs::read_to_string(PathBuf::from(metadata["log_dir"].as_str().unwrap()).join("events.jsonl"));
    let records: Vec<Record> = journal.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let resumed =
        records.iter().position(|record| matches!(record.event, Event::Activity(Activity::RunResumed { .. })));
    let keys = |records: &[Record]| -> Vec<String> {
        let key = |record: &Record| match &record.event {
            Event::Activity(Activity::CallStarted { turn, key: Some(key), .. }) => Some(format!("{turn:?} {key:?}")),
            _ => None,
        };
        records.iter().filter_map(key).collect()
    };
    let (before, after) = records.split_at(resumed.unwrap());
    let (before, after) = (keys(before), keys(after));
    assert!(after.iter().any(|key| before.contains(key)), "the open call is asked again, in the same words");
}

#[test]
fn a_turn_whose_process_died_after_the_end_is_kept_whole() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    ask(&place, &["--session-id", "one"], FIRST).run().expect(0);
    let (session, log) = (session(&place), id(place.log().session()));
    let interrupt = || {
        let mut metadata = metadata(&session, 1);
        metadata["status"] = "running".into();
        std::fs::write(session.join("turn_1/metadata.json"), metadata.to_string()).unwrap();
        std::fs::remove_file(session.join("turn_1/answer.txt")).unwrap();
    };
    interrupt();
    place.massgen(["resume", &log]).run().expect(1);
    assert_eq!(metadata(&session, 1)["status"], "completed");
    interrupt();
    let before = provider.received().len();
    let finished = ask(&place, &["--continue"], "Sure?").run().expect(0);
    assert!(!finished.stderr.contains("warning"), "{finished}");
    assert!(said_after(&provider, before).iter().all(|text| text.contains("The answer is 42.\n</earlier-answer>")));
    assert_eq!(std::fs::read_to_string(session.join("turn_1/answer.txt")).unwrap(), "The answer is 42.");
}

#[test]
fn sessions_are_listed_found_shown_and_exported() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    ask(&place, &["--session-id", "numbers"], FIRST).run().expect(0);
    ask(&place, &["--session-id", "numbers"], "Are you \u{1b}[2J sure?").run().expect(0);
    ask(&place, &["--session-id", "words"], "Which word rhymes with orange?").run().expect(0);

    for list in [vec!["sessions"], vec!["sessions", "list"], vec!["--list-sessions"], vec!["--list-sessions", "--all"]]
    {
        let list = place.massgen(list).run().expect(0).stdout;
        let lines: Vec<&str> = list.lines().collect();
        assert_eq!(lines.len(), 4, "{list}");
        assert!(lines[0].starts_with("words    1 turn  completed  20"), "{list}");
        assert!(lines[2].starts_with("numbers  2 turns  completed  20"), "{list}");
        assert_eq!((lines[1], lines[3]), ("    Which word rhymes with orange?", "    What is 6 x 7?"));
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{list}");
    }
    let limited = place.massgen(["sessions", "list", "--limit", "1"]).run().expect(0);
    assert!(limited.stdout.lines().count() == 2 && limited.stderr.contains("and 1 more"), "{limited}");
    let listed = json(&place.massgen(["sessions", "--json"]).run().expect(0).stdout);
    assert_eq!((&listed["total"], &listed["sessions"][1]["session_id"]), (&2.into(), &"numbers".into()), "{listed:#}");
    assert!(listed["sessions"][1]["cost_usd"].as_f64().unwrap() > 0.0, "{listed:#}");

    let found = place.massgen(["sessions", "search", "rhymes", "oran"]).run().expect(0).stdout;
    assert!(found.starts_with("words  turn 1  completed  20") && found.contains("? Which word rhymes"), "{found}");
    assert_eq!(found.matches("turn").count(), 1, "{found}");
    let found = json(&place.massgen(["sessions", "search", "--json", "sure"]).run().expect(0).stdout);
    assert_eq!((&found["hits"][0]["session_id"], &found["hits"][0]["turn"]), (&"numbers".into(), &2.into()));
    let none = place.massgen(["sessions", "search", "zebra"]).run().expect(0);
    assert!(none.stdout.is_empty() && none.stderr.contains("no question or answer has"), "{none}");

    let shown = place.massgen(["sessions", "show", "numbers"]).run().expect(0).stdout;
    assert!(shown.starts_with("numbers, 2 turns\n\nTurn 1, completed, 20"), "{shown}");
    assert!(shown.contains("Question  What is 6 x 7?") && shown.contains("\n\nThe answer is 42.\n"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    let shown = json(&place.massgen(["sessions", "show", "--json", "numbers"]).run().expect(0).stdout);
    assert_eq!(
        (&shown["turns"][0]["answer"], shown["turns"].as_array().unwrap().len()),
        (&"The answer is 42.".into(), 2)
    );
    let missing = place.massgen(["sessions", "show", "letters"]).run().expect(1);
    assert!(missing.stderr.contains("the newest are words, numbers;"), "{missing}");

    let exported = place.massgen(["sessions", "export", "numbers"]).run().expect(0).stdout;
    assert!(exported.contains("6 x 7 = 42") && exported.contains("The answer is 42."), "{exported}");
    place.massgen(["sessions", "export", "numbers", "--html", "-o", "numbers.html"]).run().expect(0);
    let page = place.read("numbers.html");
    assert!(page.contains("<html") && !page.contains("<script") && page.contains("The answer is 42."), "{page}");

    // The index is only an index.
    std::fs::write(place.path().join(".massgen/sessions/index.sqlite3"), "no database").unwrap();
    let rebuilt = place.massgen(["sessions"]).run().expect(0);
    assert_eq!(rebuilt.stdout.lines().count(), 4, "{rebuilt}");
    assert!(rebuilt.stderr.contains("it is kept as"), "{rebuilt}");
}

#[test]
fn sessions_are_deleted_by_name_age_and_size() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    for name in ["one", "two", "three"] {
        ask(&place, &["--session-id", name], FIRST).run().expect(0);
    }
    let names = || sessions(&place).iter().map(|session| id(session)).collect::<Vec<_>>();
    let deleted = place.massgen(["sessions", "delete", "two"]).run().expect(0).stdout;
    assert!(deleted.starts_with("deleted two ("), "{deleted}");
    assert_eq!(names(), ["one", "three"]);
    let registry = place.read(".massgen/sessions.json");
    assert!(!registry.contains("\"two\"") && registry.contains("\"three\""), "{registry}");
    place.massgen(["sessions", "delete", "two"]).run().expect(1);

    place.massgen(["sessions", "prune"]).run().expect(2);
    let kept = place.massgen(["sessions", "prune", "--older-than", "1"]).run().expect(0).stdout;
    assert!(kept.starts_with("deleted 0 sessions of 0 B; "), "{kept}");
    let dry = place.massgen(["sessions", "prune", "--keep-mb", "0", "--dry-run"]).run().expect(0).stdout;
    assert!(dry.starts_with("would delete one (") && dry.contains("would delete 2 sessions of "), "{dry}");
    assert_eq!(names(), ["one", "three"]);
    place.massgen(["sessions", "prune", "--keep-mb", "0"]).run().expect(0);
    assert_eq!(names(), Vec::<String>::new());
    let list = place.massgen(["sessions", "list"]).run().expect(0);
    assert!(list.stdout.is_empty(), "{list}");
    assert!(place.path().join(".massgen/massgen_logs").read_dir().unwrap().count() == 3, "logs stay");
}

#[test]
fn costs_are_added_up() {
    let provider = Provider::agreeable_but("");
    let place = place_with_team(&provider);
    ask(&place, &["--session-id", "one"], FIRST).run().expect(0);
    ask(&place, &["--session-id", "two"], FIRST).run().expect(0);
    // Scripted tokens cost nothing.
    ask(&place, &["--session-id", "three", "--rehearse"], FIRST).run().expect(0);

    let told = json(&place.massgen(["costs", "--json"]).run().expect(0).stdout);
    let keys: Vec<&str> = told["lines"].as_array().unwrap().iter().map(|line| line["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["claude-sonnet-4-5", "gpt-5-nano"], "the dearest first: {told:#}");
    let usd = |value: &Value| value["cost_usd"].as_f64().unwrap();
    let sum: f64 = told["lines"].as_array().unwrap().iter().map(usd).sum();
    assert!((sum - usd(&told["total"])).abs() < 1e-9 && sum > 0.0, "{told:#}");
    let spent: f64 =
        ["one", "two"].map(|name| usd(&metadata(&place.path().join(".massgen/sessions").join(name), 1))).iter().sum();
    assert!((sum - spent).abs() < 1e-9, "{told:#}");
    assert_eq!((&told["total"]["turns"], &told["turns_without_costs"]), (&2.into(), &0.into()));

    let by = |word: &str| place.massgen(["costs", "--by", word, "--days", "7"]).run().expect(0).stdout;
    for (word, key) in [("agent", "gpt-5-nano"), ("session", "two"), ("day", "20"), ("model", "claude-sonnet-4-5")] {
        let table = by(word);
        assert!(table.starts_with(word) && table.lines().any(|line| line.starts_with(key)), "{table}");
        assert!(table.lines().last().unwrap().starts_with("all "), "{table}");
        assert!(!table.contains("three"), "{table}");
    }
}
