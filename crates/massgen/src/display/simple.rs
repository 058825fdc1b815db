//! Plain lines: what each agent does, under its name, as it happens.

use std::collections::BTreeMap;

use massgen_journal::{Level, narrate};
use massgen_protocol::{
    Activity, AgentIndex, BuiltinPhase, Event, Fact, Phase, Record, RunView, TurnId, TurnKind, TurnOutcome, Vote,
};

use super::style::Style;
use super::{Observer, Places};
use crate::terminal;
use crate::{report, terminal::harmless};

/// A line of streamed text is broken here when its agent does not break it.
const LINE_CHARS_MAX: usize = 160;

/// Names are cut to this width, so that texts start in one column.
const NAME_CHARS_MAX: usize = 18;

/// The plain display.
pub(crate) struct Simple {
    style: Style,
    places: Places,
    pending: String,
    lines: BTreeMap<AgentIndex, Line>,
    name_width: usize,
    final_turn: Option<FinalTurn>,
}

/// The turn whose text is the final answer, and what has been shown of it.
struct FinalTurn {
    turn: TurnId,
    text: String,
}

/// Text of one agent that is not a whole line yet.
#[derive(Default)]
struct Line {
    kind: LineKind,
    text: String,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum LineKind {
    #[default]
    Text,
    Reasoning,
}

impl Simple {
    pub(crate) fn new(places: Places) -> Self {
        Self {
            style: Style::of_stdout(),
            places,
            pending: String::new(),
            lines: BTreeMap::new(),
            name_width: 0,
            final_turn: None,
        }
    }

    fn line(&mut self, text: &str) {
        self.pending.push_str(text);
        self.pending.push('\n');
    }

    /// Lines under an agent's name.
    fn say(&mut self, view: &RunView, agent: AgentIndex, text: &str) {
        self.say_in(view, agent, text, |_, line| line.to_owned());
    }

    /// Lines under an agent's name, painted after they were broken: paint has no width.
    fn say_in(&mut self, view: &RunView, agent: AgentIndex, text: &str, paint: impl Fn(Style, &str) -> String) {
        self.say_marked(view, agent, "", text, paint);
    }

    /// Lines under an agent's name, each behind a mark.
    fn say_marked(
        &mut self,
        view: &RunView,
        agent: AgentIndex,
        mark: &str,
        text: &str,
        paint: impl Fn(Style, &str) -> String,
    ) {
        let width = self.name_width;
        let name: String = view.name(agent).chars().take(NAME_CHARS_MAX).collect();
        let name = self.style.agent(agent, &format!("{name:>width$} │"));
        for line in self.style.lines(text, width + 3 + mark.chars().count()) {
            self.line(&format!("{name} {mark}{}", paint(self.style, &line)));
        }
    }

    fn stream(&mut self, view: &RunView, agent: AgentIndex, kind: LineKind, delta: &str) {
        if self.lines.get(&agent).is_some_and(|line| line.kind != kind) {
            self.end_line(view, agent);
        }
        let line = self.lines.entry(agent).or_default();
        line.kind = kind;
        line.text.push_str(delta);
        while let Some(whole) = take_line(&mut self.lines.entry(agent).or_default().text) {
            self.say_streamed(view, agent, kind, &whole);
        }
    }

    fn say_streamed(&mut self, view: &RunView, agent: AgentIndex, kind: LineKind, text: &str) {
        let text = harmless(text.trim_end());
        if text.is_empty() {
            return;
        }
        match kind {
            LineKind::Text => self.say(view, agent, &text),
            LineKind::Reasoning => self.say_in(view, agent, &text, Style::dim),
        }
    }

    /// Shows what an agent has said so far, although its line is not whole.
    fn end_line(&mut self, view: &RunView, agent: AgentIndex) {
        if let Some(line) = self.lines.remove(&agent) {
            self.say_streamed(view, agent, line.kind, &line.text);
        }
    }

    fn fact(&mut self, fact: &Fact, record: &Record, view: &RunView) {
        match fact {
            Fact::PhaseEntered { phase } => self.phase(*phase, view),
            Fact::TurnStarted { turn, kind: TurnKind::Solo | TurnKind::Present, .. } => {
                self.final_turn = Some(FinalTurn { turn: *turn, text: String::new() });
            }
            Fact::AnswerPublished { revision, content, .. } if view.agents.len() > 1 => {
                self.end_line(view, revision.agent);
                self.say_in(view, revision.agent, &format!("▌ {revision}"), Style::bold);
                for text in harmless(content).lines().filter(|line| !line.trim().is_empty()) {
                    self.say_marked(view, revision.agent, "▌ ", text, |_, line| line.to_owned());
                }
            }
            Fact::VoteCast { vote, .. } => self.vote(view, vote, ""),
            Fact::VoteArrivedVoid { vote, .. } => self.vote(view, vote, " (void: the answers have changed)"),
            Fact::VotesVoided { by, votes } => {
                let count = if votes.len() == 1 { "1 vote".to_owned() } else { format!("{} votes", votes.len()) };
                let text = self.style.warning(&format!("✗ {by} is new and makes {count} void: everybody looks again"));
                self.line(&text);
            }
            // The rest of the display shows these by what follows from them.
            // A failed turn is followed by another, or by the end of the agent's part with the reason.
            Fact::TurnEnded { outcome: TurnOutcome::Failed { .. }, .. }
            | Fact::TeamStarted { .. }
            | Fact::TurnStarted { .. }
            | Fact::AnswerPublished { .. }
            | Fact::WinnerSelected { .. }
            | Fact::FinalAnswer { .. }
            | Fact::RunEnded { .. } => {}
            _ => self.narration(record, view),
        }
    }

    fn phase(&mut self, phase: Phase, view: &RunView) {
        let title = match phase {
            _ if view.agents.len() == 1 => return,
            Phase::FirstAnswers => "First answers",
            Phase::Deciding => "Comparing and voting",
            Phase::Presenting => "Final answer",
            Phase::Ended => return,
        };
        let title = self.style.bold(&format!("\n── {title} ──"));
        self.line(&title);
    }

    fn vote(&mut self, view: &RunView, vote: &Vote, remark: &str) {
        self.end_line(view, vote.voter);
        let (target, author) = (vote.target, view.name(vote.target.agent));
        let reason = harmless(&vote.reason.split_whitespace().collect::<Vec<_>>().join(" "));
        self.say_in(view, vote.voter, &format!("✓ votes for {target} by {author}{remark}"), Style::bold);
        self.say(view, vote.voter, &reason);
    }

    fn is_final(&self, turn: TurnId) -> bool {
        self.final_turn.as_ref().is_some_and(|last| last.turn == turn)
    }

    /// The final answer is for the user: it comes as it is, under nobody's name.
    fn stream_final(&mut self, delta: &str) {
        let Some(last) = &mut self.final_turn else { return };
        if last.text.is_empty() {
            self.pending.push('\n');
        }
        last.text.push_str(delta);
        self.pending.push_str(&harmless(delta));
    }

    /// What happened, in words, under the name of whom it concerns.
    fn narration(&mut self, record: &Record, view: &RunView) {
        let Some(narration) = narrate(record, view) else { return };
        let text = harmless(&narration.text);
        let paint = if narration.level == Level::Info { Style::bold } else { Style::warning };
        match narration.agent {
            Some(agent) => {
                self.end_line(view, agent);
                self.say_in(view, agent, &text, paint);
            }
            None => {
                let text = paint(self.style, &text);
                self.line(&text);
            }
        }
    }

    fn activity(&mut self, activity: &Activity, record: &Record, view: &RunView) {
        match activity {
            Activity::Text { turn, delta } if self.is_final(*turn) => self.stream_final(delta),
            Activity::Text { turn, delta } => self.stream(view, turn.agent, LineKind::Text, delta),
            Activity::Reasoning { turn, delta } => self.stream(view, turn.agent, LineKind::Reasoning, delta),
            Activity::BuiltinTool { turn, name, phase: BuiltinPhase::Started, detail } => {
                self.end_line(view, turn.agent);
                self.say_in(view, turn.agent, &harmless(&format!("⚙ {name} {detail}")), Style::dim);
            }
            Activity::CallEnded { turn, .. } => self.end_line(view, turn.agent),
            Activity::CallRetried { turn, retry, error, pause_ms } => {
                if let Some(last) = self.final_turn.as_mut().filter(|last| last.turn == *turn) {
                    let broken_off = !std::mem::take(&mut last.text).is_empty();
                    if broken_off {
                        self.pending.push('\n');
                    }
                }
                self.end_line(view, turn.agent);
                let seconds = *pause_ms as f64 / 1000.0;
                let text = harmless(&format!("retry {retry} in {seconds:.1} s: {error}"));
                self.say_in(view, turn.agent, &text, Style::warning);
            }
            Activity::Notice { .. } => self.narration(record, view),
            Activity::RunOpened { .. } => self.opening(view),
            Activity::CallStarted { .. }
            | Activity::ToolCalled { .. }
            | Activity::BuiltinTool { .. }
            | Activity::Citation { .. } => {}
        }
    }

    fn opening(&mut self, view: &RunView) {
        let names = view.agents.iter().map(|agent| agent.profile.id.as_str().chars().count().min(NAME_CHARS_MAX));
        self.name_width = names.max().unwrap_or(0);
        if view.rehearsal {
            let text = self.style.warning("REHEARSAL: the answers are scripted, no model is asked");
            self.line(&text);
        }
        let question = harmless(&view.question);
        let title = self.style.bold("Question");
        self.line(&format!("{title}  {question}"));
        for (index, agent) in (0_u16..).zip(&view.agents) {
            let (index, profile) = (AgentIndex(index), &agent.profile);
            let alias = if view.agents.len() > 1 { format!(", known to the others as {index}") } else { String::new() };
            self.say(view, index, &format!("{} ({}){alias}", profile.model, profile.backend));
        }
    }
}

impl Observer for Simple {
    fn observe(&mut self, record: &Record, view: &RunView) {
        match &record.event {
            Event::Fact(fact) => self.fact(fact, record, view),
            Event::Activity(activity) => self.activity(activity, record, view),
        }
    }

    fn pause(&mut self) {
        terminal::print(&std::mem::take(&mut self.pending));
    }

    fn finish(&mut self, view: &RunView) {
        let agents: Vec<AgentIndex> = self.lines.keys().copied().collect();
        for agent in agents {
            self.end_line(view, agent);
        }
        let shown = self.final_turn.take().map(|last| last.text).unwrap_or_default();
        if !shown.is_empty() && !shown.ends_with('\n') {
            self.pending.push('\n');
        }
        // What was streamed to its end need not be repeated.
        if let Some((_, answer, _)) = view.final_answer.as_ref().filter(|(_, answer, _)| answer.trim() != shown.trim())
        {
            self.pending.push_str(&format!("\n{}\n", harmless(answer.trim())));
        }
        self.pending.push('\n');
        let closing = report::closing(view, &self.places, self.style);
        self.pending.push_str(&closing);
        self.pause();
    }
}

/// Takes the first line off `text`: up to a line break, or as much as a line may hold, up to a space
/// if there is one.
fn take_line(text: &mut String) -> Option<String> {
    if let Some(end) = text.find('\n') {
        let rest = text.split_off(end + 1);
        let mut line = std::mem::replace(text, rest);
        line.pop();
        return Some(line);
    }
    let (limit, _) = text.char_indices().nth(LINE_CHARS_MAX)?;
    let end = text.get(..limit).and_then(|start| start.rfind(' ')).map_or(limit, |space| space + 1);
    let rest = text.split_off(end);
    Some(std::mem::replace(text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_or_broken_at_a_space() {
        let mut text = "one\ntwo".to_owned();
        assert_eq!(take_line(&mut text).as_deref(), Some("one"));
        assert_eq!(take_line(&mut text), None);
        let mut text = "word ".repeat(40);
        let line = take_line(&mut text).unwrap();
        assert!(line.chars().count() <= LINE_CHARS_MAX && line.ends_with(' '), "{line:?}");
        let mut text = "é".repeat(400);
        assert_eq!(take_line(&mut text).map(|line| line.chars().count()), Some(LINE_CHARS_MAX));
    }
}
