//! Whatever a job has started ends with it, however it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use massgen_sandbox::{Control, Ending, Process};

use crate::box_drivers::{driver, drivers, finish, folder, shell};
use crate::user;
use crate::world::alive;

/// A command line that can be found among all processes, in a session of its own, and that ignores signals.
fn hidden(word: &str) -> String {
    format!(
        "(trap '' TERM HUP INT; setsid bash -c 'trap \"\" TERM HUP; exec -a {word} sleep 1000' & ) ; \
         (setsid bash -c 'exec -a {word} sleep 1000' >/dev/null 2>&1 &)"
    )
}

fn word(name: &str) -> String {
    format!("massgen-{name}-{}", std::process::id())
}

/// Waits until so many processes with the word are there.
async fn until(word: &str, count: usize) {
    let start = Instant::now();
    while alive(word).len() != count {
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", alive(word));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn started(name: &str, tail: &str) -> Vec<(&'static str, String, Process)> {
    let mut processes = Vec::new();
    for driver in drivers().await {
        let (folder, path) = folder();
        let word = word(&format!("{name}-{}", driver.name()));
        let process = driver.start(shell(&format!("{}; {tail}", hidden(&word)), &path)).await.unwrap();
        until(&word, 2).await;
        drop(folder);
        processes.push((driver.name(), word, process));
    }
    processes
}

#[tokio::test]
async fn killing_reaches_everything() {
    for (name, word, process) in started("kill", "sleep 1000").await {
        process.tell(Control::Kill);
        let ran = finish(process).await;
        assert_eq!(ran.exit.ending, Ending::Killed, "{name}");
        assert_eq!(alive(&word), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn what_is_left_behind_ends_with_the_job() {
    for (name, word, process) in started("left", "read line; exit 5").await {
        process.tell(Control::CloseInput);
        let ran = finish(process).await;
        assert_eq!((ran.exit.code, ran.exit.ending), (Some(5), Ending::Itself), "{name}");
        assert_eq!(alive(&word), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn dropping_a_process_kills_the_job() {
    for (_, word, process) in started("drop", "sleep 1000").await {
        drop(process);
        until(&word, 0).await;
    }
}

#[tokio::test]
async fn closing_a_driver_kills_its_jobs() {
    for driver in drivers().await {
        let (_folder, path) = folder();
        let word = word(&format!("close-{}", driver.name()));
        let process = driver.start(shell(&format!("exec -a {word} sleep 1000"), &path)).await.unwrap();
        until(&word, 1).await;
        driver.close().await;
        assert_eq!(alive(&word), Vec::<String>::new());
        assert_eq!(finish(process).await.exit.ending, Ending::Killed);
    }
}

#[test]
fn the_end_of_the_runtime_kills_the_job() {
    for name in ["bubblewrap", "landlock", "local"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let word = word(&format!("runtime-{name}"));
        let (_folder, path) = folder();
        let process = runtime.block_on(async {
            let driver = driver(name).await?;
            let process = driver.start(shell(&format!("exec -a {word} sleep 1000"), &path)).await.unwrap();
            until(&word, 1).await;
            Some(process)
        });
        drop(runtime);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(until(&word, 0));
        drop(process);
    }
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_nothing() {
    for driver in drivers().await {
        let (_folder, path) = folder();
        let word = word(&format!("cancel-{}", driver.name()));
        for milliseconds in [0, 1, 2, 4, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 48, 64] {
            let start = driver.start(shell(&format!("exec -a {word} sleep 1000"), &path));
            let _ = tokio::time::timeout(Duration::from_millis(milliseconds), start).await;
        }
        until(&word, 0).await;
        driver.close().await;
    }
    let start = Instant::now();
    let own = format!("massgen-{}-", std::process::id());
    while !left_over(Path::new("/nonexistent"), &own).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", left_over(Path::new("/nonexistent"), &own));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_forks_all_the_time_does_not_outrun_the_end() {
    for driver in drivers().await {
        let (_folder, path) = folder();
        let word = word(&format!("rabbit-{}", driver.name()));
        let script = "import os\nprint('ready', flush=True)\nwhile True:\n    if os.fork(): os._exit(0)";
        let line = format!("for i in 1 2 3; do (exec -a {word} /usr/bin/python3 -c \"{script}\" &) ; done; sleep 1000");
        let mut process = driver.start(shell(&line, &path)).await.unwrap();
        process.output().await.unwrap();
        process.tell(Control::Kill);
        assert_eq!(finish(process).await.exit.ending, Ending::Killed, "{}", driver.name());
        assert_eq!(alive(&word), Vec::<String>::new(), "{}", driver.name());
    }
}

/// Not a test: a main program that starts a job and waits to be killed.
#[tokio::test]
#[ignore = "started by another test"]
async fn main_program() {
    let name = std::env::var("MASSGEN_TEST_DRIVER").unwrap_or_default();
    let name = ["bubblewrap", "landlock"].into_iter().find(|known| *known == name).unwrap_or("local");
    let word = std::env::var("MASSGEN_TEST_WORD").unwrap();
    let (_folder, path) = folder();
    let Some(driver) = driver(name).await else { return };
    let _process = driver.start(shell(&format!("{}; sleep 1000", hidden(&word)), &path)).await.unwrap();
    until(&word, 2).await;
    println!("the job runs");
    std::future::pending::<()>().await;
}

/// Private folders of jobs, and control groups whose names start so.
fn left_over(temporary: &Path, own: &str) -> Vec<String> {
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let mut left: Vec<_> =
        names(temporary).into_iter().filter(|path| path.display().to_string().contains("massgen-job-")).collect();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = open.pop() {
        for path in names(&folder).into_iter().filter(|path| path.is_dir() && !path.is_symlink()) {
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(own)) {
                left.push(path.clone());
            }
            open.push(path);
        }
    }
    left.into_iter().map(|path| path.display().to_string()).collect()
}

#[tokio::test]
async fn killing_the_main_program_kills_the_job() {
    for driver in drivers().await {
        let word = word(&format!("main-{}", driver.name()));
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "ending::main_program", "--nocapture"]);
        let (_folder, temporary) = folder();
        command.env("TMPDIR", &temporary);
        command.env("MASSGEN_TEST_DRIVER", driver.name()).env("MASSGEN_TEST_WORD", &word);
        let mut main = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(main.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("the job runs")), "{}", driver.name());
        // SIGKILL: it cannot clean up anything.
        main.kill().unwrap();
        main.wait().unwrap();
        until(&word, 0).await;
        // What it had made for the job is removed as well, by those that are left.
        let own = format!("massgen-{}-", main.id());
        let start = Instant::now();
        while !left_over(&temporary, &own).is_empty() {
            assert!(start.elapsed() < Duration::from_secs(60), "{:?}", left_over(&temporary, &own));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        state!("escape: {} | {} | the main program is killed | stopped | its job ended", driver.name(), user::name());
    }
}

#[test]
fn jobs_of_an_ordinary_user_end_as_well() {
    user::run_as_ordinary("ending::", &["ending::jobs_of_an_ordinary_user_end_as_well"]);
}
