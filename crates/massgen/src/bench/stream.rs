//! How fast streams are read, next to a client that only reads.

use massgen_rehearsal::Wire;
use serde_json::{Value, json};

use super::Sizes;
use super::child::{BareJob, Figures, Job, TeamJob};
use super::site::{BARE_MODEL, CHUNK, Provider, QUESTION, Site, TEAM_MODEL};
use super::table::{Row, Samples, Verdict};
use crate::failure::Failure;

/// The share of the bare client's speed that is asked for.
const TARGET_PERCENT: f64 = 60.0;

/// Measures it for every protocol.
pub(super) async fn rows(site: &Site, sizes: Sizes) -> Vec<Row> {
    let mut rows = Vec::new();
    for wire in Wire::ALL {
        rows.push(row(site, sizes, wire).await);
    }
    rows
}

async fn row(site: &Site, sizes: Sizes, wire: Wire) -> Row {
    let what = format!("stream, {}", name(wire));
    let target = format!(">= {TARGET_PERCENT:.0} %");
    let (ours, bare) = match rounds(site, sizes, wire).await {
        Ok(rounds) => rounds,
        Err(failure) => return Row::without(what, target, Verdict::Failed(failure.message().to_owned())),
    };
    let percent = 100.0 * ours.speed.median() / bare.speed.median();
    let cpu = ours.cpu_us.zip(bare.cpu_us);
    let cpu =
        cpu.map_or_else(String::new, |(ours, bare)| format!("; CPU {:.1} us against {:.1}", ours.mean(), bare.mean()));
    Row {
        what,
        median: format!("{:.0} k/s", ours.speed.median()),
        range: ours.speed.range(0),
        compared: format!("{percent:.0} % of {:.0} k/s{cpu}", bare.speed.median()),
        target,
        verdict: Verdict::met(percent >= TARGET_PERCENT),
    }
}

/// What the rounds of one client came to.
struct Side {
    /// Thousands of chunks in a second.
    speed: Samples,
    /// Microseconds of processor time for a chunk.
    cpu_us: Option<Samples>,
}

impl Side {
    fn new(figures: &[Figures], chunks: f64) -> Option<Self> {
        let speed = figures.iter().map(|figures| chunks / figures.seconds / 1e3).collect();
        let cpu_us = figures.iter().filter_map(|figures| Some(figures.cpu_seconds? / chunks * 1e6)).collect();
        Some(Self { speed: Samples::new(speed)?, cpu_us: Samples::new(cpu_us) })
    }
}

/// Measures both in turns, so that what else the machine does strikes both alike.
async fn rounds(site: &Site, sizes: Sizes, wire: Wire) -> Result<(Side, Side), Failure> {
    let provider = site.serve(sizes.stream_chunks).await?;
    let agents = vec![(wire, provider.base_url(wire)); sizes.stream_agents];
    let config = site.config(TEAM_MODEL, &agents)?;
    let chunks = sizes.stream_agents * sizes.stream_chunks as usize;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..sizes.stream_rounds {
        bare.push(site.measure(&Job::Bare(bare_job(&provider, wire, sizes.stream_agents, chunks as u64))).await?);
        let team = TeamJob { config: config.clone(), logs: site.logs(), text_bytes_min: chunks * CHUNK.len() };
        ours.push(site.measure(&Job::Team(team)).await?);
    }
    let sides = Side::new(&ours, chunks as f64).zip(Side::new(&bare, chunks as f64));
    sides.ok_or_else(|| Failure::execution("nothing was measured"))
}

fn bare_job(provider: &Provider, wire: Wire, requests: usize, events_min: u64) -> BareJob {
    let (path, body): (String, Value) = match wire {
        Wire::Responses => ("/responses".to_owned(), json!({"model": BARE_MODEL, "stream": true, "input": QUESTION})),
        Wire::ChatCompletions => (
            "/chat/completions".to_owned(),
            json!({"model": BARE_MODEL, "stream": true, "stream_options": {"include_usage": true},
                   "messages": [{"role": "user", "content": QUESTION}]}),
        ),
        Wire::Messages => (
            "/v1/messages".to_owned(),
            json!({"model": BARE_MODEL, "stream": true, "max_tokens": 64_000,
                   "messages": [{"role": "user", "content": QUESTION}]}),
        ),
        Wire::Gemini => (
            format!("/v1beta/models/{BARE_MODEL}:streamGenerateContent?alt=sse"),
            json!({"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}),
        ),
    };
    BareJob { url: format!("{}{path}", provider.base_url(wire)), body, requests, events_min }
}

fn name(wire: Wire) -> &'static str {
    match wire {
        Wire::Responses => "OpenAI Responses",
        Wire::ChatCompletions => "Chat Completions",
        Wire::Messages => "Anthropic Messages",
        Wire::Gemini => "Gemini",
    }
}
