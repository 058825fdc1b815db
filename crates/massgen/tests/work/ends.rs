//! Runs that are stopped or killed in the middle of something: nothing goes on, and nothing half done is to be seen.

use std::path::Path;
use std::time::{Duration, Instant};

use massgen_protocol::SnapshotId;
use massgen_workspace::SnapshotStore;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::files::{Files, entries, read_files};
use crate::place::Place;
use crate::processes::{Process, assert_end, descendants, marked};
use crate::program::Running;
use crate::script::{call, run, solo_calls};
use crate::servers::server;
use crate::team::solo;

/// A run that was stopped ends within this time.
const BOUND: Duration = Duration::from_secs(20);

/// Starts one agent whose last command never ends, with everything else that runs beside it: a server in a call, a
/// background shell, a function of the user. Gives what runs.
fn busy_run(place: &Place, keys: &Value) -> (Running, Vec<Process>, crate::provider::Provider) {
    let stubborn = "trap '' TERM INT HUP; setsid sleep 86400 & echo it runs; sleep 86400; sleep 86400";
    let provider = solo_calls(&[
        call("custom_tool__word_count", json!({"text": "one two"})),
        call("mcp__sums__add", json!({"a": 1, "b": 2})),
        call("start_background_shell", json!({"command": "nohup sleep 86400 & sleep 86400"})),
        run(stubborn),
    ]);
    place.write("user_tools.py", include_str!("fixtures/user_tools.py"));
    let mut all = json!({
        "enable_mcp_command_line": true,
        "mcp_servers": {"sums": server(place, &[]), "deaf": {"command": "python3", "args": [place.path().join("server.py"), "--hang"], "timeout": 1}},
        "custom_tools": [{"path": "user_tools.py", "function": "word_count"}],
    });
    all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    // What a killed program cannot remove is removed with the test.
    let temporary = place.path().join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let program = place.ask(&solo(&provider, all).config(), &["--stream-events"]);
    let mut program = program.env("TMPDIR", &temporary.display().to_string()).start();
    program.line(|line| line.contains("tool_output") && line.contains("it runs"));
    let running = loop {
        let running = descendants(program.group());
        if running.iter().filter(|process| process.command.starts_with("sleep 86400")).count() == 4 {
            break running;
        }
        assert!(program.is_patient(), "{running:#?}");
        std::thread::yield_now();
    };
    assert!(running.iter().any(|process| process.command.contains("server.py")), "{running:#?}");
    (program, running, provider)
}

fn assert_nothing_runs(place: &Place, running: &[Process]) {
    assert_end(running);
    assert_end(&marked(&place.path().display().to_string()));
}

#[test]
fn a_killed_run_takes_everything_with_it() {
    needs!(bwrap, python);
    for keys in [json!({}), json!({"command_line_execution_mode": "local"})] {
        let place = Place::new();
        let (program, running, _provider) = busy_run(&place, &keys);
        // Itself alone: nobody else is told.
        program.signal(Signal::KILL);
        let killed = Instant::now();
        assert_nothing_runs(&place, &running);
        state!("killed with {} processes below it: all gone after {} ms", running.len(), killed.elapsed().as_millis());
        program.finish();
    }
}

#[test]
fn a_signal_in_a_long_command_ends_the_run_and_leaves_nothing() {
    needs!(bwrap, python);
    for keys in [json!({}), json!({"command_line_execution_mode": "local"})] {
        let place = Place::new();
        let (program, running, _provider) = busy_run(&place, &keys);
        program.signal(Signal::INT);
        let stopped = Instant::now();
        let finished = program.finish().expect(4);
        state!("a signal with {} processes at work: over after {} ms", running.len(), stopped.elapsed().as_millis());
        assert!(stopped.elapsed() < BOUND, "{finished}");
        let left = marked(&place.path().display().to_string());
        assert!(left.is_empty(), "still running when the program had ended: {left:?}");
        assert_eq!(place.log().json("status.json")["finish_reason"], "cancelled");
        // Every call that was started has an end.
        let log = place.log().text("events.jsonl");
        assert_eq!(log.matches(r#""type":"tool_called""#).count(), log.matches(r#""type":"tool_ended""#).count());
        assert_nothing_is_left_over(&place);
        assert_eq!(entries(&place.path().join("tmp")), Vec::<String>::new());
    }
}

/// What was only for the run is gone.
fn assert_nothing_is_left_over(place: &Place) {
    for folder in [
        ".massgen/temp_workspaces",
        ".massgen/changes/copies",
        ".massgen/snapshots/staging",
        ".massgen/snapshots/leases",
    ] {
        assert_eq!(entries(&place.path().join(folder)), Vec::<String>::new(), "{folder}");
    }
}

#[test]
fn a_run_leaves_nothing_but_what_it_is_for() {
    needs!(bwrap);
    let (place, provider) = (Place::new(), solo_calls(&[run("echo a > a; echo b > $TMPDIR/b; echo c > $HOME/c")]));
    place.ask(&solo(&provider, json!({"enable_mcp_command_line": true})).config(), &["--automation"]).run().expect(0);
    let names: Vec<String> = std::fs::read_dir(place.path().join(".massgen"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let unknown: Vec<_> = names
        .iter()
        .filter(|name| {
            ![
                ".gitignore",
                "massgen_logs",
                "sessions",
                // The list of sessions: these tests are at home where they work.
                "sessions.json",
                "sessions.json.lock",
                "snapshots",
                "temp_workspaces",
                "workspaces",
            ]
            .contains(&name.as_str())
        })
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_nothing_is_left_over(&place);
}

/// How many runs are killed, each at a later moment.
const KILLS: u32 = 6;

/// The moments at which runs are killed, spread over the time that a run takes that is not.
#[derive(Default)]
struct Moments {
    whole: Duration,
}

impl Moments {
    /// Lets the first run end by itself; kills the later ones after a part of the time that this took.
    fn end(&mut self, round: u32, mut program: Running) {
        if round == 0 {
            let begun = Instant::now();
            program.finish().expect(0);
            self.whole = begun.elapsed();
        } else {
            std::thread::park_timeout(self.whole * round / (KILLS + 1));
            program.kill();
            program.finish();
        }
    }
}

#[test]
fn killed_while_snapshots_are_taken() {
    needs!(bwrap, python);
    const COUNT: u32 = 500;
    // Other contents in each round, so that there is always something to be stored.
    let make = |round: u32| {
        let file = format!("open(f'd{{n % 20}}/f{{n}}', 'w').write(str(n) * {})", 50 + round);
        format!("import os\nfor n in range({COUNT}):\n    os.makedirs(f'd{{n % 20}}', exist_ok=True)\n    {file}\n")
    };
    let expected = |round: u32| -> Files {
        let content = |n: u32| n.to_string().repeat(50 + usize::try_from(round).unwrap()).into_bytes();
        (0..COUNT).map(|n| (format!("d{}/f{n}", n % 20), content(n))).collect()
    };
    let place = Place::new();
    let (mut whole, mut absent, mut seen) = (0, 0, 0);
    let mut moments = Moments::default();
    for round in 0..=KILLS {
        let provider = solo_calls(&[run(&format!("python3 -c \"{}\"", make(round)))]);
        let team = solo(&provider, json!({"enable_mcp_command_line": true}));
        let mut program = place
            .ask(&team.config(), &["--stream-events"])
            .env("MASSGEN_LOG_BASE_DIR", &format!("logs{round}"))
            .start();
        program.line(|line| line.contains("call_started") && line.contains("\"call\":2"));
        moments.end(round, program);
        // What is there of snapshots is whole.
        let store = SnapshotStore::open(&place.path().join(".massgen/snapshots")).unwrap();
        for id in entries(&place.path().join(".massgen/snapshots/snapshots")) {
            let id: SnapshotId = serde_json::from_value(json!(id)).unwrap();
            store.verify(&id).unwrap();
            seen += 1;
        }
        for delivered in workspaces(&place.path().join(format!("logs{round}"))) {
            let delivered = read_files(Path::new(&delivered));
            assert!(delivered == expected(round), "round {round}: {} of {COUNT} files", delivered.len());
            whole += 1;
        }
        absent += usize::from(workspaces(&place.path().join(format!("logs{round}"))).is_empty());
    }
    assert!(whole > 0);
    // Whoever opens the store next removes what was not finished.
    let provider = solo_calls(&[run("echo a > a")]);
    let team = solo(&provider, json!({"enable_mcp_command_line": true}));
    place.ask(&team.config(), &["--automation"]).env("MASSGEN_LOG_BASE_DIR", "last").run().expect(0);
    for folder in ["staging", "leases"] {
        assert_eq!(entries(&place.path().join(".massgen/snapshots").join(folder)), Vec::<String>::new(), "{folder}");
    }
    state!(
        "killed {KILLS} times in {} ms around a snapshot of {COUNT} files: {seen} snapshots seen and all whole, {whole} delivered whole, {absent} runs without any",
        moments.whole.as_millis()
    );
}

/// The folders of answers' files below a log folder.
fn workspaces(logs: &Path) -> Vec<String> {
    let is_one =
        |path: &String| path.ends_with("/workspace") && Path::new(&format!("{}/{path}", logs.display())).is_dir();
    entries(logs).into_iter().filter(is_one).map(|path| format!("{}/{path}", logs.display())).collect()
}

#[test]
fn killed_while_changes_are_written_back() {
    needs!(bwrap);
    const COUNT: usize = 60;
    let (mut old, mut new, mut mended) = (0, 0, 0);
    let mut moments = Moments::default();
    for round in 0..=KILLS {
        let place = Place::new();
        let project = place.path().join("project");
        std::fs::create_dir(&project).unwrap();
        let made = |word: &str| -> Files {
            (0..COUNT).map(|n| (format!("f{n}"), format!("{word} {n}\n").into_bytes())).collect()
        };
        for (name, content) in made("old") {
            std::fs::write(project.join(name), content).unwrap();
        }
        let change = run("cd ../../changes/copies/*/tree/* && sed -i s/old/new/ f*");
        let provider = solo_calls(&[change]);
        let paths = json!({"context_paths": [{"path": "project", "permission": "write"}], "apply": "always"});
        let config = solo(&provider, json!({"enable_mcp_command_line": true})).orchestrator(paths).config();
        let mut program = place.ask(&config, &["--stream-events"]).env("MASSGEN_LOG_BASE_DIR", "first").start();
        program.line(|line| line.contains("final_answer"));
        moments.end(round, program);
        let after_kill = read_files(&project);
        // At the next start it is finished or taken back, before any agent sees it.
        let again = solo_calls(&[run("cat ${workspace}/../../../project/f0 ${workspace}/../../../project/f59")]);
        let paths = json!({"context_paths": [{"path": "project", "permission": "read"}]});
        let config = solo(&again, json!({"enable_mcp_command_line": true})).orchestrator(paths).config();
        place.ask(&config, &["--automation"]).env("MASSGEN_LOG_BASE_DIR", "second").run().expect(0);
        let files = read_files(&project);
        let is_old = files == made("old");
        assert!(is_old || files == made("new"), "round {round}: {:?}", mixed(&files));
        assert!(round > 0 || !is_old, "the run that was left alone writes them back");
        old += usize::from(is_old);
        new += usize::from(!is_old);
        mended += usize::from(after_kill != files);
        assert_eq!(entries(&place.path().join(".massgen/changes/copies")), Vec::<String>::new(), "round {round}");
    }
    state!(
        "killed {KILLS} times in {} ms around the application of {COUNT} changes: {old} times nothing, {new} times all, {mended} of them mended at the next start",
        moments.whole.as_millis()
    );
}

fn mixed(files: &Files) -> (usize, usize, Vec<&String>) {
    let starting = |word: &str| files.values().filter(|content| content.starts_with(word.as_bytes())).count();
    let odd = files.iter().filter(|(_, content)| !content.starts_with(b"old ") && !content.starts_with(b"new "));
    (starting("old"), starting("new"), odd.map(|(name, _)| name).collect())
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    needs!(bwrap, python);
    let place = Place::new();
    let (program, running, _provider) = busy_run(&place, &json!({}));
    program.signal(Signal::KILL);
    assert_nothing_runs(&place, &running);
    program.finish();
    let provider = solo_calls(&[]);
    place
        .ask(&solo(&provider, json!({})).config(), &["--automation"])
        .env("MASSGEN_LOG_BASE_DIR", "second")
        .run()
        .expect(0);
    assert_nothing_is_left_over(&place);
}
