use massgen_protocol::{AgentIndex, RevisionVector, TurnId};

use super::*;
use crate::workflow;

fn view_of_three() -> (View, Choices, RunView) {
    let mut vector = RevisionVector::empty(3);
    let order: Vec<AnswerRevision> = AgentIndex::all(3).map(|agent| vector.publish(agent)).collect();
    let choices = Choices { may_answer: true, votes: order.clone() };
    let mut run = RunView { question: "How far is it?".to_owned(), ..RunView::default() };
    for revision in &order {
        run.answers.push(massgen_protocol::AnswerView {
            revision: *revision,
            content: format!("{} Gpc", revision.agent.0),
            seen: RevisionVector::empty(3),
            source: massgen_protocol::AnswerSource::Decision,
            at_ms: 0,
        });
    }
    (View { vector, order }, choices, run)
}

fn brief(kind: TurnKind) -> (TurnBrief, RunView) {
    let (view, choices, run) = view_of_three();
    (TurnBrief { turn: TurnId { agent: AgentIndex(1), number: 1 }, kind, view, choices }, run)
}

#[test]
fn every_template_renders_in_every_form() {
    for sensitivity in [Sensitivity::Lenient, Sensitivity::Balanced, Sensitivity::Strict] {
        for novelty in [Novelty::Lenient, Novelty::Balanced, Novelty::Strict] {
            for kind in [TurnKind::Solo, TurnKind::FirstAnswer, TurnKind::Decide, TurnKind::Present] {
                for role in [None, Some("You are a {{ pirate }}.")] {
                    let text = system(kind, role, sensitivity, novelty);
                    assert!(role.is_none_or(|role| text.contains(role)), "{text}");
                }
            }
        }
    }
    for kind in [TurnKind::Solo, TurnKind::FirstAnswer, TurnKind::Decide, TurnKind::Present] {
        for strategy in [Strategy::WinnerPresents, Strategy::Synthesize] {
            let (brief, run) = brief(kind);
            assert!(opening(&brief, &run, strategy).starts_with("How far is it?"));
        }
    }
    let (view, mut choices, run) = view_of_three();
    assert!(news(&view, &choices, &run).contains("<answer from=\"agent2\">\n1 Gpc\n</answer>"));
    choices.may_answer = false;
    assert!(!news(&view, &choices, &run).contains("new_answer"));
}

/// The budget of a plain run of three agents: system prompt and tool schemas of one call.
///
/// The word list of the cl100k encoding is too large to ship for one test, so tokens are estimated from
/// words and signs: generously, since the encoding makes 343 of what is estimated as 392 here.
#[test]
fn system_prompt_and_tool_schemas_are_short() {
    let (_, choices, _) = view_of_three();
    let mut text = system(TurnKind::Decide, None, Sensitivity::Lenient, Novelty::Lenient);
    for tool in workflow::tools(&choices) {
        text.push_str(&format!("{} {} {}", tool.name, tool.description, tool.parameters));
    }
    let tokens = text
        .split_whitespace()
        .map(|word| {
            let signs = word.chars().filter(|c| !c.is_alphanumeric()).count();
            let letters = word.chars().filter(|c| c.is_alphanumeric()).count();
            signs + letters.div_ceil(6)
        })
        .sum::<usize>();
    println!("system prompt and tool schemas of a call with three answers: at most {tokens} tokens");
    assert!(tokens <= 700, "{tokens}");
}
