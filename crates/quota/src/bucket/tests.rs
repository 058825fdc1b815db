use std::num::{NonZeroU32, NonZeroU64};

use jiff::Timestamp;

use super::*;

const NOW: u64 = 1_750_000_000_000;
const ME: Ticket = Ticket::new(1);

fn rules(rpm: u32, tpm: u64, rpd: u32) -> Rules {
    let limits = Limits {
        requests_per_minute: NonZeroU32::new(rpm),
        tokens_per_minute: NonZeroU64::new(tpm),
        requests_per_day: NonZeroU32::new(rpd),
    };
    Rules { limits, window: Duration::from_secs(60) }
}

fn admitted(bucket: &mut Bucket, now_ms: u64, rules: &Rules, tokens: u64) -> Reservation {
    match bucket.admit(now_ms, rules, tokens, ME) {
        Admission::Admitted(reservation) => reservation,
        refused @ Admission::NotBefore { .. } => panic!("{refused:?}"),
    }
}

/// How long a call would have to wait, and for what.
fn wait(bucket: &Bucket, now_ms: u64, rules: &Rules, tokens: u64) -> (u64, Option<Bound>) {
    match bucket.clone().admit(now_ms, rules, tokens, ME) {
        Admission::Admitted(_) => (0, None),
        Admission::NotBefore { at_ms, because } => (at_ms - now_ms, Some(because)),
    }
}

#[test]
fn each_limit_says_what_is_waited_for() {
    let mut bucket = Bucket::default();
    let paced = rules(60, 0, 0);
    for _ in 0..3 {
        admitted(&mut bucket, NOW, &paced, 0);
    }
    assert_eq!(wait(&bucket, NOW, &paced, 0), (1069, Some(Bound::RequestsPerMinute)));

    let mut bucket = Bucket::default();
    let counted = rules(0, 1000, 0);
    admitted(&mut bucket, NOW, &counted, 900);
    assert_eq!(wait(&bucket, NOW, &counted, 100).1, None);
    let (wait_ms, bound) = wait(&bucket, NOW, &counted, 101);
    assert_eq!(bound, Some(Bound::TokensPerMinute));
    assert!((62_000..=63_100).contains(&wait_ms), "{wait_ms}");

    let mut bucket = Bucket::default();
    let daily = rules(0, 0, 2);
    admitted(&mut bucket, NOW, &daily, 0);
    admitted(&mut bucket, NOW + 3_600_000, &daily, 0);
    let (wait_ms, bound) = wait(&bucket, NOW + 3_600_000, &daily, 0);
    assert_eq!(bound, Some(Bound::RequestsPerDay));
    assert!((82_800_000..=83_500_000).contains(&wait_ms), "a day after the first: {wait_ms}");

    bucket.pause(NOW, Duration::from_secs(90));
    assert_eq!(wait(&bucket, NOW, &rules(0, 0, 0), 0), (90_000, Some(Bound::Provider)));
    bucket.pause(NOW, Duration::from_secs(30));
    assert_eq!(wait(&bucket, NOW, &rules(0, 0, 0), 0).0, 90_000, "a shorter pause does not end a longer one");
}

#[test]
fn settling_replaces_the_estimate() {
    let rules = rules(0, 1000, 0);
    let mut bucket = Bucket::default();
    let reservation = admitted(&mut bucket, NOW, &rules, 900);
    bucket.settle(NOW + 20_000, &rules, reservation, 300);
    assert_eq!(wait(&bucket, NOW + 20_000, &rules, 700), (0, None));
    assert_eq!(wait(&bucket, NOW + 20_000, &rules, 701).1, Some(Bound::TokensPerMinute));

    let mut bucket = Bucket::default();
    let reservation = admitted(&mut bucket, NOW, &rules, 100);
    bucket.settle(NOW + 20_000, &rules, reservation, 1000);
    let (wait_ms, _) = wait(&bucket, NOW + 20_000, &rules, 200);
    assert!(wait_ms >= 62_000, "what was used beyond the estimate counts from when it is known: {wait_ms}");
}

#[test]
fn a_call_that_was_not_made_is_as_if_it_never_was() {
    let rules = rules(2, 1000, 5);
    let mut bucket = Bucket::default();
    let reservation = admitted(&mut bucket, NOW, &rules, 900);
    bucket.give_back(NOW + 10, &rules, reservation);
    assert_eq!(wait(&bucket, NOW + 10, &rules, 1000), (0, None));
}

#[test]
fn a_call_beyond_the_limit_goes_alone() {
    let rules = rules(0, 1000, 0);
    let mut bucket = Bucket::default();
    admitted(&mut bucket, NOW, &rules, 1);
    assert_eq!(wait(&bucket, NOW, &rules, 5000).1, Some(Bound::TokensPerMinute));
    admitted(&mut bucket, NOW + 64_000, &rules, 5000);
}

#[test]
fn who_comes_first_goes_first_and_who_leaves_gives_the_place_back() {
    let rules = rules(1, 0, 0);
    let [a, b, c] = [2, 3, 4].map(Ticket::new);
    let mut bucket = Bucket::default();
    admitted(&mut bucket, NOW, &rules, 0);
    let ask = |bucket: &mut Bucket, now, ticket| match bucket.admit(now, &rules, 0, ticket) {
        Admission::Admitted(_) => None,
        Admission::NotBefore { because, .. } => Some(because),
    };
    for (ticket, bound) in [(a, Bound::RequestsPerMinute), (b, Bound::Turn), (c, Bound::Turn)] {
        assert_eq!(ask(&mut bucket, NOW + 60_000, ticket), Some(bound));
    }
    bucket.leave(a);
    let free = NOW + 62_000;
    assert_eq!(ask(&mut bucket, free, c), Some(Bound::Turn));
    assert_eq!(ask(&mut bucket, free, b), None);
    // The third is first now, and loses its place when it does not ask for it.
    assert_eq!(ask(&mut bucket, free + 1000, c), Some(Bound::RequestsPerMinute));
    assert_eq!(ask(&mut bucket, free + 1000, a), Some(Bound::Turn));
    assert_eq!(ask(&mut bucket, free + 62_000, a), None);
}

#[test]
fn what_the_provider_tells_is_learned_and_the_lower_limit_holds() {
    let wide = rules(1000, 0, 0);
    let mut bucket = Bucket::default();
    let report = Report::read([
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-limit-tokens", "1000"),
    ]);
    bucket.learn(NOW, &wide, &report);
    assert_eq!(bucket.learned(), rules(60, 1000, 0).limits);
    for _ in 0..2 {
        admitted(&mut bucket, NOW, &wide, 0);
    }
    assert_eq!(wait(&bucket, NOW, &wide, 0).1, Some(Bound::RequestsPerMinute));
    bucket.learn(NOW + 5000, &wide, &Report::read([("x-ratelimit-limit-requests", "1")]));
    assert_eq!(wait(&bucket, NOW + 5000, &wide, 0), (62_000, Some(Bound::RequestsPerMinute)), "a call went before");
}

#[test]
fn a_limit_that_takes_hours_to_reset_is_one_of_a_day() {
    let none = rules(0, 0, 0);
    let mut bucket = Bucket::default();
    let told = |remaining, reset| {
        Report::read([
            ("x-ratelimit-limit-requests", "14400"),
            ("x-ratelimit-remaining-requests", remaining),
            ("x-ratelimit-reset-requests", reset),
        ])
    };
    bucket.learn(NOW, &none, &told("14399", "6s"));
    assert_eq!(
        bucket.learned().requests_per_minute,
        NonZeroU32::new(14_400),
        "nothing shows that it is not a minute's"
    );
    bucket.learn(NOW, &none, &told("14370", "2m59.56s"));
    let of_a_day = rules(0, 0, 14_400).limits;
    assert_eq!(bucket.learned(), of_a_day);
    bucket.learn(NOW, &none, &told("14399", "6s"));
    assert_eq!(bucket.learned(), of_a_day, "the same limit is not taken for another one");
    bucket.learn(NOW, &none, &told("0", "24h0m0s"));
    assert_eq!(wait(&bucket, NOW, &none, 0), (DAY_MS, Some(Bound::Provider)));
}

#[test]
fn what_others_have_used_is_left_alone() {
    let none = rules(0, 0, 0);
    let told = |name: &str, remaining: &str| {
        let names = ["remaining", "reset"].map(|what| format!("anthropic-ratelimit-{name}-{what}"));
        let reset = Timestamp::from_millisecond(i64::try_from(NOW).unwrap() + 30_000).unwrap().to_string();
        let values = [remaining, reset.as_str()];
        Report::read(names.iter().map(String::as_str).zip(values))
    };
    let mut bucket = Bucket::default();
    bucket.learn(NOW, &none, &told("requests", "1"));
    admitted(&mut bucket, NOW, &none, 0);
    assert_eq!(wait(&bucket, NOW, &none, 0), (30_000, Some(Bound::Provider)));
    assert!(!bucket.is_open(NOW, Limits::NONE) && bucket.is_open(NOW + 30_000, Limits::NONE));

    let mut bucket = Bucket::default();
    bucket.learn(NOW, &none, &told("tokens", "500"));
    assert_eq!(wait(&bucket, NOW, &none, 500), (0, None));
    assert_eq!(wait(&bucket, NOW, &none, 501), (30_000, Some(Bound::Provider)));
    bucket.learn(NOW, &none, &told("output-tokens", "0"));
    assert_eq!(wait(&bucket, NOW, &none, 1), (30_000, Some(Bound::Provider)));

    // A provider's clock that is an hour ahead of ours.
    let mut bucket = Bucket::default();
    bucket.learn(NOW - 3_600_000, &none, &told("requests", "0"));
    assert_eq!(wait(&bucket, NOW - 3_600_000, &none, 0).0, 60_000);
    // One that is behind says nothing.
    let mut bucket = Bucket::default();
    bucket.learn(NOW + 3_600_000, &none, &told("requests", "0"));
    assert_eq!(wait(&bucket, NOW + 3_600_000, &none, 0), (0, None));
}

#[test]
fn the_state_can_be_written_and_read() {
    let rules = rules(60, 1000, 100);
    let mut bucket = Bucket::default();
    admitted(&mut bucket, NOW, &rules, 10);
    bucket.learn(NOW, &rules, &Report::read([("x-ratelimit-limit-tokens", "7")]));
    bucket.pause(NOW, Duration::from_secs(3));
    bucket.admit(NOW, &rules, 10, ME);
    let text = serde_json::to_string(&bucket).unwrap();
    assert_eq!(serde_json::from_str::<Bucket>(&text).unwrap(), bucket, "{text}");
}

#[test]
fn a_clock_that_is_put_back_stops_nobody_for_long() {
    let rules = rules(60, 1000, 100);
    let mut bucket = Bucket::default();
    for _ in 0..3 {
        admitted(&mut bucket, NOW, &rules, 300);
    }
    bucket.pause(NOW, Duration::from_secs(3));
    let back = NOW - 30 * DAY_MS;
    let (wait_ms, _) = wait(&bucket, back, &rules, 900);
    assert!(wait_ms <= 124_000, "{wait_ms}");
}
