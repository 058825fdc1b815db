//! What scripts and other programs get.

use std::fs;

use serde_json::Value;

use crate::place::Place;
use crate::provider::Provider;

fn team(provider: &Provider) -> String {
    provider.team(&[("openai", "one"), ("claude", "two"), ("gemini", "three")])
}

#[test]
fn automation_prints_the_lines_that_scripts_look_for() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let finished = place.ask(&team(&provider), &["--automation", "--output-file", "answer.txt"]).run().expect(0);
    let log = place.log();
    let value = |name: &str| {
        let mut lines = finished.stdout.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = lines.next().unwrap_or_else(|| panic!("no {name} in {finished}")).to_owned();
        assert_eq!(lines.next(), None, "{name} twice in {finished}");
        value
    };
    assert_eq!(fs::canonicalize(value("LOG_DIR")).unwrap(), log.session().canonicalize().unwrap());
    assert_eq!(fs::canonicalize(value("STATUS")).unwrap(), log.attempt().join("status.json").canonicalize().unwrap());
    assert_eq!(value("QUESTION"), "What is 6 x 7?");
    assert_eq!(value("WINNER"), log.json("status.json")["results"]["winner"].as_str().unwrap());
    assert_eq!(fs::read_to_string(value("ANSWER_FILE")).unwrap(), "The answer is 42.");
    assert_eq!(value("ANSWER_PREVIEW"), "The answer is 42.");
    assert_eq!(fs::read_to_string(value("OUTPUT_FILE")).unwrap(), "The answer is 42.\n");
    let duration = value("DURATION");
    assert!(duration.strip_suffix('s').unwrap().parse::<f64>().is_ok(), "{duration}");
    assert_eq!(value("COMPLETED"), format!("3 agents, {duration} total"));
    assert_eq!(finished.stdout.matches("\n  [VOTE] ").count(), 3, "{finished}");
    assert!(finished.stdout.contains("\n  [RESULTS] agent1.1 (one): "), "{finished}");
    assert_eq!(finished.stderr, "");
}

#[test]
fn streamed_events_are_the_journal() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let finished = place.ask(&team(&provider), &["--stream-events"]).run().expect(0);
    assert_eq!(finished.stdout, place.log().streamed());
    for (number, line) in (1_u64..).zip(finished.stdout.lines()) {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(event["seq"], number, "{line}");
    }
    // The status lines of `--automation` are where they are in nobody's way.
    for name in ["LOG_DIR: ", "STATUS: ", "WINNER: ", "COMPLETED: 3 agents"] {
        assert!(finished.stderr.contains(&format!("\n{name}")) || finished.stderr.starts_with(name), "{finished}");
    }
}

#[test]
fn the_answer_goes_to_a_file() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    place.ask(&team(&provider), &["--output-file", "answer.txt"]).run().expect(0);
    assert_eq!(place.read("answer.txt"), "The answer is 42.\n");
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_not_lost() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let team = team(&provider);
    let file = "/dev/full";
    let finished = place.ask(&team, &["--automation", "--output-file", file]).run().expect(2);
    assert!(finished.stderr.contains("error: the answer cannot be written to /dev/full: "), "{finished}");
    let (_, kept) = finished.stderr.split_once("hint: the answer is kept in ").unwrap();
    assert_eq!(fs::read_to_string(kept.trim_end()).unwrap(), "The answer is 42.");
    assert!(!finished.stdout.contains("OUTPUT_FILE"), "{finished}");
    assert!(finished.stdout.ends_with("\n\nThe answer is 42.\n"), "{finished}");
    let finished = place.ask(&team, &["--no-logs", "--output-file", file]).run().expect(2);
    assert_eq!(finished.stdout.matches("The answer is 42.").count(), 1, "{finished}");
    assert!(!finished.stderr.contains("hint"), "{finished}");
}

#[test]
fn a_file_that_cannot_be_written_is_found_out_before_anything_is_paid() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    for file in ["no/such/dir/answer.txt", "."] {
        let finished = place.ask(&team(&provider), &["--output-file", file]).run().expect(1);
        let told = format!("error: the answer could not be written to {file}: ");
        assert!(finished.stderr.starts_with(&told) && finished.stderr.contains("hint: "), "{finished}");
        assert!(provider.received().is_empty() && place.log_so_far().is_none(), "{finished}");
    }
}

#[test]
fn a_run_without_an_answer_leaves_the_output_file_alone() {
    let (place, provider) = (Place::new(), Provider::agreeable_but("  one: [{fault: {status: 400}}]\n"));
    place.write("old.txt", "an earlier answer");
    for file in ["old.txt", "new.txt"] {
        place.ask(&provider.team(&[("openai", "one")]), &["--no-logs", "--output-file", file]).run().expect(2);
    }
    assert_eq!(place.read("old.txt"), "an earlier answer");
    assert!(!place.path().join("new.txt").exists());
}

#[test]
fn the_output_file_is_there_when_its_line_is() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let mut program = place.ask(&team(&provider), &["--automation", "--output-file", "answer.txt"]).start();
    program.line(|line| line.starts_with("OUTPUT_FILE: "));
    assert_eq!(place.read("answer.txt"), "The answer is 42.\n");
    program.finish().expect(0);
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_nobody_gets_is_a_failure() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for args in [&[][..], &["--automation"], &["--stream-events"]] {
        let place = Place::new();
        let finished = place.ask(&team(&provider), args).stdout_to(full()).run().expect(2);
        assert!(finished.stderr.contains("error: standard output cannot be written: "), "{finished}");
        let (_, kept) = finished.stderr.split_once("hint: the answer is kept in ").unwrap();
        assert_eq!(fs::read_to_string(kept.trim_end()).unwrap(), "The answer is 42.");
    }
    let program = place.ask(&team(&provider), &["--automation", "--output-file", "answer.txt"]);
    let finished = program.stdout_to(full()).run().expect(0);
    assert_eq!(finished.stderr, "");
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_failure_while_the_log_has_the_answer() {
    let provider = Provider::agreeable_but("");
    for (args, code) in [(&["--automation"][..], 0), (&["--automation", "--no-logs"], 2)] {
        let place = Place::new();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let program = place.ask(&team(&provider), args);
        let finished = program.stdout_to(fs::File::from(std::os::fd::OwnedFd::from(writer))).run().expect(code);
        assert_eq!(finished.stderr.is_empty(), code == 0, "{finished}");
    }
}

#[test]
fn no_logs_leaves_nothing_behind() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let finished = place.ask(&team(&provider), &["--no-logs", "--automation"]).run().expect(0);
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["team.yaml"]);
    for name in ["LOG_DIR", "STATUS", "ANSWER_FILE"] {
        assert!(!finished.stdout.contains(name), "{finished}");
    }
    assert!(finished.stdout.contains("ANSWER_PREVIEW: The answer is 42."), "{finished}");
}

#[test]
fn the_question_comes_through_a_pipe() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    place.write("team.yaml", &team(&provider));
    let question = "What is 6 x 7?\nTake your time – it is – schwierig.";
    place.massgen(["--config", "team.yaml"]).input(&format!("\n{question}\n\n")).run().expect(0);
    assert_eq!(place.log().view().question, question);
    let first = &provider.received()[0].body;
    assert!(crate::requests::texts(first).iter().any(|text| text.starts_with(question)), "{first}");
}

#[test]
fn piped_output_has_no_escape_codes() {
    let (place, provider) = (Place::new(), Provider::agreeable_but("  one:\n    - {times: 1, fault: {status: 500}}\n"));
    for no_color in [None, Some("1")] {
        let program = place.ask(&team(&provider), &["--no-logs", "--debug"]).env("TERM", "xterm-256color");
        let program = if let Some(value) = no_color { program.env("NO_COLOR", value) } else { program };
        let finished = program.run().expect(0);
        assert!(finished.stdout.contains("The answer is 42."), "{finished}");
        assert!(!finished.stdout.contains('\u{1b}') && !finished.stderr.contains('\u{1b}'), "{finished}");
    }
}

#[test]
fn a_model_cannot_reach_the_terminal() {
    let evil = r#"\e]0;owned\a\e[2J\e[31m42\r\u202e\u009b1m"#;
    let steps = format!(
        "  one:
    - {{when: {{presenting: true}}, say: \"final {evil}\"}}
    - {{when: {{answers: 0}}, reason: \"reason {evil}\", say: \"text {evil}\", new_answer: \"best {evil}\"}}
    - {{reason: \"reason {evil}\", vote: {{for: best, reason: \"because {evil}\"}}}}
  two:
    - {{when: {{answers: \"1+\"}}, vote: {{for: best, reason: \"because {evil}\"}}}}
  three:
    - {{fault: {{status: 400, message: \"refused {evil}\"}}}}
"
    );
    let provider = Provider::agreeable_but(&steps);
    for args in [&["--debug"][..], &["--automation"], &["--stream-events"]] {
        let place = Place::new();
        let finished = place.ask(&team(&provider), args).run().expect(0);
        for output in [&finished.stdout, &finished.stderr] {
            // JSON is for programs: it escapes what it must, and keeps the rest as it was said.
            let is_json = output.starts_with('{');
            let harmful = |c: char| match c {
                '\n' | '\t' => false,
                '\u{202e}' => !is_json,
                c => c.is_control() && (!is_json || c.is_ascii()),
            };
            assert!(!output.contains(harmful), "{args:?}: {:?}", output.lines().find(|line| line.contains(harmful)));
        }
        let shown = format!("{}{}", finished.stdout, finished.stderr);
        assert!(shown.contains("final ") && shown.contains("refused "), "{args:?}: {finished}");
    }
}

#[test]
fn status_json_is_whole_at_every_moment() {
    let steps = "  one:
    - {when: {answers: 0}, say: 'slowly, slowly, slowly, slowly, slowly', chunk: 1, delay_ms: 10, new_answer: '6 x 7 = 42'}
";
    let (place, provider) = (Place::new(), Provider::agreeable_but(steps));
    let mut program = place.ask(&team(&provider), &["--automation"]).start();
    let path = program.line(|line| line.starts_with("STATUS: "));
    let path = path.strip_prefix("STATUS: ").unwrap().trim();
    let (mut seen, mut reads) = (Vec::new(), 0_u32);
    while seen.last().is_none_or(|status: &Value| status["is_complete"] != true) {
        assert!(program.is_patient(), "{seen:#?}");
        reads += 1;
        match fs::read_to_string(path) {
            Ok(text) => {
                let status: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
                if seen.last() != Some(&status) {
                    seen.push(status);
                }
            }
            // Only before it is there for the first time.
            Err(error) => assert!(error.kind() == std::io::ErrorKind::NotFound && seen.is_empty(), "{error}"),
        }
    }
    program.finish().expect(0);
    assert!(seen.len() > 3, "{reads} reads saw {} versions", seen.len());
    let elapsed: Vec<f64> = seen.iter().map(|status| status["meta"]["elapsed_seconds"].as_f64().unwrap()).collect();
    assert!(elapsed.is_sorted(), "{elapsed:?}");
    assert_eq!(seen[0]["finish_reason"], "in_progress");
}
