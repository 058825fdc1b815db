//! Which driver is taken, and what starting a job costs.

use std::process::Command;
use std::time::{Duration, Instant};

use massgen_sandbox::{Invocation, Landlock, Limits, choose, probe};

use crate::box_drivers::{drivers, folder, helper, limits, run, shell};

/// Not a test: says which driver is chosen.
#[tokio::test]
#[ignore = "started by another test"]
async fn choice() {
    match choose(helper(), limits()).await {
        Ok(driver) => println!("chosen: {}", driver.name()),
        Err(error) => println!("chosen: none, {error}"),
    }
}

fn choice_with(path: &str, helper: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "start_up::choice", "--nocapture"]).env("PATH", path);
    command.env("MASSGEN_TEST_HELPER", helper);
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    words.lines().find_map(|line| line.split_once("chosen: ")).expect(&words).1.to_owned()
}

#[tokio::test]
async fn the_best_driver_is_chosen_and_none_in_silence() {
    let working: Vec<_> = drivers().await.iter().map(|driver| driver.name()).collect();
    let path = std::env::var("PATH").unwrap();
    let helper_path = helper().program().display().to_string();
    let choice = choice_with(&path, &helper_path);
    assert!(choice.starts_with(working.iter().find(|name| **name != "local").unwrap_or(&"none")), "{choice}");

    // Without bubblewrap.
    let choice = choice_with("/nonexistent", &helper_path);
    let landlock = probe(&Landlock::new(helper()), limits()).await.is_ok();
    assert!(choice.starts_with(if landlock { "landlock" } else { "none" }), "{choice}");

    // Without anything, every reason is named, and how to help it.
    let choice = choice_with("/nonexistent", "/bin/true");
    assert!(choice.starts_with("none, ") && choice.contains("package `bubblewrap`"), "{choice}");
    assert!(choice.contains("landlock: "), "{choice}");
}

fn figures(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("median {:?}, least {:?}, of {}", times[times.len() / 2], times[0], times.len())
}

#[tokio::test]
async fn starting_is_measured() {
    let (_folder, path) = folder();
    let bare = (0..20).map(|_| {
        let start = Instant::now();
        Command::new("true").status().unwrap();
        start.elapsed()
    });
    state!("figure: starting `true` without a driver: {}", figures(bare.collect()));
    for driver in drivers().await {
        for (words, memory_bytes, processes) in
            [("", limits().memory_bytes, limits().processes), (", without control groups", None, None)]
        {
            let mut times = Vec::new();
            for _ in 0..20 {
                let mut job = shell("", &path);
                job.invocation = Invocation::Program(vec!["true".into()]);
                job.limits = Limits { memory_bytes, processes, ..limits() };
                let start = Instant::now();
                assert_eq!(run(&*driver, job).await.exit.code, Some(0));
                times.push(start.elapsed());
            }
            state!("figure: starting `true` with {}{words}: {}", driver.name(), figures(times));
        }
    }
}
