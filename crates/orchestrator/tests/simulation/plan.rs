//! What a seed decides before a simulation begins.

use std::fmt;
use std::str::FromStr;

use massgen_orchestrator::{Budget, Limits};
use massgen_protocol::{Novelty, Rules, Sensitivity, Strategy};
use massgen_providers::Price;

use crate::dice::Dice;

/// Everything about one simulation that does not follow from what happens in it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) agents: Vec<Character>,
    pub(crate) rules: Rules,
    pub(crate) budget: Budget,
    /// When the user stops the run, in milliseconds since the beginning of a life.
    pub(crate) cancel_ms: Option<u64>,
    /// How the process dies, one life after the other. The last life is not in the list.
    pub(crate) deaths: Vec<Death>,
    /// From which record on the disk is full, counted in the last life.
    pub(crate) disk_full_at: Option<u64>,
    /// Whether models are told which turn they are in. Where they are not, turns may ask the same.
    pub(crate) is_tagged: bool,
    /// Whether a run that was stopped from outside is taken up again from before it was stopped.
    pub(crate) is_taken_up: bool,
}

/// How the process ends before the run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Just after this record of the life was written, or in the middle of writing it.
    AtRecord {
        record: u64,
        /// How much of what was being written has reached the file, in thousandths; `None`: all of it.
        torn: Option<u64>,
    },
    /// At a moment outside: a model is asked, answers; a tool begins, has its effect, is done.
    AtMoment(u64),
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtRecord { record, torn: None } => write!(f, "record:{record}"),
            Self::AtRecord { record, torn: Some(torn) } => write!(f, "record:{record}:{torn}"),
            Self::AtMoment(moment) => write!(f, "moment:{moment}"),
        }
    }
}

impl FromStr for Death {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, at) = text.split_once(':').unwrap_or(("record", text));
        if kind == "moment" {
            return Ok(Self::AtMoment(at.parse()?));
        }
        let (record, torn) = at.split_once(':').map_or((at, None), |(record, torn)| (record, Some(torn)));
        Ok(Self::AtRecord { record: record.parse()?, torn: torn.map(str::parse).transpose()? })
    }
}

/// How an agent's model behaves.
#[derive(Debug, Clone)]
pub(crate) struct Character {
    pub(crate) weights: Weights,
    pub(crate) price: Option<Price>,
    /// The most that a reply may have.
    pub(crate) output_tokens_max: u64,
    /// How long it thinks at most.
    pub(crate) think_ms_max: u64,
    pub(crate) has_tools: bool,
    /// Whether the ids of its tool calls begin anew with each reply, as those of some providers do.
    pub(crate) repeats_ids: bool,
    pub(crate) planning: bool,
    pub(crate) concurrent_changes: bool,
    pub(crate) concurrent_calls_max: usize,
    pub(crate) tool_timeout_ms: u64,
}

/// How often a model does what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) answer: u64,
    pub(crate) vote: u64,
    pub(crate) talk: u64,
    pub(crate) tools: u64,
    pub(crate) silence: u64,
    pub(crate) confusion: u64,
    pub(crate) refusal: u64,
    pub(crate) retryable: u64,
    pub(crate) hopeless: u64,
    pub(crate) hang: u64,
    pub(crate) flood: u64,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::of(&[seed, 1]);
        let size = dice.between(3..=8);
        let limits_money = dice.chance(25);
        let agents = (0..size).map(|_| character(dice, limits_money)).collect();
        Self {
            seed,
            agents,
            rules: rules(dice, size),
            budget: budget(dice, size, limits_money),
            cancel_ms: dice.maybe(10, |dice| dice.any_size(20_000)),
            deaths: deaths(dice),
            disk_full_at: dice.maybe(10, |dice| dice.any_size(400)),
            is_tagged: dice.chance(70),
            is_taken_up: dice.chance(50),
        }
    }

    /// The command that repeats it.
    pub(crate) fn command(&self) -> String {
        let seed = self.seed;
        let death = match self.deaths.as_slice() {
            deaths if deaths == Self::of(seed).deaths => String::new(),
            deaths => deaths.iter().map(|death| format!(" MASSGEN_DEATH={death}")).collect(),
        };
        format!("MASSGEN_SEED={seed}{death} cargo test -p massgen-orchestrator --test simulation whatever_happens")
    }

    /// The same with other deaths, and nothing else that goes wrong with the process or the disk.
    pub(crate) fn with_deaths(self, deaths: Vec<Death>) -> Self {
        Self { deaths, disk_full_at: None, ..self }
    }
}

fn character(dice: &mut Dice, needs_price: bool) -> Character {
    let calm = Weights {
        answer: 30,
        vote: 45,
        talk: 3,
        tools: 15,
        silence: 1,
        confusion: 2,
        refusal: 1,
        retryable: 1,
        hopeless: 0,
        hang: 1,
        flood: 1,
    };
    let stormy = Weights {
        answer: 18,
        vote: 22,
        talk: 8,
        tools: 22,
        silence: 5,
        confusion: 6,
        refusal: 4,
        retryable: 7,
        hopeless: 1,
        hang: 4,
        flood: 3,
    };
    let busy = Weights { answer: 5, vote: 10, tools: 80, ..calm };
    let tireless = Weights { answer: 0, vote: 0, talk: 0, tools: 1000, silence: 0, ..calm };
    let price = |dice: &mut Dice| {
        let input = dice.between(0..=500) as f64 / 100.0;
        Price {
            input,
            cached_input: input / 10.0,
            cache_write: input * 1.25,
            output: dice.between(0..=3000) as f64 / 100.0,
        }
    };
    let weights = dice.weighted(&[(50, calm), (38, stormy), (10, busy), (2, tireless)]).unwrap_or(calm);
    let is_tireless = weights.tools == 1000;
    Character {
        weights,
        price: dice.maybe(if needs_price { 100 } else { 50 }, price),
        // Now and then so much that the journal keeps it beside its lines.
        output_tokens_max: dice.pick(&[300, 1000, 1000, 4096, 4096, 8192, 8192, 32_768]),
        think_ms_max: if is_tireless { 20 } else { dice.pick(&[50, 500, 2000, 5000]) },
        has_tools: is_tireless || dice.chance(75),
        repeats_ids: dice.chance(20),
        planning: dice.chance(20),
        concurrent_changes: dice.chance(30),
        concurrent_calls_max: dice.between(1..=4) as usize,
        tool_timeout_ms: dice.between(100..=4000),
    }
}

fn rules(dice: &mut Dice, size: u64) -> Rules {
    // Without a deadline of the team, each turn must have one: models that hang are not waited for.
    let coordination_ms = match dice.below(100) {
        0..5 => Some(dice.between(1..=300)),
        5..75 => Some(dice.between(2_000..=40_000)),
        _ => None,
    };
    let turns_are_limited = if coordination_ms.is_some() { 70 } else { 100 };
    Rules {
        answers_per_agent_max: dice.between(1..=4) as u32,
        answers_total_max: dice.maybe(30, |dice| dice.between(1..=2 * size) as u32),
        novelty: dice.pick(&[Novelty::Lenient, Novelty::Lenient, Novelty::Balanced, Novelty::Strict]),
        sensitivity: dice.pick(&[Sensitivity::Lenient, Sensitivity::Balanced, Sensitivity::Strict]),
        lead_max: dice.maybe(70, |dice| dice.between(1..=3) as u32),
        first_answers_wait_ms: dice.maybe(70, |dice| dice.between(100..=6_000)),
        cuts_in_a_row_max: dice.between(0..=3) as u8,
        chances_per_turn: dice.between(1..=3) as u8,
        failures_in_a_row_max: dice.between(1..=3) as u8,
        retry_pause_ms: dice.pick(&[0, 10, 300, 1_000]),
        first_turn_ms: dice.maybe(turns_are_limited, |dice| dice.between(500..=12_000)),
        later_turn_ms: dice.maybe(turns_are_limited, |dice| dice.between(500..=8_000)),
        coordination_ms,
        presentation_ms: dice.between(200..=5_000),
        strategy: dice.pick(&[Strategy::WinnerPresents, Strategy::WinnerReuse, Strategy::Synthesize]),
        presentation_acts: dice.chance(30),
        ..Rules::default()
    }
}

fn budget(dice: &mut Dice, size: u64, limits_money: bool) -> Budget {
    let mut limits = |share: u64, scale: u64| Limits {
        usd: (limits_money && dice.chance(60)).then(|| dice.between(1..=400 * scale) as f64 / 1000.0),
        tokens: dice.maybe(share, |dice| dice.between(800..=40_000 * scale)),
        calls: dice.maybe(share, |dice| dice.between(1..=10 * scale)),
    };
    Budget { run: limits(15, size), agent: limits(10, 2), turn: limits(10, 1) }
}

fn deaths(dice: &mut Dice) -> Vec<Death> {
    let count = dice.pick(&[0, 1, 1, 1, 2, 2, 3, 6]);
    let death = |dice: &mut Dice| {
        if dice.chance(40) {
            return Death::AtMoment(dice.any_size(120));
        }
        Death::AtRecord { record: dice.any_size(400), torn: dice.maybe(35, |dice| dice.below(1000)) }
    };
    (0..count).map(|_| death(dice)).collect()
}
