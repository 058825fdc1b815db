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
            snapshot: None,
            checks: Vec::new(),
            at_ms: 0,
        });
    }
    (View { vector, order }, choices, run)
}

fn prompter(run: &RunView) -> Prompter<'_> {
    Prompter { run, earlier: &[], desks: &[], reader: AgentIndex(1) }
}

fn system(kind: TurnKind, role: Option<&str>, sensitivity: Sensitivity, novelty: Novelty) -> String {
    let rules = Rules { sensitivity, novelty, ..Rules::default() };
    let run = RunView::default();
    prompter(&run).system(&SystemPrompt { kind, role, briefing: None, is_alone: false, rules: &rules })
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
            assert!(prompter(&run).opening(&brief, strategy).starts_with("How far is it?"));
        }
    }
    let (view, mut choices, run) = view_of_three();
    assert!(prompter(&run).news(&view, &choices).contains("<answer from=\"agent2\">\n1 Gpc\n</answer>"));
    choices.may_answer = false;
    assert!(!prompter(&run).news(&view, &choices).contains("new_answer"));
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

#[test]
fn an_author_s_paths_become_those_of_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(massgen_workspace::SnapshotStore::open(&folder.path().join("store")).unwrap());
    let desk = |name: &str| {
        let (workspace, peers) = (folder.path().join(name), folder.path().join(format!("{name}_peers")));
        Some(Desk::new(workspace, peers, std::sync::Arc::clone(&store)))
    };
    let desks = [desk("claude"), desk("gpt"), None];
    let (view, choices, mut run) = view_of_three();
    let written_at = folder.path().join("claude").display().to_string();
    run.answers[0].content = format!("Run {written_at}/run.py; not {written_at}_peers/agent2/x");
    run.answers[0].snapshot = "a".repeat(64).parse().ok();
    let told = Prompter { run: &run, earlier: &[], desks: &desks, reader: AgentIndex(1) }.news(&view, &choices);
    let peers = folder.path().join("gpt_peers").display().to_string();
    assert!(told.contains(&format!("Run {peers}/agent1/run.py; not {peers}/agent2/x")), "{told}");
    assert!(!told.contains("claude"), "{told}");
    assert!(told.contains(&format!("\nagent1: {peers}/agent1\n")), "{told}");
    // An agent without a place to work still learns nothing of where others do.
    let told = Prompter { run: &run, earlier: &[], desks: &desks, reader: AgentIndex(2) }.news(&view, &choices);
    assert!(told.contains("Run agent1/run.py; not peers/agent2/x"), "{told}");
}

#[test]
fn what_failed_under_a_peer_s_hands_is_told_to_the_next_voters() {
    let (view, choices, mut run) = view_of_three();
    let failed = massgen_protocol::Check {
        subject: "python agent1/test.py".to_owned(),
        finding: massgen_protocol::Finding::Failed { exit_code: Some(1) },
    };
    run.answers[0].checks = vec![(AgentIndex(2), failed.clone())];
    // What failed under its author's own hands is the author's affair.
    run.answers[1].checks = vec![(AgentIndex(1), failed)];
    let told = prompter(&run).news(&view, &choices);
    assert!(
        told.contains("<failure of=\"agent1\">\n`python agent1/test.py` failed with exit code 1\n</failure>"),
        "{told}"
    );
    assert!(!told.contains("of=\"agent2\""), "{told}");
}

#[test]
fn what_was_said_before_comes_before_every_question() {
    let earlier = ["old", "new"].map(|word| EarlierTurn {
        number: 1,
        question: format!("A {word} question?"),
        answer: format!("An {word} answer."),
    });
    for kind in [TurnKind::Solo, TurnKind::FirstAnswer, TurnKind::Decide, TurnKind::Present] {
        let (brief, run) = brief(kind);
        let text = Prompter { earlier: &earlier, ..prompter(&run) }.opening(&brief, Strategy::WinnerPresents);
        let places = ["A old question?", "An old answer.", "A new question?", "the user asks now", "How far is it?"];
        let places = places.map(|words| text.find(words).unwrap_or_else(|| panic!("{words} is missing: {text}")));
        assert!(places.is_sorted(), "{text}");
        assert!(!text.contains("left out") && !text.contains("shortened"), "{text}");
    }
    let many: Vec<EarlierTurn> =
        (1..=60).map(|number| EarlierTurn { number, question: "q".to_owned(), answer: "a".repeat(9_000) }).collect();
    let (brief, run) = brief(TurnKind::Solo);
    let text = Prompter { earlier: &many, ..prompter(&run) }.opening(&brief, Strategy::WinnerPresents);
    assert!(text.contains("long and older turns are shortened; 38 older turns are left out. Answers"), "{text}");
}
