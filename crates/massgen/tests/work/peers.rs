//! What agents see of each other's work, and what they do not.

use std::path::Path;

use serde_json::{Value, json};

use crate::place::Place;
use crate::provider::Provider;
use crate::script::{call, play, read, run, steps};
use crate::team::Team;
use crate::told::{Over, calls, notices, requests_of, workspace_of};

/// The first agent makes these calls and answers; the second makes those when it sees the answer. Both vote for it.
fn ask(place: &Place, first: &[Value], answer: &str, second: &[Value]) -> (Provider, Vec<Over>) {
    let script = |own: Vec<Value>, looks: &[Value]| {
        let mut script = vec![json!({"when": {"presenting": true}, "say": "The answer is 42."})];
        script.extend(own);
        script.extend(steps(json!({"shows": ["42"]}), looks, json!({"vote": {"for": "42", "reason": "It is right."}})));
        json!(script)
    };
    let one = script(steps(json!({"answers": 0}), first, json!({"new_answer": answer})), &[]);
    let two = script(vec![json!({"when": {"answers": 0}, "new_answer": "I do not know."})], second);
    let provider = play(json!({"one": one, "two": two}));
    let team = Team::new().worker(&provider, "openai", "one").worker(&provider, "claude", "two");
    let team = team.orchestrator(json!({"verification": "off"}));
    place.ask(&team.config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert_eq!(over.len(), first.len() + second.len(), "{over:#?}");
    (provider, over.into_iter().skip(first.len()).collect())
}

#[test]
fn work_arrives_as_it_was() {
    needs!(bwrap);
    let make = "mkdir -p bin empty deep/er && printf '#!/bin/sh\\necho it runs\\n' > bin/tool && chmod 755 bin/tool && \
                ln -s bin/tool tool && ln -s ../bin/tool deep/link && head -c 3000000 /dev/zero > large && \
                printf 'a\\000b' > deep/er/binary && touch 'a name with spaces' && echo x > .hidden";
    let look = "cd ${peers}/agent1 && ./tool && deep/link && ls -A && stat -c '%a %s' bin/tool large deep/er/binary && \
                readlink tool && ls -A empty | wc -l";
    let place = Place::new();
    let (_, over) = ask(&place, &[run(make)], "42, see `bin/tool`", &[run(look)]);
    let expected = [
        "it runs",
        "it runs",
        ".hidden",
        "a name with spaces",
        "bin",
        "deep",
        "empty",
        "large",
        "tool",
        "755 23",
        "644 3000000",
        "644 3",
        "bin/tool",
        "0",
    ];
    assert_eq!(over[0].stdout().lines().collect::<Vec<_>>(), expected, "{over:#?}");
}

#[test]
fn what_a_peer_has_planted_leads_nowhere() {
    needs!(bwrap);
    let place = Place::new();
    let private = place.write("private.txt", "of nobody's business");
    let plant = format!(
        "ln -s {} link; ln -s / root; ln -s ../../../.. up; mkfifo pipe; mkdir d && ln -s /etc d/etc; echo 42 > plain",
        private.display()
    );
    let inside = |path: &str| format!("${{peers}}/agent1/{path}");
    let looks = [
        read(&inside("plain")),
        read(&inside("link")),
        read(&inside("root/etc/passwd")),
        read(&inside("d/etc/passwd")),
        read(&inside("up/private.txt")),
        read(&inside("pipe")),
        call("write_file", json!({"path": inside("../../massgen-was-here"), "content": "x"})),
        run("cat ${peers}/agent1/link"),
        run("cat ${peers}/agent1/up/private.txt"),
        call("grep", json!({"pattern": "business", "path": "${peers}"})),
        call("directory_tree", json!({"path": "${peers}"})),
    ];
    let (_, over) = ask(&place, &[run(&plant)], "The answer is 42.", &looks);
    assert!(!over[0].is_refused() && over[0].result.contains("42"), "{over:#?}");
    for (number, over) in over.iter().enumerate().skip(1) {
        let found = over.result.contains("of nobody's") || over.result.contains("root:");
        assert!(!found, "call {number} leads out: {over:?}");
    }
    assert!(over[1..7].iter().all(Over::is_refused), "{over:#?}");
    assert!(!place.path().join(".massgen/massgen-was-here").exists());
    // What is left out of an answer is not left out in silence.
    let told = notices(&place.log());
    assert!(told.iter().any(|notice| notice.contains("link")), "{told:#?}");
}

#[test]
fn nobody_sees_where_the_others_work() {
    needs!(bwrap);
    let place = Place::new();
    let looks = [
        run("ls ${workspace}/.. ${peers}/..; ls ${peers}"),
        run("cat ${workspace}/../../massgen_logs/*/turn_1/attempt_1/events.jsonl; ls ${workspace}/../../snapshots"),
        run("ps ax -o args; cat /proc/[0-9]*/cmdline"),
    ];
    let (provider, over) = ask(&place, &[run("echo 42 > a.txt")], "42, in ${workspace}/a.txt", &looks);
    let (one, two) = (workspace_of(&provider, "one"), workspace_of(&provider, "two"));
    let listed = over[0].stdout();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(listed.contains(&name(&two)) && !listed.contains(&name(&one)), "{listed}");
    assert!(!over[1].result.contains("run_opened"), "{over:#?}");
    for request in requests_of(&provider, "two") {
        let body = request.body.to_string();
        assert!(!body.contains(&name(&one)), "the first agent's directory: {body}");
        let suffix = name(&one).replace("workspace_", "");
        assert!(!body.contains(&suffix), "the first agent's number: {body}");
    }
    // A path in an answer is that of the reader's copy.
    let last = requests_of(&provider, "two").last().unwrap().body.to_string();
    assert!(last.contains("/agent1/a.txt"), "{last}");
}

#[test]
fn what_is_done_to_a_copy_is_only_done_to_the_copy() {
    needs!(bwrap);
    let place = Place::new();
    let looks = [
        run("cd ${peers}/agent1 && rm -rf d && echo changed > a.txt && echo new > new.txt && chmod 777 a.txt && ls"),
        call("delete_file", json!({"path": "${peers}/agent1/new.txt"})),
    ];
    let (provider, over) = ask(&place, &[run("mkdir d && echo 42 | tee a.txt > d/b.txt")], "42, see `a.txt`", &looks);
    assert_eq!(over[0].stdout(), "a.txt\nnew.txt\n");
    let expected = crate::files::files(&[("a.txt", "42\n"), ("d/b.txt", "42\n")]);
    assert_eq!(crate::files::read_files(&workspace_of(&provider, "one")), expected);
    let delivered = place.log().attempt().join("final/one/workspace");
    assert_eq!(crate::files::read_files(&delivered), expected);
}
