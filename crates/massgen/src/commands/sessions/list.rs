//! `massgen sessions list`.

use massgen_config::Environment;
use massgen_sessions::{Filter, SessionLine, SessionStanding, SessionStore, TurnStatus};
use serde_json::{Value, json};

use super::{index, nothing, words};
use crate::args::ListArgs;
use crate::conversation::store;
use crate::failure::{Failure, with_causes};
use crate::terminal::{self, harmless};

/// Names are given room up to this width; a longer one takes what it takes.
const NAME_WIDTH_MAX: usize = 30;

/// Lists sessions, last worked on first.
pub(crate) fn list(args: &ListArgs, environment: &Environment) -> Result<(), Failure> {
    let store = store(environment);
    let limit = if args.all { u32::MAX } else { args.limit };
    let page = match index(environment)? {
        Some(index) => {
            let page = index.list(limit, 0, &Filter::default());
            Some(page.map_err(|error| Failure::execution(with_causes(&error)))?)
        }
        None => None,
    };
    let (lines, total) = page.map_or((Vec::new(), 0), |page| (page.sessions, page.total));
    if args.json {
        let sessions: Vec<Value> = lines.iter().map(|line| in_json(line, &store)).collect();
        terminal::print_line(&format!("{:#}", json!({"total": total, "sessions": sessions})));
        return Ok(());
    }
    if lines.is_empty() {
        nothing(&store);
        return Ok(());
    }
    let width = lines.iter().map(|line| line.id.chars().count()).max().unwrap_or_default().min(NAME_WIDTH_MAX);
    let text: String = lines.iter().map(|line| in_words(line, width, &store)).collect();
    terminal::print(&text);
    let more = total.saturating_sub(lines.len() as u64);
    if more > 0 {
        terminal::tell(&format!("and {more} more: massgen sessions list --all"));
    }
    Ok(())
}

fn in_words(line: &SessionLine, width: usize, store: &SessionStore) -> String {
    let mut facts =
        vec![words::count(line.turns, "turn"), standing(line, store).to_owned(), words::moment(line.updated_ms)];
    facts.push(match line.rehearsals {
        0 => words::short_cost(line.cost),
        all if all == line.turns => "rehearsal".to_owned(),
        some => format!("{}, {}", words::short_cost(line.cost), words::count(some, "rehearsal")),
    });
    let title = line.title.as_deref().or(line.problem.as_deref()).unwrap_or_default();
    format!("{:<width$}  {}\n    {}\n", harmless(&line.id), facts.join("  "), words::one_line(title, 74))
}

/// Where a session stands. Of one that seems to run, the files are asked whether it does.
fn standing(line: &SessionLine, store: &SessionStore) -> &'static str {
    match line.standing {
        SessionStanding::Empty => "empty",
        SessionStanding::Unreadable => "unreadable",
        SessionStanding::Last(TurnStatus::Running) => {
            let is_alive = store.open(&line.id).and_then(|session| session.is_alive());
            if is_alive.unwrap_or(false) { "running" } else { "interrupted" }
        }
        SessionStanding::Last(status) => status.as_str(),
    }
}

fn in_json(line: &SessionLine, store: &SessionStore) -> Value {
    json!({
        "session_id": line.id,
        "status": standing(line, store),
        "turns": line.turns,
        "rehearsals": line.rehearsals,
        "title": line.title,
        "winner": line.winner,
        "started_ms": line.started_ms,
        "updated_ms": line.updated_ms,
        "cost_usd": line.cost.known_usd,
        "unpriced_calls": line.cost.unpriced_calls,
        "input_tokens": line.input_tokens,
        "output_tokens": line.output_tokens,
        "problem": line.problem,
    })
}
