//! The circuit breaker under anything that can happen.

use std::time::Duration;

use massgen_quota::{Breaker, BreakerSettings, Passage};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Event {
    Ask,
    Success,
    Failure { asked_s: Option<u64> },
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let event = prop_oneof![
        4 => Just(Event::Ask),
        1 => Just(Event::Success),
        4 => prop_oneof![4 => Just(None), 1 => (0..1000_u64).prop_map(Some)].prop_map(|asked_s| Event::Failure { asked_s }),
    ];
    proptest::collection::vec((0..90_000_u64, event), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_opens_in_time_probes_alone_and_always_lets_somebody_through_again(events in events()) {
        let settings = BreakerSettings::default();
        let mut breaker = Breaker::new(settings);
        let mut now_ms = 1_750_000_000_000;
        let (mut in_a_row, mut longest_pause_end) = (0, 0);
        let mut last_probe: Option<u64> = None;
        for (pause_ms, event) in events {
            now_ms += pause_ms;
            match event {
                Event::Ask => match breaker.before(now_ms) {
                    Passage::Go => {
                        prop_assert!(in_a_row < settings.failures_max, "{in_a_row} failures in a row");
                    }
                    Passage::Probe => {
                        let reset_ms = u64::try_from(settings.reset.as_millis()).unwrap();
                        prop_assert!(last_probe.is_none_or(|last| now_ms >= last + reset_ms), "one probe at a time");
                        prop_assert!(now_ms >= longest_pause_end, "a pause that was asked for is kept");
                        last_probe = Some(now_ms);
                    }
                    Passage::Refused { until_ms } => {
                        prop_assert!(until_ms > now_ms);
                        let longest = now_ms + u64::try_from(settings.reset_max.as_millis()).unwrap();
                        prop_assert!(until_ms <= longest.max(longest_pause_end), "not longer than it may be");
                        prop_assert_eq!(breaker.clone().before(until_ms), Passage::Probe, "then somebody is let through");
                    }
                },
                Event::Success => {
                    breaker.success();
                    // Whether it counted shows in what is let through: then the row begins anew.
                    if breaker.clone().before(now_ms) == Passage::Go {
                        in_a_row = 0;
                    }
                }
                Event::Failure { asked_s } => {
                    let asked = asked_s.map(Duration::from_secs);
                    breaker.failure(now_ms, asked);
                    in_a_row += 1;
                    if let Some(asked) = asked.filter(|asked| *asked > settings.pause_max) {
                        longest_pause_end = longest_pause_end.max(now_ms + u64::try_from(asked.as_millis()).unwrap());
                    }
                }
            }
        }
    }
}
