//! Judges a reply: the one decision it holds, or what is wrong with it.

use massgen_protocol::{AgentIndex, AnswerRevision, DecisionCall, Reply, Verification, Violation};

use crate::novelty;
use crate::team::{OpenTurn, Team};

/// The one decision that a reply holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Answer { content: String },
    Vote { target: AnswerRevision, reason: String },
}

/// Judges the reply of a turn that answers or votes, by what the turn was shown.
pub(crate) fn judge(team: &Team, turn: &OpenTurn, reply: &Reply) -> Result<Verdict, Violation> {
    let mut answers: Vec<&str> = Vec::new();
    let mut votes: Vec<(Result<AnswerRevision, Violation>, &str)> = Vec::new();
    let mut trouble = None;
    for call in &reply.calls {
        match call {
            DecisionCall::NewAnswer { content } => {
                // Some models put the answer into the text and call the tool with nothing.
                let content = if content.trim().is_empty() { reply.text.as_str() } else { content.as_str() };
                answers.push(content);
            }
            DecisionCall::Vote { target, reason } => votes.push((vote_target(turn, target), reason)),
            DecisionCall::Unreadable { tool, problem } => {
                trouble.get_or_insert(Violation::BadArguments { tool: tool.clone(), problem: problem.clone() });
            }
            DecisionCall::Unknown { tool } => {
                trouble.get_or_insert(Violation::UnknownTool { tool: tool.clone() });
            }
        }
    }
    // The same decision twice is one decision: providers do repeat events.
    answers.dedup();
    votes.dedup_by(|a, b| a.0 == b.0);
    match (answers.as_slice(), votes.as_slice()) {
        ([], []) => Err(trouble.unwrap_or(Violation::NoDecision)),
        ([content], []) => judge_answer(team, turn, content),
        ([], [(target, reason)]) => {
            let target = target.clone()?;
            if needs_check(team, turn, target) {
                return Err(Violation::Unchecked { target });
            }
            Ok(Verdict::Vote { target, reason: (*reason).to_owned() })
        }
        ([], _) => Err(Violation::SeveralVotes),
        (_, []) => Err(Violation::SeveralAnswers),
        _ => Err(Violation::AnswerAndVote),
    }
}

/// What a reply says, for a turn that never decides: its longest text.
pub(crate) fn said(reply: &Reply) -> &str {
    let contents = reply.calls.iter().filter_map(|call| match call {
        DecisionCall::NewAnswer { content } => Some(content.as_str()),
        DecisionCall::Vote { .. } | DecisionCall::Unreadable { .. } | DecisionCall::Unknown { .. } => None,
    });
    contents.chain([reply.text.as_str()]).map(str::trim).max_by_key(|text| text.len()).unwrap_or("")
}

/// Judges an answer on its own: caps, emptiness, novelty.
pub(crate) fn judge_answer(team: &Team, turn: &OpenTurn, content: &str) -> Result<Verdict, Violation> {
    if !turn.choices.may_answer || !team.below_caps(turn.id.agent) {
        return Err(Violation::AnswerNotAllowed);
    }
    let content = content.trim();
    if content.is_empty() {
        return Err(Violation::EmptyAnswer);
    }
    let shown = || turn.view.vector.revisions().filter_map(|revision| Some((revision, team.content(revision)?)));
    if let Some((of, _)) = shown().find(|(_, peer)| novelty::is_copy(content, peer)) {
        return Err(Violation::DuplicateAnswer { of });
    }
    if let Some(limit) = novelty::limit_percent(team.rules.novelty) {
        let closest = shown()
            .map(|(to, peer)| (novelty::similarity_percent(content, peer), to))
            .max_by_key(|(similarity, _)| *similarity);
        if let Some((similarity_percent, to)) = closest.filter(|(similarity, _)| *similarity > limit) {
            return Err(Violation::TooSimilar { to, similarity_percent });
        }
    }
    Ok(Verdict::Answer { content: content.to_owned() })
}

/// Whether a vote needs a look into the files of the answer, and its voter has not taken one.
fn needs_check(team: &Team, turn: &OpenTurn, target: AnswerRevision) -> bool {
    let rules = &team.rules;
    rules.verification == Verification::Required
        && !rules.cannot_verify.contains(&turn.id.agent)
        && team.snapshot(target).is_some()
        && !turn.checks.iter().any(|(checked, _)| *checked == target)
}

/// The answer that a model means: `agent2`, or `agent2.1` as labels have it.
fn vote_target(turn: &OpenTurn, text: &str) -> Result<AnswerRevision, Violation> {
    if turn.choices.votes.is_empty() {
        return Err(Violation::NothingToVoteFor);
    }
    let name = text.trim().to_ascii_lowercase();
    let agent = name.parse::<AgentIndex>().ok();
    let revision = name.parse::<AnswerRevision>().ok();
    turn.choices
        .votes
        .iter()
        .find(|choice| Some(choice.agent) == agent || Some(**choice) == revision)
        .copied()
        .ok_or_else(|| Violation::UnknownTarget { target: text.to_owned() })
}
