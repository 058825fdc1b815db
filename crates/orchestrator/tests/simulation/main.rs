//! Whole runs under simulated time, models, tools, disks and deaths: everything that happens follows from a seed.
//!
//! `MASSGEN_SIMULATIONS=N` says how many there are; `MASSGEN_SEED=S` runs one, or begins with it when both are given.
//! `MASSGEN_DEATH=record:R`, `record:R:TORN` or `moment:M` replaces the deaths of that seed. `MASSGEN_TRACE=1` prints
//! every record.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may end in a panic")]

mod campaign;
mod dice;
mod disk;
mod laws;
mod life;
mod model;
mod plan;
mod simulation;
mod team;
mod tools;
mod world;

use crate::campaign::{campaign, check};
use crate::plan::{Death, Plan};
use crate::simulation::{deaths_at_every_record, measure, simulate};

/// As many as take about a minute in a debug build on two cores.
const SIMULATIONS: u64 = 2_000;

/// How many runs are killed at everything that happens in them.
const KILLED_EVERYWHERE: usize = 3;

#[test]
fn whatever_happens_every_run_ends_and_nothing_finished_is_lost() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let (count, seed) = (number("MASSGEN_SIMULATIONS"), number("MASSGEN_SEED"));
    let plans = match (count, seed) {
        (None, Some(seed)) => seed..seed + 1,
        (count, seed) => seed.unwrap_or(0)..seed.unwrap_or(0) + count.unwrap_or(SIMULATIONS),
    };
    let death = std::env::var("MASSGEN_DEATH").ok().map(|text| text.parse::<Death>().expect("a death"));
    let plan = |seed| match death {
        None => Plan::of(seed),
        Some(death) => Plan::of(seed).with_deaths(vec![death]),
    };
    let tally = campaign("simulations", plans.map(plan));
    if count.is_none() && seed.is_none() {
        tally.assert_that_everything_happened();
    }
}

#[test]
fn a_run_that_is_killed_at_any_record_goes_on() {
    let plans = of_middle_length().flat_map(|plan| check(&plan, deaths_at_every_record));
    campaign("killed at every record", plans);
}

#[test]
fn a_run_that_is_killed_while_anything_happens_outside_goes_on() {
    let plans = of_middle_length().flat_map(|plan| {
        // There are fewer moments than records; what comes after the last one is no death.
        let moments = check(&plan, measure);
        (1..=moments).map(move |moment| plan.clone().with_deaths(vec![Death::AtMoment(moment)]))
    });
    campaign("killed at every moment", plans);
}

/// States a figure. The harness keeps what passing tests print; this goes past it.
fn state(figure: &str) {
    use std::io::Write as _;
    // Where nobody reads it, nothing is lost.
    let _ = writeln!(std::io::stderr(), "{figure}");
}

/// Runs with enough in them, and not so much that it takes for ever to die at all of it.
fn of_middle_length() -> impl Iterator<Item = Plan> {
    let records = |plan: &Plan| check(plan, measure);
    (0..).map(Plan::of).filter(move |plan| (150..300).contains(&records(plan))).take(KILLED_EVERYWHERE)
}

#[test]
fn a_seed_repeats_exactly() {
    for seed in 0..60 {
        let plan = Plan::of(seed);
        let (one, other) = (check(&plan, simulate), check(&plan, simulate));
        assert!(one == other, "seed {seed} does not repeat");
    }
}
