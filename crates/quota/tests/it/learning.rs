//! Nothing that a provider says, and nothing that stands in a file, stops calls for longer than it may.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use massgen_quota::{Admission, Bucket, Limits, Report, Rules, Ticket};
use proptest::prelude::*;

use crate::clock::EPOCH_MS;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn rules() -> Rules {
    let limits = Limits {
        requests_per_minute: NonZeroU32::new(60),
        tokens_per_minute: NonZeroU64::new(1000),
        requests_per_day: NonZeroU32::new(100),
    };
    Rules { limits, window: Duration::from_secs(60) }
}

/// Until when a call has to wait, if nobody else asks.
fn wait_ms(bucket: &mut Bucket, tokens: u64) -> u64 {
    match bucket.admit(EPOCH_MS, &rules(), tokens, Ticket::new(1)) {
        Admission::Admitted(_) => 0,
        Admission::NotBefore { at_ms, .. } => at_ms - EPOCH_MS,
    }
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        "x-ratelimit-(limit|remaining|reset)-(requests|tokens)",
        "anthropic-ratelimit-(requests|tokens|input-tokens|output-tokens)-(limit|remaining|reset)",
        "x-ratelimit-[a-z-]{0,20}",
    ];
    let value = prop_oneof![
        "[0-9]{1,25}",
        "([0-9]{1,6}(h|m|s|ms|us|d)){1,3}",
        "[0-9]{1,4}\\.[0-9]{1,9}s",
        "20[0-9]{2}-0[1-9]-[0-2][0-9]T[0-2][0-9]:00:00Z",
        "\\PC{0,12}",
    ];
    (name, value)
}

/// A bucket as it may stand in a file that somebody has spoilt, but not beyond reading.
fn spoilt() -> impl Strategy<Value = String> {
    let number = || prop_oneof![any::<u64>(), 0..10_u64, Just(u64::MAX), EPOCH_MS - DAY_MS..EPOCH_MS + DAY_MS];
    let bins = || {
        let bin = prop_oneof![number(), EPOCH_MS / 1034 - 70..EPOCH_MS / 1034 + 70];
        proptest::collection::vec((bin, number()), 0..8)
    };
    (proptest::collection::vec(number(), 6), bins(), bins()).prop_map(|(n, tokens, day)| {
        let pairs = |bins: Vec<(u64, u64)>| {
            bins.iter().map(|(bin, held)| format!("[{bin},{held}]")).collect::<Vec<_>>().join(",")
        };
        format!(
            "{{\"requests\":{{\"next_us\":{}}},\"tokens\":{{\"bins\":[{}]}},\"day\":{{\"bins\":[{}]}},\
             \"learned\":{{}},\"seen_requests\":{{\"remaining\":{},\"until_ms\":{}}},\"seen_tokens\":null,\
             \"closed_until_ms\":{},\"queue\":{{\"waiting\":[[{},{}]]}}}}",
            n[0],
            pairs(tokens),
            pairs(day),
            n[1],
            n[2],
            n[3],
            n[4],
            n[5],
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_stops_calls_for_more_than_a_day(
        headers in proptest::collection::vec(header(), 0..12), tokens in 0..5000_u64,
    ) {
        let report = Report::read(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut bucket = Bucket::default();
        bucket.learn(EPOCH_MS, &rules(), &report);
        prop_assert!(wait_ms(&mut bucket, tokens) <= DAY_MS, "{report:?}");
    }

    #[test]
    fn no_file_stops_calls_for_more_than_a_day(text in spoilt(), tokens in 0..5000_u64) {
        let mut bucket: Bucket = serde_json::from_str(&text).unwrap();
        let wait_ms = wait_ms(&mut bucket, tokens);
        // A day of ours is at most two bins of five minutes longer.
        prop_assert!(wait_ms <= DAY_MS + 2 * 301_100, "{wait_ms} ms: {text}");
    }
}
