//! Plain lines: what each agent does, under its name, as it happens.

use std::collections::BTreeMap;

use massgen_journal::{Level, checks_in_words, narrate};
use massgen_protocol::{
    Activity, AgentIndex, BuiltinPhase, Event, Fact, Phase, Record, RunView, ToolEnd, TurnId, TurnKind, TurnOutcome,
    Vote,
};

use super::style::Style;
use super::tool_line::{result_line, tool_line};
use super::tool_output::ToolOutput;
use super::{Observer, Places};
use crate::terminal::harmless;
use crate::{delivery, report, terminal};

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
    /// The output of each tool call at work.
    outputs: BTreeMap<(TurnId, String), ToolOutput>,
    name_width: usize,
    /// The title of a phase of which nothing has been shown yet.
    title: Option<&'static str>,
    final_turn: Option<FinalTurn>,
    /// Whether the final answer's last line can still go on.
    is_line_open: bool,
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
        Self::in_style(places, Style::of_stdout())
    }

    fn in_style(places: Places, style: Style) -> Self {
        Self {
            style,
            places,
            pending: String::new(),
            lines: BTreeMap::new(),
            outputs: BTreeMap::new(),
            name_width: 0,
            title: None,
            final_turn: None,
            is_line_open: false,
        }
    }

    /// Lines under nobody's name, painted after they were broken.
    fn line(&mut self, text: &str, paint: impl Fn(Style, &str) -> String) {
        for line in self.style.lines(text, 0) {
            self.put(&paint(self.style, &line));
        }
    }

    /// A line as it is.
    fn put(&mut self, line: &str) {
        self.begin_line();
        self.pending.push_str(line);
        self.pending.push('\n');
    }

    /// Ends the line of the final answer that is open, and titles the phase if this is its first line.
    fn begin_line(&mut self) {
        if std::mem::take(&mut self.is_line_open) {
            self.pending.push('\n');
        }
        if let Some(title) = self.title.take() {
            let title = self.style.bold(&format!("── {title} ──"));
            self.pending.push_str(&format!("\n{title}\n"));
        }
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
            self.put(&format!("{name} {mark}{}", paint(self.style, &line)));
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

    /// Output of a tool: its first lines as they come. Of the rest the last lines are kept for the end.
    fn stream_output(&mut self, view: &RunView, turn: TurnId, id: &str, delta: &str) {
        let output = self.outputs.entry((turn, id.to_owned())).or_default();
        for line in output.take(delta) {
            self.say_streamed(view, turn.agent, LineKind::Reasoning, &line);
        }
    }

    /// Shows what is left of the output of a tool that has ended. `true`: there was output.
    fn end_output(&mut self, view: &RunView, turn: TurnId, id: &str) -> bool {
        let Some(output) = self.outputs.remove(&(turn, id.to_owned())) else { return false };
        for line in output.end() {
            self.say_streamed(view, turn.agent, LineKind::Reasoning, &line);
        }
        true
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
                let text = format!("✗ {by} is new and makes {count} void: everybody looks again");
                self.line(&text, Style::warning);
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
        self.title = match phase {
            _ if view.agents.len() == 1 => None,
            Phase::FirstAnswers => Some("First answers"),
            Phase::Deciding => Some("Comparing and voting"),
            Phase::Presenting => Some("Final answer"),
            Phase::Ended => return,
        };
    }

    fn vote(&mut self, view: &RunView, vote: &Vote, remark: &str) {
        self.end_line(view, vote.voter);
        let (target, author) = (vote.target, view.name(vote.target.agent));
        let reason = harmless(&vote.reason.split_whitespace().collect::<Vec<_>>().join(" "));
        let checked = checks_in_words(vote, view).map_or_else(String::new, |checked| format!(" - {checked}"));
        self.say_in(
            view,
            vote.voter,
            &format!("✓ votes for {target} by {author}{remark}{}", harmless(&checked)),
            Style::bold,
        );
        self.say(view, vote.voter, &reason);
    }

    fn is_final(&self, turn: TurnId) -> bool {
        self.final_turn.as_ref().is_some_and(|last| last.turn == turn)
    }

    /// The final answer is for the user: it comes as it is, under nobody's name.
    fn stream_final(&mut self, delta: &str) {
        let Some(last) = &mut self.final_turn else { return };
        let is_first = last.text.is_empty();
        last.text.push_str(delta);
        let shown = harmless(delta);
        if shown.is_empty() {
            return;
        }
        if is_first {
            self.begin_line();
            self.pending.push('\n');
        }
        self.pending.push_str(&shown);
        self.is_line_open = !shown.ends_with('\n');
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
            None => self.line(&text, paint),
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
                    last.text.clear();
                }
                self.end_line(view, turn.agent);
                let seconds = *pause_ms as f64 / 1000.0;
                let text = harmless(&format!("retry {retry} in {seconds:.1} s: {error}"));
                self.say_in(view, turn.agent, &text, Style::warning);
            }
            Activity::ToolCalled { turn, name, arguments, .. } => {
                self.end_line(view, turn.agent);
                // What a presenter says between its tool calls is not yet the answer.
                if let Some(last) = self.final_turn.as_mut().filter(|last| last.turn == *turn) {
                    last.text.clear();
                }
                self.say_in(view, turn.agent, &harmless(&tool_line(name, arguments)), Style::dim);
            }
            Activity::ToolOutput { turn, id, delta } => self.stream_output(view, *turn, id, delta),
            Activity::ToolEnded { turn, id, name, end, result, .. } => {
                self.end_line(view, turn.agent);
                let had_output = self.end_output(view, *turn, id);
                if let Some(line) = result_line(name, *end, result, had_output) {
                    let paint = if *end == ToolEnd::Done { Style::dim } else { Style::warning };
                    self.say_in(view, turn.agent, &harmless(&line), paint);
                }
            }
            Activity::PeerFilesShown { turn, answers, files, .. } => {
                let labels = answers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let unit = if *files == 1 { "file" } else { "files" };
                self.say_in(view, turn.agent, &format!("⚙ sees {files} {unit} of {labels}"), Style::dim);
            }
            Activity::Notice { .. } | Activity::CallJudged { .. } | Activity::ChangesOffered { .. } => {
                self.narration(record, view);
            }
            Activity::RunOpened { .. } => self.opening(view),
            Activity::RunResumed { .. } => self.resuming(view),
            Activity::CallStarted { .. }
            | Activity::SnapshotTaken { .. }
            | Activity::BuiltinTool { .. }
            | Activity::Citation { .. } => {}
        }
    }

    fn opening(&mut self, view: &RunView) {
        let names = view.agents.iter().map(|agent| agent.profile.id.as_str().chars().count().min(NAME_CHARS_MAX));
        self.name_width = names.max().unwrap_or(0);
        if view.rehearsal {
            self.line("REHEARSAL: the answers are scripted, no model is asked", Style::warning);
        }
        let question = harmless(&view.question);
        let question = self.style.hanging("Question  ", &question);
        self.put(&question);
        for (index, agent) in (0_u16..).zip(&view.agents) {
            let (index, profile) = (AgentIndex(index), &agent.profile);
            let alias = if view.agents.len() > 1 { format!(", known to the others as {index}") } else { String::new() };
            self.say(view, index, &format!("{} ({}){alias}", profile.model, profile.backend));
        }
    }

    /// What a reader has to know of a run that had begun before.
    fn resuming(&mut self, view: &RunView) {
        self.opening(view);
        self.line("The run was interrupted, and goes on now.", Style::warning);
        for answer in view.current_answers() {
            let words = harmless(&preview(&answer.content));
            self.say_in(
                view,
                answer.revision.agent,
                &format!("has answered, {}: {words}", answer.revision),
                Style::bold,
            );
        }
        for vote in view.valid_votes() {
            self.vote(view, vote, "");
        }
    }

    /// What is left to show when the run is over.
    fn end(&mut self, view: &RunView) {
        let agents: Vec<AgentIndex> = self.lines.keys().copied().collect();
        for agent in agents {
            self.end_line(view, agent);
        }
        let shown = self.final_turn.take().map(|last| last.text).unwrap_or_default();
        // What was streamed to its end need not be repeated.
        if let Some((_, answer, _)) = view.final_answer.as_ref().filter(|(_, answer, _)| answer.trim() != shown.trim())
        {
            self.begin_line();
            self.pending.push_str(&format!("\n{}\n", harmless(answer.trim())));
        }
        // A phase of which there was nothing to show needs no title.
        self.title = None;
        self.begin_line();
        self.pending.push('\n');
        let closing = report::closing(view, &self.places, self.style);
        self.pending.push_str(&closing);
    }
}

impl Observer for Simple {
    fn recall(&mut self, record: &Record, _: &RunView) {
        if let Event::Fact(Fact::TurnStarted { turn, kind: TurnKind::Solo | TurnKind::Present, .. }) = &record.event {
            self.final_turn = Some(FinalTurn { turn: *turn, text: String::new() });
        }
    }

    fn observe(&mut self, record: &Record, view: &RunView) {
        match &record.event {
            Event::Input(_) => {}
            Event::Fact(fact) => self.fact(fact, record, view),
            Event::Activity(activity) => self.activity(activity, record, view),
        }
    }

    fn pause(&mut self) {
        if !terminal::is_held() {
            delivery::print(&std::mem::take(&mut self.pending));
        }
    }

    fn finish(&mut self, view: &RunView) {
        self.end(view);
        // A question that is still open has nobody who waits for its answer.
        delivery::print(&std::mem::take(&mut self.pending));
    }
}

/// The beginning of a text, in one line.
fn preview(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(LINE_CHARS_MAX).collect()
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
    use massgen_protocol::{
        AgentId, AgentProfile, AnswerRevision, Choices, PresentationSource, RevisionVector, RunEnd, View,
    };

    use super::*;

    /// What is shown of a run of `size` agents up to `events`, to its end if it has one.
    fn shown(size: u16, columns: Option<usize>, question: &str, events: Vec<Event>) -> String {
        let agents = AgentIndex::all(size).map(|index| AgentProfile {
            id: AgentId::new(index.to_string()),
            backend: "openai".to_owned(),
            model: "m".to_owned(),
        });
        let opened = Activity::RunOpened {
            run_id: "run".to_owned(),
            question: question.to_owned(),
            agents: agents.collect(),
            version: "0".to_owned(),
            rehearsal: false,
        };
        let mut display = Simple::in_style(Places { logs: None }, Style::plain(columns));
        let mut view = RunView::default();
        for (seq, event) in (1..).zip(std::iter::once(opened.into()).chain(events)) {
            let record = Record { seq, at_ms: seq, event };
            view.apply(&record);
            display.observe(&record, &view);
            if matches!(record.event, Event::Fact(Fact::RunEnded { .. })) {
                // As `finish`, but into memory.
                display.end(&view);
            }
        }
        display.pending
    }

    const TURN: TurnId = TurnId { agent: AgentIndex(0), number: 1 };

    fn started(size: u16, kind: TurnKind) -> Event {
        let view = View { vector: RevisionVector::empty(size), order: vec![] };
        let choices = Choices { may_answer: true, votes: vec![] };
        Fact::TurnStarted { turn: TURN, kind, view, choices }.into()
    }

    fn text(delta: &str) -> Event {
        Activity::Text { turn: TURN, delta: delta.to_owned() }.into()
    }

    fn notice(text: &str) -> Event {
        Activity::Notice { agent: Some(TURN.agent), text: text.to_owned() }.into()
    }

    fn entered(phase: Phase) -> Event {
        Fact::PhaseEntered { phase }.into()
    }

    #[test]
    fn a_notice_does_not_stick_to_the_final_answer() {
        let end = [
            Fact::FinalAnswer {
                snapshot: None,
                revision: AnswerRevision { agent: TURN.agent, number: 1 },
                content: "This is only half of".to_owned(),
                source: PresentationSource::Presented,
            },
            Fact::RunEnded { end: RunEnd::SingleAnswer },
        ];
        let mut events = vec![started(1, TurnKind::Solo), text("This is only "), text("half of")];
        events.push(notice("the reply was cut"));
        events.extend(end.map(Event::from));
        let shown = shown(1, None, "q", events);
        assert!(
            shown.contains("\n\nThis is only half of\nagent1 │ agent1: the reply was cut\n\n────"),
            "no answer twice, no line shared: {shown}"
        );
    }

    #[test]
    fn a_phase_is_titled_when_there_is_something_to_show_of_it() {
        let mut events = vec![entered(Phase::FirstAnswers), text("hm\n"), entered(Phase::Deciding)];
        let titled = |events: &[Event]| {
            let shown = shown(2, None, "q", events.to_vec());
            shown.lines().filter(|line| line.starts_with("── ")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(titled(&events), ["── First answers ──"]);
        events.push(notice("look"));
        events.push(notice("again"));
        assert_eq!(titled(&events), ["── First answers ──", "── Comparing and voting ──"]);
        events.extend([entered(Phase::Presenting), entered(Phase::Ended)]);
        events.push(Fact::RunEnded { end: RunEnd::NoAnswer { reason: "all are out".to_owned() } }.into());
        assert_eq!(titled(&events), ["── First answers ──", "── Comparing and voting ──"]);
    }

    #[test]
    fn lines_under_nobodys_name_are_broken_between_words() {
        let votes = vec![];
        let by = AnswerRevision { agent: AgentIndex(1), number: 1 };
        let question = "which sorting algorithm suits nearly sorted lists best";
        let shown = shown(2, Some(30), question, vec![Fact::VotesVoided { by, votes }.into()]);
        assert_eq!(
            shown.lines().filter(|line| !line.contains('│')).collect::<Vec<_>>(),
            [
                "Question  which sorting",
                "          algorithm suits",
                "          nearly sorted lists",
                "          best",
                "✗ agent2.1 is new and makes 0",
                "votes void: everybody looks",
                "again",
            ]
        );
    }

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
