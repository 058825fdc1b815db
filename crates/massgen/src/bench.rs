//! `massgen bench`: what the program costs on this machine, each figure next to what it is judged by.
//!
//! Everything is measured against the rehearsal provider on a loopback address, in processes of
//! their own where a whole process is meant. Nothing leaves the machine.

mod bare;
mod child;
mod latency;
mod memory;
mod site;
mod startup;
mod stream;
mod table;

use std::time::Duration;

use crate::args::BenchArgs;
use crate::bench::site::Site;
use crate::bench::table::{Row, Verdict};
use crate::failure::{Failure, FailureKind};
use crate::run::runtime;
use crate::terminal;

/// Measures what is asked for and prints the table.
pub(crate) fn bench(args: &BenchArgs) -> Result<(), Failure> {
    if let Some(job) = &args.child {
        return child::work(job);
    }
    let sizes = if args.small { SMALL } else { FULL };
    let program = std::env::current_exe()
        .map_err(|error| Failure::execution(format!("the program cannot find its own file: {error}")))?;
    let site = Site::new(program)?;
    let measures: Vec<Measure> = Measure::ALL.into_iter().filter(|measure| measure.is_wanted(&args.what)).collect();
    let rows = runtime()?.block_on(async {
        tokio::select! {
            rows = Box::pin(rows(&measures, &site, sizes)) => Ok(rows),
            // The processes and the folder go with what is dropped here.
            _ = tokio::signal::ctrl_c() => Err(Failure::new(FailureKind::Interrupted, "stopped")),
        }
    })?;
    terminal::print(&page(&measures, &rows, sizes));
    conclude(&rows, args.check)
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    startup_runs: usize,
    stream_agents: usize,
    stream_chunks: u32,
    stream_rounds: usize,
    memory_agents: usize,
    memory_chunks: u32,
    latency_runs: usize,
}

const FULL: Sizes = Sizes {
    startup_runs: 15,
    stream_agents: 3,
    stream_chunks: 20_000,
    stream_rounds: 9,
    memory_agents: 100,
    memory_chunks: 100,
    latency_runs: 21,
};

/// Shows that everything can be measured; the figures say nothing.
const SMALL: Sizes = Sizes {
    startup_runs: 1,
    stream_agents: 2,
    stream_chunks: 20,
    stream_rounds: 1,
    memory_agents: 4,
    memory_chunks: 5,
    latency_runs: 1,
};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Startup,
    Stream,
    Memory,
    Latency,
}

impl Measure {
    const ALL: [Self; 4] = [Self::Startup, Self::Stream, Self::Memory, Self::Latency];

    /// Its name on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Stream => "stream",
            Self::Memory => "memory",
            Self::Latency => "latency",
        }
    }

    fn is_wanted(self, what: &[String]) -> bool {
        what.is_empty() || what.iter().any(|name| name == self.name())
    }

    async fn rows(self, site: &Site, sizes: Sizes) -> Vec<Row> {
        match self {
            Self::Startup => vec![startup::row(site, sizes).await],
            Self::Stream => stream::rows(site, sizes).await,
            Self::Memory => vec![memory::row(site, sizes).await],
            Self::Latency => vec![latency::row(site, sizes).await],
        }
    }

    /// What exactly is compared.
    fn footnote(self, sizes: Sizes) -> String {
        let Sizes { stream_agents, stream_chunks, memory_agents, memory_chunks, .. } = sizes;
        match self {
            Self::Startup => "from before the process is made to its first model request at the provider, with logs; \
                              the Python MassGen took 9.4 s"
                .to_owned(),
            Self::Stream => format!(
                "thousands of chunks a second, in a whole run of {stream_agents} agents with {stream_chunks} chunks \
                 each, journal and logs written, against a bare HTTP client's {stream_agents} requests for the same \
                 chunks at once, whose events are split, parsed as JSON and thrown away. Each client is a process of \
                 its own, and so is the provider; they take turns. CPU is the client's processor time for each chunk"
            ),
            Self::Memory => format!(
                "peak resident memory of a whole run of {memory_agents} agents with {memory_chunks} chunks each on all \
                 four protocols, with logs"
            ),
            Self::Latency => "from the record of the vote that decides to the arrival of the winner's request to \
                              present, with logs, in one process with the provider"
                .to_owned(),
        }
    }
}

async fn rows(measures: &[Measure], site: &Site, sizes: Sizes) -> Vec<Row> {
    let mut rows = Vec::new();
    for measure in measures {
        terminal::tell(&format!("measuring {} ...", measure.name()));
        rows.extend(Box::pin(measure.rows(site, sizes)).await);
    }
    rows
}

fn page(measures: &[Measure], rows: &[Row], sizes: Sizes) -> String {
    let build =
        if cfg!(debug_assertions) { "debug build: only a release build says anything" } else { "release build" };
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mut page = format!(
        "massgen {} on {} {}, {processors} processors, {build}\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        table::render(rows)
    );
    for measure in measures {
        page.push_str(&table::note(measure.name(), &measure.footnote(sizes)));
    }
    page
}

fn conclude(rows: &[Row], check: bool) -> Result<(), Failure> {
    let count = |wanted: fn(&Verdict) -> bool| rows.iter().filter(|row| wanted(&row.verdict)).count();
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    if failed > 0 {
        let mut failure = Failure::execution(format!("{failed} of {} measurements could not be made", rows.len()));
        for row in rows {
            if let Verdict::Failed(reason) = &row.verdict {
                failure = failure.hint(format!("{}: {reason}", row.what));
            }
        }
        return Err(failure);
    }
    let missed = count(|verdict| *verdict == Verdict::Missed);
    if check && missed > 0 {
        return Err(Failure::execution(format!("{missed} of {} targets were missed", rows.len())));
    }
    Ok(())
}

/// A duration in milliseconds.
fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(verdict: Verdict) -> Row {
        Row::without("a figure", "< 1", verdict)
    }

    #[test]
    fn a_missed_target_is_an_error_only_where_that_is_asked_for() {
        let rows = [row(Verdict::Met), row(Verdict::Missed), row(Verdict::Unavailable("Linux only"))];
        assert!(conclude(&rows, false).is_ok());
        assert_eq!(conclude(&rows, true).unwrap_err().message(), "1 of 3 targets were missed");
    }

    #[test]
    fn a_measurement_that_failed_is_an_error_and_says_why() {
        let rows = [row(Verdict::Met), row(Verdict::Failed("no port".to_owned()))];
        let failure = conclude(&rows, false).unwrap_err();
        assert_eq!(failure.to_string(), "error: 1 of 2 measurements could not be made\n  hint: a figure: no port");
    }
}
