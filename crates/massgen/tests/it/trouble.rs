//! Teams in trouble: every run ends, in bounded time, with what there is.

use massgen_protocol::{AgentState, AnswerSource, PresentationSource, RunEnd};

use crate::place::Place;
use crate::provider::Provider;

#[test]
fn a_silent_a_failing_and_an_undecided_agent_hold_nobody_up() {
    let provider = Provider::agreeable_but(
        "  silent: [{fault: hang}]
  failing: [{fault: {status: 401}}]
  undecided: [{say: 'Who can tell what 6 x 7 is?'}]
",
    );
    let place = Place::new();
    let team = provider.team(&[
        ("openai", "silent"),
        ("claude", "fine-one"),
        ("gemini", "failing"),
        ("chatcompletion", "undecided"),
        ("openai", "fine-two"),
    ]);
    let config = format!("{team}timeout_settings: {{initial_round_timeout_seconds: 4}}\n");
    place.ask(&config, &["--automation"]).run().expect(0);
    let view = place.log().view();
    assert_eq!(view.end, Some(RunEnd::Consensus));
    assert_eq!(view.agents[0].state, AgentState::Failed { reason: "it ran out of time".to_owned() });
    assert!(matches!(&view.agents[2].state, AgentState::Failed { reason } if reason.contains("HTTP 401")));
    // Whoever never decides is taken at its word, and then has no vote.
    let undecided: Vec<_> = view.answers.iter().filter(|answer| answer.revision.agent.position() == 3).collect();
    assert_eq!(undecided.len(), 1);
    assert_eq!(undecided[0].source, AnswerSource::PlainText);
    let voters: Vec<usize> = view.valid_votes().map(|vote| vote.voter.position()).collect();
    assert!(voters.contains(&1) && voters.contains(&4) && !voters.contains(&3), "{voters:?}");
    let (winner, answer, source) = view.final_answer.unwrap();
    assert!([1, 4].contains(&winner.agent.position()), "{winner}");
    assert_eq!((answer.as_str(), source), ("The answer is 42.", PresentationSource::Presented));
}

#[test]
fn all_agents_fail() {
    let provider =
        Provider::agreeable_but("  failing-one: [{fault: {status: 401}}]\n  failing-two: [{fault: {status: 404}}]\n");
    let place = Place::new();
    let finished =
        place.ask(&provider.team(&[("openai", "failing-one"), ("claude", "failing-two")]), &[]).run().expect(2);
    let told = "error: no agent could answer\n       agent `failing-one`: OpenAI (failing-one at 127.0.0.1:";
    assert!(finished.stderr.starts_with(told), "{finished}");
    assert!(finished.stderr.contains("\n       agent `failing-two`: Anthropic Claude ("), "{finished}");
    assert!(finished.stdout.contains("There is no answer."), "{finished}");
    let status = place.log().json("status.json");
    assert_eq!((&status["is_complete"], &status["finish_reason"]), (&true.into(), &"error".into()));
}

#[test]
fn the_deadline_passes_without_an_answer() {
    let provider = Provider::agreeable_but("  silent-one: [{fault: hang}]\n  silent-two: [{fault: hang}]\n");
    let place = Place::new();
    let team = provider.team(&[("openai", "silent-one"), ("gemini", "silent-two")]);
    let finished = place.ask(&team, &["--orchestrator-timeout", "1"]).run().expect(3);
    assert_eq!(finished.stderr, "error: the deadline passed and nobody had answered\n");
    assert_eq!(place.log().json("status.json")["finish_reason"], "timeout");
}

#[test]
fn the_deadline_passes_with_an_answer() {
    let provider = Provider::agreeable_but("  silent: [{fault: hang}]\n");
    let place = Place::new();
    let team = provider.team(&[("openai", "silent"), ("gemini", "fine")]);
    // The other agent has answered long before; it waits for the silent one.
    let finished = place.ask(&team, &["--orchestrator-timeout", "5"]).run().expect(0);
    assert!(finished.stdout.contains("Ended     the deadline passed; the best answer so far was taken"), "{finished}");
    assert!(finished.stdout.contains("6 x 7 = 42"), "{finished}");
    assert_eq!(place.log().view().end, Some(RunEnd::TimedOutWithAnswer));
}

#[test]
fn a_presentation_that_fails_falls_back_to_the_answer_as_published() {
    let provider = Provider::agreeable_but("  mute:\n    - {when: {presenting: true}, fault: {status: 401}}\n");
    let place = Place::new();
    let finished = place.ask(&provider.team(&[("openai", "mute"), ("claude", "fine")]), &[]).run().expect(0);
    let (_, answer, source) = place.log().view().final_answer.unwrap();
    assert_eq!(answer, "6 x 7 = 42");
    assert!(matches!(&source, PresentationSource::Stored { reason } if reason.contains("HTTP 401")), "{source:?}");
    assert!(finished.stdout.contains("as published: the presentation failed"), "{finished}");
}
