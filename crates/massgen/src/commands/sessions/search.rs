//! `massgen sessions search`.

use massgen_config::Environment;
use massgen_sessions::{Hit, Piece};
use serde_json::{Value, json};

use super::{index, words};
use crate::args::SearchArgs;
use crate::failure::{Failure, with_causes};
use crate::terminal::{self, harmless};

/// Finds turns by their words, best first.
pub(super) fn search(args: &SearchArgs, environment: &Environment) -> Result<(), Failure> {
    let query = args.words.join(" ");
    let hits = match index(environment)? {
        Some(index) => index.search(&query, args.limit).map_err(|error| Failure::execution(with_causes(&error)))?,
        None => Vec::new(),
    };
    if args.json {
        let hits: Vec<Value> = hits.iter().map(in_json).collect();
        terminal::print_line(&format!("{:#}", json!({"query": query, "hits": hits})));
    } else if hits.is_empty() {
        terminal::tell(&format!("no question or answer has all of: {query}"));
    } else {
        let text: String = hits.iter().map(in_words).collect();
        terminal::print(&text);
    }
    Ok(())
}

fn in_words(hit: &Hit) -> String {
    let when = hit.started_ms.map(|at| format!("  {}", words::moment(at))).unwrap_or_default();
    let mut text = format!("{}  turn {}  {}{when}\n", harmless(&hit.session), hit.turn, hit.status);
    for (mark, pieces) in [("?", &hit.question), ("=", &hit.answer)] {
        let line = words::one_line(&plain(pieces), 400);
        for line in textwrap::wrap(&line, 74) {
            text.push_str(&format!("  {mark} {line}\n"));
        }
    }
    text
}

fn plain(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

fn in_json(hit: &Hit) -> Value {
    let pieces = |pieces: &[Piece]| -> Vec<Value> {
        pieces.iter().map(|piece| json!({"text": piece.text, "is_match": piece.is_match})).collect()
    };
    json!({
        "session_id": hit.session,
        "turn": hit.turn,
        "status": hit.status.as_str(),
        "started_ms": hit.started_ms,
        "question": pieces(&hit.question),
        "answer": pieces(&hit.answer),
    })
}
