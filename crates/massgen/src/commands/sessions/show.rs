//! `massgen sessions show` and `massgen sessions export`: all of one session.

use massgen_config::Environment;
use massgen_sessions::{AgentSpend, SessionDocument, TurnRecord};
use serde_json::{Value, json};

use super::{failed, session, words};
use crate::args::{ExportArgs, ShowArgs};
use crate::conversation::{store, turns};
use crate::failure::Failure;
use crate::terminal;

/// Shows the questions and answers of a session.
pub(super) fn show(args: &ShowArgs, environment: &Environment) -> Result<(), Failure> {
    let session = session(&store(environment), &args.id)?;
    let turns = turns(&session)?;
    if args.json {
        let turns: Vec<Value> = turns.iter().map(in_json).collect();
        let shown = json!({"session_id": session.id().as_str(), "folder": session.dir(), "turns": turns});
        terminal::print_line(&format!("{shown:#}"));
        return Ok(());
    }
    let mut text = format!("{}, {}\n", session.id(), words::count(turns.len() as u64, "turn"));
    for turn in &turns {
        text.push_str(&format!("\n{}", words::turn(turn)));
    }
    terminal::print(&text);
    Ok(())
}

fn in_json(turn: &TurnRecord) -> Value {
    let partial = turn.partial_answers.iter().map(|(agent, answer)| (agent.clone(), json!(answer)));
    json!({
        "turn": turn.number,
        "status": words::standing(turn),
        "rehearsal": turn.is_rehearsal,
        "question": turn.question,
        "answer": turn.answer,
        "winner": turn.winner,
        "partial_answers": partial.collect::<serde_json::Map<_, _>>(),
        "end": turn.end,
        "started_ms": turn.started_ms,
        "ended_ms": turn.ended_ms,
        "cost_usd": turn.cost.map(|cost| cost.known_usd),
        "unpriced_calls": turn.cost.map(|cost| cost.unpriced_calls),
        "input_tokens": turn.input_tokens,
        "output_tokens": turn.output_tokens,
        "agents": turn.agents.iter().map(spend).collect::<Vec<_>>(),
        "folder": turn.dir,
        "workspace": turn.workspace(),
        "log_dir": turn.log_dir,
        "problems": turn.problems,
    })
}

fn spend(spend: &AgentSpend) -> Value {
    json!({
        "id": spend.id,
        "backend": spend.backend,
        "model": spend.model,
        "cost_usd": spend.cost.known_usd,
        "unpriced_calls": spend.cost.unpriced_calls,
        "input_tokens": spend.input_tokens,
        "output_tokens": spend.output_tokens,
    })
}

/// Writes a session as a document.
pub(super) fn export(args: &ExportArgs, environment: &Environment) -> Result<(), Failure> {
    let session = session(&store(environment), &args.id)?;
    let document = SessionDocument::load(&session).map_err(|error| failed(&error))?;
    let text = if args.html { document.html() } else { document.markdown() };
    let Some(path) = &args.output else {
        terminal::print(&text);
        return Ok(());
    };
    std::fs::write(path, text)
        .map_err(|error| Failure::execution(format!("the session cannot be written to {}: {error}", path.display())))?;
    terminal::tell(&format!("{} is written to {}", session.id(), path.display()));
    Ok(())
}
