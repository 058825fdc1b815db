//! A server that enforces limits in earnest, by the clock on the wall.
//!
//! The pace promises that nothing is refused as long as the ways of calls differ by less than its margin.
//! On a machine that is too busy for that, an attempt shows nothing, and another one is made.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use massgen_quota::{AccountKey, LimitsTable, Pace, Quota, QuotaSettings};
use massgen_rehearsal::{RehearsalServer, Scenario, Wire};
use tokio::process::Command;
use tokio::task::JoinSet;

const LIMIT: u64 = 60;
const WINDOW: Duration = Duration::from_secs(4);
const MEASURED: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 5;
const BODY: &str = r#"{"model": "m", "messages": [{"role": "user", "content": "hello"}]}"#;

/// What agents have seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    good: u64,
    refused: u64,
    /// The longest time from a permit to its reply.
    longest_ms: u64,
}

impl Seen {
    fn and(self, other: Self) -> Self {
        Self {
            good: self.good + other.good,
            refused: self.refused + other.refused,
            longest_ms: self.longest_ms.max(other.longest_ms),
        }
    }

    /// Whether the machine was fast enough for the promise to hold.
    fn counts(self) -> bool {
        u128::from(self.longest_ms) < Pace::margin(WINDOW).as_millis()
    }
}

async fn server(window: &str) -> RehearsalServer {
    let yaml = format!(
        "title: t\nquestion: q\nlimits:\n  any: {{requests_per_minute: {LIMIT}, window: {window}, window_seconds: {}}}\n\
         models: {{'*': [{{say: x}}]}}",
        WINDOW.as_secs()
    );
    RehearsalServer::start(Scenario::parse(&yaml, "test").unwrap()).await.unwrap()
}

fn quota(folder: Option<PathBuf>, limits: &str) -> Quota {
    let limits = LimitsTable::parse(limits, "test").unwrap();
    Quota::new(QuotaSettings { folder, limits, window: WINDOW })
}

/// Twenty agents who ask as often as they may.
async fn agents(quota: Quota, url: String) -> Seen {
    // An error means that another test has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Arc::new(reqwest::Client::builder().no_proxy().build().unwrap());
    let url = Arc::new(format!("{url}/chat/completions"));
    let begin = Instant::now();
    let mut agents = JoinSet::new();
    for _ in 0..20 {
        let (quota, client, url) = (quota.clone(), Arc::clone(&client), Arc::clone(&url));
        agents.spawn(async move {
            let account = AccountKey::new("p", &url, "key");
            let mut seen = Seen::default();
            while begin.elapsed() < MEASURED {
                let permit = quota.admit(&account, "m", 100).await;
                let sent = Instant::now();
                let request = client.post(url.as_str()).bearer_auth("key").header("content-type", "application/json");
                let reply = request.body(BODY).send().await.unwrap();
                let way_ms = u64::try_from(sent.elapsed().as_millis()).unwrap();
                let status = reply.status().as_u16();
                let headers =
                    reply.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
                permit.settle(20, headers).await;
                let good = u64::from(status == 200);
                assert!(status == 200 || status == 429, "{status}");
                seen = seen.and(Seen { good, refused: 1 - good, longest_ms: way_ms });
            }
            seen
        });
    }
    agents.join_all().await.into_iter().fold(Seen::default(), Seen::and)
}

fn judge(what: &str, seen: Seen, elapsed: Duration, server: &RehearsalServer) {
    let allowed = LIMIT as f64 * elapsed.as_secs_f64() / WINDOW.as_secs_f64();
    let used = seen.good as f64 / allowed;
    println!(
        "{what}: {} of {allowed:.0} calls in {:.1} s, which is {:.1} %; refused: {}; longest way: {} ms",
        seen.good,
        elapsed.as_secs_f64(),
        used * 100.0,
        server.refused(),
        seen.longest_ms
    );
    assert_eq!((seen.refused, server.refused()), (0, 0), "{what}");
    assert!(used >= 0.9, "{what}: {used}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_agents_are_never_refused() {
    for _ in 0..ATTEMPTS {
        let server = server("sliding").await;
        let begin = Instant::now();
        let seen = agents(quota(None, "p: {m: {rpm: 60}}"), server.base_url(Wire::ChatCompletions)).await;
        if seen.counts() {
            judge("one process, sliding window", seen, begin.elapsed(), &server);
            return;
        }
        println!("the machine is too busy: {seen:?}");
    }
}

const FOLDER: &str = "MASSGEN_QUOTA_TEST_FOLDER";
const URL: &str = "MASSGEN_QUOTA_TEST_URL";

/// What the next test starts: a process of its own, if it is told where to ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_of_another_process() {
    let (Ok(folder), Ok(url)) = (std::env::var(FOLDER), std::env::var(URL)) else { return };
    let quota = quota(Some(folder.into()), "p: {m: {rpm: 60}}");
    let seen = agents(quota.clone(), url).await;
    assert!(quota.take_warnings().is_empty());
    println!("\nseen {} {} {}", seen.good, seen.refused, seen.longest_ms);
}

async fn process(folder: PathBuf, url: String) -> Seen {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "rehearsed::agents_of_another_process", "--nocapture"]);
    command.env(FOLDER, folder).env(URL, url).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let seen = text.lines().find_map(|line| line.strip_prefix("seen ")).unwrap_or_else(|| panic!("{text}"));
    let numbers: Vec<u64> = seen.split(' ').map(|number| number.parse().unwrap()).collect();
    Seen { good: numbers[0], refused: numbers[1], longest_ms: numbers[2] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_are_never_refused() {
    for _ in 0..ATTEMPTS {
        let server = server("fixed").await;
        let folder = tempfile::tempdir().unwrap();
        let url = server.base_url(Wire::ChatCompletions);
        let both = [folder.path().to_owned(), folder.path().to_owned()].map(|folder| process(folder, url.clone()));
        let [one, other] = both;
        let (one, other) = tokio::join!(one, other);
        let seen = one.and(other);
        let received = server.received();
        let elapsed = received.last().unwrap().at - received[0].at;
        if seen.counts() {
            judge("two processes, fixed window", seen, elapsed, &server);
            assert!(one.good.min(other.good) * 3 > seen.good, "neither is starved: {one:?} {other:?}");
            return;
        }
        println!("the machine is too busy: {one:?} {other:?}");
    }
}
