//! Few lines with fixed names, for scripts and other agents: the form of the Python MassGen.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use massgen_journal::{end_in_words, run_summary};
use massgen_protocol::{Activity, Event, Fact, Record, RunView};

use super::{Observer, Places};
use crate::{delivery, terminal};

/// How much of an answer or a reason a line shows.
const PREVIEW_CHARS_MAX: usize = 200;

/// Where the lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Stdout,
    Stderr,
}

/// The display of `--automation`.
pub(crate) struct StatusLines {
    places: Places,
    output_file: OutputFile,
    channel: Channel,
}

/// The file of `--output-file`, as soon as the answer is in it.
pub(crate) type OutputFile = Arc<OnceLock<PathBuf>>;

impl StatusLines {
    pub(crate) fn new(places: Places, output_file: OutputFile, channel: Channel) -> Self {
        Self { places, output_file, channel }
    }

    fn line(&self, text: &str) {
        match self.channel {
            Channel::Stdout => delivery::print(&format!("{text}\n")),
            Channel::Stderr => terminal::tell(text),
        }
    }

    fn start(&self, view: &RunView) {
        if view.rehearsal {
            self.line("REHEARSAL: the answers are scripted");
        }
        if let Some(logs) = &self.places.logs {
            self.line(&format!("LOG_DIR: {}", absolute(logs.session_dir()).display()));
            self.line(&format!("STATUS: {}", absolute(&logs.status()).display()));
        }
        self.line(&format!("QUESTION: {}", preview(&view.question)));
        self.line(&match view.agents.len() {
            1 => "[1 agent at work]".to_owned(),
            agents => format!("[{agents} agents at work]"),
        });
    }
}

impl Observer for StatusLines {
    fn observe(&mut self, record: &Record, view: &RunView) {
        match &record.event {
            Event::Activity(Activity::RunOpened { .. } | Activity::RunResumed { .. }) => self.start(view),
            Event::Fact(Fact::AgentOut { agent, reason }) => {
                self.line(&format!("[FAILED] {}: {}", view.name(*agent), preview(reason)));
            }
            _ => {}
        }
    }

    fn finish(&mut self, view: &RunView) {
        let summary = run_summary(view);
        let seconds = summary.duration_ms as f64 / 1000.0;
        if !view.answers.is_empty() {
            self.line("TIMELINE:");
            for answer in &view.answers {
                self.line(&format!("  [ANSWER] {} by {}", answer.revision, view.name(answer.revision.agent)));
            }
            for vote in &summary.votes {
                let void = if vote.standing == massgen_protocol::Standing::Valid { "" } else { " (void)" };
                let checked =
                    vote.checked.as_ref().map_or_else(String::new, |checked| format!(" [{}]", preview(checked)));
                self.line(&format!("  [VOTE] {} -> {}{void}{checked}", vote.voter_id, vote.target_id));
                self.line(&format!("    {}", preview(&vote.reason)));
            }
            let tally: Vec<String> = summary.tally.iter().map(ToString::to_string).collect();
            self.line(&format!("  [RESULTS] {}", tally.join("; ")));
        }
        // A majority is no proof: whoever reads only lines must see that there was another view.
        for answer in summary.disagreement.iter().flat_map(|disagreement| &disagreement.minority) {
            let words = view.answer(answer.label).map_or_else(String::new, |answer| preview(&answer.content));
            self.line(&format!("DISAGREEMENT: {} by {}: {words}", answer.label, answer.agent_id));
        }
        if let Some(end) = &view.end {
            self.line(&format!("END: {}", end_in_words(end)));
        }
        if let Some(winner) = &summary.winner {
            self.line(&format!("WINNER: {}", winner.agent_id));
            if let Some(rule) = &summary.rule {
                self.line(&format!("RULE: {rule}"));
            }
            if let Some(file) = self.places.answer_file(view, winner.label.agent) {
                self.line(&format!("ANSWER_FILE: {}", file.display()));
            }
            if let Some(files) = self.places.final_workspace(view) {
                self.line(&format!("WORKSPACE: {}", files.display()));
            }
            for change in &view.changes {
                let (applied, changed) = (change.applied, change.changed);
                let note = terminal::harmless(&change.note).replace('\n', " ");
                self.line(&format!("CHANGES: {applied} of {changed} in {}: {note}", change.path));
                change.patch.iter().for_each(|patch| self.line(&format!("PATCH_FILE: {patch}")));
            }
        }
        self.line(&format!("DURATION: {seconds:.1}s"));
        if let Some(answer) = &summary.final_answer {
            self.line(&format!("ANSWER_PREVIEW: {}", preview(answer)));
        }
        self.line(&format!("COST: {}", summary.cost));
        self.line(&format!("COMPLETED: {} agents, {seconds:.1}s total", view.agents.len()));
        if let Some(file) = self.output_file.get() {
            self.line(&format!("OUTPUT_FILE: {}", absolute(file).display()));
        }
    }
}

fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The start of a text, on one line.
fn preview(text: &str) -> String {
    let text = terminal::harmless(text);
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(PREVIEW_CHARS_MAX) {
        words.truncate(end);
        words.push('…');
    }
    words
}
