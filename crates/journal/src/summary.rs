//! What displays tell about a run when it is over, or as it stands.

use massgen_protocol::{
    AgentIndex, AgentState, AnswerRevision, Cost, PresentationSource, RunEnd, RunView, SelectionRule, Standing, Usage,
};

use crate::status::{indexed, winner};

/// The outcome of a run in words and numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The task.
    pub question: String,
    /// Whether the answers are scripted.
    pub rehearsal: bool,
    /// How the run ended; `None` while it runs.
    pub end: Option<RunEnd>,
    /// Whose answer won.
    pub winner: Option<Winner>,
    /// The final answer; while there is none, the winning answer as it was published.
    pub final_answer: Option<String>,
    /// Where the final answer's text comes from.
    pub source: Option<PresentationSource>,
    /// Why this answer won, in words.
    pub rule: Option<String>,
    /// The valid votes of each current answer when the winner was chosen, most first.
    pub tally: Vec<TallyRow>,
    /// Every vote, void ones included, in the order they were cast.
    pub votes: Vec<VoteLine>,
    /// Present when the valid votes went to more than one answer.
    pub disagreement: Option<Disagreement>,
    /// The team, in order.
    pub agents: Vec<AgentLine>,
    /// How long it took.
    pub duration_ms: u64,
    /// The tokens of the team.
    pub usage: Usage,
    /// The money of the team.
    pub cost: Cost,
}

/// Whose answer won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Winner {
    /// The author's id in the config.
    pub agent_id: String,
    /// The answer.
    pub label: AnswerRevision,
    /// The rule that chose it; `None` when it was never put to a vote.
    pub rule: Option<SelectionRule>,
}

/// One answer's votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyRow {
    /// The answer.
    pub label: AnswerRevision,
    /// The author's id in the config.
    pub agent_id: String,
    /// Its valid votes.
    pub votes: u32,
    /// Those of them that come from other agents than its author.
    pub votes_of_others: u32,
}

impl std::fmt::Display for TallyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { label, agent_id, votes, votes_of_others } = self;
        let unit = if *votes == 1 { "vote" } else { "votes" };
        write!(f, "{label} ({agent_id}): {votes} {unit}")?;
        if votes_of_others < votes {
            write!(f, ", {} by its author", votes - votes_of_others)?;
        }
        Ok(())
    }
}

/// One vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteLine {
    /// The voter's id in the config.
    pub voter_id: String,
    /// The answer voted for.
    pub target: AnswerRevision,
    /// The id of that answer's author.
    pub target_id: String,
    /// The voter's words.
    pub reason: String,
    /// What the vote rests on, in words; `None` when there was nothing to check.
    pub checked: Option<String>,
    /// Whether it counts.
    pub standing: Standing,
    /// When it was cast: milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// That the team did not agree, and what the minority thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The answers that had valid votes and did not win, most votes first.
    pub minority: Vec<MinorityAnswer>,
}

/// An answer that some preferred and that did not win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinorityAnswer {
    /// The answer.
    pub label: AnswerRevision,
    /// The author's id in the config.
    pub agent_id: String,
    /// The valid votes for it, with the voters' words.
    pub votes: Vec<VoteLine>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentLine {
    /// Its place in the team.
    pub index: AgentIndex,
    /// Its id in the config.
    pub agent_id: String,
    /// Its model.
    pub model: String,
    /// What it is doing, or where it ended.
    pub state: AgentState,
    /// Answers published.
    pub answers: u32,
    /// Turns.
    pub turns: u32,
    /// Turns cut because the answers changed.
    pub restarts: u32,
    /// Turns that failed or ran out of time.
    pub failures: u32,
    /// Tool calls.
    pub tool_calls: u32,
    /// Tokens.
    pub usage: Usage,
    /// Money.
    pub cost: Cost,
}

/// The outcome of the run as `view` shows it.
#[must_use]
pub fn run_summary(view: &RunView) -> Summary {
    let winner = winner(view).map(|label| Winner {
        agent_id: view.name(label.agent),
        label,
        rule: view.selection.as_ref().map(|(.., rule)| *rule),
    });
    let published =
        || winner.as_ref().and_then(|winner| view.answer(winner.label)).map(|answer| answer.content.clone());
    let votes = vote_lines(view);
    Summary {
        question: view.question.clone(),
        rehearsal: view.rehearsal,
        end: view.end.clone(),
        final_answer: view.final_answer.as_ref().map(|(_, content, _)| content.clone()).or_else(published),
        source: view.final_answer.as_ref().map(|(.., source)| source.clone()),
        rule: winner.as_ref().and_then(|winner| winner.rule).map(|rule| rule.to_string()),
        tally: tally(view),
        disagreement: disagreement(&votes, winner.as_ref().map(|winner| winner.label)),
        votes,
        agents: indexed(view)
            .map(|(index, agent)| AgentLine {
                index,
                agent_id: agent.profile.id.to_string(),
                model: agent.profile.model.clone(),
                state: agent.state.clone(),
                answers: agent.answers,
                turns: agent.turns,
                restarts: agent.restarts,
                failures: agent.failures,
                tool_calls: agent.tool_calls,
                usage: agent.usage,
                cost: agent.cost,
            })
            .collect(),
        duration_ms: view.duration_ms(),
        usage: view.usage(),
        cost: view.cost(),
        winner,
    }
}

fn tally(view: &RunView) -> Vec<TallyRow> {
    let lines = view.selection.as_ref().map_or(&[][..], |(_, tally, _)| tally);
    lines
        .iter()
        .map(|line| TallyRow {
            label: line.revision,
            agent_id: view.name(line.revision.agent),
            votes: line.votes,
            votes_of_others: line.votes_of_others,
        })
        .collect()
}

fn vote_lines(view: &RunView) -> Vec<VoteLine> {
    view.ballots
        .iter()
        .map(|ballot| VoteLine {
            voter_id: view.name(ballot.vote.voter),
            target: ballot.vote.target,
            target_id: view.name(ballot.vote.target.agent),
            reason: ballot.vote.reason.clone(),
            checked: crate::narrate::checks_in_words(&ballot.vote, view),
            standing: ballot.standing,
            at_ms: ballot.at_ms,
        })
        .collect()
}

/// Groups the valid votes by answer. Without a winner nobody is in the minority yet.
fn disagreement(votes: &[VoteLine], winner: Option<AnswerRevision>) -> Option<Disagreement> {
    let winner = winner?;
    let mut minority: Vec<MinorityAnswer> = Vec::new();
    for vote in votes.iter().filter(|vote| vote.standing == Standing::Valid && vote.target != winner) {
        match minority.iter_mut().find(|answer| answer.label == vote.target) {
            Some(answer) => answer.votes.push(vote.clone()),
            None => minority.push(MinorityAnswer {
                label: vote.target,
                agent_id: vote.target_id.clone(),
                votes: vec![vote.clone()],
            }),
        }
    }
    minority.sort_by_key(|answer| std::cmp::Reverse(answer.votes.len()));
    (!minority.is_empty()).then_some(Disagreement { minority })
}
