//! What is told about a session to somebody in it.

use std::collections::BTreeMap;

use massgen_config::{ContextPath, Permission};
use massgen_protocol::Cost;
use massgen_sessions::TurnRecord;

use crate::commands::sessions::words;
use crate::commands::welcome;
use crate::conversation::{Conversation, turns};
use crate::failure::Failure;
use crate::team::Team;
use crate::terminal::harmless;

/// The first lines.
pub(super) fn greeting(team: &Team) -> String {
    let team = match team.config.agents.as_slice() {
        [one] => one.id.to_string(),
        all => format!("a team of {}", all.len()),
    };
    format!(
        "Ask {}. Every question is told what was asked and answered before; /help lists more, /quit leaves.",
        harmless(&team)
    )
}

/// The agents, a line each.
pub(super) fn members(team: &Team) -> String {
    harmless(&welcome::members(&team.config)).trim_end().to_owned()
}

/// Where the session stands.
pub(super) fn status(conversation: &Conversation, team: &Team, added: &[ContextPath]) -> Result<String, Failure> {
    let mut text = match conversation.session() {
        None => "No session yet: the first question begins one.\n".to_owned(),
        Some(session) => {
            let turns = turns(session)?;
            let last = turns.last().map_or_else(String::new, |turn| format!(", the last is {}", turn.status));
            format!("Session  {}\nTurns    {}{last}\nFiles    {}\n", session.id(), turns.len(), session.dir().display())
        }
    };
    if let Some(path) = &team.path {
        text.push_str(&format!("Config   {}\n", path.display()));
    }
    text.push_str(&format!("Team\n{}\n", members(team)));
    if !added.is_empty() {
        text.push_str(&contexts(team, added));
    }
    Ok(text)
}

/// The user's files that the team may use.
pub(super) fn contexts(team: &Team, added: &[ContextPath]) -> String {
    let line = |context: &ContextPath| {
        let access = if context.permission == Permission::Write { "read and change" } else { "read" };
        format!("  {} ({access})", context.path.as_str())
    };
    let lines: Vec<String> = team.config.orchestrator.context_paths.iter().chain(added).map(line).collect();
    if lines.is_empty() {
        return "The team sees none of your files; /context PATH lets it.".to_owned();
    }
    format!("Your files that the team may use:\n{}", lines.join("\n"))
}

/// A line for each turn.
pub(super) fn turns_in_lines(turns: &[TurnRecord]) -> String {
    if turns.is_empty() {
        return "There is no turn yet that was kept.".to_owned();
    }
    let line = |turn: &TurnRecord| {
        let question = words::one_line(turn.question.as_deref().unwrap_or_default(), 60);
        format!("{:>3}  {:<9}  {question}", turn.number, turn.status)
    };
    turns.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What the session has cost, by agent.
pub(super) fn cost(conversation: &Conversation) -> Result<String, Failure> {
    let turns = conversation.session().map(turns).transpose()?.unwrap_or_default();
    if turns.is_empty() {
        return Ok("Nothing yet.".to_owned());
    }
    let mut agents: BTreeMap<(String, String), (Cost, u64, u64)> = BTreeMap::new();
    let mut total = (Cost::default(), 0_u64, 0_u64);
    // What a script says was used was not paid.
    let paid = turns.iter().filter(|turn| !turn.is_rehearsal);
    for spend in paid.flat_map(|turn| &turn.agents) {
        let sum = agents.entry((spend.id.clone(), spend.model.clone())).or_default();
        for sum in [sum, &mut total] {
            sum.0 += spend.cost;
            sum.1 = sum.1.saturating_add(spend.input_tokens);
            sum.2 = sum.2.saturating_add(spend.output_tokens);
        }
    }
    if agents.is_empty() {
        return Ok("Nothing: the answers were scripted.".to_owned());
    }
    let lines = agents.iter().map(|((id, model), sum)| (format!("{id} ({model})"), *sum));
    let lines: Vec<_> = lines.chain([("all".to_owned(), total)]).collect();
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(40);
    let line = |(name, (cost, input, output)): &(String, (Cost, u64, u64))| {
        format!("{name:<width$}  {cost}, {input} tokens in, {output} out")
    };
    Ok(lines.iter().map(line).collect::<Vec<_>>().join("\n"))
}
