//! `agent_outputs/<agent>.txt`: what one agent said and did, as it came.

use std::fmt::Write as _;
use std::path::PathBuf;

use massgen_protocol::{
    Activity, BuiltinPhase, CutReason, Event, Fact, FinishReason, Record, TurnId, TurnKind, TurnOutcome,
};

use super::output_file::{OutputFile, Trouble};
use crate::narrate::{check_in_words, labels, tool_end_in_words, violation_in_words};
use crate::stamps::Stamps;
use crate::text::push_printable;

/// How many bytes of a tool's arguments or result are kept. The journal has them whole.
const DETAIL_BYTES_MAX: usize = 4096;

#[derive(Debug)]
pub(super) struct Transcript {
    file: OutputFile,
    /// What the last line that is still open consists of.
    open: Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Reasoning,
    Output,
}

impl Transcript {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { file: OutputFile::new(path), open: Open::Nothing }
    }

    pub(super) fn flush(&mut self, trouble: &mut Trouble) {
        self.file.flush(trouble);
    }

    /// Takes in a record about this agent.
    pub(super) fn apply(&mut self, record: &Record, stamps: &Stamps, trouble: &mut Trouble) {
        match &record.event {
            Event::Input(_) => {}
            Event::Fact(fact) => self.apply_fact(fact, record.at_ms, stamps),
            Event::Activity(activity) => self.apply_activity(activity),
        }
        self.file.flush_if_full(trouble);
    }

    fn apply_fact(&mut self, fact: &Fact, at_ms: u64, stamps: &Stamps) {
        match fact {
            Fact::TurnStarted { turn, kind, view, .. } => {
                let kind = match kind {
                    TurnKind::Solo => "answers alone".to_owned(),
                    TurnKind::FirstAnswer => "first answer".to_owned(),
                    TurnKind::Decide => format!("decides over {}", labels(view.vector.revisions())),
                    TurnKind::Present => "presents the final answer".to_owned(),
                };
                let time = stamps.time_of_day(at_ms);
                self.line(format_args!("\n===== turn {} - {kind} - {time} =====", turn.number));
            }
            Fact::TurnRefreshed { view, .. } => {
                self.line(format_args!("[told of newer answers: {}]", labels(view.vector.revisions())));
            }
            Fact::DecisionRejected { violation, chances_left, .. } => {
                let violation = violation_in_words(violation);
                self.line(format_args!("[rejected: {violation}; chances left: {chances_left}]"));
            }
            Fact::TurnCut { reason: CutReason::Outdated, .. } => self.line(format_args!("[cut: the answers changed]")),
            Fact::TurnCut { .. } => self.line(format_args!("[cut]")),
            Fact::AnswerPublished { revision, content, .. } => {
                self.line(format_args!("[published {revision}]"));
                self.paragraph(content);
            }
            Fact::VoteCast { vote, .. } => {
                self.line(format_args!("[voted for {}]", vote.target));
                self.paragraph(&vote.reason);
            }
            Fact::VoteArrivedVoid { vote, .. } => {
                self.line(format_args!("[voted for {}, too late to count]", vote.target));
                self.paragraph(&vote.reason);
            }
            Fact::AnswerChecked { revision, check, .. } => {
                self.line(format_args!("[checked {revision}: {}]", check_in_words(check)));
            }
            Fact::TurnEnded { turn, outcome } => self.end_turn(*turn, outcome),
            Fact::AgentOut { reason, .. } => self.line(format_args!("[out of the run: {reason}]")),
            _ => {}
        }
    }

    fn apply_activity(&mut self, activity: &Activity) {
        match activity {
            Activity::Text { delta, .. } => {
                self.switch_to(Open::Text);
                push_printable(self.file.pending(), delta);
            }
            Activity::Reasoning { delta, .. } => {
                self.switch_to(Open::Reasoning);
                push_printable(self.file.pending(), delta);
            }
            Activity::CallStarted { call, .. } if *call > 1 => self.line(format_args!("[call {call}]")),
            Activity::ToolCalled { name, arguments, .. } => {
                self.line(format_args!("[tool {name}] {}", detail(arguments)));
            }
            Activity::ToolOutput { delta, .. } => {
                self.switch_to(Open::Output);
                push_printable(self.file.pending(), delta);
            }
            Activity::ToolEnded { name, end, result, duration_ms, .. } => {
                let (end, seconds) = (tool_end_in_words(*end), crate::status::seconds(*duration_ms));
                self.line(format_args!("[tool {name} {end} after {seconds} s] {}", detail(result)));
            }
            Activity::CallJudged { tool, subject, granted, by, .. } => {
                let verdict = if *granted { "granted" } else { "refused" };
                self.line(format_args!("[{tool} {verdict} by {by}] {}", detail(subject)));
            }
            Activity::PeerFilesShown { answers, files, .. } => {
                self.line(format_args!("[sees {files} files of {}]", labels(answers.iter().copied())));
            }
            Activity::BuiltinTool { name, phase, detail: text, .. } => {
                let phase = match phase {
                    BuiltinPhase::Started => "started",
                    BuiltinPhase::Completed => "completed",
                    BuiltinPhase::Failed => "failed",
                };
                self.line(format_args!("[{name} {phase}] {}", detail(text)));
            }
            Activity::Citation { url, title, .. } => self.line(format_args!("[source] {url} {title}")),
            Activity::CallEnded { finish, .. } => match finish {
                Some(FinishReason::Stop | FinishReason::ToolCalls) => self.close(),
                Some(FinishReason::Length) => self.line(format_args!("[the reply reached its limit of tokens]")),
                Some(FinishReason::Refusal) => self.line(format_args!("[refused]")),
                Some(FinishReason::Other(reason)) => self.line(format_args!("[stopped: {reason}]")),
                None => self.line(format_args!("[the call did not end]")),
            },
            Activity::CallRetried { retry, error, pause_ms, .. } => {
                let pause = crate::status::seconds(*pause_ms);
                self.line(format_args!("[retry {retry} in {pause} s, the reply starts over: {error}]"));
            }
            Activity::Notice { text, .. } => self.line(format_args!("[note: {text}]")),
            Activity::RunOpened { .. }
            | Activity::CallStarted { .. }
            | Activity::RunResumed { .. }
            | Activity::SnapshotTaken { .. }
            | Activity::ChangesOffered { .. } => {}
        }
    }

    fn end_turn(&mut self, turn: TurnId, outcome: &TurnOutcome) {
        let outcome = match outcome {
            TurnOutcome::Answered => "answered",
            TurnOutcome::Voted => "voted",
            TurnOutcome::Abstained => "abstained",
            TurnOutcome::Superseded => "starts over",
            TurnOutcome::Failed { message, .. } => {
                self.line(format_args!("[failed: {message}]"));
                "failed"
            }
            TurnOutcome::TimedOut => "timed out",
            TurnOutcome::BudgetSpent => "stopped: the budget is spent",
            TurnOutcome::Cancelled => "cancelled",
            TurnOutcome::Presented => "presented",
        };
        self.line(format_args!("----- turn {} {outcome} -----", turn.number));
    }

    /// Begins streamed text of a kind, unless it goes on.
    fn switch_to(&mut self, open: Open) {
        if self.open != open {
            self.close();
            if open == Open::Reasoning {
                self.file.pending().push_str("[reasoning] ");
            }
            self.open = open;
        }
    }

    fn close(&mut self) {
        if self.open != Open::Nothing {
            self.file.pending().push('\n');
            self.open = Open::Nothing;
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.close();
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text.write_fmt(line);
        self.paragraph(text.trim_end());
    }

    fn paragraph(&mut self, text: &str) {
        push_printable(self.file.pending(), text);
        self.file.pending().push('\n');
    }
}

fn detail(text: &str) -> &str {
    text.get(..text.floor_char_boundary(DETAIL_BYTES_MAX)).unwrap_or(text)
}
