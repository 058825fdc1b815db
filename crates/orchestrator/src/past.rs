//! What the journal of an interrupted run has, for going on with it.

use std::collections::{BTreeMap, VecDeque};

use massgen_backends::Reply;
use massgen_protocol::{
    Activity, AssistantTurn, CallKey, Checked, Event, Fact, FinishReason, Input, Record, Reserved, Rules, ToolCall,
    ToolEnd, TurnId, Usage,
};

/// Why a run cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// The rules do not make of the inputs what the journal has.
    #[error(
        "record {seq} of the journal does not follow from the records before it: it was edited, or written by a version \
         of massgen with other rules"
    )]
    Diverged {
        /// The first record that differs.
        seq: u64,
    },
    /// It is the journal of another team.
    #[error("the team has changed since the run began: {0}; undo the change, or ask anew")]
    OtherTeam(String),
}

/// What a team plays by, as the journal has it; `None`: it never started.
#[must_use]
pub fn began_with(records: &[Record]) -> Option<(u64, &Rules)> {
    records.iter().find_map(|record| match &record.event {
        Event::Fact(Fact::TeamStarted { seed, rules, .. }) => Some((*seed, rules)),
        _ => None,
    })
}

/// A run as it was before it was stopped from outside: by its user, its budget or its deadline. What was paid for until
/// its very end is kept, so that nothing of it is asked again. A run that came to its own end is left as it is.
#[must_use]
pub fn before_it_was_stopped(records: Vec<Record>) -> Vec<Record> {
    let is_stop = |record: &Record| {
        matches!(
            record.event,
            Event::Fact(
                Fact::CancelRequested
                    | Fact::BudgetSpent { .. }
                    | Fact::DeadlinePassed { timer: massgen_protocol::Timer::Coordination }
            )
        )
    };
    let Some(stop) = records.iter().position(is_stop) else { return records };
    let told = |record: &Record| matches!(record.event, Event::Input(_));
    let cut = records.iter().take(stop).rposition(told).unwrap_or(stop);
    let open = open_turns(records.get(..cut).unwrap_or_default());
    let is_kept = |place: usize, record: &Record| {
        place < cut
            || matches!(&record.event, Event::Activity(activity) if of_turn(activity).is_some_and(|turn| open.contains(&turn)))
    };
    // The time that it took to stop is not taken from what the turns have left.
    let stopped_at_ms = records.get(cut).map_or(u64::MAX, |record| record.at_ms);
    let kept = records.into_iter().enumerate().filter(|(place, record)| is_kept(*place, record));
    let kept = (1..).zip(kept);
    kept.map(|(seq, (_, record))| Record { seq, at_ms: record.at_ms.min(stopped_at_ms), ..record }).collect()
}

fn open_turns(records: &[Record]) -> Vec<TurnId> {
    let mut open = Vec::new();
    for record in records {
        match &record.event {
            Event::Fact(Fact::TurnStarted { turn, .. }) => open.push(*turn),
            Event::Fact(Fact::TurnEnded { turn, .. }) => open.retain(|other| other != turn),
            _ => {}
        }
    }
    open
}

/// The turn that paid work belongs to.
fn of_turn(activity: &Activity) -> Option<TurnId> {
    match activity {
        Activity::CallStarted { turn, .. }
        | Activity::CallEnded { turn, .. }
        | Activity::ToolCalled { turn, .. }
        | Activity::ToolEnded { turn, .. } => Some(*turn),
        _ => None,
    }
}

/// What the journal has of the turns that were open when it ended.
#[derive(Debug, Default)]
pub(crate) struct Past {
    turns: BTreeMap<TurnId, PastTurn>,
    /// Calls that have not ended.
    asked: BTreeMap<(TurnId, u32), Asked>,
}

/// A model call that has not ended.
#[derive(Debug)]
struct Asked {
    key: Option<CallKey>,
    reserved: Option<Reserved>,
}

/// A model call that was under way when the program ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Orphan {
    pub(crate) turn: TurnId,
    pub(crate) call: u32,
    pub(crate) reserved: Option<Reserved>,
}

impl Past {
    /// Takes in the next record.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Input(input) => {
                if let Some(turn) = reporter(input) {
                    self.turns.entry(turn).or_default().reports += 1;
                }
            }
            Event::Fact(Fact::TurnEnded { turn, .. }) => {
                self.turns.remove(turn);
            }
            Event::Fact(_) => {}
            Event::Activity(activity) => self.note_activity(activity),
        }
    }

    fn note_activity(&mut self, activity: &Activity) {
        match activity {
            Activity::CallStarted { turn, call, key, reserved } => {
                self.asked.insert((*turn, *call), Asked { key: key.clone(), reserved: *reserved });
            }
            Activity::CallEnded { turn, call, finish, usage, reply, .. } => {
                let asked = self.asked.remove(&(*turn, *call));
                if let (Some(Asked { key: Some(key), .. }), Some(finish), Some(reply)) = (asked, finish, reply) {
                    let call = PastCall { key, reply: (**reply).clone(), finish: finish.clone(), usage: *usage };
                    self.turns.entry(*turn).or_default().calls.push_back(call);
                }
            }
            Activity::ToolCalled { turn, id, name, arguments } => {
                let call = ToolCall { id: id.clone(), name: name.clone(), arguments: arguments.clone() };
                let tools = &mut self.turns.entry(*turn).or_default().tools;
                // A call that was stopped is made again.
                if let Some(stopped) = tools.iter().position(|tool| tool.call == call && tool.is_stopped()) {
                    tools.remove(stopped);
                }
                tools.push(PastTool { call, end: None, is_told: false });
            }
            Activity::ToolEnded { turn, id, name, end, result, content, checked, .. } => {
                let tools = &mut self.turns.entry(*turn).or_default().tools;
                let is_it = |tool: &&mut PastTool| !tool.is_told && tool.call.id == *id && tool.call.name == *name;
                if let Some(tool) = tools.iter_mut().find(is_it) {
                    tool.is_told = true;
                    let content = content.as_ref().unwrap_or(result).clone();
                    // A call that was stopped with its turn was not seen through.
                    tool.end = (*end != ToolEnd::Stopped).then(|| PastEnd {
                        is_error: *end == ToolEnd::Failed,
                        content,
                        checked: checked.clone(),
                    });
                }
            }
            _ => {}
        }
    }

    /// What there is of a turn.
    pub(crate) fn take(&mut self, turn: TurnId) -> PastTurn {
        self.turns.remove(&turn).unwrap_or_default()
    }

    /// The calls that nobody has heard the end of.
    pub(crate) fn orphans(&self) -> Vec<Orphan> {
        let orphan = |(&(turn, call), asked): (&(TurnId, u32), &Asked)| Orphan { turn, call, reserved: asked.reserved };
        self.asked.iter().map(orphan).collect()
    }
}

/// The turn that told the coordination this, if it was a turn.
pub(crate) fn reporter(input: &Input) -> Option<TurnId> {
    match input {
        Input::Replied { turn, .. }
        | Input::ToolRan { turn, .. }
        | Input::SafePoint { turn }
        | Input::TurnFailed { turn, .. }
        | Input::TurnStopped { turn }
        | Input::BudgetSpent { turn, .. } => Some(*turn),
        Input::Begin | Input::TimerFired { .. } | Input::Cancel => None,
    }
}

/// What there is of a turn that was interrupted. A turn that begins has nothing of it.
#[derive(Debug, Default)]
pub(crate) struct PastTurn {
    calls: VecDeque<PastCall>,
    tools: Vec<PastTool>,
    /// How many of its reports the coordination has had.
    reports: usize,
    /// Whether it was told to stop: it ends where its past does.
    pub(crate) is_cut: bool,
}

#[derive(Debug)]
struct PastCall {
    key: CallKey,
    reply: AssistantTurn,
    finish: FinishReason,
    usage: Usage,
}

#[derive(Debug)]
struct PastTool {
    call: ToolCall,
    /// `None`: nobody knows what it came to.
    end: Option<PastEnd>,
    /// Whether the journal has an end of it.
    is_told: bool,
}

impl PastTool {
    fn is_stopped(&self) -> bool {
        self.is_told && self.end.is_none()
    }
}

/// How a tool call ended.
#[derive(Debug)]
pub(crate) struct PastEnd {
    pub(crate) is_error: bool,
    pub(crate) content: String,
    pub(crate) checked: Vec<Checked>,
}

/// What the journal knows of a tool call.
#[derive(Debug)]
pub(crate) enum Recalled {
    /// It was never made.
    Never,
    /// It was made, and nobody knows how it ended.
    Begun {
        /// Whether the journal says that it ended all the same, with its turn.
        is_told: bool,
    },
    /// It was made, and came to this.
    Ended(PastEnd),
}

impl PastTurn {
    /// The reply to what is asked now, if it was given before. Where something else was asked then, the past is over.
    pub(crate) fn reply(&mut self, key: &CallKey) -> Option<Reply> {
        let call = self.calls.pop_front()?;
        if call.key != *key {
            self.calls.clear();
            self.tools.retain(|tool| !tool.is_told);
            return None;
        }
        Some(Reply { turn: call.reply, finish: call.finish, usage: call.usage, time_to_first_chunk: None, usd: None })
    }

    /// What is known of a tool call.
    pub(crate) fn tool(&mut self, call: &ToolCall) -> Recalled {
        let is_it = |tool: &PastTool| tool.call == *call;
        let Some(place) = self.tools.iter().position(is_it) else { return Recalled::Never };
        let PastTool { end, is_told, .. } = self.tools.remove(place);
        end.map_or(Recalled::Begun { is_told }, Recalled::Ended)
    }

    /// The tool calls of which the journal has no end yet, and that nobody has asked for.
    pub(crate) fn untold(&mut self) -> Vec<ToolCall> {
        let untold = |tool: PastTool| (!tool.is_told).then_some(tool.call);
        std::mem::take(&mut self.tools).into_iter().filter_map(untold).collect()
    }

    /// Whether the coordination has had the next report already; then it is not made again.
    pub(crate) fn has_reported(&mut self) -> bool {
        let had = self.will_have_reported();
        self.reports = self.reports.saturating_sub(1);
        had
    }

    /// Whether the coordination has had the next report already.
    pub(crate) fn will_have_reported(&self) -> bool {
        self.reports > 0
    }

    /// Leaves the past behind; `true`: there was something that happens differently now.
    pub(crate) fn leave(&mut self) -> bool {
        std::mem::take(&mut self.reports) > 0
    }
}
