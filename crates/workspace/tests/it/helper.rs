//! A process of its own for tests that end it: this test binary, started anew with a job.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use massgen_protocol::{AgentIndex, SnapshotId};
use massgen_workspace::{PeerViews, Sharing, SnapshotStore, StoreSettings, Workspace};

use crate::support::{open, set_mode, settings, write};

const JOB: &str = "MASSGEN_WORKSPACE_TEST_JOB";
const DIRECTORY: &str = "MASSGEN_WORKSPACE_TEST_DIRECTORY";

/// A started helper that waits to be let go.
pub(crate) struct Helper {
    pub(crate) child: Child,
    /// The thread that does the job.
    pub(crate) thread: i32,
    input: ChildStdin,
    pub(crate) output: BufReader<std::process::ChildStdout>,
}

impl Helper {
    /// Starts a helper with a job in a directory, and waits until it is ready.
    pub(crate) fn start(job: &str, directory: &Path) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), job, directory)
    }

    /// [`Self::start`] by a command that runs this binary in some way.
    pub(crate) fn start_by(mut command: Command, job: &str, directory: &Path) -> Self {
        command.args(["--exact", "helper::does_a_job_in_a_process_of_its_own", "--nocapture", "--test-threads=1"]);
        command.env(JOB, job).env(DIRECTORY, directory).env_remove("RUST_TEST_THREADS");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut helper = Self { child, thread: 0, input, output };
        helper.thread = helper.wait_for("ready ").parse().unwrap();
        helper
    }

    /// Starts a helper as an ordinary user, in a directory that then is that user's.
    pub(crate) fn start_as_ordinary_user(job: &str, directory: &Path) -> Self {
        let itself = std::env::current_exe().unwrap();
        if !rustix::process::geteuid().is_root() {
            return Self::start_by(Command::new(itself), job, directory);
        }
        // A copy, as the folder of this binary may be closed to others.
        let binary = directory.join("helper");
        std::fs::copy(itself, &binary).unwrap();
        set_mode(&binary, 0o755);
        let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(directory).status().unwrap();
        assert!(owned.success());
        let mut command = Command::new(binary);
        command.uid(65_534).gid(65_534).current_dir("/");
        Self::start_by(command, job, directory)
    }

    pub(crate) fn let_go(&mut self) {
        self.input.write_all(b"go\n").unwrap();
    }

    /// Waits for a line that begins so, and gives the rest of it.
    pub(crate) fn wait_for(&mut self, beginning: &str) -> String {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            // The test runner writes on the same line before the test does.
            if let Some((_, rest)) = line.split_once(beginning) {
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("the helper ended before it said {beginning:?}");
    }
}

/// Says something on a line of its own.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(format!("\n{text}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

fn wait_to_go() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// One thread, so that every run does the same in the same order.
pub(crate) fn one_by_one(directory: &Path) -> SnapshotStore {
    let settings = StoreSettings { threads: 1, ..settings() };
    SnapshotStore::open_with(&directory.join("store"), settings).unwrap()
}

/// `agent1=<id>,agent2=<id>`
pub(crate) fn shown(text: &str) -> Vec<(AgentIndex, SnapshotId)> {
    let pair = |pair: &str| {
        let (agent, id) = pair.split_once('=').unwrap();
        (agent.parse().unwrap(), id.parse().unwrap())
    };
    text.split(',').map(pair).collect()
}

#[test]
fn does_a_job_in_a_process_of_its_own() {
    let Ok(job) = std::env::var(JOB) else { return };
    let directory = std::path::PathBuf::from(std::env::var_os(DIRECTORY).unwrap());
    let directory = directory.as_path();
    let (job, argument) = job.split_once(' ').unwrap_or((&job, ""));
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    say(&format!("ready {}", thread.file_name().unwrap().to_str().unwrap()));
    wait_to_go();
    match job {
        "publish" => {
            one_by_one(directory).publish(&directory.join("workspace")).unwrap();
        }
        "materialise" => {
            let (store, id) = (one_by_one(directory), argument.parse().unwrap());
            store.materialise(&id, &directory.join("out"), Sharing::Private).unwrap();
        }
        "show" => {
            PeerViews::new(directory.join("views")).show(&one_by_one(directory), &shown(argument)).unwrap();
        }
        "fill" => {
            let workspace = Workspace::create(&directory.join("filled")).unwrap();
            workspace.fill_from(&one_by_one(directory), &argument.parse().unwrap()).unwrap();
        }
        "collect" => {
            one_by_one(directory).remove_unused(&[argument.parse().unwrap()]).unwrap();
        }
        "hold-workspace" => {
            let _workspace = Workspace::create(&directory.join("workspace")).unwrap();
            say("held");
            wait_to_go();
        }
        "hold-snapshot" => {
            let store = open(&directory.join("store"));
            store.hold(&argument.parse().unwrap()).unwrap();
            say("held");
            wait_to_go();
        }
        "tell-skipped" => {
            let published = one_by_one(directory).publish(&directory.join("workspace")).unwrap();
            let skipped =
                published.skipped.iter().map(|skipped| format!("{} {:?}", skipped.path.display(), skipped.why));
            say(&format!("skipped {}; {} files", skipped.collect::<Vec<_>>().join(", "), published.files));
        }
        "put-up-with-an-awkward-owner" => put_up_with_an_awkward_owner(directory),
        "publish-many" => publish_many(directory, argument),
        "churn" => churn(directory),
        other => panic!("unknown job {other}"),
    }
    say("done");
}

/// As an ordinary user, who cannot pass over permissions: views whose owner took them away are shown anew.
fn put_up_with_an_awkward_owner(directory: &Path) {
    let store = one_by_one(directory);
    let (published, views) = (directory.join("published"), PeerViews::new(directory.join("views")));
    write(&published, "folder/below/file", "one");
    let one = store.publish(&published).unwrap().id;
    write(&published, "folder/below/file", "two");
    let two = store.publish(&published).unwrap().id;
    let (first, second) = (AgentIndex(0), AgentIndex(1));
    let spoil = |name: &str| {
        let view = views.directory().join(name);
        let mut deep = view.clone();
        for _ in 0..150 {
            deep = deep.join("d");
            std::fs::create_dir(&deep).unwrap();
        }
        for _ in 0..150 {
            set_mode(&deep, 0o000);
            deep.pop();
        }
        for closed in ["folder/below", "folder", ""] {
            set_mode(&view.join(closed), if name == "agent1" { 0o555 } else { 0o000 });
        }
        set_mode(views.directory(), 0o500);
    };
    let text = || std::fs::read_to_string(views.directory().join("agent1/folder/below/file")).unwrap();

    views.show(&store, &[(first, one.clone()), (second, one.clone())]).unwrap();
    spoil("agent1");
    spoil("agent2");
    views.show(&store, &[(first, one.clone())]).unwrap();
    assert_eq!(text(), "one");
    spoil("agent1");
    views.show(&store, &[(first, two)]).unwrap();
    assert_eq!(text(), "two");
    spoil("agent1");
    std::fs::remove_file(directory.join(".views.views/agent1")).unwrap();
    views.show(&store, &[(first, one.clone())]).unwrap();
    assert_eq!(text(), "one");

    let workspace = Workspace::create(&directory.join("filled")).unwrap();
    workspace.fill_from(&store, &one).unwrap();
    set_mode(&workspace.path().join("folder"), 0o000);
    set_mode(workspace.path(), 0o500);
    workspace.clear().unwrap();
    set_mode(workspace.path(), 0o500);
    workspace.fill_from(&store, &one).unwrap();
    spoil("agent1");
    views.clear().unwrap();
}

/// Publishes versions of a workspace, half of whose files others publish too.
fn publish_many(directory: &Path, name: &str) {
    let workspace = directory.join(format!("workspace-{name}"));
    for version in 0..20 {
        for number in 0..10 {
            write(&workspace, &format!("shared/{number}"), format!("{version} {number}"));
            write(&workspace, &format!("own/{number}"), format!("{name} {version} {number}"));
        }
        // Opened anew each time: that must not disturb the others either.
        let published = open(&directory.join("store")).publish(&workspace).unwrap();
        say(&format!("published {}", published.id));
    }
}

/// Publishes and shows again and again, with several threads, until it is killed.
fn churn(directory: &Path) {
    let store = open(&directory.join("store"));
    let workspace = directory.join("workspace");
    let views = PeerViews::new(directory.join("views"));
    for version in 0_u64.. {
        for number in 0..200 {
            if number % 3 == version % 3 {
                write(&workspace, &format!("{}/{number}", number % 7), format!("{version} {number}"));
            }
        }
        let id = store.publish(&workspace).unwrap().id;
        views.show(&store, &[(AgentIndex(0), id.clone()), (AgentIndex(1), id.clone())]).unwrap();
        let out = directory.join("out");
        let _ = std::fs::remove_dir_all(&out);
        store.materialise(&id, &out, Sharing::ReadOnly).unwrap();
        say(&format!("churned {version}"));
    }
}
