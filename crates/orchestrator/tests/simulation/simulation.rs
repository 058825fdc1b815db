//! One simulation: lives of the process, one after the other, until the run has ended and every law was checked.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use massgen_journal::Journal;
use massgen_orchestrator::{Clock, Outcome, RunSetup, announcements, before_it_was_stopped, run};
use massgen_protocol::{Record, RunEnd, RunView};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::disk::{self, Disk};
use crate::laws::{self, Breach, law};
use crate::life::{Life, Remains};
use crate::plan::{Death, Plan};
use crate::team::team;
use crate::world::{Memory, World};

/// No life takes longer, on its own clock. The rules of every plan end it long before.
const LIFE_MAX: Duration = Duration::from_secs(3_600);

/// Where the clock of the first life begins: milliseconds since the Unix epoch.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// What a simulation came to.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Story {
    /// The journal as each death left it, and as it was at the end.
    pub(crate) journals: Vec<Vec<u8>>,
    pub(crate) deaths: u64,
    pub(crate) torn: u64,
    pub(crate) full_disks: u64,
    pub(crate) taken_up: u64,
    pub(crate) figures: laws::Figures,
}

/// What a death, or the end of a stopped run, hands to the next life.
#[derive(Debug)]
pub(crate) struct Legacy {
    pub(crate) records: Vec<Record>,
    /// What the world knew then.
    pub(crate) memory: Memory,
    /// Whether these are the records of a run that had ended, less its stop.
    pub(crate) is_taken_up: bool,
}

/// Runs a plan to its end.
pub(crate) fn simulate(plan: &Plan) -> Result<Story, Breach> {
    let folder = disk::folder();
    let world = Arc::new(World::default());
    let mut story = Story::default();
    let mut legacies: Vec<Legacy> = Vec::new();
    let mut bytes = Vec::new();
    let mut clock = EPOCH_MS;
    let mut deaths = plan.deaths.iter().copied();
    let mut away = Dice::of(&[plan.seed, 4]);
    for number in 0.. {
        let death = deaths.next();
        let disk = match plan.disk_full_at.filter(|_| death.is_none()) {
            Some(_) => Disk::fillable(folder.path(), number, &bytes),
            None => Disk::file(folder.path(), number, &bytes),
        };
        let (journal, reading) =
            Journal::resume(disk.path()).map_err(|error| Breach(format!("the journal cannot be resumed: {error}")))?;
        if let Some(legacy) = legacies.last() {
            law(reading.records == legacy.records, || "two readings of one journal differ".to_owned())?;
        }
        let disk_full_at = plan.disk_full_at.filter(|_| death.is_none() && disk.can_be_filled());
        let past = reading.records.len() as u64;
        let life = Arc::new(Life::new(Arc::clone(&world), disk, past, death, disk_full_at));
        let (now, ended) = live(plan, &life, journal, reading.records, clock)?;
        clock = now + away.any_size(3_600_000);
        let memory = world.memory().clone();
        if std::env::var_os("MASSGEN_TRACE").is_some() {
            crate::state(&format!("-- life {number} is over, {death:?}"));
        }
        match (ended, life.remains()) {
            (_, Some(remains)) => {
                story.deaths += 1;
                story.torn += u64::from(remains.is_torn);
                bytes.clone_from(&remains.bytes);
                let records = read(&folder, number, &remains)?;
                laws::at_death(&records, &life.shown(), &remains)?;
                story.journals.push(remains.bytes);
                let has_ended = RunView::replay(&records).end.is_some();
                legacies.push(Legacy { records, memory, is_taken_up: false });
                if has_ended {
                    break;
                }
            }
            (Some(outcome), None) => {
                let on_disk = fs::read(life.journal()).unwrap();
                let shown = life.shown();
                story.full_disks += u64::from(life.disk_is_full());
                laws::at_end(&shown, &outcome, &life)?;
                story.journals.push(on_disk);
                legacies.push(Legacy { records: shown, memory, is_taken_up: false });
                let is_last = !plan.is_taken_up || story.taken_up > 0 || life.disk_is_full();
                if is_last || !was_stopped(&outcome) {
                    break;
                }
                bytes = take_up(&folder, &mut legacies)?;
                story.taken_up += 1;
            }
            (None, None) => return Err(Breach("a life ended neither with the run nor by its death".to_owned())),
        }
    }
    story.figures = laws::of_everything(plan, &legacies)?;
    Ok(story)
}

/// Lives until the run ends or the process dies; the time at its end is the first result.
fn live(
    plan: &Plan,
    life: &Arc<Life>,
    journal: Journal,
    past: Vec<Record>,
    clock_ms: u64,
) -> Result<(u64, Option<Outcome>), Breach> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let started = Instant::now();
        let now_ms = move || clock_ms + u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let setup = RunSetup {
            run_id: "simulation".to_owned(),
            question: "What is to be done?".to_owned(),
            earlier: Vec::new(),
            agents: team(plan, life),
            rules: plan.rules.clone(),
            seed: plan.seed,
            version: "0".to_owned(),
            rehearsal: false,
            tape: None,
            budget: plan.budget.clone(),
            clock: Clock::new(now_ms),
            past,
        };
        let cancel = CancellationToken::new();
        let (_announcer, announcements) = announcements();
        let observe = |record: &Arc<Record>| life.observe(record);
        let working = async {
            let running = run(setup, journal, announcements, observe, cancel.clone());
            let stopping = async {
                match plan.cancel_ms {
                    Some(after) => tokio::time::sleep(Duration::from_millis(after)).await,
                    None => std::future::pending().await,
                }
                cancel.cancel();
                std::future::pending::<()>().await;
            };
            let ended = tokio::select! {
                biased;
                ended = running => ended,
                () = stopping => return Err(Breach("a token was cancelled for ever".to_owned())),
            };
            let ended = ended.map_err(|error| Breach(format!("the run cannot go on: {error}")))?;
            let under_way = life.world.memory().under_way;
            law(under_way == 0, || format!("{under_way} calls are under way although the run is over"))?;
            Ok(Some(ended.close().await))
        };
        let lived = tokio::select! {
            biased;
            () = life.died() => Ok(Some(Ok(None))),
            worked = tokio::time::timeout(LIFE_MAX, working) => worked.map(Some),
        };
        match lived {
            Ok(Some(worked)) => Ok((now_ms(), worked?)),
            _ => Err(Breach(format!("the run has not ended after {} s", LIFE_MAX.as_secs()))),
        }
    })
}

/// Reads what a death has left.
fn read(folder: &tempfile::TempDir, number: usize, remains: &Remains) -> Result<Vec<Record>, Breach> {
    let path = folder.path().join(format!("remains-{number}.jsonl"));
    fs::write(&path, &remains.bytes).unwrap();
    let reading = massgen_journal::read(&path).map_err(|error| Breach(format!("after a death: {error}")))?;
    let is_torn = reading.tail != massgen_journal::Tail::Clean;
    law(remains.is_torn || !is_torn, || "a torn record although nothing was torn".to_owned())?;
    Ok(reading.records)
}

fn was_stopped(outcome: &Outcome) -> bool {
    matches!(
        outcome.view.end,
        Some(
            RunEnd::Cancelled
                | RunEnd::TimedOut
                | RunEnd::TimedOutWithAnswer
                | RunEnd::BudgetSpent { .. }
                | RunEnd::BudgetSpentWithAnswer { .. }
        )
    )
}

/// Makes the journal of a run that goes on from before it was stopped.
fn take_up(folder: &tempfile::TempDir, legacies: &mut Vec<Legacy>) -> Result<Vec<u8>, Breach> {
    let Some(last) = legacies.last() else { return Ok(Vec::new()) };
    let records = before_it_was_stopped(last.records.clone());
    laws::taken_up(&last.records, &records)?;
    let path = folder.path().join("taken-up.jsonl");
    let journal = Journal::create_with(&path, &records);
    drop(journal.map_err(|error| Breach(format!("the run cannot be taken up: {error}")))?);
    let memory = last.memory.clone();
    legacies.push(Legacy { records, memory, is_taken_up: true });
    Ok(fs::read(&path).unwrap())
}

/// The life at whose every record or moment a process may die: how many there are of each.
pub(crate) fn measure(plan: &Plan) -> Result<u64, Breach> {
    let story = simulate(&plan.clone().with_deaths(Vec::new()))?;
    Ok(story.figures.records)
}

/// The same simulation, with one death at each record.
pub(crate) fn deaths_at_every_record(plan: &Plan) -> Result<Vec<Plan>, Breach> {
    let records = measure(plan)?;
    let at = |record, torn| plan.clone().with_deaths(vec![Death::AtRecord { record, torn }]);
    Ok((1..=records).flat_map(|record| [at(record, None), at(record, Some(record * 37 % 1000))]).collect())
}
