//! What a job sees and gives.

use std::os::unix::fs::MetadataExt as _;

use massgen_sandbox::{Control, Driver as _, Ending, Exit, Invocation, TerminalSize};

use crate::{Bench, Part, again, finish, for_each_engine, is_again};

for_each_engine!(
    both: [
        gives_what_it_prints_and_its_exit_code,
        sees_what_it_is_granted_and_nothing_else,
        does_not_see_what_is_hidden,
        has_no_power_and_no_network,
        reads_its_input_to_the_end,
        has_a_terminal_when_it_asks_for_one,
    ],
    docker: [loses_no_output]
);

async fn gives_what_it_prints_and_its_exit_code(bench: &Bench) {
    let ran = bench.run("echo $GREETING; pwd; echo $HOME; echo oops >&2; exit 3").await;
    assert_eq!(ran.stdout, format!("hello\n{}\n/home/massgen\n", bench.path("workspace").display()));
    assert_eq!(ran.stderr, "oops\n");
    assert_eq!(ran.exit, Exit { code: Some(3), signal: None, ending: Ending::Itself });
    let words = ["printf", "%s|", "a b", "$x", ""].map(std::ffi::OsString::from).to_vec();
    let job = massgen_sandbox::Job { invocation: Invocation::Program(words), ..bench.job("") };
    assert_eq!(finish(bench.driver.start(job).await.unwrap()).await.stdout, "a b|$x||");
    assert_eq!(bench.run("kill -9 $$").await.exit.code, Some(137));
    assert_eq!(bench.run("exec absent-program").await.exit.code, Some(127));
}

async fn sees_what_it_is_granted_and_nothing_else(bench: &Bench) {
    std::fs::write(bench.path("peers/agent1/result"), "42").unwrap();
    std::fs::write(bench.path("secret"), "x").unwrap();
    std::fs::create_dir(bench.path("workspace/.git")).unwrap();
    let mut job = bench.job("cat ../peers/agent1/result && echo made > made && mkdir -p ~/.cache && echo fine");
    job.grants.protected = vec![bench.path("workspace/.git")];
    let ran = finish(bench.driver.start(job.clone()).await.unwrap()).await;
    assert_eq!(ran.stdout, "42fine\n", "{ran:?}");
    let made = std::fs::metadata(bench.path("workspace/made")).unwrap();
    let workspace = std::fs::metadata(bench.path("workspace")).unwrap();
    assert_eq!((made.uid(), made.gid()), (workspace.uid(), workspace.gid()));
    for command in ["echo x > ../peers/agent1/result", "rm ../peers/agent1/result", "touch .git/hook", "cat ../secret"]
    {
        job.invocation = Invocation::Shell(command.to_owned());
        let ran = finish(bench.driver.start(job.clone()).await.unwrap()).await;
        assert!(ran.exit.code != Some(0), "{command}: {ran:?}");
    }
    assert_eq!(std::fs::read_to_string(bench.path("peers/agent1/result")).unwrap(), "42");
}

async fn does_not_see_what_is_hidden(bench: &Bench) {
    for place in ["peers", "workspace"] {
        std::fs::create_dir_all(bench.path(place).join("way/vault/open")).unwrap();
        for name in ["way/key", "way/vault/key"] {
            std::fs::write(bench.path(place).join(name), "hidden").unwrap();
        }
        std::fs::write(bench.path(place).join("way/vault/open/file"), "open").unwrap();
    }
    let mut job = bench.job("");
    let paths = |name: &str| ["peers", "workspace"].map(|place| bench.path(place).join(name));
    job.grants.hidden = [paths("way/key"), paths("way/vault"), paths("absent")].concat();
    job.grants.read.extend(paths("way/vault/open"));
    for place in ["../peers", "."] {
        let command = format!("cd {place}/way; cat key vault/key; ls vault; cat vault/open/file");
        job.invocation = Invocation::Shell(command);
        let ran = finish(bench.driver.start(job.clone()).await.unwrap()).await;
        assert_eq!(ran.stdout, "open\nopen", "{place} {ran:?}");
        for command in ["mv way gone", "rm way/key", "mv way/vault gone", "touch way/vault/new", "ln way/key hard"] {
            job.invocation = Invocation::Shell(format!("cd {place}; {command}"));
            let ran = finish(bench.driver.start(job.clone()).await.unwrap()).await;
            assert!(ran.exit.code != Some(0), "{place} {command}: {ran:?}");
        }
    }
    for path in [paths("way/key"), paths("way/vault/key")].concat() {
        assert_eq!(std::fs::read_to_string(path).unwrap(), "hidden");
    }
    assert!(!bench.path("workspace/absent").exists());
}

async fn has_no_power_and_no_network(bench: &Bench) {
    let ran = bench.run("grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status; ls /sys/class/net").await;
    let lines: Vec<_> = ran.stdout.split_whitespace().collect();
    let none = "0000000000000000";
    assert_eq!(lines, ["CapPrm:", none, "CapEff:", none, "NoNewPrivs:", "1", "lo"], "{ran:?}");
    let ran = bench.run("dd if=/dev/zero of=large bs=1M count=3 2> /dev/null; ulimit -f; ulimit -n").await;
    assert_eq!(ran.stdout.split_whitespace().last(), Some("4096"), "{ran:?}");
    let mut job = bench.job("dd if=/dev/zero of=large bs=1M count=3; stat -c %s large");
    job.limits.file_bytes = Some(1 << 20);
    let ran = finish(bench.driver.start(job).await.unwrap()).await;
    assert!(ran.stdout.ends_with("1048576\n"), "{ran:?}");
}

async fn reads_its_input_to_the_end(bench: &Bench) {
    let process = bench.driver.start(bench.job("cat; echo over")).await.unwrap();
    let long = vec![b'x'; 3 << 20];
    process.tell(Control::Input("first ".into()));
    process.tell(Control::Input(long.clone().into()));
    let ran = finish(process).await;
    assert_eq!(ran.stdout.len(), "first ".len() + long.len() + "over\n".len());
    assert!(ran.stdout.starts_with("first x") && ran.stdout.ends_with("xover\n"));
}

async fn has_a_terminal_when_it_asks_for_one(bench: &Bench) {
    // What looks like the head of a frame, of 4 GiB.
    let mut job =
        bench.job("printf '\\001\\377\\377\\377\\377\\377\\377\\377'; test -t 1 && echo $TERM; read x; stty size");
    job.terminal = Some(TerminalSize { rows: 33, columns: 111 });
    let process = bench.driver.start(job).await.unwrap();
    process.tell(Control::Input("go\n".into()));
    let ran = finish(process).await;
    assert!(ran.stdout.contains("xterm\r\n") && ran.stdout.ends_with("33 111\r\n"), "{ran:?}");
}

async fn loses_no_output(bench: &Bench) {
    let ran = bench.run("yes 0123456789abcde | head -c 20000000").await;
    assert_eq!((ran.stdout.len(), ran.exit.code), (20_000_000, Some(0)));
}

/// As an ordinary user: what a job makes belongs to them, not to root.
#[tokio::test]
async fn an_ordinary_users_job_runs_as_that_user() {
    let test = "jobs::an_ordinary_users_job_runs_as_that_user";
    let Some(host) = Part::Docker.host(test) else { return };
    if is_again() {
        let bench = Bench::new(Part::Docker, "an_ordinary_users_job").await.unwrap();
        let ran = bench.run("id -u; id -un; touch made; touch /etc/made; grep CapEff /proc/self/status").await;
        assert!(ran.stdout.starts_with("12345\nmassgen\nCapEff:\t0000000000000000"), "{ran:?}");
        assert_eq!(std::fs::metadata(bench.path("workspace/made")).unwrap().uid(), 12345);
        assert!(ran.stderr.contains("/etc/made"), "{ran:?}");
        bench.driver.close().await;
        return;
    }
    let socket = std::fs::metadata(host.trim_start_matches("unix://")).unwrap();
    if !rustix_is_root() {
        eprintln!("SKIPPED {test}: only root can become another user");
        return;
    }
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=12345", "--regid=12345", &format!("--groups={}", socket.gid())]);
    let inner = again(test);
    command.arg(inner.get_program()).args(inner.get_args()).env("MASSGEN_TEST_AGAIN", "1").current_dir("/");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
