//! Every example runs.

use crate::newcomer::Newcomer;

fn names() -> Vec<String> {
    let listed = Newcomer::new().run(&["--list-examples"]).ended_with(0).stdout;
    let names = listed.lines().filter_map(|line| line.split("  ").next()).filter(|name| name.contains('/'));
    names.filter(|name| !name.contains(' ')).map(str::to_owned).collect()
}

#[test]
fn every_example_runs_against_the_rehearsal_provider() {
    let names = names();
    assert!(names.len() >= 25, "{names:?}");
    for name in &names {
        let newcomer = Newcomer::new();
        let config = format!("@examples/{name}");
        let mut arguments = vec!["--config", &config, "--rehearse", "--automation", "--strict-validation"];
        if !name.ends_with("default-question") {
            arguments.push("What is worth knowing?");
        }
        let said = newcomer.run(&arguments).ended_with(0);
        assert!(said.stdout.contains("COMPLETED:"), "{name}: {}", said.stdout);
        assert_eq!(said.stderr, "", "{name}: nothing is to be said about an example");
    }
    state!("{} examples ran against the rehearsal provider", names.len());
}

#[test]
fn a_printed_example_is_a_config() {
    for name in names() {
        let newcomer = Newcomer::new();
        let text = newcomer.run(&["--example", &name]).ended_with(0).stdout;
        assert!(text.starts_with("# ") && !text.contains("$schema"), "{name}: {text}");
        newcomer.write("team.yaml", &text);
        newcomer.run(&["--validate", "team.yaml", "--strict"]).ended_with(0);
    }
}

#[test]
fn an_example_is_named_exactly_or_by_a_part_that_fits_no_other() {
    let newcomer = Newcomer::new();
    let strict = newcomer.run(&["--example", "voting/strict"]).ended_with(0).stdout;
    assert_eq!(newcomer.run(&["--example", "strict"]).ended_with(0).stdout, strict);
    assert_eq!(newcomer.run(&["--example", "@examples/stric"]).ended_with(0).stdout, strict);
    let several = newcomer.run(&["--config", "@examples/voting/", "hello"]).ended_with(1).stderr;
    assert!(several.contains("@examples/voting/strict, @examples/voting/everybody-first"), "{several}");
    let none = newcomer.run(&["--example", "strickt"]).ended_with(1).stderr;
    assert!(none.contains("did you mean `@examples/strict`?") && none.contains("--list-examples"), "{none}");
}
