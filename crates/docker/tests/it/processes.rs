//! How jobs end, and that nothing of them is left.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use massgen_sandbox::{Control, Driver as _, Ending, Exit};

use crate::{Bench, finish, for_each_engine, until};

for_each_engine!(
    both: [
        a_killed_job_takes_everything_along,
        what_a_job_leaves_running_ends_with_it,
        a_fork_bomb_is_ended,
        who_uses_up_memory_is_told,
    ],
    docker: [a_dropped_job_is_ended]
);

/// Starts processes that try to get away: in a session of their own, without parents, without variables, ignoring
/// signals, and under the name of another.
const RUNAWAYS: &str = "(trap '' TERM HUP; setsid sleep 7001 &) ; setsid env -i sh -c 'sleep 7002 & sleep 7003 &' ; \
                        (setsid sh -c 'setsid sleep 7004 & exit' &) ; nohup sleep 7005 > /dev/null 2>&1 & ";

/// The sleeping processes of the container, as a job sees them.
async fn sleepers(bench: &Bench) -> String {
    bench.run("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -E '^[78]00[0-9]$' | sort | tr '\\n' ' '").await.stdout
}

async fn a_killed_job_takes_everything_along(bench: &Bench) {
    // Another job goes on, with a daemon of its own.
    let other = bench.start("(setsid sleep 8001 &); echo up; sleep 8002; echo").await;
    let mut job = bench.start(&format!("{RUNAWAYS} echo up; sleep 7006; echo")).await;
    job.tell(Control::Kill);
    while job.output().await.is_some() {}
    assert_eq!(job.exit().await, Exit { code: None, signal: Some(9), ending: Ending::Killed });
    assert_eq!(sleepers(bench).await, "8001 8002 ");
    other.tell(Control::Kill);
    assert_eq!(finish(other).await.exit.ending, Ending::Killed);
    assert_eq!(sleepers(bench).await, "");
}

async fn what_a_job_leaves_running_ends_with_it(bench: &Bench) {
    let other = bench.start("(setsid sleep 8001 &); echo up; sleep 8002; echo").await;
    let ran = bench.run(&format!("{RUNAWAYS} exit 5")).await;
    assert_eq!(ran.exit, Exit { code: Some(5), signal: None, ending: Ending::Itself });
    assert_eq!(sleepers(bench).await, "8001 8002 ");
    // A job that kills what would clean up after it.
    let ran = bench.run(&format!("{RUNAWAYS} kill -9 $PPID; sleep 7007")).await;
    assert_eq!(ran.exit.code, Some(137), "{ran:?}");
    assert_eq!(sleepers(bench).await, "8001 8002 ");
    drop(other);
}

async fn a_dropped_job_is_ended(bench: &Bench) {
    let job = bench.start("echo up; sleep 7001; echo").await;
    assert_eq!(sleepers(bench).await, "7001 ");
    drop(job);
    until(|| async { sleepers(bench).await.is_empty() }).await;
    // One that has hardly begun.
    drop(bench.driver.start(bench.job("sleep 7002; echo")).await.unwrap());
    until(|| async { sleepers(bench).await.is_empty() }).await;
    // One that is given up before it has begun.
    drop(bench.driver.start(bench.job("sleep 7003; echo")).now_or_never());
    until(|| async { sleepers(bench).await.is_empty() }).await;
    assert_eq!(bench.containers().await.len(), 1);
    // And one whose container is being made.
    let mut job = bench.job("sleep 7004; echo");
    job.limits.processes = Some(100);
    assert!(bench.driver.start(job).now_or_never().is_none());
    bench.driver.close().await;
    assert!(bench.containers().await.is_empty());
}

async fn a_fork_bomb_is_ended(bench: &Bench) {
    let mut job = bench.job("echo up; f() { while :; do f & done; }; f & read line");
    job.limits.processes = Some(64);
    let mut process = bench.driver.start(job.clone()).await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(500) {
        let _ = tokio::time::timeout(Duration::from_millis(50), process.output()).await;
    }
    process.tell(Control::Kill);
    let ran = finish(process).await;
    assert_eq!(ran.exit.ending, Ending::Killed);
    // Whether it could be ended in its container or only with it: commands run again, and nothing is left.
    job.invocation = massgen_sandbox::Invocation::Shell("ls -d /proc/[0-9]* | wc -l".to_owned());
    let ran = finish(bench.driver.start(job).await.unwrap()).await;
    let count: u32 = ran.stdout.trim().parse().unwrap();
    assert!(count <= 7, "{count}");
}

async fn who_uses_up_memory_is_told(bench: &Bench) {
    let mut job = bench.job("tail /dev/zero; exit $?");
    job.limits.memory_bytes = Some(48 << 20);
    let ran = finish(bench.driver.start(job.clone()).await.unwrap()).await;
    assert_eq!(ran.exit, Exit { code: Some(137), signal: None, ending: Ending::OutOfMemory }, "{ran:?}");
    // The same end for another reason, in the same container.
    job.invocation = massgen_sandbox::Invocation::Shell("exit 137".to_owned());
    let ran = finish(bench.driver.start(job).await.unwrap()).await;
    assert_eq!(ran.exit.ending, Ending::Itself);
}
