//! How much memory a large team takes.

use massgen_rehearsal::Wire;

use super::Sizes;
use super::child::{Job, TeamJob};
use super::site::{CHUNK, Site, TEAM_MODEL};
use super::table::{Row, Verdict};
use crate::failure::Failure;

const MIB: f64 = 1024.0 * 1024.0;
const TARGET_MIB: f64 = 80.0;

/// Measures it.
pub(super) async fn row(site: &Site, sizes: Sizes) -> Row {
    let what = format!("memory, {} agents", sizes.memory_agents);
    let target = format!("<= {TARGET_MIB:.0} MiB");
    let mib = match peak_mib(site, sizes).await {
        Ok(Some(mib)) => mib,
        Ok(None) => return Row::without(what, target, Verdict::Unavailable("Linux only")),
        Err(failure) => return Row::without(what, target, Verdict::Failed(failure.message().to_owned())),
    };
    Row {
        what,
        median: format!("{mib:.1} MiB"),
        range: String::new(),
        compared: String::new(),
        target,
        verdict: Verdict::met(mib <= TARGET_MIB),
    }
}

async fn peak_mib(site: &Site, sizes: Sizes) -> Result<Option<f64>, Failure> {
    let provider = site.serve(sizes.memory_chunks).await?;
    let wires = Wire::ALL.iter().cycle().take(sizes.memory_agents);
    let wires: Vec<_> = wires.map(|wire| (*wire, provider.base_url(*wire))).collect();
    let text_bytes_min = sizes.memory_agents * sizes.memory_chunks as usize * CHUNK.len();
    let config = site.config(TEAM_MODEL, &wires)?;
    let figures = site.measure(&Job::Team(TeamJob { config, logs: site.logs(), text_bytes_min })).await?;
    Ok(figures.peak_bytes.map(|bytes| bytes as f64 / MIB))
}
