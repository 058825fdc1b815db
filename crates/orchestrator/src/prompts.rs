//! What agents are told, from the templates in `prompts/`.
//!
//! What never changes comes first, so that providers' prompt caches hit: the system prompt is the same
//! for all turns of an agent, and the question opens every user message. Answers of peers stand
//! between tags, as material.

use std::sync::LazyLock;

use massgen_coordination::TurnBrief;
use massgen_protocol::{
    AgentIndex, AnswerRevision, Choices, Novelty, RunView, Sensitivity, Strategy, TurnKind, View, Vote,
};
use minijinja::{Environment, UndefinedBehavior, context};

use crate::fence::{Material, MaterialKind, fence};

/// What an agent alone is when the config does not say.
const ROLE_ALONE: &str = "You are a helpful AI assistant.";

/// The system prompt of a turn.
pub(crate) fn system(kind: TurnKind, role: Option<&str>, sensitivity: Sensitivity, novelty: Novelty) -> String {
    match kind {
        TurnKind::Solo => role.unwrap_or(ROLE_ALONE).to_owned(),
        TurnKind::FirstAnswer | TurnKind::Decide => {
            render("system", context! { role => role, bar => bar(sensitivity), novelty => originality(novelty) })
        }
        TurnKind::Present => render("present_system", context! { role => role }),
    }
}

/// The first user message of a turn.
pub(crate) fn opening(brief: &TurnBrief, run: &RunView, strategy: Strategy) -> String {
    let question = run.question.as_str();
    match brief.kind {
        TurnKind::Solo => question.to_owned(),
        TurnKind::FirstAnswer => render("first_answer", context! { question => question }),
        TurnKind::Decide => render(
            "decide",
            context! {
                question => question,
                answers => fenced(&brief.view, run),
                may_answer => brief.choices.may_answer,
            },
        ),
        TurnKind::Present => {
            let reasons = reasons(run);
            let mut material = answers(&brief.view, run);
            material.extend(
                reasons.iter().map(|(agent, reason)| Material { kind: MaterialKind::VoteFor(*agent), text: reason }),
            );
            render(
                "present",
                context! {
                    question => question,
                    material => fence(&material),
                    has_reasons => !reasons.is_empty(),
                    winner => brief.turn.agent.to_string(),
                    synthesize => strategy == Strategy::Synthesize,
                },
            )
        }
    }
}

/// What a turn at work is told of newer answers.
pub(crate) fn news(view: &View, choices: &Choices, run: &RunView) -> String {
    render("news", context! { answers => fenced(view, run), may_answer => choices.may_answer })
}

fn fenced(view: &View, run: &RunView) -> String {
    fence(&answers(view, run))
}

/// The answers of a view, in its order.
fn answers<'a>(view: &View, run: &'a RunView) -> Vec<Material<'a>> {
    let material = |revision: &AnswerRevision| {
        let text = run.answer(*revision)?.content.as_str();
        Some(Material { kind: MaterialKind::AnswerFrom(revision.agent), text })
    };
    view.order.iter().filter_map(material).collect()
}

/// The reasons of the votes that count, dissent included, each with whose answer it is for.
fn reasons(run: &RunView) -> Vec<(AgentIndex, String)> {
    /// A reason is a remark, not another answer.
    const CHARS_MAX: usize = 600;
    let shortened = |vote: &Vote| (vote.target.agent, vote.reason.trim().chars().take(CHARS_MAX).collect());
    run.valid_votes().filter(|vote| !vote.reason.trim().is_empty()).map(shortened).collect()
}

fn bar(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Lenient => {
            "Vote as soon as an answer is right and serves the user. Publish a new answer only if you can mend a real fault."
        }
        Sensitivity::Balanced => {
            "Vote only for an answer that is right, complete and clear. Otherwise publish a better one."
        }
        Sensitivity::Strict => {
            "Vote only when you find nothing left to improve: no error, no gap, no unclear passage. Otherwise publish a better one."
        }
    }
}

fn originality(novelty: Novelty) -> Option<&'static str> {
    match novelty {
        Novelty::Lenient => None,
        Novelty::Balanced => Some("A new answer must differ in substance from the current ones, not in wording."),
        Novelty::Strict => {
            Some("A new answer must take another approach than the current ones, or correct them in substance.")
        }
    }
}

#[expect(clippy::expect_used, reason = "the templates are part of the program, and the tests render every one of them")]
fn render(template: &str, values: minijinja::Value) -> String {
    static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in [
            ("system", include_str!("prompts/system.md")),
            ("first_answer", include_str!("prompts/first_answer.md")),
            ("decide", include_str!("prompts/decide.md")),
            ("news", include_str!("prompts/news.md")),
            ("present_system", include_str!("prompts/present_system.md")),
            ("present", include_str!("prompts/present.md")),
        ] {
            templates.add_template(name, source).expect("a template parses");
        }
        templates
    });
    let rendered = TEMPLATES.get_template(template).and_then(|found| found.render(values));
    rendered.expect("a template renders").trim_end().to_owned()
}

#[cfg(test)]
mod tests;
