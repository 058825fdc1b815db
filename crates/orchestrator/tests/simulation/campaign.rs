//! Many simulations side by side, and what they came to.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::laws::{Breach, Figures};
use crate::plan::Plan;
use crate::simulation::{Story, simulate};
use crate::state;

/// So many failures say enough.
const FAILURES_MAX: usize = 3;

/// How many kinds of things are counted: see `laws`.
const KINDS: usize = 34;

/// What all simulations of a campaign came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    simulations: u64,
    deaths: u64,
    torn: u64,
    full_disks: u64,
    taken_up: u64,
    figures: Figures,
    failures: Vec<String>,
}

/// Runs all plans on all cores, and tells what they came to.
pub(crate) fn campaign(name: &str, plans: impl Iterator<Item = Plan> + Send) -> Tally {
    let started = Instant::now();
    let plans = Mutex::new(plans);
    let tally = Mutex::new(Tally::default());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let next = lock(&plans).next();
                    let Some(plan) = next.filter(|_| lock(&tally).failures.len() < FAILURES_MAX) else { return };
                    let result = attempt(&plan, simulate);
                    lock(&tally).take(result);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.tell(name, started.elapsed().as_secs_f64());
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
    tally
}

/// What is made of a plan, or a panic that says how to repeat it.
pub(crate) fn check<T>(plan: &Plan, make: impl FnOnce(&Plan) -> Result<T, Breach>) -> T {
    attempt(plan, make).unwrap_or_else(|failure| panic!("{failure}"))
}

fn attempt<T>(plan: &Plan, make: impl FnOnce(&Plan) -> Result<T, Breach>) -> Result<T, String> {
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| make(plan)));
    let why = match result {
        Ok(Ok(made)) => return Ok(made),
        Ok(Err(Breach(why))) => why,
        Err(_) => "it panicked".to_owned(),
    };
    Err(format!("seed {}, deaths {:?}: {why}\n  {}", plan.seed, plan.deaths, plan.command()))
}

impl Tally {
    fn take(&mut self, result: Result<Story, String>) {
        self.simulations += 1;
        match result {
            Ok(story) => {
                self.deaths += story.deaths;
                self.torn += story.torn;
                self.full_disks += story.full_disks;
                self.taken_up += story.taken_up;
                self.figures.add(&story.figures);
            }
            Err(failure) => self.failures.push(failure),
        }
    }

    fn tell(&self, name: &str, seconds: f64) {
        let Self { simulations, deaths, torn, full_disks, taken_up, figures, failures } = self;
        let seeds_a_second = *simulations as f64 / seconds;
        let held = "calls repeated: 0, answers lost: 0, votes counted twice: 0, budgets exceeded: 0, hangs: 0";
        state(&format!(
            "{name}: {simulations}, {seeds_a_second:.0} seeds a second, deaths: {deaths}, {}, torn records: {torn}, full \
             disks: {full_disks}, runs taken up: {taken_up}, records: {}",
            if failures.is_empty() { held.to_owned() } else { format!("LAWS BROKEN: {}", failures.len()) },
            figures.records,
        ));
        let counts: Vec<String> = figures.counts.iter().map(|(what, count)| format!("{what}: {count}")).collect();
        state(&format!("  {}", counts.join(", ")));
    }

    /// What never happened was not checked.
    pub(crate) fn assert_that_everything_happened(&self) {
        let others = [self.deaths, self.torn, self.full_disks, self.taken_up];
        assert!(others.iter().all(|count| *count > 0), "{others:?}");
        let kinds: Vec<&str> = self.figures.counts.keys().copied().collect();
        assert_eq!(kinds.len(), KINDS, "{kinds:?}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
