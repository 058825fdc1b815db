//! `coordination_table.txt`: the run as a table with a column for each agent.

use massgen_protocol::{
    Activity, AgentIndex, AnswerSource, CutReason, Event, Fact, PresentationSource, Record, RunView, Timer, TurnKind,
    TurnOutcome,
};

use crate::narrate::{check_in_words, end_in_words, violation_in_words};
use crate::text::{columns_of, head, one_line, wrapped};

/// How wide the table is, as long as its columns keep their least width.
const TABLE_COLUMNS: usize = 118;

/// The least width of an agent's column.
const AGENT_COLUMNS_MIN: usize = 16;

/// The width of the column of times.
const TIME_COLUMNS: usize = 8;

/// How many lines of an answer or a reason are shown.
const CELL_LINES_MAX: usize = 6;

/// How much of a text is kept: more than the lines of the widest cell can show.
const CELL_CHARS_MAX: usize = 1_200;

/// The table of a run, from its records.
#[must_use]
pub fn coordination_table<'a>(records: impl IntoIterator<Item = &'a Record>) -> String {
    let mut table = CoordinationTable::default();
    let mut view = RunView::default();
    for record in records {
        view.apply(record);
        table.apply(record);
    }
    table.render(&view)
}

/// The rows of the table, folded from records.
#[derive(Debug, Clone, Default)]
pub(crate) struct CoordinationTable {
    started_at_ms: Option<u64>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    since_ms: u64,
    place: Place,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Agent(AgentIndex),
    Everybody,
}

impl CoordinationTable {
    /// Takes in the next record.
    pub(crate) fn apply(&mut self, record: &Record) {
        let since_ms = record.at_ms.saturating_sub(*self.started_at_ms.get_or_insert(record.at_ms));
        let mut add = |place, text: String| {
            self.rows.push(Row { since_ms, place, text: head(&text, CELL_CHARS_MAX).to_owned() });
        };
        match &record.event {
            Event::Fact(Fact::VotesVoided { by, votes }) => {
                for vote in votes {
                    add(Place::Agent(vote.voter), format!("vote for {} void: {by} came", vote.target));
                }
            }
            Event::Fact(fact) => {
                if let Some((place, text)) = row(fact) {
                    add(place, text);
                }
            }
            Event::Activity(Activity::CallRetried { turn, error, .. }) => {
                add(Place::Agent(turn.agent), format!("retry: {error}"));
            }
            Event::Input(_) | Event::Activity(_) => {}
        }
    }

    /// The text of the table.
    pub(crate) fn render(&self, view: &RunView) -> String {
        let agents = view.agents.len().max(1);
        let free = TABLE_COLUMNS.saturating_sub(TIME_COLUMNS + 4 + 3 * agents);
        let width = (free / agents).max(AGENT_COLUMNS_MIN);
        let layout = Layout { agents, width };

        let mut text = String::new();
        for line in wrapped(&format!("Question: {}", view.question), layout.whole(), 4) {
            text.push_str(&line);
            text.push('\n');
        }
        if view.rehearsal {
            text.push_str("Rehearsal: the answers are scripted\n");
        }
        layout.rule(&mut text, '-');
        let names = (0_u16..).map(AgentIndex).zip(&view.agents).map(|(index, agent)| {
            let mut lines = vec![index.to_string()];
            lines.extend(wrapped(agent.profile.id.as_str(), width, 2));
            lines.extend(wrapped(&agent.profile.model, width, 2));
            lines
        });
        layout.cells(&mut text, "Time", &names.collect::<Vec<_>>());
        layout.rule(&mut text, '=');
        for row in &self.rows {
            let time = format!("{:+.1}s", crate::status::seconds(row.since_ms));
            match row.place {
                Place::Agent(index) => {
                    let mut cells = vec![Vec::new(); agents];
                    if let Some(cell) = cells.get_mut(index.position()) {
                        *cell = wrapped(&row.text, width, CELL_LINES_MAX);
                    }
                    layout.cells(&mut text, &time, &cells);
                }
                Place::Everybody => layout.banner(&mut text, &time, &wrapped(&row.text, layout.body(), CELL_LINES_MAX)),
            }
            layout.rule(&mut text, '-');
        }
        text
    }
}

fn row(fact: &Fact) -> Option<(Place, String)> {
    let agent = Place::Agent;
    match fact {
        Fact::TurnStarted { turn, kind: TurnKind::Present, .. } => Some((agent(turn.agent), "presents".to_owned())),
        Fact::TurnRefreshed { turn, view, .. } => {
            let shown = crate::narrate::labels(view.vector.revisions());
            Some((agent(turn.agent), format!("told of newer answers: {shown}")))
        }
        Fact::DecisionRejected { turn, violation, .. } => {
            Some((agent(turn.agent), format!("rejected: {}", violation_in_words(violation))))
        }
        Fact::TurnCut { turn, reason: CutReason::Outdated } => {
            Some((agent(turn.agent), "restart: the answers changed".to_owned()))
        }
        Fact::AnswerPublished { revision, content, source, .. } => {
            let how = if *source == AnswerSource::PlainText { " (plain text)" } else { "" };
            Some((agent(revision.agent), format!("ANSWER {revision}{how} {content}")))
        }
        Fact::AnswerChecked { turn, revision, check } => {
            Some((agent(turn.agent), format!("checks {revision}: {}", check_in_words(check))))
        }
        Fact::VoteCast { vote, .. } => Some((agent(vote.voter), format!("VOTE {}: {}", vote.target, vote.reason))),
        Fact::VoteArrivedVoid { vote, .. } => {
            Some((agent(vote.voter), format!("vote {} void on arrival: {}", vote.target, vote.reason)))
        }
        Fact::TurnEnded { turn, outcome } => {
            let text = match outcome {
                TurnOutcome::Answered | TurnOutcome::Voted | TurnOutcome::Presented | TurnOutcome::Superseded => {
                    return None;
                }
                TurnOutcome::Abstained => "abstained".to_owned(),
                TurnOutcome::Failed { message, .. } => format!("FAILED: {message}"),
                TurnOutcome::BudgetSpent => "BUDGET SPENT".to_owned(),
                TurnOutcome::TimedOut => "TIMED OUT".to_owned(),
                TurnOutcome::Cancelled => "stopped".to_owned(),
            };
            Some((agent(turn.agent), text))
        }
        Fact::AgentOut { agent: index, reason } => Some((agent(*index), format!("OUT: {reason}"))),
        Fact::DeadlinePassed { timer: Timer::Coordination } => {
            Some((Place::Everybody, "the team's deadline passed".to_owned()))
        }
        Fact::CancelRequested => Some((Place::Everybody, "the user asked to stop".to_owned())),
        Fact::WinnerSelected { revision, tally, rule } => {
            let tally: Vec<_> = tally.iter().map(|line| format!("{} {}", line.revision, line.votes)).collect();
            let tally = if tally.is_empty() { String::new() } else { format!("; votes: {}", tally.join(", ")) };
            Some((Place::Everybody, format!("WINNER {revision}: {rule}{tally}")))
        }
        Fact::FinalAnswer { revision, content, source, .. } => {
            let how = match source {
                PresentationSource::Presented => String::new(),
                PresentationSource::Stored { reason } => format!(" (as published: {reason})"),
            };
            Some((Place::Everybody, format!("FINAL ANSWER of {}{how}: {content}", revision.agent)))
        }
        Fact::RunEnded { end } => Some((Place::Everybody, format!("END: {}", end_in_words(end)))),
        _ => None,
    }
}

struct Layout {
    agents: usize,
    width: usize,
}

impl Layout {
    /// The columns of the whole table.
    fn whole(&self) -> usize {
        TIME_COLUMNS + 4 + self.agents * (self.width + 3)
    }

    /// The columns of a row that is not divided by agents.
    fn body(&self) -> usize {
        self.agents * (self.width + 3) - 3
    }

    fn rule(&self, text: &mut String, line: char) {
        let segment = |text: &mut String, columns: usize| {
            text.push('+');
            text.extend(std::iter::repeat_n(line, columns + 2));
        };
        segment(text, TIME_COLUMNS);
        for _ in 0..self.agents {
            segment(text, self.width);
        }
        text.push_str("+\n");
    }

    fn cells(&self, text: &mut String, time: &str, cells: &[Vec<String>]) {
        let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for line in 0..height {
            cell(text, if line == 0 { time } else { "" }, TIME_COLUMNS);
            for column in 0..self.agents {
                let content = cells.get(column).and_then(|lines| lines.get(line)).map_or("", String::as_str);
                cell(text, content, self.width);
            }
            text.push_str("|\n");
        }
    }

    fn banner(&self, text: &mut String, time: &str, lines: &[String]) {
        for (position, line) in lines.iter().enumerate() {
            cell(text, if position == 0 { time } else { "" }, TIME_COLUMNS);
            cell(text, line, self.body());
            text.push_str("|\n");
        }
    }
}

fn cell(text: &mut String, content: &str, columns: usize) {
    let content = one_line(content, columns);
    text.push_str("| ");
    text.push_str(&content);
    text.extend(std::iter::repeat_n(' ', columns.saturating_sub(columns_of(&content)) + 1));
}
