//! Scripts: which step is for which request.

use massgen_rehearsal::{RehearsalServer, Scenario, Wire};
use serde_json::{Value, json};

use crate::client::{body, content, post, start};

const TEAM: &[&str] = &["new_answer", "vote"];

/// A prompt that shows answers.
fn shown(answers: &[(&str, &str)]) -> String {
    let blocks = answers.iter().map(|(agent, text)| format!("<answer from=\"{agent}\">\n{text}\n</answer>\n"));
    format!("The question.\n{}", blocks.collect::<String>())
}

async fn turn(server: &RehearsalServer, wire: Wire, said: &str, tools: &[&str]) -> (String, Vec<(String, Value)>) {
    let reply = post(server, wire, true, &body(wire, true, said, tools)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    content(wire, &reply.events())
}

#[tokio::test]
async fn any_team_answers_votes_and_presents() {
    let server = RehearsalServer::start(Scenario::builtin("any").unwrap()).await.unwrap();
    for wire in Wire::ALL {
        let (_, calls) = turn(&server, wire, "The question.", TEAM).await;
        assert_eq!(calls[0].0, "new_answer", "{wire:?}");
        let answer = calls[0].1["content"].as_str().unwrap().to_owned();
        assert!(answer.starts_with("[rehearsal]"));
        let (_, calls) = turn(&server, wire, &shown(&[("agent2", &answer), ("agent3", &answer)]), TEAM).await;
        assert_eq!((calls[0].0.as_str(), &calls[0].1["agent_id"]), ("vote", &json!("agent2")), "{wire:?}");
        let (text, calls) = turn(&server, wire, &shown(&[("agent2", &answer)]), &[]).await;
        assert!(text.starts_with("[rehearsal]") && calls.is_empty(), "{wire:?}");
    }
}

#[tokio::test]
async fn a_request_no_step_is_for_is_played_by_the_default() {
    let server = start("models: {'*': [{when: {asked: never}, say: x}]}").await;
    for wire in Wire::ALL {
        assert_eq!(turn(&server, wire, "hello", TEAM).await.1[0].0, "new_answer");
        assert!(turn(&server, wire, "hello", &[]).await.0.starts_with("[rehearsal]"));
    }
}

#[tokio::test]
async fn conditions_select_the_step() {
    let yaml = r#"
models:
  "*":
    - {when: {call: 1}, say: first}
    - {when: {asked: "a word"}, say: asked}
    - {when: {presenting: true}, say: presenting}
    - {when: {answers: 2, shows: [alpha, beta]}, say: both}
    - {when: {answers: "1+", not_shows: [alpha]}, say: no alpha}
    - {when: {answers: 0, tool: lookup}, say: tool}
    - {when: {answers: 0}, times: 1, say: once}
    - {vote: {for: gamma, reason: r}}
    - {say: otherwise}
"#;
    for wire in Wire::ALL {
        let server = start(yaml).await;
        let mut heard = Vec::new();
        let one = shown(&[("agent1", "alpha")]);
        for (said, tools) in [
            ("x", TEAM),
            ("say a word", TEAM),
            ("x", &["lookup"][..]),
            (&shown(&[("agent1", "alpha"), ("agent2", "beta")]), TEAM),
            (&shown(&[("agent2", "beta")]), TEAM),
            ("x", &["lookup", "vote"]),
            ("x", TEAM),
            ("x", TEAM),
            (&one, TEAM),
        ] {
            heard.push(turn(&server, wire, said, tools).await.0);
        }
        let expected = ["first", "asked", "presenting", "both", "no alpha", "tool", "once", "otherwise", "otherwise"];
        assert_eq!(heard, expected, "{wire:?}");
    }
}

#[tokio::test]
async fn a_vote_names_the_agent_whose_answer_has_the_words() {
    let server = start("models: {'*': [{vote: {for: right, reason: because}}, {say: nothing to vote for}]}").await;
    for wire in Wire::ALL {
        let answers = shown(&[("agent10", "right too"), ("agent3", "right"), ("agent1", "wrong")]);
        let (_, calls) = turn(&server, wire, &answers, TEAM).await;
        assert_eq!(calls, [("vote".to_owned(), json!({"agent_id": "agent3", "reason": "because"}))], "{wire:?}");
        assert_eq!(turn(&server, wire, &shown(&[("agent1", "wrong")]), TEAM).await.0, "nothing to vote for");
    }
}

#[tokio::test]
async fn a_vote_keeps_to_the_choices_that_are_offered() {
    let server = start("models: {'*': [{vote: {for: right}}]}").await;
    let mut body = body(Wire::Messages, true, &shown(&[("agent1", "right"), ("agent2", "right")]), TEAM);
    body["tools"][1]["input_schema"]["properties"] = json!({"agent_id": {"type": "string", "enum": ["agent2"]}});
    let reply = post(&server, Wire::Messages, true, &body).await;
    assert_eq!(content(Wire::Messages, &reply.events()).1[0].1["agent_id"], "agent2");
}

/// A conversation in which the model has called a tool and been told the result.
fn after_call(wire: Wire, tool: &str, result: &str, tools: &[&str]) -> Value {
    let mut body = body(wire, true, "The question.", tools);
    match wire {
        Wire::Responses => {
            body["input"] = json!([
                {"role": "user", "content": "The question."},
                {"type": "function_call", "call_id": "c1", "name": tool, "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": result},
            ]);
        }
        Wire::ChatCompletions => {
            let call = json!({"id": "c1", "type": "function", "function": {"name": tool, "arguments": "{}"}});
            body["messages"].as_array_mut().unwrap().extend([
                json!({"role": "assistant", "tool_calls": [call]}),
                json!({"role": "tool", "tool_call_id": "c1", "content": result}),
            ]);
        }
        Wire::Messages => body["messages"].as_array_mut().unwrap().extend([
            json!({"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": tool, "input": {}}]}),
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": result}]}),
        ]),
        Wire::Gemini => body["contents"].as_array_mut().unwrap().extend([
            json!({"role": "model", "parts": [{"functionCall": {"id": "c1", "name": tool, "args": {}}}]}),
            json!({"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": tool,
                                                                   "response": {"output": result}}}]}),
        ]),
    }
    body
}

#[tokio::test]
async fn tool_results_and_refusals_are_seen() {
    let yaml = "models: {'*': [{when: {rejected: true}, say: refused}, {when: {after_tool: lookup, answers: 1}, \
                say: found}, {say: neither}]}";
    let server = start(yaml).await;
    for wire in Wire::ALL {
        let mut heard = Vec::new();
        for (tool, result) in
            [("vote", "no"), ("lookup", &shown(&[("agent1", "x")])), ("lookup", "none"), ("other", "x")]
        {
            let body = after_call(wire, tool, result, &["lookup", "other", "vote"]);
            let reply = post(&server, wire, true, &body).await;
            assert_eq!(reply.status, 200, "{wire:?}: {}", reply.text());
            heard.push(content(wire, &reply.events()).0);
        }
        assert_eq!(heard, ["refused", "found", "neither", "neither"], "{wire:?}");
    }
}

#[tokio::test]
async fn placeholders_are_filled() {
    let server = start("models: {'*': [{say: 'I am ${model}, call ${call} of ${scenario}. {braces} $5'}]}").await;
    let (text, _) = turn(&server, Wire::ChatCompletions, "x", &[]).await;
    assert_eq!(text, "I am glm-4.5, call 1 of test. {braces} $5");
}
