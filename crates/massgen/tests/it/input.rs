//! Where the question comes from.

use std::fs::File;
use std::io::Write;

use crate::place::Place;
use crate::provider::Provider;

/// `@@`, a scope and an e-mail address are no references to files.
const DIFF: &str = "diff --git a/package.json b/package.json
@@ -1,2 +1,2 @@
-    \"@types/node\": \"^20\",
+    \"@types/node\": \"^22\", @missing.rs
     \\@someone";

/// What a run of these further arguments asks, with `input` piped in.
fn asked(args: &[&str], input: &str) -> String {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    place.write("team.yaml", &provider.team(&[("openai", "one")]));
    let all = ["--config", "team.yaml"].into_iter().chain(args.iter().copied());
    let finished = place.massgen(all).input(input).run().expect(0);
    assert!(!finished.stderr.contains("standard input"), "{finished}");
    place.log().view().question
}

#[test]
fn what_is_piped_in_is_taken_as_it_is() {
    assert_eq!(asked(&[], &format!("{DIFF}\n")), DIFF);
    assert_eq!(asked(&[], "\n    indented\n\n"), "    indented");
}

#[test]
fn what_is_piped_in_is_added_to_a_typed_question() {
    assert_eq!(asked(&["Review this"], &format!("{DIFF}\n")), format!("Review this\n\n{DIFF}"));
    assert_eq!(asked(&["Review this"], " \n"), "Review this");
}

#[test]
fn a_file_is_added_to_a_typed_question() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let diff = place.write("change.diff", DIFF);
    place.ask(&provider.team(&[("openai", "one")]), &[]).stdin_from(File::open(diff).unwrap()).run().expect(0);
    assert_eq!(place.log().view().question, format!("What is 6 x 7?\n\n{DIFF}"));
}

#[test]
fn only_a_typed_question_refers_to_files() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    place.write("team.yaml", &provider.team(&[("openai", "one")]));
    let notes = place.write("notes.md", "");
    let program = place.massgen(["--config", "team.yaml", "Review @notes.md"]).input("see @notes.md\n");
    let finished = program.run().expect(0);
    assert!(finished.stderr.is_empty(), "{finished}");
    let told = provider.received().first().unwrap().body.to_string();
    let granted = format!("for you to read:\\n- {}", place.path().join("notes.md").display());
    assert!(told.contains(&granted), "the agent is told of the file: {told}");
    let asked = place.log().view().question;
    let notes = notes.canonicalize().unwrap();
    let asked = asked.replace(&place.path().display().to_string(), &notes.parent().unwrap().display().to_string());
    assert_eq!(asked, format!("Review {}\n\nsee @notes.md", notes.display()));
    let finished = place.massgen(["--config", "team.yaml", "Review @missing.md"]).run().expect(1);
    assert!(finished.stderr.contains("@missing.md"), "{finished}");
}

#[test]
fn without_a_question_a_silent_pipe_is_waited_for_and_told_of() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    place.ask(&provider.team(&[("openai", "one")]), &[]);
    let (mut program, mut input) = place.massgen(["--config", "team.yaml"]).start_open();
    program.told("waiting for standard input (Ctrl-D ends it; `< /dev/null` gives none)");
    input.write_all(b"DATA\n").unwrap();
    drop(input);
    program.finish().expect(0);
    assert_eq!(place.log().view().question, "DATA");
}

#[cfg(unix)]
#[test]
fn a_typed_question_goes_on_without_a_pipe_that_stays_silent() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let (mut program, input) = place.ask(&provider.team(&[("openai", "one")]), &[]).start_open();
    program.told("warning: nothing came on standard input in 2 s: the question goes on without it");
    program.finish().expect(0);
    drop(input);
    assert_eq!(place.log().view().question, "What is 6 x 7?");
}

#[test]
fn a_script_with_a_question_does_not_wait_for_a_pipe() {
    for flag in ["--automation", "--stream-events"] {
        let (place, provider) = (Place::new(), Provider::agreeable_but(""));
        let (program, input) = place.ask(&provider.team(&[("openai", "one")]), &[flag]).start_open();
        program.finish().expect(0);
        drop(input);
        assert_eq!(place.log().view().question, "What is 6 x 7?");
    }
}

#[cfg(unix)]
#[test]
fn a_socket_is_not_waited_for() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let program = place.ask(&provider.team(&[("openai", "one")]), &[]);
    program.stdin_from(File::from(std::os::fd::OwnedFd::from(theirs))).run().expect(0);
    drop(ours);
    assert_eq!(place.log().view().question, "What is 6 x 7?");
}
