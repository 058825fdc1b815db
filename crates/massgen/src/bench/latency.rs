//! How long the team's decision takes to become the winner's work.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use massgen_config::{AgentConfig, Environment, TeamConfig};
use massgen_journal::{Journal, LogFolder, LogWriter, Stamps};
use massgen_orchestrator::{Budget, Clock, Outcome, RunSetup};
use massgen_protocol::{AgentId, Event, Fact, Record, RunView};
use massgen_quota::LimitsTable;
use massgen_rehearsal::{RehearsalServer, Wire};
use tokio_util::sync::CancellationToken;

use super::site::{QUESTION, Site, backend_type};
use super::table::{Row, Samples, Verdict};
use super::{Sizes, ms};
use crate::agents;
use crate::commands::rehearse::{scenario, start_server};
use crate::display::{Observer, Observing};
use crate::failure::{Failure, with_causes};

const WHAT: &str = "last vote to presentation";
const TARGET_MS: f64 = 5.0;

/// Measures it.
pub(super) async fn row(site: &Site, sizes: Sizes) -> Row {
    let target = format!("< {TARGET_MS:.0} ms");
    match samples(site, sizes.latency_runs).await {
        Err(failure) => Row::without(WHAT, target, Verdict::Failed(failure.message().to_owned())),
        Ok(samples) => Row {
            what: WHAT.to_owned(),
            median: format!("{:.2} ms", samples.median()),
            range: samples.range(2),
            compared: String::new(),
            target,
            verdict: Verdict::met(samples.median() < TARGET_MS),
        },
    }
}

async fn samples(site: &Site, runs: usize) -> Result<Samples, Failure> {
    let team = team()?;
    let mut figures = Vec::new();
    for _ in 0..runs {
        figures.push(latency_ms(&team, site.logs()).await?);
    }
    Samples::new(figures).ok_or_else(|| Failure::execution("nothing was measured"))
}

/// One agent on each protocol.
fn team() -> Result<TeamConfig, Failure> {
    let mut agents: Vec<AgentConfig> = Vec::new();
    let mut team = None;
    for wire in Wire::ALL {
        let one = TeamConfig::single(Some(backend_type(wire)), Some("bench"), Some("http://127.0.0.1"), None)
            .map_err(|error| Failure::execution(error.to_string()))?;
        for agent in &one.agents {
            agents.push(AgentConfig { id: AgentId::new(backend_type(wire)), ..agent.clone() });
        }
        team = Some(one);
    }
    let team = team.ok_or_else(|| Failure::execution("there is no protocol"))?;
    Ok(TeamConfig { agents, ..team })
}

async fn latency_ms(team: &TeamConfig, logs: PathBuf) -> Result<f64, Failure> {
    let told = |error: &dyn std::error::Error| Failure::execution(with_causes(error));
    let server = start_server(scenario("any")?, 0).await?;
    let folder = LogFolder::create(&logs).map_err(|error| told(&error))?;
    let journal = Journal::create(&folder.journal()).map_err(|error| told(&error))?;
    let writer = LogWriter::new(&folder, Stamps::local());
    let files = Observing::start("log", Files(writer)).map_err(|error| told(&error))?;
    let mut votes = Votes::default();
    let observe = |record: &Arc<Record>| {
        votes.observe(record);
        files.send(record, false);
    };
    let (_announcer, announcements) = massgen_orchestrator::announcements();
    let setup = setup(team, &server)?;
    let run = massgen_orchestrator::run(setup, journal, announcements, observe, CancellationToken::new()).await;
    let outcome = run.map_err(|error| told(&error))?.close().await;
    files.finish();
    let latency = latency(&votes, &outcome, &server);
    server.stop().await;
    latency
}

fn setup(team: &TeamConfig, server: &RehearsalServer) -> Result<RunSetup, Failure> {
    Ok(RunSetup {
        run_id: "bench".to_owned(),
        question: QUESTION.to_owned(),
        agents: agents::agents(team, &Environment::default(), Some(server), &LimitsTable::EMPTY)?,
        rules: team.rules(),
        seed: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rehearsal: true,
        earlier: Vec::new(),
        tape: None,
        budget: Budget::default(),
        clock: Clock::default(),
        past: Vec::new(),
    })
}

fn latency(votes: &Votes, outcome: &Outcome, server: &RehearsalServer) -> Result<f64, Failure> {
    let voted = votes.deciding.ok_or_else(|| Failure::execution("the team did not vote"))?;
    if outcome.view.final_answer.is_none() {
        return Err(Failure::execution("the winner did not present its answer"));
    }
    // The presentation is the last request of a run.
    let presented = server.received().iter().map(|request| request.at).max();
    let latency = presented.and_then(|presented| presented.checked_duration_since(voted));
    latency.map(ms).ok_or_else(|| Failure::execution("no request to present reached the provider"))
}

/// The moments of votes.
#[derive(Debug, Default)]
struct Votes {
    last: Option<Instant>,
    /// That of the last vote before the winner was chosen.
    deciding: Option<Instant>,
}

impl Votes {
    fn observe(&mut self, record: &Record) {
        match &record.event {
            Event::Fact(Fact::VoteCast { .. }) => self.last = Some(Instant::now()),
            Event::Fact(Fact::WinnerSelected { .. }) => self.deciding = self.last,
            _ => {}
        }
    }
}

/// The log folder's files, as in every run.
struct Files(LogWriter);

impl Observer for Files {
    fn observe(&mut self, record: &Record, view: &RunView) {
        self.0.observe(record, view);
    }

    fn finish(&mut self, view: &RunView) {
        // What could not be written is no matter of the measurement.
        let _ = self.0.finish(view);
    }
}
