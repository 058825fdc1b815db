//! The user's own files: read by all, changed in a copy, written back with the user's consent.

mod review;

use std::path::{Path, PathBuf};
use std::process::Command;

use massgen_protocol::Activity;
use serde_json::{Value, json};

use crate::files::{Files, entries, files, read_files};
use crate::log::Log;
use crate::place::Place;
use crate::provider::Provider;
use crate::script::{call, play, read, run, solo_calls, steps, write};
use crate::team::{Team, solo};
use crate::told::{Over, calls, requests_of, text};

const POEM: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\neleven\ntwelve\n";

/// Brings a shell into the copy of the user's directory, wherever it is.
const ENTER: &str = "cd ../../changes/copies/*/tree/* && ";

fn project(place: &Place) -> Files {
    let before =
        files(&[("poem.txt", POEM), ("sub/other.txt", "other\n"), ("kept/key.txt", "kept\n"), ("old.txt", "old\n")]);
    for (path, content) in &before {
        let path = place.path().join("project").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    before
}

fn with(before: &Files, changes: &[(&str, Option<&str>)]) -> Files {
    let mut after = before.clone();
    for (path, content) in changes {
        match content {
            Some(content) => drop(after.insert((*path).to_owned(), content.as_bytes().to_owned())),
            None => drop(after.remove(*path)),
        }
    }
    after
}

fn read_project(place: &Place) -> Files {
    read_files(&place.path().join("project"))
}

/// One agent with commands, and `project` for it to change.
fn team(provider: &Provider, more: Value) -> Team {
    let paths = json!({"context_paths": [{"path": "project", "permission": "write", "protected_paths": ["kept"]}]});
    solo(provider, json!({"enable_mcp_command_line": true})).orchestrator(paths).orchestrator(more)
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Tests", "-c", "user.email=tests@localhost", "-c", "init.defaultBranch=main"]);
    command.args(arguments).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What became of the changes: how many, how many of them were made, the words, and where they are as a patch.
fn offered(log: &Log) -> Vec<(u64, u64, String, PathBuf)> {
    let offered = |activity| match activity {
        Activity::ChangesOffered { changed, applied, note, patch, .. } => {
            Some((changed, applied, note, PathBuf::from(patch.unwrap_or_default())))
        }
        _ => None,
    };
    log.activities().into_iter().filter_map(offered).collect()
}

fn change() -> [Value; 2] {
    [
        run(&format!("{ENTER}sed -i 's/^two$/TWO/; s/^eleven$/ELEVEN/' poem.txt && rm old.txt && mkdir -p deep/er")),
        run(&format!("{ENTER}printf 'new\\n' > deep/er/new.txt && chmod +x sub/other.txt")),
    ]
}

fn changed(before: &Files) -> Files {
    let poem = POEM.replace("two\n", "TWO\n").replace("eleven\n", "ELEVEN\n");
    with(before, &[("poem.txt", Some(&poem)), ("old.txt", None), ("deep/er/new.txt", Some("new\n"))])
}

#[test]
fn changes_are_made_in_a_copy_and_written_back_where_the_config_says_so() {
    needs!(bwrap);
    let (place, provider) = (Place::new(), solo_calls(&change()));
    let before = project(&place);
    let finished = place.ask(&team(&provider, json!({"apply": "always"})).config(), &[]).run().expect(0);
    let over = calls(&place.log());
    assert!(over.iter().all(|over| !over.is_refused() && !over.result.contains(r#""success":false"#)), "{over:#?}");
    assert_eq!(read_project(&place), changed(&before));
    let mode = std::fs::metadata(place.path().join("project/sub/other.txt")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o111, 0o111);
    let patch = place.log().attempt().join("project.patch");
    assert_eq!(offered(&place.log()), [(4, 4, "applied".to_owned(), patch.canonicalize().unwrap())], "{finished}");
    assert_eq!(entries(&place.path().join(".massgen/changes/copies")), Vec::<String>::new());
}

#[test]
fn the_file_tools_reach_the_copy() {
    needs!(bwrap);
    let edits = json!([{"oldText": "two", "newText": "TWO"}]);
    let made = [
        call("edit_file", json!({"path": "${copy}/poem.txt", "edits": edits})),
        write("${copy}/deep/er/new.txt", "new\n"),
        read("${copy}/old.txt"),
        call("delete_file", json!({"path": "${copy}/old.txt"})),
        write("${copy}/kept/key.txt", "changed"),
        write("${copy}/kept/new.txt", "new"),
        write("${copy}/../beside.txt", "beside"),
        write("${copy}/.git/hooks/post-checkout", "#!/bin/sh"),
    ];
    let (place, provider) = (Place::new(), solo_calls(&made));
    let before = project(&place);
    place.ask(&team(&provider, json!({"apply": "always"})).config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    let refused: Vec<bool> = over.iter().map(Over::is_refused).collect();
    assert_eq!(refused, [false, false, false, false, true, true, true, true], "{over:#?}");
    let poem = POEM.replace("two", "TWO");
    let changes = [("poem.txt", Some(poem.as_str())), ("old.txt", None), ("deep/er/new.txt", Some("new\n"))];
    assert_eq!(read_project(&place), with(&before, &changes));
}

#[test]
fn what_is_not_applied_stays_as_a_patch() {
    needs!(bwrap, git);
    for apply in [json!({"apply": "never"}), json!({})] {
        let (place, provider) = (Place::new(), solo_calls(&change()));
        let before = project(&place);
        place.ask(&team(&provider, apply).config(), &["--automation"]).run().expect(0);
        assert_eq!(read_project(&place), before);
        let log = place.log();
        let offered = offered(&log);
        assert_eq!((offered[0].0, offered[0].1), (4, 0), "{offered:?}");
        let patch = log.attempt().join("project.patch");
        assert_eq!(offered[0].3.canonicalize().unwrap(), patch.canonicalize().unwrap(), "{offered:?}");
        // Git can make of the old what the presenter made.
        git(&place.path().join("project"), &["apply", &patch.display().to_string()]);
        assert_eq!(read_project(&place), changed(&before));
    }
    // Also where there is no log.
    let (place, provider) = (Place::new(), solo_calls(&change()));
    let before = project(&place);
    place.ask(&team(&provider, json!({})).config(), &["--automation", "--no-logs"]).run().expect(0);
    let patch = place.path().join(".massgen/patches/project.patch");
    git(&place.path().join("project"), &["apply", &patch.display().to_string()]);
    assert_eq!(read_project(&place), changed(&before));
}

#[test]
fn protected_paths_are_never_changed() {
    needs!(bwrap);
    let made = [
        run(&format!("{ENTER}echo x >> kept/key.txt")),
        run(&format!("{ENTER}rm -rf kept")),
        run(&format!("{ENTER}mv kept gone")),
        run(&format!("{ENTER}touch kept/new.txt")),
        run(&format!("{ENTER}ln -s kept other && echo x > other/key.txt")),
        run(&format!("{ENTER}rm -f other; true")),
        run(&format!("{ENTER}echo fine > poem.txt")),
    ];
    let (place, provider) = (Place::new(), solo_calls(&made));
    let before = project(&place);
    place.ask(&team(&provider, json!({"apply": "always"})).config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert_eq!(read_project(&place), with(&before, &[("poem.txt", Some("fine\n"))]), "{over:#?}");
    let failed = over.iter().filter(|over| over.json()["success"] == false).count();
    assert_eq!(failed, 5, "{over:#?}");
}

#[test]
fn only_the_presenter_changes_anything() {
    needs!(bwrap);
    let place = Place::new();
    let before = project(&place);
    let original = place.path().join("project");
    let in_original = |name: &str| original.join(name).display().to_string();
    let tries = [
        read(&in_original("poem.txt")),
        run(&format!("cat {}", in_original("sub/other.txt"))),
        write(&in_original("poem.txt"), "changed"),
        run(&format!("echo changed > {}", in_original("poem.txt"))),
        run(&format!("rm {}", in_original("old.txt"))),
        call("delete_file", json!({"path": in_original("old.txt")})),
        run(&format!("touch {}", in_original("new.txt"))),
        run(&format!("{ENTER}pwd")),
    ];
    let vote = json!({"vote": {"for": "42 by one", "reason": "It is first."}});
    let mut models = json!({});
    for model in ["one", "two"] {
        let mut script = steps(
            json!({"presenting": true}),
            &[run(&format!("{ENTER}echo by {model} > new.txt")), tries[3].clone()],
            json!({"say": "The answer is 42."}),
        );
        script.extend(steps(json!({"answers": 0}), &tries, json!({"new_answer": format!("42 by {model}")})));
        script.push(vote.clone());
        models[model] = json!(script);
    }
    let provider = play(models);
    let paths = json!({"context_paths": [{"path": "project", "permission": "write"}], "apply": "always", "verification": "off"});
    let team = Team::new().worker(&provider, "openai", "one").worker(&provider, "claude", "two").orchestrator(paths);
    place.ask(&team.config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    let failed: Vec<bool> =
        over.iter().map(|over| over.is_refused() || over.result.contains(r#""success":false"#)).collect();
    // Both may read twice; of all else only the presenter's change of its copy goes through.
    assert_eq!(failed.iter().filter(|failed| !**failed).count(), 5, "{over:#?}");
    assert_eq!(read_project(&place), with(&before, &[("new.txt", Some("by one\n"))]));
    assert!(text(&provider.received()[0]).contains("The user's files, for you to read"), "they are told");
}

#[test]
fn without_permission_to_write_nobody_changes_anything() {
    needs!(bwrap);
    let place = Place::new();
    let before = project(&place);
    let poem = place.path().join("project/poem.txt").display().to_string();
    let provider =
        solo_calls(&[read(&poem), run(&format!("echo x > {poem}")), write(&poem, "x"), run(&format!("{ENTER}pwd"))]);
    let team = solo(&provider, json!({"enable_mcp_command_line": true}))
        .orchestrator(json!({"context_paths": [{"path": "project", "permission": "read"}], "apply": "always"}));
    place.ask(&team.config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert!(over[0].result.contains("eleven") && over[2].is_refused(), "{over:#?}");
    assert_eq!((&over[1].json()["success"], &over[3].json()["success"]), (&json!(false), &json!(false)), "{over:#?}");
    assert_eq!(read_project(&place), before);
    assert_eq!(offered(&place.log()), []);
}

#[test]
fn a_repository_with_uncommitted_changes() {
    needs!(bwrap, git);
    let made = [
        run(&format!("{ENTER}cat poem.txt draft.txt; ls; git status --short; git log --oneline")),
        run(&format!(
            "{ENTER}sed -i 's/^twelve$/TWELVE/' poem.txt && echo more >> draft.txt && rm old.txt && git add -A . ; git commit -qm theirs; true"
        )),
    ];
    let (place, provider) = (Place::new(), solo_calls(&made));
    project(&place);
    let top = place.path().join("project");
    git(&top, &["init", "-q"]);
    std::fs::write(top.join(".gitignore"), "ignored.txt\n").unwrap();
    git(&top, &["add", "-A"]);
    git(&top, &["commit", "-q", "-m", "first"]);
    // What the user has not committed yet: a change, a staged change, a new file; and one that git ignores.
    std::fs::write(top.join("poem.txt"), POEM.replace("one\n", "ONE\n")).unwrap();
    std::fs::write(top.join("sub/other.txt"), "staged\n").unwrap();
    git(&top, &["add", "sub/other.txt"]);
    std::fs::write(top.join("draft.txt"), "draft\n").unwrap();
    std::fs::write(top.join("ignored.txt"), "a secret\n").unwrap();
    let state = || {
        let ask = |arguments: &[&str]| git(&top, arguments);
        [
            ask(&["rev-parse", "HEAD"]),
            ask(&["branch", "-a"]),
            ask(&["stash", "list"]),
            ask(&["worktree", "list"]),
            ask(&["diff", "--cached"]),
        ]
    };
    let before = state();
    place.ask(&team(&provider, json!({"apply": "always"})).config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    let seen = over[0].stdout();
    assert!(seen.starts_with("ONE\n") && seen.contains("\ndraft\n") && seen.contains(" first\n"), "{seen}");
    assert!(!seen.contains("ignored.txt"), "{seen}");
    assert_eq!(
        std::fs::read_to_string(top.join("poem.txt")).unwrap(),
        POEM.replace("one\n", "ONE\n").replace("twelve", "TWELVE")
    );
    assert_eq!(std::fs::read_to_string(top.join("draft.txt")).unwrap(), "draft\nmore\n");
    assert_eq!(std::fs::read_to_string(top.join("ignored.txt")).unwrap(), "a secret\n");
    assert!(!top.join("old.txt").exists());
    assert_eq!(state(), before, "commits, branches, stash, worktrees and index are the user's alone");
    git(&top, &["fsck", "--strict"]);
}

#[test]
fn a_single_file() {
    needs!(bwrap);
    let made = [
        run(&format!("{ENTER}ls && echo more >> poem.txt && echo x > beside.txt")),
        read("${workspace}/../../../project/old.txt"),
    ];
    let (place, provider) = (Place::new(), solo_calls(&made));
    let before = project(&place);
    let team = solo(&provider, json!({"enable_mcp_command_line": true})).orchestrator(
        json!({"context_paths": [{"path": "project/poem.txt", "permission": "write"}], "apply": "always"}),
    );
    place.ask(&team.config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert_eq!(over[0].stdout(), "poem.txt\n", "{over:#?}");
    assert!(over[1].is_refused(), "{over:#?}");
    assert_eq!(read_project(&place), with(&before, &[("poem.txt", Some(&format!("{POEM}more\n")))]));
}

#[test]
fn what_the_user_changes_meanwhile_is_not_lost() {
    needs!(bwrap);
    for (policy, poem, other) in [
        ("skip", "by the user\n", "by the presenter\n"),
        ("prefer_presenter", "by the presenter\n", "by the presenter\n"),
        ("fail", "by the user\n", "other\n"),
    ] {
        let place = Place::new();
        project(&place);
        let original = place.path().join("project/poem.txt");
        let provider = solo_calls(&[
            run(&format!("{ENTER}echo by the presenter | tee poem.txt > sub/other.txt")),
            // The model goes on when the user has saved the file.
            run(&format!("echo waiting; until grep -q user {}; do sleep 0.02; done", original.display())),
        ]);
        let team = team(&provider, json!({"apply": "always", "coordination": {"drift_conflict_policy": policy}}));
        let mut program = place.ask(&team.config(), &["--stream-events"]).start();
        program.line(|line| line.contains("tool_output") && line.contains("waiting"));
        std::fs::write(&original, "by the user\n").unwrap();
        program.finish().expect(0);
        let offered = offered(&place.log());
        assert_eq!(std::fs::read_to_string(&original).unwrap(), poem, "{policy}: {offered:?}");
        let path = place.path().join("project/sub/other.txt");
        assert_eq!(std::fs::read_to_string(path).unwrap(), other, "{policy}: {offered:?}");
        assert!(offered[0].2.contains("poem.txt"), "the user is told: {policy}: {offered:?}");
        if let Some((_, kept)) = offered[0].2.split_once("your version is in ") {
            assert_eq!(
                (std::fs::read_to_string(kept).unwrap().as_str(), policy),
                ("by the user\n", "prefer_presenter")
            );
        }
        let patch = std::fs::read_to_string(&offered[0].3).unwrap();
        assert!(patch.contains("+by the presenter"), "nothing of the presenter's is lost either: {policy}: {patch}");
    }
}

#[test]
fn a_context_path_that_is_not_there_is_named_before_anything_starts() {
    let (place, provider) = (Place::new(), solo_calls(&[]));
    let finished = place.ask(&team(&provider, json!({})).config(), &["--automation"]).run();
    assert!(finished.status.code().is_some_and(|code| code != 0), "{finished}");
    assert!(finished.stderr.contains("project"), "{finished}");
    assert_eq!(provider.received().len(), 0);
}

#[test]
fn agents_cannot_see_each_other_through_the_users_files() {
    let (place, provider) = (Place::new(), solo_calls(&[]));
    project(&place);
    for (key, more) in [
        ("cwd", json!({"cwd": place.path().join("project/work")})),
        ("agent_temporary_workspace", json!({})),
        ("snapshot_storage", json!({})),
    ] {
        let mut paths = json!({"context_paths": [{"path": "project"}]});
        if key != "cwd" {
            paths[key] = json!(place.path().join("project/place"));
        }
        let finished = place.ask(&solo(&provider, more).orchestrator(paths).config(), &[]).run().expect(1);
        assert!(finished.stderr.contains(&format!("`{key}` puts ")), "{key}: {finished}");
        assert!(finished.stderr.contains("where all agents would see each other's work"), "{key}: {finished}");
        assert!(entries(&place.path().join(".massgen/workspaces")).is_empty(), "{key}: what was made is removed");
    }
}

#[test]
fn the_config_is_not_among_the_files_that_agents_see() {
    needs!(bwrap);
    let place = Place::new();
    let config = place.path().canonicalize().unwrap().join("team.yaml").display().to_string();
    let provider = solo_calls(&[read(&config), run(&format!("cat {config}"))]);
    let more = json!({"enable_mcp_command_line": true});
    let team = solo(&provider, more).orchestrator(json!({"context_paths": [{"path": "."}]}));
    place.ask(&team.config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert_eq!(over.len(), 2);
    // There are keys in it.
    assert!(over.iter().all(|over| over.is_refused() || over.result.contains(r#""success":false"#)), "{over:#?}");
    assert!(over.iter().all(|over| !over.result.contains("key-of-tests")), "{over:#?}");
}

#[test]
fn keys_in_the_users_files_are_nobodys_to_read() {
    needs!(bwrap);
    let (place, made) = (Place::new(), [".env", "sub/.env", "sub/deep/.ssh/id_ed25519", ".git/config"]);
    project(&place);
    let path = |name: &str| place.path().join("project").join(name);
    for name in made {
        std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        std::fs::write(path(name), "token-of-tests").unwrap();
    }
    for permission in ["read", "write"] {
        // Without its settings, git would not work: what is in them, commands can read.
        let tries: Vec<Value> = made
            .iter()
            .flat_map(|name| {
                let path = path(name).display().to_string();
                let with_command = if name.starts_with(".git/") { "true".to_owned() } else { format!("cat {path}") };
                [read(&path), run(&with_command)]
            })
            .chain([run(&format!("grep -r --exclude-dir=.git token-of-tests {} ../../changes", path("").display()))])
            .collect();
        let provider = solo_calls(&tries);
        let team = solo(&provider, json!({"enable_mcp_command_line": true}))
            .orchestrator(json!({"context_paths": [{"path": "project", "permission": permission}]}));
        place
            .ask(&team.config(), &["--automation"])
            .env("MASSGEN_LOG_BASE_DIR", &format!("logs_{permission}"))
            .run()
            .expect(0);
        let over = calls(&Log::new(session(&place, &format!("logs_{permission}"))));
        assert_eq!(over.len(), 9, "{over:#?}");
        for (number, over) in over.iter().enumerate() {
            let leaks = over.result.replace("--exclude-dir=.git token-of-tests", "").contains("token-of-tests");
            assert!(!leaks, "{permission}, call {number}: {over:?}");
        }
    }
}

/// The one session in a folder of logs.
fn session(place: &Place, logs: &str) -> PathBuf {
    let mut sessions = std::fs::read_dir(place.path().join(logs)).unwrap();
    sessions.next().unwrap().unwrap().path()
}

#[test]
fn a_path_of_one_agent_is_not_the_others() {
    needs!(bwrap);
    let place = Place::new();
    project(&place);
    let poem = place.path().join("project/poem.txt").display().to_string();
    let tries = [read(&poem), run(&format!("cat {poem}"))];
    let script = |model: &str| {
        let mut script = vec![json!({"when": {"presenting": true}, "say": "The answer is 42."})];
        script.extend(steps(json!({"answers": 0}), &tries, json!({"new_answer": format!("42 by {model}")})));
        script.push(json!({"vote": {"for": "42 by one", "reason": "It is right."}}));
        json!(script)
    };
    let provider = play(json!({"one": script("one"), "two": script("two")}));
    let mine = json!({"enable_mcp_command_line": true, "context_paths": [{"path": "project", "permission": "read"}]});
    let team = Team::new().agent(&provider, "openai", "one", mine).worker(&provider, "openai", "two");
    place.ask(&team.orchestrator(json!({"verification": "off"})).config(), &["--automation"]).run().expect(0);
    for (model, reads) in [("one", true), ("two", false)] {
        let bodies = requests_of(&provider, model);
        let saw = bodies.iter().filter(|request| request.body.to_string().contains("eleven")).count();
        assert_eq!(saw > 0, reads, "{model}");
        let is_told = bodies[0].body.to_string().contains(&place.path().join("project").display().to_string());
        assert_eq!(is_told, reads, "{model}");
    }
}

#[test]
fn the_presenter_is_told_what_it_may_change() {
    let (place, provider) = (Place::new(), solo_calls(&[]));
    project(&place);
    place.ask(&team(&provider, json!({})).config(), &["--automation"]).run().expect(0);
    let told = text(&provider.received()[0]);
    let stands_for = format!(" stands for {}", place.path().canonicalize().unwrap().join("project").display());
    assert!(told.contains(&stands_for), "{told}");
    assert!(!told.contains("not to change"), "nothing says the contrary: {told}");
}
