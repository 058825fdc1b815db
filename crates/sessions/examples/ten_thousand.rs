//! Measures the index over many sessions: `cargo run --release -p massgen-sessions --example ten_thousand [sessions]`.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use massgen_sessions::{CostBy, Filter, Index, Range, SessionStore};
use serde_json::json;

const WORDS: [&str; 16] = [
    "sorting",
    "inversions",
    "heap",
    "stable",
    "partition",
    "runs",
    "merge",
    "array",
    "memory",
    "cache",
    "branch",
    "pivot",
    "bucket",
    "radix",
    "insertion",
    "binary",
];

fn main() -> Result<(), Box<dyn Error>> {
    let sessions: u64 = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let store = SessionStore::in_utc(folder.path().join("sessions"));
    timed("writing the folders", || (0..sessions).try_for_each(|number| plant(store.base(), number)))?;

    let path = Index::default_path(store.base());
    let mut index = Index::open_in_utc(&path)?.0;
    let report = timed("building the index", || index.refresh(&store))?;
    println!("    {report:?}, {} KiB", std::fs::metadata(&path)?.len() / 1024);
    timed("a refresh without changes", || index.refresh(&store))?;
    timed("listing the first 50", || index.list(50, 0, &Filter::default()))?;
    timed("listing 50 in the middle", || index.list(50, u32::try_from(sessions / 2).unwrap_or(0), &Filter::default()))?;
    let by_model = Filter { model: Some("model-3".to_owned()), ..Filter::default() };
    timed("listing by model", || index.list(50, 0, &by_model))?;
    for query in ["session77x", "stable heap", "pivot bucket rad", "s", "nothing like it"] {
        let hits = timed(&format!("searching for `{query}`"), || index.search(query, 50))?;
        println!("    {} hits", hits.len());
    }
    for by in [CostBy::Model, CostBy::Session, CostBy::Day] {
        timed(&format!("costs by {by:?}"), || index.costs(Range::default(), by))?;
    }
    drop(index);
    for suffix in ["", "-wal", "-shm"] {
        // SQLite may have removed its companions itself.
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    let mut index = Index::open_in_utc(&path)?.0;
    timed("building a deleted index again", || index.refresh(&store))?;
    Ok(())
}

/// Three turns of some hundred words each, written without waiting for the disk.
fn plant(base: &Path, number: u64) -> Result<(), Box<dyn Error>> {
    for turn in 1..=3_u64 {
        let dir = base.join(format!("session_{number}")).join(format!("turn_{turn}"));
        std::fs::create_dir_all(&dir)?;
        let word = |place: u64| {
            let place = (number * 31 + turn * 17 + place * place) % 16;
            WORDS.get(usize::try_from(place).unwrap_or(0)).copied().unwrap_or("word")
        };
        let answer: Vec<&str> = (0..200).map(word).collect();
        let at_ms = 1_769_868_185_123 + number * 600_000 + turn * 60_000;
        let metadata = json!({
            "turn": turn, "task": format!("Question {turn} of session{number}x about {}", word(7)),
            "winning_agent": "alpha", "status": "completed", "started_ms": at_ms, "ended_ms": at_ms + 30_000,
            "agents": (0..3).map(|agent| json!({
                "id": format!("agent{agent}"), "model": format!("model-{}", (number + agent) % 9), "cost_usd": 0.01,
                "input_tokens": 1000, "output_tokens": 200,
            })).collect::<Vec<_>>(),
        });
        std::fs::write(dir.join("metadata.json"), metadata.to_string())?;
        std::fs::write(dir.join("answer.txt"), answer.join(" "))?;
    }
    Ok(())
}

fn timed<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    let result = work()?;
    let took: Duration = start.elapsed();
    println!("{:>10.1} ms  {what}", took.as_secs_f64() * 1000.0);
    Ok(result)
}
