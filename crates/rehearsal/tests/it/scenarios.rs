//! What the reader of scenario files says about mistakes.

use massgen_rehearsal::{RehearsalServer, Scenario, Wire};

use crate::client::{body, content, post};

#[test]
fn mistakes_are_explained_with_their_place() {
    let cases = [
        ("unknown key at the top", "titel: x\ntitle: x\nquestion: q\nmodels: {m: [{say: x}]}"),
        ("missing question", "title: x\nmodels: {m: [{say: x}]}"),
        ("unknown key in a step", "title: x\nquestion: q\nmodels:\n  m:\n    - sya: hello"),
        ("unknown condition", "title: x\nquestion: q\nmodels:\n  m:\n    - when: {answer: 0}\n      say: x"),
        ("bad count", "title: x\nquestion: q\nmodels:\n  m:\n    - when: {answers: many}\n      say: x"),
        ("no models", "title: x\nquestion: q\nmodels: {}"),
        ("a model twice", "title: x\nquestion: q\nmodels:\n  m: [{say: x}]\n  m: [{say: y}]"),
        ("nothing to do", "title: x\nquestion: q\nmodels:\n  m:\n    - when: {answers: 0}"),
        ("two deeds", "title: x\nquestion: q\nmodels:\n  m:\n    - new_answer: x\n      vote: {for: agent1}"),
        ("say and repeat", "title: x\nquestion: q\nmodels:\n  m:\n    - say: x\n      repeat: {text: y, times: 2}"),
        ("no chunk", "title: x\nquestion: q\nmodels:\n  m:\n    - say: x\n      chunk: 0"),
        ("never", "title: x\nquestion: q\nmodels:\n  m:\n    - say: x\n      times: 0"),
        ("unknown fault word", "title: x\nquestion: q\nmodels:\n  m:\n    - fault: explode"),
        ("unknown fault key", "title: x\nquestion: q\nmodels:\n  m:\n    - fault: {stauts: 429}"),
        ("a status that is none", "title: x\nquestion: q\nmodels:\n  m:\n    - fault: {status: 200}"),
        (
            "faults that exclude each other",
            "title: x\nquestion: q\nmodels:\n  m:\n    - fault: {status: 429, hang: true}",
        ),
        ("an empty fault", "title: x\nquestion: q\nmodels:\n  m:\n    - fault: {}"),
        ("a stray message", "title: x\nquestion: q\nmodels:\n  m:\n    - fault: {hang: true, message: x}"),
        ("a stray count", "title: x\nquestion: q\nmodels:\n  m:\n    - fault: {no_finish: true, after_chunks: 2}"),
        ("unknown error", "title: x\nquestion: q\nmodels:\n  m:\n    - fault: {error_event: tired}"),
        ("no requests", "title: x\nquestion: q\nrate_limit: {requests_per_minute: 0}\nmodels: {m: [{say: x}]}"),
        (
            "a limit of nothing",
            "title: x\nquestion: q\nlimits:\n  any: {requests_per_minute: 0}\nmodels: {m: [{say: x}]}",
        ),
        (
            "a window of nothing",
            "title: x\nquestion: q\nlimits:\n  m: {requests_per_minute: 1, window_seconds: 0}\nmodels: {m: [{say: x}]}",
        ),
        (
            "an unknown window",
            "title: x\nquestion: q\nlimits:\n  m: {requests_per_minute: 1, window: rolling}\nmodels: {m: [{say: x}]}",
        ),
        ("a word for a number", "title: x\nquestion: q\nmodels:\n  m:\n    - say: x\n      delay_ms: soon"),
        ("bad indentation", "title: x\nquestion: q\nmodels:\n  m:\n    - say: x\n     delay_ms: 1"),
        ("no YAML", "title: [x"),
    ];
    let report = cases.iter().map(|(what, yaml)| {
        let error = Scenario::parse(yaml, "mine.yaml").expect_err(what);
        format!("{what}\n  {error}\n")
    });
    insta::assert_snapshot!(report.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_scenario_tells_what_it_is() {
    let names: Vec<&str> = Scenario::builtin_names().collect();
    assert_eq!(names, ["quasar", "analysis", "spectrograph", "any", "bulk"]);
    let quasar = Scenario::builtin("quasar").unwrap();
    assert_eq!(quasar.models().collect::<Vec<_>>(), ["gpt-5-nano", "claude-sonnet-4-5", "gemini-2.5-flash", "glm-4.5"]);
    assert!(quasar.question().contains("790 nm") && !quasar.title().is_empty() && !quasar.accepts_any_model());
    assert!(Scenario::builtin("any").unwrap().accepts_any_model());
    assert!(Scenario::builtin("nothing").is_none());
}

#[tokio::test]
async fn bulk_streams_are_as_long_as_their_names_say() {
    let server = RehearsalServer::start(Scenario::builtin("bulk").unwrap()).await.unwrap();
    for wire in [Wire::Responses, Wire::ChatCompletions, Wire::Messages] {
        let mut body = body(wire, true, "go", &[]);
        body["model"] = "bulk-20k".into();
        let reply = post(&server, wire, true, &body).await;
        assert_eq!(content(wire, &reply.events()).0.len(), 20_000 * "rehearsal ".len(), "{wire:?}");
    }
}
