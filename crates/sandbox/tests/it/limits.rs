//! What a job may use up.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use massgen_sandbox::{Driver, Ending, Invocation, Job, Limits};

use crate::box_drivers::{drivers, folder, limits, run, shell};
use crate::user;

fn python(script: &str, folder: &Path, limits: Limits) -> Job {
    let mut job = shell("", folder);
    job.invocation = Invocation::Program(["/usr/bin/python3", "-c", script].map(Into::into).to_vec());
    job.limits = limits;
    job
}

fn row(driver: &dyn Driver, name: &str, evidence: &str) {
    state!("escape: {} | {} | {name} | stopped | {evidence}", driver.name(), user::name());
}

#[tokio::test]
async fn a_fork_bomb_is_bounded() {
    let (_folder, path) = folder();
    let script = "
import os, time
count = 0
while True:
    try:
        if os.fork() == 0: time.sleep(1000)
    except OSError as error:
        print(count, error.strerror, flush=True); break
    count += 1
    if count > 500: print(count, 'no end', flush=True); break
";
    for driver in drivers().await {
        let ran = run(&*driver, python(script, &path, Limits { processes: Some(40), ..limits() })).await;
        let count: u32 = ran.stdout.split_whitespace().next().and_then(|word| word.parse().ok()).expect(&ran.stderr);
        // What the box needs for itself comes on top. Where all processes of the user are counted, those that end
        // meanwhile leave room.
        let exact = user::is_root() || driver.name() == "bubblewrap";
        assert!((20..=if exact { 44 } else { 300 }).contains(&count), "{} {}", driver.name(), ran.stdout);
        assert!(ran.stdout.contains("Resource temporarily unavailable"), "{} {}", driver.name(), ran.stdout);
        row(&*driver, "a fork bomb", &format!("limit 40: {}", ran.stdout.trim()));
    }
}

#[tokio::test]
async fn memory_is_bounded_for_one_and_for_all() {
    let (_folder, path) = folder();
    let one = "data = bytearray(1 << 30); print('has all', len(data))";
    let all = "
import os, sys, time
pipe = os.pipe()
for number in range(8):
    if os.fork() == 0:
        data = bytearray(64 << 20)
        for place in range(0, len(data), 4096): data[place] = 1
        os.write(pipe[1], b'x'); time.sleep(1000)
os.close(pipe[1])
seen = 0
while seen < 8:
    pid, status = os.waitpid(-1, os.WNOHANG)
    if pid: sys.exit(1)
    os.set_blocking(pipe[0], False)
    try: seen += len(os.read(pipe[0], 8))
    except BlockingIOError: time.sleep(0.01)
time.sleep(5)
print('have all', flush=True)
";
    let nameless = "
import os, time
for number in range(8):
    file = os.memfd_create('x')
    for piece in range(64): os.write(file, b'x' * (1 << 20))
    time.sleep(0.1)
time.sleep(5)
print('have all', flush=True)
";
    for driver in drivers().await {
        let limits = Limits { memory_bytes: Some(256 << 20), ..limits() };
        let ran = run(&*driver, python(nameless, &path, limits)).await;
        assert_eq!(ran.exit.ending, Ending::OutOfMemory, "{} {ran:?}", driver.name());
        row(&*driver, "memory in files without names", "limit 256 MiB: OutOfMemory");
        let ran = run(&*driver, python(one, &path, limits)).await;
        assert!(!ran.stdout.contains("has all") && ran.exit.code != Some(0), "{} {ran:?}", driver.name());
        let words = ran.stderr.lines().last().unwrap_or_default();
        row(&*driver, "a memory hog", &format!("limit 256 MiB: {:?} {:?} {words}", ran.exit.ending, ran.exit.signal));

        let ran = run(&*driver, python(all, &path, limits)).await;
        assert!(!ran.stdout.contains("have all"), "{} {ran:?}", driver.name());
        assert_eq!(ran.exit.ending, Ending::OutOfMemory, "{} {ran:?}", driver.name());
        row(&*driver, "8 processes with 64 MiB each", "limit 256 MiB: OutOfMemory");
    }
}

#[tokio::test]
async fn files_are_bounded() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let mut job = shell("exec head -c 20000000 /dev/zero > big", &path);
        job.limits.file_bytes = Some(8 << 20);
        let ran = run(&*driver, job).await;
        assert_eq!(ran.exit.signal, Some(25), "{} {ran:?}", driver.name());
        assert_eq!(fs::metadata(path.join("big")).unwrap().len(), 8 << 20);
        fs::remove_file(path.join("big")).unwrap();
        row(&*driver, "a huge file", "limit 8 MiB: SIGXFSZ, 8388608 bytes");
    }
}

#[tokio::test]
async fn growth_on_disk_is_bounded() {
    // In the temporary folder, whatever it lies on.
    let (_folder, path) = folder();
    fs::write(path.join("old"), vec![1; 40 << 20]).unwrap();
    let many =
        "for i in $(seq 200); do head -c 8000000 /dev/zero > file$i; sleep 0.01; done; sleep 5; echo all written";
    let hidden = "
import os, time
files = []
for number in range(200):
    file = open(f'hidden{number}', 'wb'); os.unlink(f'hidden{number}')
    file.write(b'x' * 8000000); file.flush(); files.append(file); time.sleep(0.01)
time.sleep(5)
print('all written')
";
    for driver in drivers().await {
        let limits = Limits { disk_bytes: Some(48 << 20), ..limits() };
        let mut job = shell(many, &path);
        job.limits = limits;
        for (name, job) in
            [("filling the disk", job), ("filling the disk with deleted files", python(hidden, &path, limits))]
        {
            let ran = run(&*driver, job).await;
            assert_eq!(ran.exit.ending, Ending::OutOfDisk, "{} {name} {ran:?}", driver.name());
            let written = fs::read_dir(&path).unwrap().map(|file| file.unwrap().metadata().unwrap().blocks() * 512);
            let grown = written.sum::<u64>().saturating_sub(40 << 20);
            row(&*driver, name, &format!("limit 48 MiB: OutOfDisk, {} MiB in files", grown >> 20));
            for file in fs::read_dir(&path).unwrap().map(|file| file.unwrap()).filter(|file| file.file_name() != "old")
            {
                fs::remove_file(file.path()).unwrap();
            }
        }
        // What was there before does not count.
        let mut job = shell("head -c 20000000 /dev/zero > some; rm some", &path);
        job.limits = limits;
        assert_eq!(run(&*driver, job).await.exit.code, Some(0), "{}", driver.name());
    }
}

#[tokio::test]
async fn memory_that_looks_like_files_is_bounded() {
    let (_folder, path) = folder();
    for driver in drivers().await.into_iter().filter(|driver| driver.name() != "local") {
        for place in ["/tmp", "/dev/shm", "/var/tmp", "/dev", "/", "/run"] {
            let ran = run(&*driver, shell(&format!("exec head -c 400000000 /dev/zero > {place}/big"), &path)).await;
            assert_ne!(ran.exit.code, Some(0), "{} {place} {ran:?}", driver.name());
            let words = ran.stderr.trim().rsplit(": ").next().unwrap_or_default().to_owned();
            row(&*driver, &format!("filling {place}"), &format!("{words} {:?}", ran.exit.signal));
        }
    }
}

#[tokio::test]
async fn open_files_and_processor_time_are_bounded() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let mut job = shell("ulimit -n", &path);
        job.limits.open_files = Some(100);
        assert_eq!(run(&*driver, job).await.stdout, "100\n", "{}", driver.name());
        let mut job = shell("while :; do :; done", &path);
        job.limits.cpu_seconds = Some(1);
        let ran = run(&*driver, job).await;
        assert!(matches!(ran.exit.signal, Some(9 | 24)), "{} {ran:?}", driver.name());
        row(&*driver, "using the processor for ever", &format!("limit 1 s: signal {:?}", ran.exit.signal));
    }
}

/// In a process of its own: groups are named for the process, and other tests have theirs at the same time.
#[test]
fn groups_are_removed() {
    let own = std::env::current_exe().unwrap();
    let mut alone = std::process::Command::new(own);
    alone.args(["--exact", "limits::groups_of_this_process_are_removed", "--ignored"]);
    let output = alone.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
#[ignore = "a part of `groups_are_removed`"]
async fn groups_of_this_process_are_removed() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        run(&*driver, shell("exit 1", &path)).await;
        let process = driver.start(shell("sleep 1000", &path)).await.unwrap();
        drop(process);
        driver.close().await;
    }
    let own = format!("massgen-{}-", std::process::id());
    let mut open = vec![Path::new("/sys/fs/cgroup").to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            assert!(!entry.file_name().to_string_lossy().starts_with(&own), "{}", entry.path().display());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
}

#[test]
fn an_ordinary_user_has_the_same_limits() {
    user::run_as_ordinary("limits::", &["limits::an_ordinary_user_has_the_same_limits"]);
}
