//! What commands can do, and what they cannot.

use std::net::TcpListener;

use massgen_protocol::Activity;
use serde_json::{Value, json};

use crate::log::Log;
use crate::place::Place;
use crate::processes::{assert_end, marked};
use crate::program::Finished;
use crate::pty::Terminal;
use crate::script::{call, play, read, run, solo_calls, steps};
use crate::team::solo;
use crate::told::{Over, calls, notices};

/// A number of seconds that no other test sleeps for: tells a process from all others.
fn forever(number: u32) -> String {
    format!("8{:07}.{number}", std::process::id())
}

/// One agent makes these calls with these keys of its backend.
fn solo_run(place: &Place, keys: Value, made: &[Value]) -> (Finished, Log, Vec<Over>) {
    let provider = solo_calls(made);
    let finished = place.ask(&solo(&provider, keys).config(), &["--automation"]).run().expect(0);
    let log = place.log();
    let over = calls(&log);
    assert_eq!(over.len(), made.len(), "{finished}\n{over:#?}");
    (finished, log, over)
}

fn commands() -> Value {
    json!({"enable_mcp_command_line": true})
}

fn with(more: Value) -> Value {
    let mut keys = commands();
    keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    keys
}

#[test]
fn the_network_is_off_unless_granted() {
    needs!(bwrap, python);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = run(&format!(
        "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 5); print(\"connected\")'"
    ));
    for (keys, connects) in [
        (commands(), false),
        (with(json!({"command_line_network": "off"})), false),
        (with(json!({"command_line_network": "on"})), true),
    ] {
        let (_, _, over) = solo_run(&Place::new(), keys.clone(), std::slice::from_ref(&connect));
        assert_eq!(over[0].json()["success"], connects, "{keys}: {over:?}");
        assert_eq!(over[0].stdout().contains("connected"), connects, "{keys}: {over:?}");
        assert_eq!(listener.accept().is_ok(), connects, "{keys}");
    }
}

#[test]
fn keys_are_not_seen_unless_granted_by_name() {
    needs!(bwrap);
    // Names in which nobody would recognise a key are no better.
    let variables =
        [("OPENAI_API_KEY", "sk-of-tests-1"), ("PLAIN_NAME", "word-of-tests-2"), ("GRANTED", "word-of-tests-3")];
    let in_a_box = run("env; cat /proc/[1-9]/environ | tr '\\0' '\\n'; cat ../../../.env");
    for (keys, granted, command) in [
        (commands(), false, in_a_box.clone()),
        (with(json!({"command_line_env": ["GRANTED"]})), true, in_a_box),
        // Without a box, a command can find what it likes; it is only given no more.
        (with(json!({"command_line_env": ["GRANTED"], "command_line_execution_mode": "local"})), true, run("env")),
    ] {
        let (place, provider) = (Place::new(), solo_calls(&[command]));
        place.write(".env", "DOTENV_KEY=word-of-tests-4\n");
        let program = place.ask(&solo(&provider, keys.clone()).config(), &["--automation"]);
        variables.iter().fold(program, |program, (name, value)| program.env(name, value)).run().expect(0);
        let seen = calls(&place.log())[0].stdout();
        assert!(seen.contains("PATH="), "{seen}");
        assert_eq!(seen.contains("GRANTED=word-of-tests-3"), granted, "{keys}: {seen}");
        let hidden = ["sk-of-tests-1", "word-of-tests-2", "word-of-tests-4", "key-of-tests"];
        assert_eq!(hidden.iter().find(|word| seen.contains(**word)), None, "{keys}: {seen}");
    }
}

#[test]
fn what_nobody_granted_is_neither_read_nor_written() {
    needs!(bwrap);
    let place = Place::new();
    place.write("private.txt", "of nobody's business");
    std::fs::create_dir(place.path().join("outside")).unwrap();
    let (private, outside) = (place.path().join("private.txt"), place.path().join("outside"));
    let (private, outside) = (private.display().to_string(), outside.display().to_string());
    let made = [
        // With the file tools.
        read(&private),
        read("../../../private.txt"),
        read("/etc/passwd"),
        read("/proc/self/environ"),
        call("list_directory", json!({"path": outside})),
        call("grep", json!({"pattern": "business", "path": place.path().display().to_string()})),
        call("write_file", json!({"path": format!("{outside}/a"), "content": "x"})),
        call("copy_file", json!({"source_path": private, "destination_path": "stolen"})),
        // Through a link that a command has planted.
        run(&format!("ln -s {private} link && ln -s {outside} dir && ln -s / root")),
        read("link"),
        read("root/etc/passwd"),
        call("write_file", json!({"path": "dir/b", "content": "x"})),
        // With commands.
        run(&format!("cat {private}")),
        run("cat link"),
        run(&format!("ls {outside}")),
        run(&format!("echo x > {outside}/c")),
        run("echo x > dir/d"),
        run("cat /etc/shadow"),
        run("touch /usr/massgen-was-here"),
        call("execute_command", json!({"command": "pwd", "work_dir": outside})),
        call("execute_command", json!({"command": "pwd", "work_dir": "../.."})),
        run(&format!("cat {}/.massgen/massgen_logs/*/turn_1/attempt_1/events.jsonl", place.path().display())),
    ];
    let (_, _, over) = solo_run(&place, commands(), &made);
    for (number, over) in over.iter().enumerate() {
        if number == 8 {
            assert_eq!(over.json()["success"], true, "{over:?}");
            continue;
        }
        let failed = over.is_refused() || over.json()["success"] == false;
        assert!(failed, "call {number} got through: {over:?}");
        assert!(!over.result.contains("business") && !over.result.contains("root:"), "call {number}: {over:?}");
    }
    assert_eq!(crate::files::entries(std::path::Path::new(&outside)), Vec::<String>::new());
    assert!(!std::path::Path::new("/usr/massgen-was-here").exists());
    state!("{} ways out of the workspace, {} refused", over.len() - 1, over.len() - 1);
}

#[test]
fn commands_run_without_a_box_only_where_that_is_written() {
    needs!(bwrap);
    let place = Place::new();
    let private = place.write("private.txt", "of nobody's business");
    let made = [run(&format!("cat {}", private.display())), read(&private.display().to_string())];
    let (finished, _, over) = solo_run(&place, with(json!({"command_line_execution_mode": "local"})), &made);
    assert_eq!(over[0].stdout(), "of nobody's business");
    assert!(over[1].is_refused(), "the file tools keep to the workspace: {over:?}");
    state!("with local: {}", finished.stderr.trim());
    for keys in [
        commands(),
        with(json!({"command_line_execution_mode": "sandbox"})),
        with(json!({"command_line_execution_mode": "srt"})),
    ] {
        let place = Place::new();
        place.write("private.txt", "of nobody's business");
        let made = [run(&format!("cat {}", place.path().join("private.txt").display()))];
        let (_, _, over) = solo_run(&place, keys, &made);
        assert_eq!(over[0].json()["success"], false, "{over:?}");
    }
}

#[test]
fn without_the_engine_that_was_asked_for_nothing_starts() {
    let (place, provider) = (Place::new(), solo_calls(&[run("echo hello")]));
    let team = solo(&provider, with(json!({"command_line_execution_mode": "docker"})));
    let program = place.ask(&team.config(), &["--automation"]).env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let finished = program.run();
    assert!(finished.status.code().is_some_and(|code| code != 0), "{finished}");
    assert!(finished.stderr.contains("error: ") && finished.stderr.contains("/nowhere/docker.sock"), "{finished}");
    assert_eq!(provider.received().len(), 0, "no model was asked");
}

#[test]
fn a_command_that_takes_too_long_is_killed_with_all_its_children() {
    needs!(bwrap);
    let seconds = forever(1);
    let command = format!("setsid sleep {seconds} & nohup sleep {seconds} & (sleep {seconds}); echo never");
    // After the command the model falls silent, so that the run is still there when the test looks.
    let mut solo_steps = steps(json!({}), &[run(&command)], json!({"fault": "hang"}));
    solo_steps.truncate(2);
    let (place, provider) = (Place::new(), play(json!({"solo": solo_steps})));
    let team = solo(&provider, with(json!({"command_line_timeout": 0.5})));
    let mut program = place.ask(&team.config(), &["--stream-events"]).start();
    program.until(|view| view.agents.first().is_some_and(|agent| agent.calls == 2));
    assert_end(&marked(&seconds));
    program.signal(rustix::process::Signal::INT);
    program.finish().expect(4);
    let over = calls(&place.log());
    assert!(over[0].is_refused() && over[0].result.contains("0.5"), "{over:?}");
    assert!(!over[0].stdout().contains("never"), "{over:?}");
    assert_eq!(over[0].json()["exit_code"], -9, "it was killed, and seen to end: {over:?}");
}

#[test]
fn background_shells_are_led_by_name_and_end_with_the_run() {
    needs!(bwrap);
    let seconds = forever(2);
    let shell = |tool: &str, more: Value| {
        let mut arguments = json!({"shell_id": "shell_1"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(tool, arguments)
    };
    let made = [
        call("start_background_shell", json!({"command": format!("echo begun; cat; exec sleep {seconds}")})),
        shell("send_background_shell_input", json!({"input": "to be echoed\n"})),
        // What it prints is waited for inside, by a second shell that ends when it is there.
        call("start_background_shell", json!({"command": format!("setsid sleep {seconds} & sleep {seconds}")})),
        shell("get_background_shell_status", json!({})),
        call("list_background_shells", json!({})),
        shell("kill_background_shell", json!({})),
        shell("get_background_shell_status", json!({})),
        call("get_background_shell_output", json!({"shell_id": "shell_9"})),
    ];
    let (_, _, over) = solo_run(&Place::new(), commands(), &made);
    assert_eq!(
        (&over[0].json()["shell_id"], &over[3].json()["status"]),
        (&json!("shell_1"), &json!("running")),
        "{over:#?}"
    );
    assert_eq!(over[4].json()["count"], 2, "{over:#?}");
    assert_eq!(over[6].json()["status"], "killed", "{over:#?}");
    assert!(over[7].is_refused() && over[7].result.contains("shell_2"), "{over:#?}");
    let left = marked(&seconds);
    assert!(left.is_empty(), "still running when the program had ended: {left:?}");
}

#[test]
fn blocked_and_allowed_commands() {
    needs!(bwrap);
    let keys = with(
        json!({"command_line_blocked_commands": ["rm .*"], "command_line_allowed_commands": ["echo .*", "rm .*"]}),
    );
    let made = [run("echo hello"), run("rm -r x"), run("echo a; rm x"), run("cat x")];
    let (_, _, over) = solo_run(&Place::new(), keys, &made);
    assert_eq!(over[0].stdout(), "hello\n");
    for over in &over[1..] {
        assert!(over.is_refused(), "{over:?}");
    }
}

/// The decisions in the journal: what it was about, whether it may be, and why.
fn judged(log: &Log) -> Vec<(String, bool, String)> {
    let judged = |activity| match activity {
        Activity::CallJudged { subject, granted, by, .. } => Some((subject, granted, by)),
        _ => None,
    };
    log.activities().into_iter().filter_map(judged).collect()
}

#[test]
fn rules_decide_and_every_decision_is_written_down() {
    needs!(bwrap);
    let rules = json!({
        "deny": ["command(git push*)", "write_file(./kept/**)"],
        "ask": ["command(touch *)"],
        "allow": ["command(echo *)", "write_file(./**)"],
    });
    let made = [
        run("git push --force"),
        run("echo ok && git   push origin"),
        run("touch x"),
        run("echo allowed"),
        run("mkdir made"),
        call("write_file", json!({"path": "kept/a", "content": "x"})),
        call("write_file", json!({"path": "free", "content": "x"})),
    ];
    for (default, asked_are_granted) in [("deny", false), ("allow", true)] {
        let permissions = json!({"enabled": true, "automation_default": default, "rules": rules});
        let place = Place::new();
        let (_, log, over) = solo_run(&place, with(json!({"permissions": permissions})), &made);
        let granted: Vec<bool> = over.iter().map(|over| !over.is_refused()).collect();
        let asked = asked_are_granted;
        assert_eq!(granted, [false, false, asked, true, asked, false, true], "{over:#?}");
        let judged = judged(&log);
        assert_eq!(judged.len(), made.len(), "{judged:#?}");
        assert_eq!(judged.iter().map(|(_, granted, _)| *granted).collect::<Vec<_>>(), granted, "{judged:#?}");
        let by = |number: usize| judged[number].2.as_str();
        assert_eq!((by(0), by(3)), ("deny command(git push*)", "allow command(echo *)"));
        assert_eq!((by(5), by(6)), ("deny write_file(./kept/**)", "allow write_file(./**)"));
        assert!(by(2).contains("ask command(touch *)"), "{judged:#?}");
        assert!(judged[0].0.contains("git push --force"), "{judged:#?}");
        assert!(over[0].result.contains("git push"), "the model is told why: {over:#?}");
    }
}

#[test]
fn the_user_is_asked_at_the_terminal() {
    needs!(bwrap);
    let rules = json!({"enabled": true, "rules": {"ask": ["command(touch *)"], "allow": ["command(ls*)"]}});
    let made = [run("touch first"), run("touch second"), run("touch third"), run("touch third"), run("ls")];
    let (place, provider) = (Place::new(), solo_calls(&made));
    place.write("team.yaml", &solo(&provider, with(json!({"permissions": rules}))).config());
    let mut terminal = Terminal::start(&place, &["--config", "team.yaml", "What is 6 x 7?"]);
    for (command, answer) in [("touch first", "y"), ("touch second", "use another name"), ("touch third", "always")] {
        terminal.shows("wants to use");
        terminal.shows(command);
        terminal.shows("a reason why not: ");
        terminal.types(answer);
    }
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    let over = calls(&place.log());
    assert_eq!(over.last().unwrap().stdout(), "first\nthird\n", "{screen}");
    assert!(over[1].is_refused() && over[1].result.contains("use another name"), "{over:#?}");
    let judged = judged(&place.log());
    assert_eq!(judged.iter().map(|(_, granted, _)| *granted).collect::<Vec<_>>(), [true, false, true, true, true]);
    assert!(judged[3].2.contains("for good"), "{judged:#?}");
}

#[test]
fn some_commands_are_refused_whatever_the_rules_say() {
    needs!(bwrap);
    let permissions = json!({"enabled": true, "automation_default": "allow", "rules": {"allow": ["command(*)"]}});
    for keys in [commands(), with(json!({"permissions": permissions}))] {
        let place = Place::new();
        let (_, log, over) = solo_run(&place, keys, &[run("mkfs /nowhere/at/all"), run("echo fine")]);
        assert!(over[0].is_refused() && !over[1].is_refused(), "{over:#?}");
        assert!(!judged(&log)[0].1);
    }
}

#[test]
fn a_role_that_only_reads_writes_nothing() {
    needs!(bwrap);
    let permissions = json!({"enabled": true, "role": "read-only", "automation_default": "allow"});
    let made = [call("write_file", json!({"path": "a", "content": "x"})), run("touch a"), run("ls")];
    let (_, _, over) = solo_run(&Place::new(), with(json!({"permissions": permissions})), &made);
    assert_eq!(over.iter().map(Over::is_refused).collect::<Vec<_>>(), [true, true, false], "{over:#?}");
}

#[test]
fn output_is_bounded_and_can_be_paged() {
    needs!(bwrap, python);
    let made = [
        run(
            "python3 -c 'print(\"x\" * 79 + \"\\n\") if 0 else [print(i) for i in range(2000000)]' > /dev/stdout; echo end >&2",
        ),
        call("get_background_shell_output", json!({"shell_id": "command_1", "tail": 2})),
        call("get_background_shell_output", json!({"shell_id": "command_1", "offset": 7_000_000})),
    ];
    let place = Place::new();
    let provider = solo_calls(&made);
    place.ask(&solo(&provider, commands()).config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert!(!over.iter().any(Over::is_refused), "{over:#?}");
    // The journal keeps the beginning of a result; the model gets all that there is room for.
    let requests = provider.received();
    let bytes: Vec<usize> = requests.iter().map(|request| request.body.to_string().len()).collect();
    state!(
        "15 MB of output cost {} bytes of context, its tail {}, a page {}",
        bytes[1] - bytes[0],
        bytes[2] - bytes[1],
        bytes[3] - bytes[2]
    );
    assert!(bytes[3] - bytes[0] < 200_000, "{bytes:?}");
    assert!(over[1].result.contains(r"1999998\n1999999\n"), "{over:#?}");
    assert!(notices(&place.log()).is_empty());
}
