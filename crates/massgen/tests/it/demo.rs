//! `massgen demo`: what a new user sees first.

use massgen_protocol::{Event, Fact, RunEnd};

use crate::place::Place;

#[test]
fn the_demo_ends_with_8_gpc_after_votes_were_voided() {
    let place = Place::new();
    let finished = place.massgen(["demo"]).run().expect(0);
    let shown = &finished.stdout;
    assert!(shown.starts_with("REHEARSAL: the answers are scripted, no model is asked\n"), "{shown}");
    assert!(shown.contains("REHEARSAL: this answer was scripted"), "{shown}");
    assert!(shown.contains("The comoving distance is about 8 Gpc, option A."), "{shown}");
    assert!(shown.contains("Winner    claude-sonnet-4-5 (agent2.2): most votes"), "{shown}");
    assert_eq!(finished.stderr, "");

    let log = place.log();
    let view = log.view();
    assert!(view.rehearsal);
    assert_eq!(view.end, Some(RunEnd::Consensus));
    let voided = log.facts().into_iter().find_map(|fact| match fact {
        Fact::VotesVoided { by, votes } => Some((by.to_string(), votes.len())),
        _ => None,
    });
    assert_eq!(voided, Some(("agent2.2".to_owned(), 3)));
    assert_eq!(view.valid_votes().count(), 4);
}

#[test]
fn the_demo_leaves_a_complete_log_folder() {
    let place = Place::new();
    place.massgen(["demo", "--automation"]).run().expect(0);
    let log = place.log();
    // Names are moments: what counts is how many there are of each.
    let files: Vec<String> = log.files().iter().map(|file| without_moments(file)).collect();
    insta::assert_snapshot!(files.join("\n"));
    for file in log.files() {
        let text = std::fs::read_to_string(log.session().join(&file)).unwrap();
        assert!(!text.is_empty(), "{file}");
        if file.ends_with(".json") {
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{file}");
        }
    }
    let status = log.json("status.json");
    assert_eq!(status["is_complete"], true);
    assert_eq!(status["finish_reason"], "completed");
    assert_eq!(status["results"]["winner"], "claude-sonnet-4-5");
    assert_eq!(status["meta"]["rehearsal"], true);
    let final_answer = log.text("final/claude-sonnet-4-5/answer.txt");
    assert!(final_answer.starts_with("The comoving distance is about 8 Gpc"));
    assert_eq!(
        final_answer,
        std::fs::read_to_string(log.session().join("turn_1/final/claude-sonnet-4-5/answer.txt")).unwrap()
    );
    let last = log.records().pop().unwrap();
    assert!(matches!(last.event, Event::Fact(Fact::RunEnded { .. })), "{last:?}");
}

/// `gpt-5-nano/20261121_064535_016000/answer.txt` with the moment taken out.
fn without_moments(path: &str) -> String {
    let is_moment = |part: &str| part.len() == 22 && part.chars().all(|c| c.is_ascii_digit() || c == '_');
    let parts: Vec<&str> = path.split('/').map(|part| if is_moment(part) { "[moment]" } else { part }).collect();
    parts.join("/")
}

#[test]
fn the_spectrograph_shows_the_disagreement() {
    let place = Place::new();
    let finished = place.massgen(["demo", "spectrograph"]).run().expect(0);
    let (_, closing) = finished.stdout.rsplit_once("───").unwrap();
    assert!(
        closing.contains("The team did not agree. Read the other view before you rely on the answer:"),
        "{closing}"
    );
    let tally = &place.log().view().selection.unwrap().1;
    assert!(tally.iter().filter(|line| line.votes > 0).count() > 1, "{tally:?}");
}
