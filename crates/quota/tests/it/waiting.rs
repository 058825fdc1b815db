//! Waiting for a call, in time that passes only while everybody waits.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use massgen_quota::{AccountKey, Bound, LimitsTable, Pace, Quota, QuotaSettings};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::clock::{paused_clock, random};
use crate::provider::Provider;

const MODEL: &str = "m";
const NO_HEADERS: [(&str, &str); 0] = [];

fn account() -> AccountKey {
    AccountKey::new("p", "http://localhost", "key")
}

fn quota(limits: &str) -> Quota {
    let table = LimitsTable::parse(&format!("p: {{m: {{{limits}}}}}"), "test").unwrap();
    Quota::with_clock(QuotaSettings::new(table), paused_clock())
}

#[tokio::test(start_paused = true)]
async fn twenty_agents_use_a_limit_and_no_provider_refuses_them() {
    const MINUTES: u64 = 10;
    let quota = quota("rpm: 60");
    let now_ms = paused_clock();
    let providers = Arc::new(Mutex::new(Provider::all(60, 60_000, 12_345)));
    let refused = Arc::new(Mutex::new(0));
    let begin = Instant::now();
    let margin_ms = u64::try_from(Pace::margin(Duration::from_secs(60)).as_millis()).unwrap();
    let mut agents = JoinSet::new();
    for agent in 0..20 {
        let (quota, providers, refused, now_ms) =
            (quota.clone(), Arc::clone(&providers), Arc::clone(&refused), now_ms.clone());
        agents.spawn(async move {
            let mut random = random(agent);
            let mut calls = 0_u64;
            while begin.elapsed() < Duration::from_secs(60 * MINUTES) {
                let permit = quota.admit(&account(), MODEL, 1000).await;
                sleep(Duration::from_millis(random(margin_ms))).await;
                for provider in providers.lock().unwrap().iter_mut() {
                    *refused.lock().unwrap() += u64::from(!provider.accepts(now_ms(), 1));
                }
                sleep(Duration::from_millis(random(5000))).await;
                permit.settle(900, NO_HEADERS).await;
                calls += 1;
            }
            calls
        });
    }
    let calls: Vec<u64> = agents.join_all().await;
    let minutes = begin.elapsed().as_secs_f64() / 60.0;
    let total: u64 = calls.iter().sum();
    let used = total as f64 / (60.0 * minutes);
    println!(
        "{total} calls in {minutes:.1} minutes: {:.1} % of the limit, refused: {}",
        used * 100.0,
        refused.lock().unwrap()
    );
    assert_eq!(*refused.lock().unwrap(), 0);
    assert!(used >= 0.9, "{used}");
    let (least, most) = (calls.iter().min().unwrap(), calls.iter().max().unwrap());
    assert!(most - least <= 2, "all get the same: {calls:?}");
}

/// A call that waits; it notes its name when it may go.
fn waiter(quota: &Quota, name: u32, order: &Arc<Mutex<Vec<u32>>>) -> impl Future<Output = ()> + use<> {
    let (quota, order) = (quota.clone(), Arc::clone(order));
    async move {
        let _permit = quota.admit(&account(), MODEL, 0).await;
        order.lock().unwrap().push(name);
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_goes_first_and_who_gives_up_holds_nobody_up() {
    let quota = quota("rpm: 2");
    let order = Arc::new(Mutex::new(Vec::new()));
    let begin = Instant::now();
    let mut waiters: Vec<_> = (0..6).map(|name| Some(Box::pin(waiter(&quota, name, &order)))).collect();
    // Each takes its place in the order of names.
    for waiter in waiters.iter_mut().flatten() {
        std::future::poll_fn(|cx| Poll::Ready(waiter.as_mut().poll(cx).is_ready())).await;
    }
    // The one who is next, and one in the middle.
    waiters[1] = None;
    waiters[3] = None;
    let mut rest = JoinSet::new();
    for waiter in waiters.drain(2..).flatten() {
        rest.spawn(waiter);
    }
    rest.join_all().await;
    assert_eq!(*order.lock().unwrap(), [0, 2, 4, 5]);
    let elapsed = begin.elapsed();
    let expected = Duration::from_secs(3 * 31);
    assert!(elapsed >= expected && elapsed < expected + Duration::from_secs(1), "{elapsed:?}: no place is lost");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_used_less_makes_room_at_once() {
    let quota = quota("tpm: 1000");
    let first = quota.admit(&account(), MODEL, 1000).await;
    let account = account();
    let mut second = Box::pin(quota.admit(&account, MODEL, 500));
    assert!(timeout(Duration::from_secs(5), second.as_mut()).await.is_err(), "there is no room");
    first.settle(400, NO_HEADERS).await;
    let permit = timeout(Duration::from_millis(10), second).await.expect("there is room now");
    assert_eq!(permit.waited().as_secs(), 5);
    let third = quota.admit_within(&account, MODEL, 500, Duration::ZERO).await;
    assert_eq!(third.unwrap_err().because, Bound::TokensPerMinute);
    permit.give_back().await;
    assert!(quota.admit_within(&account, MODEL, 500, Duration::ZERO).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_dropped_keeps_what_was_booked() {
    let quota = quota("tpm: 1000");
    drop(quota.admit(&account(), MODEL, 1000).await);
    assert!(quota.admit_within(&account(), MODEL, 1, Duration::from_secs(10)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_what_cannot_come_in_time() {
    let quota = quota("rpd: 1");
    drop(quota.admit(&account(), MODEL, 1).await);
    let begin = Instant::now();
    let error = quota.admit_within(&account(), MODEL, 1, Duration::from_secs(3600)).await.unwrap_err();
    assert_eq!(begin.elapsed(), Duration::ZERO, "it is told at once");
    assert_eq!(error.because, Bound::RequestsPerDay);
    let text = error.to_string();
    assert!(text.starts_with("p, model m: the requests of a day are used up until 2025-06-16T"), "{text}");
    assert!(quota.admit_within(&account(), MODEL, 1, Duration::from_secs(90_000)).await.is_ok(), "a day later");
}

#[tokio::test(start_paused = true)]
async fn who_waits_behind_others_gives_up_in_time() {
    let quota = quota("rpm: 1");
    drop(quota.admit(&account(), MODEL, 1).await);
    let account = account();
    let first = quota.admit(&account, MODEL, 1);
    let second = quota.admit_within(&account, MODEL, 1, Duration::from_secs(10));
    let begin = Instant::now();
    let gives_up = async {
        let error = second.await.unwrap_err();
        assert_eq!((error.because, begin.elapsed().as_secs()), (Bound::Turn, 10));
    };
    let (_first, ()) = tokio::join!(first, gives_up);
    assert_eq!(begin.elapsed().as_secs(), 62);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_provider_asks_for_holds_for_all() {
    let quota = quota("");
    let other = quota.clone();
    let permit = quota.admit(&account(), MODEL, 1).await;
    permit.refused(Duration::from_secs(20), NO_HEADERS).await;
    let begin = Instant::now();
    drop(other.admit(&account(), MODEL, 1).await);
    assert_eq!(begin.elapsed().as_secs(), 20);
    drop(other.admit(&account(), "another", 1).await);
    assert_eq!(begin.elapsed().as_secs(), 20, "other models go on");
}

#[tokio::test(start_paused = true)]
async fn what_a_reply_tells_is_kept_by_all_from_then_on() {
    let quota = quota("");
    assert_eq!(quota.limits(&account(), MODEL), massgen_quota::Limits::NONE);
    let permit = quota.admit(&account(), MODEL, 1).await;
    let headers = [
        ("anthropic-ratelimit-requests-limit", "2"),
        ("anthropic-ratelimit-requests-remaining", "1"),
        ("anthropic-ratelimit-requests-reset", "2030-01-01T00:00:00Z"),
    ];
    permit.heard(headers).await;
    assert_eq!(quota.limits(&account(), MODEL).requests_per_minute.map(u32::from), Some(2));
    permit.settle(1, NO_HEADERS).await;
    let begin = Instant::now();
    for _ in 0..2 {
        drop(quota.admit(&account(), MODEL, 1).await);
    }
    assert!(begin.elapsed().as_secs() >= 60, "{:?}", begin.elapsed());
}

/// A provider that tells its limit in its headers, to agents that know of none.
#[tokio::test(start_paused = true)]
async fn a_limit_that_only_the_provider_knows_is_kept() {
    const LIMIT: u64 = 60;
    let quota = quota("");
    let begin = Instant::now();
    let log = Arc::new(Mutex::new((Vec::<Instant>::new(), 0)));
    let mut agents = JoinSet::new();
    for agent in 0..20 {
        let (quota, log) = (quota.clone(), Arc::clone(&log));
        agents.spawn(async move {
            let mut random = random(agent);
            while begin.elapsed() < Duration::from_secs(300) {
                let permit = quota.admit(&account(), MODEL, 1).await;
                sleep(Duration::from_millis(random(50))).await;
                let (remaining, reset) = {
                    let (log, refused) = &mut *log.lock().unwrap();
                    log.retain(|at| at.elapsed() < Duration::from_secs(60));
                    let used = u64::try_from(log.len()).unwrap();
                    if used < LIMIT {
                        log.push(Instant::now());
                    } else {
                        *refused += 1;
                    }
                    let reset = log.last().map_or(Duration::ZERO, |at| Duration::from_secs(60) - at.elapsed());
                    (LIMIT.saturating_sub(used + 1).to_string(), format!("{}ms", reset.as_millis()))
                };
                let headers = [
                    ("x-ratelimit-limit-requests", "60"),
                    ("x-ratelimit-remaining-requests", remaining.as_str()),
                    ("x-ratelimit-reset-requests", reset.as_str()),
                ];
                permit.settle(1, headers).await;
            }
        });
    }
    agents.join_all().await;
    let refused = log.lock().unwrap().1;
    println!("refused by a provider whose limit nobody had written down: {refused}");
    assert_eq!(refused, 0);
}
