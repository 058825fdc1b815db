//! Scenarios of the user's own, without keys and without leaving the machine.

use massgen_protocol::RunEnd;

use crate::place::Place;

const SCENARIO: &str = "
title: Two models agree
question: What is 6 x 7?
models:
  gpt-5-nano:
    - when: {answers: 0}
      new_answer: '6 x 7 = 42'
    - vote: {for: '42', reason: 'I have multiplied.'}
  claude-sonnet-4-5:
    - when: {answers: 0}
      new_answer: '41, or so'
    - vote: {for: '42', reason: 'I had not multiplied.'}
  '*': [{when: {presenting: true}, say: 'The answer is 42.'}]
";

#[test]
fn a_scenario_brings_its_team_and_its_question() {
    let place = Place::new();
    place.write("scenario.yaml", SCENARIO);
    let finished = place.massgen(["rehearse", "scenario.yaml"]).run().expect(0);
    assert!(finished.stdout.starts_with("REHEARSAL: "), "{finished}");
    let view = place.log().view();
    assert!(view.rehearsal);
    assert_eq!((view.question.as_str(), view.end.as_ref()), ("What is 6 x 7?", Some(&RunEnd::Consensus)));
    let team: Vec<&str> = view.agents.iter().map(|agent| agent.profile.id.as_str()).collect();
    assert_eq!(team, ["gpt-5-nano", "claude-sonnet-4-5"]);
    assert_eq!(view.final_answer.unwrap().1, "The answer is 42.");
}

#[test]
fn a_config_can_be_rehearsed_without_keys_and_goes_nowhere_else() {
    let place = Place::new();
    place.write("scenario.yaml", SCENARIO);
    // Nobody listens at the address of the config.
    let config = "agents:
  - {id: one, backend: {type: openai, model: gpt-5-nano, base_url: 'http://127.0.0.1:1/v1'}}
  - {id: two, backend: {type: claude, model: claude-sonnet-4-5}}
";
    for args in [&["--rehearse=scenario.yaml", "--automation"][..], &["--rehearse", "--automation"]] {
        let finished = place.ask(config, args).run().expect(0);
        assert!(finished.stdout.starts_with("REHEARSAL: the answers are scripted\n"), "{finished}");
        assert!(finished.stdout.contains("\nEND: every agent's decision stood on the current answers\n"), "{finished}");
    }
}

#[cfg(unix)]
#[test]
fn a_served_scenario_records_what_clients_ask() {
    let place = Place::new();
    let mut server = place.massgen(["rehearse", "any", "--serve", "--record", "requests.jsonl"]).start();
    let url = server.line(|line| line.starts_with("base_url for Anthropic"));
    let url = url.trim().rsplit_once(' ').unwrap().1;
    let config =
        format!("agents: [{{id: one, backend: {{type: claude, model: m, base_url: '{url}', api_key: any-key}}}}]\n");
    place.ask(&config, &[]).run().expect(0);
    server.signal(rustix::process::Signal::INT);
    server.finish().expect(0);
    let lines = place.read("requests.jsonl");
    let requests: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(requests.len(), 1, "{lines}");
    assert_eq!((&requests[0]["protocol"], &requests[0]["model"]), (&"messages".into(), &"m".into()), "{lines}");
    assert!(!lines.contains("any-key"), "{lines}");
}
