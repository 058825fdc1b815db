//! How long a user waits until a model is asked.

use std::time::Instant;

use massgen_rehearsal::{RehearsalServer, Wire};

use super::site::{QUESTION, Site, finished};
use super::table::{Row, Samples, Verdict};
use super::{Sizes, ms};
use crate::commands::rehearse::{scenario, start_server};
use crate::failure::Failure;

const WHAT: &str = "startup to the first request";
const TARGET_MS: f64 = 50.0;

/// Measures it.
pub(super) async fn row(site: &Site, sizes: Sizes) -> Row {
    let target = format!("< {TARGET_MS:.0} ms");
    match samples(site, sizes.startup_runs).await {
        Err(failure) => Row::without(WHAT, target, Verdict::Failed(failure.message().to_owned())),
        Ok(samples) => Row {
            what: WHAT.to_owned(),
            median: format!("{:.1} ms", samples.median()),
            range: samples.range(1),
            compared: String::new(),
            target,
            verdict: Verdict::met(samples.median() < TARGET_MS),
        },
    }
}

async fn samples(site: &Site, runs: usize) -> Result<Samples, Failure> {
    let mut figures = Vec::new();
    // The first run brings the program into memory and does not count.
    for run in 0..=runs {
        let figure = startup_ms(site).await?;
        if run > 0 {
            figures.push(figure);
        }
    }
    Samples::new(figures).ok_or_else(|| Failure::execution("nothing was measured"))
}

async fn startup_ms(site: &Site) -> Result<f64, Failure> {
    let server = start_server(scenario("any")?, 0).await?;
    let wires = Wire::ALL.map(|wire| (wire, server.base_url(wire)));
    let config = site.config("bench", &wires)?;
    let mut command = site.command();
    command.arg("--automation").arg("--config").arg(config).arg(QUESTION);
    command.env("MASSGEN_LOG_BASE_DIR", site.logs());
    let started = Instant::now();
    let ended = finished(command).await;
    let first = first_request(&server);
    server.stop().await;
    ended?;
    let first = first.ok_or_else(|| Failure::execution("no request reached the provider"))?;
    Ok(ms(first.duration_since(started)))
}

fn first_request(server: &RehearsalServer) -> Option<Instant> {
    server.received().iter().map(|request| request.at).min()
}
