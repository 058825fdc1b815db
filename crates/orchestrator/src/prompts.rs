//! What agents are told, from the templates in `prompts/`.
//!
//! What never changes comes first, so that providers' prompt caches hit: the system prompt is the same
//! for all turns of an agent, and the question opens every user message, after what was said in earlier turns of the
//! session. Answers of peers stand between tags, as material.

mod earlier;

use std::sync::LazyLock;

use massgen_coordination::TurnBrief;
use massgen_journal::check_in_words;
use massgen_protocol::{
    AgentIndex, AnswerRevision, Choices, Novelty, Rules, RunView, Sensitivity, Strategy, TurnKind, Verification, View,
    Vote,
};
use minijinja::{Environment, UndefinedBehavior, context};

use crate::desk::Desk;
use crate::fence::{Material, MaterialKind, fence};
use crate::relocate::Desks;

pub use earlier::EarlierTurn;

/// What an agent alone is when the config does not say.
const ROLE_ALONE: &str = "You are a helpful AI assistant.";

/// What a system prompt is made of.
pub(crate) struct SystemPrompt<'a> {
    pub(crate) kind: TurnKind,
    pub(crate) role: Option<&'a str>,
    /// What the agent should know of its tools.
    pub(crate) briefing: Option<&'a str>,
    /// Whether it has no peers.
    pub(crate) is_alone: bool,
    pub(crate) rules: &'a Rules,
}

/// Puts the run into words for one agent.
#[derive(Clone, Copy)]
pub(crate) struct Prompter<'a> {
    pub(crate) run: &'a RunView,
    /// What was said in earlier turns of the session, in order.
    pub(crate) earlier: &'a [EarlierTurn],
    pub(crate) desks: &'a [Option<Desk>],
    pub(crate) reader: AgentIndex,
}

impl<'a> Prompter<'a> {
    /// The system prompt of a turn.
    pub(crate) fn system(&self, prompt: &SystemPrompt<'_>) -> String {
        let desk = Desks { all: self.desks }.of(self.reader).map(|desk| {
            let values = context! {
                workspace => desk.workspace().display().to_string(),
                peers => desk.peers().display().to_string(),
                is_alone => prompt.is_alone,
                presents => prompt.kind == TurnKind::Present,
                verification => prompt.rules.verification != Verification::Off,
            };
            render("desk", values)
        });
        let talk = match prompt.kind {
            TurnKind::Solo => prompt.role.unwrap_or(ROLE_ALONE).to_owned(),
            TurnKind::FirstAnswer | TurnKind::Decide => render(
                "system",
                context! {
                    role => prompt.role,
                    bar => bar(prompt.rules.sensitivity),
                    novelty => originality(prompt.rules.novelty),
                },
            ),
            TurnKind::Present => render("present_system", context! { role => prompt.role }),
        };
        let parts = [Some(talk), desk, prompt.briefing.map(str::to_owned)];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    /// The first user message of a turn.
    pub(crate) fn opening(&self, brief: &TurnBrief, strategy: Strategy) -> String {
        let question = self.question();
        match brief.kind {
            TurnKind::Solo => question,
            TurnKind::FirstAnswer => render("first_answer", context! { question => question }),
            TurnKind::Decide => render(
                "decide",
                context! {
                    question => question,
                    answers => self.fenced(&brief.view),
                    files => self.files(&brief.view),
                    may_answer => brief.choices.may_answer,
                },
            ),
            TurnKind::Present => {
                let (answers, reasons) = (self.answers(&brief.view), self.reasons());
                let material = answers.iter().chain(&reasons).map(|(kind, text)| Material { kind: *kind, text });
                render(
                    "present",
                    context! {
                        question => question,
                        material => fence(&material.collect::<Vec<_>>()),
                        has_reasons => !reasons.is_empty(),
                        files => self.files(&brief.view),
                        winner => brief.turn.agent.to_string(),
                        synthesize => strategy == Strategy::Synthesize,
                    },
                )
            }
        }
    }

    /// What a presenter is told when the user wants something changed in what it made.
    pub(crate) fn afterthought(&self, answer: &str, request: &str) -> String {
        let values = context! { question => self.question(), answer => answer, request => request };
        render("afterthought", values)
    }

    /// What a turn at work is told of newer answers.
    pub(crate) fn news(&self, view: &View, choices: &Choices) -> String {
        let values = context! {
            answers => self.fenced(view),
            files => self.files(view),
            may_answer => choices.may_answer,
        };
        render("news", values)
    }

    /// What the user asks, after what was asked and answered before.
    fn question(&self) -> String {
        let question = self.run.question.as_str();
        match earlier::conversation(self.earlier) {
            None => question.to_owned(),
            Some(conversation) => render(
                "earlier",
                context! {
                    material => conversation.material,
                    shortened => conversation.shortened,
                    left_out => conversation.left_out,
                    question => question,
                },
            ),
        }
    }

    fn fenced(&self, view: &View) -> String {
        let answers = self.answers(view);
        let failures = self.failures(view);
        let material = answers.iter().chain(&failures).map(|(kind, text)| Material { kind: *kind, text });
        fence(&material.collect::<Vec<_>>())
    }

    /// The answers of a view, in its order.
    fn answers(&self, view: &View) -> Vec<(MaterialKind, String)> {
        let material = |revision: &AnswerRevision| {
            let text = self.run.answer(*revision)?.content.as_str();
            Some((MaterialKind::AnswerFrom(revision.agent), self.localised(text, revision.agent)))
        };
        view.order.iter().filter_map(material).collect()
    }

    /// What failed when others ran it, of the answers of a view. Who they were is not said.
    fn failures(&self, view: &View) -> Vec<(MaterialKind, String)> {
        const LINES_MAX: usize = 5;
        let of = |revision: &AnswerRevision| {
            let lines = self.run.answer(*revision)?.failures().map(check_in_words).take(LINES_MAX);
            let text = lines.collect::<Vec<_>>().join("\n");
            (!text.is_empty()).then_some((MaterialKind::FailureOf(revision.agent), text))
        };
        view.order.iter().filter_map(of).collect()
    }

    /// The reasons of the votes that count, dissent included, each with whose answer it is for.
    fn reasons(&self) -> Vec<(MaterialKind, String)> {
        /// A reason is a remark, not another answer.
        const CHARS_MAX: usize = 600;
        let shortened = |vote: &Vote| {
            let reason = self.localised(vote.reason.trim(), vote.voter);
            (MaterialKind::VoteFor(vote.target.agent), reason.chars().take(CHARS_MAX).collect())
        };
        self.run.valid_votes().filter(|vote| !vote.reason.trim().is_empty()).map(shortened).collect()
    }

    /// Where the reader finds the files of each answer that has some, a line each.
    fn files(&self, view: &View) -> Option<String> {
        let desk = Desks { all: self.desks }.of(self.reader)?;
        let has_files =
            |revision: &&AnswerRevision| self.run.answer(**revision).is_some_and(|answer| answer.snapshot.is_some());
        let line =
            |revision: &AnswerRevision| format!("{}: {}", revision.agent, desk.files_of(revision.agent).display());
        let lines: Vec<String> = view.order.iter().filter(has_files).map(line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn localised(&self, text: &str, author: AgentIndex) -> String {
        Desks { all: self.desks }.localised(text, author, self.reader)
    }
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
            ("desk", include_str!("prompts/desk.md")),
            ("afterthought", include_str!("prompts/afterthought.md")),
            ("earlier", include_str!("prompts/earlier.md")),
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
