//! Processes that share limits through a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use massgen_quota::{AccountKey, LimitsTable, Quota, QuotaSettings, QuotaWarning};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::clock::{EPOCH_MS, paused_clock};

const MODEL: &str = "m";
const NO_HEADERS: [(&str, &str); 0] = [];

fn account() -> AccountKey {
    AccountKey::new("p", "http://localhost", "sk-very-secret")
}

fn quota(folder: &Path, limits: &str, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Quota {
    let table = LimitsTable::parse(&format!("p: {{m: {{{limits}}}}}"), "test").unwrap();
    Quota::with_clock(QuotaSettings { folder: Some(folder.to_owned()), ..QuotaSettings::new(table) }, clock)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn two_processes_together_use_a_limit_once_and_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let clock = paused_clock();
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for process in 0..2 {
        let quota = Arc::new(quota(folder.path(), "rpm: 10, tpm: 1000000", clock.clone()));
        for _ in 0..5 {
            let quota = Arc::clone(&quota);
            tasks.spawn(async move {
                let mut times = Vec::new();
                while begin.elapsed() < Duration::from_secs(600) {
                    let permit = quota.admit(&account(), MODEL, 100).await;
                    times.push((begin.elapsed(), process));
                    permit.settle(90, NO_HEADERS).await;
                }
                times
            });
        }
    }
    let mut times: Vec<(Duration, u32)> = tasks.join_all().await.concat();
    times.sort_unstable();
    for window in times.windows(11) {
        let span = window[10].0 - window[0].0;
        assert!(span >= Duration::from_secs(60), "eleven calls in {span:?}");
    }
    let share = times.len() as f64 / (begin.elapsed().as_secs_f64() / 6.0);
    assert!(share >= 0.9, "{share}");
    let of_first = times.iter().filter(|(_, process)| *process == 0).count() as f64 / times.len() as f64;
    println!(
        "{} calls, {:.1} % of the limit, {:.0} % by the first process",
        times.len(),
        share * 100.0,
        of_first * 100.0
    );
    assert!((0.4..0.6).contains(&of_first), "neither is starved: {of_first}");
}

#[tokio::test(start_paused = true)]
async fn the_next_process_knows_what_the_last_one_used() {
    let folder = tempfile::tempdir().unwrap();
    let clock = paused_clock();
    drop(quota(folder.path(), "rpm: 1", clock.clone()).admit(&account(), MODEL, 0).await);
    let begin = Instant::now();
    drop(quota(folder.path(), "rpm: 1", clock).admit(&account(), MODEL, 0).await);
    assert_eq!(begin.elapsed().as_secs(), 62);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_its_place_to_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = paused_clock();
    let (one, other) = (quota(folder.path(), "rpm: 1", clock.clone()), quota(folder.path(), "rpm: 1", clock));
    drop(one.admit(&account(), MODEL, 0).await);
    let begin = Instant::now();
    let account = account();
    let first = timeout(Duration::from_secs(61), one.admit(&account, MODEL, 0));
    let second = other.admit(&account, MODEL, 0);
    let (first, _second) = tokio::join!(first, second);
    assert!(first.is_err());
    let elapsed = begin.elapsed();
    assert!(elapsed >= Duration::from_secs(62) && elapsed < Duration::from_secs(63), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_limited_touches_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("quota");
    let quota = quota(&inside, "", paused_clock());
    for _ in 0..100 {
        quota.admit(&account(), MODEL, 1_000_000).await.settle(1_000_000, NO_HEADERS).await;
    }
    assert!(!inside.exists());
    quota.admit(&account(), MODEL, 1).await.refused(Duration::from_secs(1), NO_HEADERS).await;
    assert_eq!(files(&inside).len(), 1, "a pause is told to other processes");
}

#[tokio::test(start_paused = true)]
async fn files_are_private_and_tell_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("a/b");
    let quota = quota(&inside, "rpm: 5, tpm: 100, rpd: 7", paused_clock());
    quota.admit(&account(), MODEL, 10).await.settle(3, [("x-ratelimit-limit-requests", "9")]).await;
    let [file] = files(&inside).try_into().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("secret") && !file.display().to_string().contains("secret"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(quota.take_warnings().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_stops_nobody_and_is_told_once() {
    for broken in ["", "{", "not json", "[]", "{\"version\":1}", "\u{0}\u{0}\u{0}"] {
        let folder = tempfile::tempdir().unwrap();
        let clock = paused_clock();
        drop(quota(folder.path(), "rpm: 1", clock.clone()).admit(&account(), MODEL, 0).await);
        let [file] = files(folder.path()).try_into().unwrap();
        fs::write(&file, broken).unwrap();
        let quota = quota(folder.path(), "rpm: 1", clock.clone());
        let begin = Instant::now();
        drop(quota.admit(&account(), MODEL, 0).await);
        assert_eq!(begin.elapsed(), Duration::ZERO, "{broken:?} counts as empty");
        let warnings = quota.take_warnings();
        if broken.is_empty() {
            assert!(warnings.is_empty(), "an empty file is a new one");
        } else {
            let [QuotaWarning::Corrupt { path, .. }] = warnings.as_slice() else { panic!("{warnings:?}") };
            assert_eq!(*path, file);
        }
        // It is whole again, and breaking it again is not told again.
        fs::write(&file, broken).unwrap();
        drop(quota.admit(&account(), MODEL, 0).await);
        assert_eq!(begin.elapsed().as_secs(), 62, "what this process used itself it knows still");
        assert!(quota.take_warnings().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_used_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let quota = quota(&file.join("folder"), "rpm: 1", paused_clock());
    let begin = Instant::now();
    for _ in 0..3 {
        drop(quota.admit(&account(), MODEL, 0).await);
    }
    assert_eq!(begin.elapsed().as_secs(), 124, "the limit holds for this process");
    let warnings = quota.take_warnings();
    assert!(matches!(warnings.as_slice(), [QuotaWarning::Unusable { .. }]), "{warnings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_holds_a_file_for_ever_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let clock = paused_clock();
    drop(quota(folder.path(), "rpm: 1", clock.clone()).admit(&account(), MODEL, 0).await);
    let [path] = files(folder.path()).try_into().unwrap();
    let held = fs::File::open(&path).unwrap();
    held.lock().unwrap();
    let quota = quota(folder.path(), "rpm: 1", clock);
    let begin = Instant::now();
    drop(quota.admit(&account(), MODEL, 0).await);
    assert!(begin.elapsed() <= Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(matches!(quota.take_warnings().as_slice(), [QuotaWarning::Busy { .. }]));
}

#[tokio::test(start_paused = true)]
async fn a_link_in_place_of_a_file_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let clock = paused_clock();
    drop(quota(folder.path(), "rpm: 1", clock.clone()).admit(&account(), MODEL, 0).await);
    let [path] = files(folder.path()).try_into().unwrap();
    let precious = folder.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&precious, &path).unwrap();
    let quota = quota(folder.path(), "rpm: 1", clock);
    drop(quota.admit(&account(), MODEL, 0).await);
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    assert!(matches!(quota.take_warnings().as_slice(), [QuotaWarning::Unusable { .. }]));
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_longer_state_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let clock = paused_clock();
    drop(quota(folder.path(), "rpm: 1", clock.clone()).admit(&account(), MODEL, 0).await);
    let [path] = files(folder.path()).try_into().unwrap();
    // A writer was killed after it had written and before it had cut the file to its new length.
    let text = fs::read_to_string(&path).unwrap() + "0],\"queue\":{\"waiting\":[]}}}";
    fs::write(&path, text).unwrap();
    let quota = quota(folder.path(), "rpm: 1", clock.clone());
    drop(quota.admit(&account(), MODEL, 0).await);
    assert!(quota.take_warnings().is_empty());
    assert_eq!(clock() - EPOCH_MS, 62_000);
}
