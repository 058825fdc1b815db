//! Runs that are shown, proven and repeated from what they have left.

use massgen_protocol::{Event, Fact, Record, RunEnd};

use crate::place::Place;
use crate::provider::Provider;
use crate::resume::{quasar, team};

/// A place with a finished run of the four.
fn recorded(provider: &Provider) -> (Place, String) {
    let place = Place::new();
    place.write("team.yaml", &team(provider));
    let run = ["--stream-events", "--config", "team.yaml", "How far is it?"];
    let finished = place.massgen(run).run().expect(0);
    (place, finished.stdout)
}

#[test]
fn a_replay_gives_the_same_events_byte_for_byte() {
    let provider = quasar();
    let (place, streamed) = recorded(&provider);
    let asked = provider.received().len();
    let finished = place.massgen(["replay", "--stream-events"]).run().expect(0);
    assert!(finished.stdout == streamed, "the replay differs from what was streamed");
    let shown = place.massgen(["replay", "--no-display", "--speed", "0"]).run().expect(0);
    assert!(shown.stdout.contains("Comparing and voting") && shown.stdout.contains("about 8 Gpc"), "{shown}");
    let moment = place.massgen(["replay", "--no-display", "--at", "20"]).run().expect(0);
    assert!(!moment.stdout.contains("Final answer"), "{moment}");
    assert_eq!(provider.received().len(), asked, "nobody is asked");
}

#[test]
fn a_run_is_proven_and_an_edited_one_is_not() {
    let provider = quasar();
    let (place, _) = recorded(&provider);
    let finished = place.massgen(["replay", "--verify"]).run().expect(0);
    assert!(finished.stdout.starts_with("verified: "), "{finished}");
    assert!(finished.stdout.contains("the run came to its end"), "{finished}");

    // An edit by hand is found by its checksum.
    let path = place.log().attempt().join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("Lyman", "Balmer", 1)).unwrap();
    let finished = place.massgen(["replay", "--verify"]).run().expect(2);
    assert!(finished.stderr.contains("was damaged or edited"), "{finished}");

    // One that is sealed again is found by what follows from it.
    let mut records: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let vote = records.iter_mut().find_map(|record| match &mut record.event {
        Event::Fact(Fact::VoteCast { vote, .. }) => Some(vote),
        _ => None,
    });
    vote.unwrap().target = "agent1.1".parse().unwrap();
    std::fs::remove_file(&path).unwrap();
    drop(massgen_journal::Journal::create_with(&path, &records).unwrap());
    let finished = place.massgen(["replay", "--verify"]).run().expect(2);
    assert!(finished.stderr.contains("does not follow from the records before it"), "{finished}");
}

#[test]
fn a_recording_is_repeated_elsewhere_and_offline() {
    let provider = quasar();
    let (place, _) = recorded(&provider);
    let facts = place.log().facts();
    let tape = place.path().join("tape.jsonl");
    let made = place.massgen(["record", "-o", "tape.jsonl"]).run().expect(0);
    assert!(made.stderr.contains("recorded "), "{made}");
    drop(provider);

    let other = Place::new();
    std::fs::copy(&tape, other.path().join("tape.jsonl")).unwrap();
    other.write("team.yaml", &place.read("team.yaml"));
    let again = ["--automation", "--config", "team.yaml", "--cassette", "tape.jsonl", "How far is it?"];
    other.massgen(again).run().expect(0);
    let again = other.log().facts();
    let first = again.iter().zip(&facts).position(|(one, other)| one != other);
    assert!(again == facts, "it was decided otherwise: {:?}", first.map(|place| (&facts[place], &again[place])));

    let third = Place::new();
    std::fs::copy(&tape, third.path().join("tape.jsonl")).unwrap();
    third.write("team.yaml", &place.read("team.yaml"));
    let finished = third
        .massgen(["--automation", "--config", "team.yaml", "--cassette", "tape.jsonl", "How near is it?"])
        .run()
        .expect(2);
    assert!(finished.stderr.contains("is not on the tape"), "{finished}");
}

#[test]
fn a_recording_becomes_a_scenario() {
    let provider = quasar();
    let (place, _) = recorded(&provider);
    place.massgen(["record", "--scenario", "-o", "scenario.yaml"]).run().expect(0);
    drop(provider);
    let other = Place::new();
    other.write("scenario.yaml", &place.read("scenario.yaml"));
    other.massgen(["rehearse", "scenario.yaml", "--automation"]).run().expect(0);
    assert_eq!(other.log().view().end, Some(RunEnd::Consensus));
}
