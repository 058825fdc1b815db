//! What is let go never exceeds a limit, however the provider counts, and hardly less than the limit is used.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use massgen_quota::{Admission, Bucket, Limits, Pace, Reservation, Rules, Ticket};
use proptest::prelude::*;

use crate::clock::{EPOCH_MS, random};
use crate::provider::Provider;

const WINDOW: Duration = Duration::from_secs(60);
const WINDOW_MS: u64 = 60_000;

/// A caller who asks for a call after a pause.
#[derive(Debug, Clone, Copy)]
struct Call {
    pause_ms: u64,
    tokens: u64,
    /// How long the call is on its way to the provider.
    way_ms: u64,
    /// It gives its permit back after so long, without a call.
    gives_back_after_ms: Option<u64>,
}

/// A call at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at_ms: u64,
    tokens: u64,
}

/// Lets calls wait for their turn and go, one after the other.
fn play(rules: &Rules, calls: &[Call]) -> Vec<Arrival> {
    let mut bucket = Bucket::default();
    let mut now_ms = EPOCH_MS;
    let mut arrivals = Vec::new();
    let mut unused: Vec<(u64, Reservation)> = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        now_ms += call.pause_ms;
        let ticket = Ticket::new(u64::try_from(number).unwrap());
        let reservation = loop {
            unused.retain(|(at_ms, reservation)| {
                let due = *at_ms <= now_ms;
                if due {
                    bucket.give_back(now_ms, rules, *reservation);
                }
                !due
            });
            match bucket.admit(now_ms, rules, call.tokens, ticket) {
                Admission::Admitted(reservation) => break reservation,
                Admission::NotBefore { at_ms, .. } => {
                    assert!(at_ms > now_ms, "it has to go on");
                    // Looks once in a while whether something was given back.
                    now_ms = at_ms.min(now_ms + 1000);
                }
            }
        };
        match call.gives_back_after_ms {
            Some(after_ms) => unused.push((now_ms + after_ms, reservation)),
            None => arrivals.push(Arrival { at_ms: now_ms + call.way_ms, tokens: call.tokens }),
        }
    }
    arrivals.sort_unstable();
    arrivals
}

fn rules(rpm: u64, tpm: u64) -> Rules {
    let limits = Limits {
        requests_per_minute: NonZeroU32::new(u32::try_from(rpm).unwrap()),
        tokens_per_minute: NonZeroU64::new(tpm),
        requests_per_day: None,
    };
    Rules { limits, window: WINDOW }
}

/// Fails if a provider would have refused one.
fn accepted(arrivals: &[Arrival], rpm: u64, tpm: u64, phase_ms: u64) -> Result<(), TestCaseError> {
    for mut provider in Provider::all(rpm, WINDOW_MS, phase_ms) {
        let refused = arrivals.iter().filter(|arrival| !provider.accepts(arrival.at_ms, 1)).count();
        prop_assert_eq!(refused, 0, "{} of {} requests", provider.name(), rpm);
    }
    for mut provider in Provider::all(tpm, WINDOW_MS, phase_ms) {
        let refused = arrivals.iter().filter(|arrival| !provider.accepts(arrival.at_ms, arrival.tokens)).count();
        prop_assert_eq!(refused, 0, "{} of {} tokens", provider.name(), tpm);
    }
    Ok(())
}

/// Callers who mostly ask at once, sometimes after a while, sometimes after a long pause.
fn calls(tokens_max: u64) -> impl Strategy<Value = Vec<Call>> {
    let margin_ms = u64::try_from(Pace::margin(WINDOW).as_millis()).unwrap();
    let pause_ms = prop_oneof![6 => Just(0), 2 => 0..3000_u64, 1 => 0..200_000_u64];
    let given_back = prop_oneof![5 => Just(None), 1 => (0..90_000_u64).prop_map(Some)];
    let call = (pause_ms, 0..=tokens_max, 0..margin_ms, given_back).prop_map(
        |(pause_ms, tokens, way_ms, gives_back_after_ms)| Call { pause_ms, tokens, way_ms, gives_back_after_ms },
    );
    proptest::collection::vec(call, 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_provider_ever_has_to_refuse_a_request(
        rpm in prop_oneof![1..30_u64, 30..3000_u64], calls in calls(10), phase_ms in 0..WINDOW_MS,
    ) {
        let arrivals = play(&rules(rpm, 0), &calls);
        accepted(&arrivals, rpm, u64::from(u32::MAX), phase_ms)?;
    }

    #[test]
    fn no_provider_ever_has_to_refuse_tokens(
        tpm in 1000..100_000_u64, calls in calls(1000), phase_ms in 0..WINDOW_MS,
    ) {
        let arrivals = play(&rules(0, tpm), &calls);
        accepted(&arrivals, u64::from(u32::MAX), tpm, phase_ms)?;
    }

    #[test]
    fn both_limits_hold_together(
        rpm in 1..200_u64, tpm in 1000..50_000_u64, calls in calls(1000), phase_ms in 0..WINDOW_MS,
    ) {
        let arrivals = play(&rules(rpm, tpm), &calls);
        accepted(&arrivals, rpm, tpm, phase_ms)?;
    }
}

/// How much of its limit in `windows` windows a crowd uses that always has something to ask.
fn used(rules: &Rules, tokens: u64, windows: u64) -> (u64, u64) {
    let mut bucket = Bucket::default();
    let (mut now_ms, mut requests) = (EPOCH_MS, 0);
    let mut ways = random(7);
    while now_ms < EPOCH_MS + windows * WINDOW_MS {
        match bucket.admit(now_ms, rules, tokens, Ticket::new(1)) {
            Admission::Admitted(_) => requests += 1,
            // Nobody wakes up in time.
            Admission::NotBefore { at_ms, .. } => now_ms = at_ms + ways(20),
        }
    }
    (requests, requests * tokens)
}

#[test]
fn more_than_nine_tenths_of_the_limit_are_used() {
    const WINDOWS: u64 = 100;
    let mut worst = 1.0_f64;
    for rpm in (1..=100).chain([250, 500, 1000, 3000]) {
        let (requests, _) = used(&rules(rpm, 0), 1, WINDOWS);
        let share = requests as f64 / (rpm * WINDOWS) as f64;
        assert!(share >= 0.9, "{rpm} a minute: {share}");
        worst = worst.min(share);
    }
    println!("requests: at least {:.1} % of the limit are used", worst * 100.0);
    let mut worst = 1.0_f64;
    for tpm in [10_000, 100_000, 1_000_000] {
        // A hundredth of the limit, so that what does not fit into a window hardly counts.
        let (_, tokens) = used(&rules(0, tpm), tpm / 100, WINDOWS);
        let share = tokens as f64 / (tpm * WINDOWS) as f64;
        assert!(share >= 0.9, "{tpm} tokens a minute: {share}");
        worst = worst.min(share);
    }
    println!("tokens: at least {:.1} % of the limit are used", worst * 100.0);
}
