//! Sessions as files for people.

use std::fs;

use massgen_sessions::{Session, SessionDocument, TimelineKind, TurnResult, export_html, export_markdown};

use crate::world::{START_MS, World, events, write_journal};

/// Everything that could end a tag, a fence, a cell or a line, or steer a terminal.
const HOSTILE: &str =
    "</div><script>alert(1)</script> \"' onload=x <!-- ```` | [x](javascript:y) \u{1b}[2J\u{202e}\u{7}";

fn session(world: &World, words: &str) -> Session {
    let session = world.store.create_at(Some("s"), START_MS).unwrap();
    let log = world.path("log");
    let question = format!("Which sort? {words}");
    let turn = session.begin_turn_at(&question, &log, START_MS).unwrap();
    let view = write_journal(&log, &events(words));
    turn.finish(&TurnResult::of_run(&view)).unwrap();
    session
}

#[test]
fn the_timeline_tells_how_it_went() {
    let world = World::new();
    let document = SessionDocument::load(&session(&world, "")).unwrap();
    let course = document.turns[0].course.as_ref().unwrap();
    let told: Vec<_> = course.timeline.iter().map(|entry| (entry.at_ms, entry.kind, entry.headline.as_str())).collect();
    let kinds: Vec<_> = told.iter().map(|(_, kind, _)| *kind).collect();
    use TimelineKind::{Answer, Outcome, Phase, Restart, Trouble, Void, Vote};
    assert_eq!(
        kinds,
        [
            Phase, Answer, Answer, Trouble, Trouble, Phase, Vote, Answer, Void, Restart, Void, Vote, Vote, Outcome,
            Phase, Outcome, Outcome
        ]
    );
    assert_eq!(told[1], (9_400, Answer, "alpha (agent1) publishes agent1.1"));
    assert_eq!(told[8].2, "agent1.2 makes votes void: beta (agent2) for agent1.1");
    let vote = &course.timeline[11];
    assert_eq!(vote.headline, "beta (agent2) votes for agent1.2 by alpha (agent1)");
    assert!(vote.words.as_ref().unwrap().contains("both claims hold.\nNothing to add."));
    assert_eq!(vote.note.as_deref(), Some("checked: `python sort.py` ran well; looked into 1 place"));
}

#[test]
fn both_forms_tell_everything() {
    let world = World::new();
    let session = session(&world, "");
    let (markdown, html) = (export_markdown(&session).unwrap(), export_html(&session).unwrap());
    for text in [&markdown, &html] {
        for part in [
            "Which sort?",
            "Use insertion sort",
            "agent1.2 by alpha won: most votes",
            "quota exceeded",
            "both claims hold",
            "0:31.7",
            "12\u{202f}345",
            "1 call without a known price",
            "0.0419",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
    assert!(
        html.starts_with("<!doctype html>")
            && html.contains("prefers-color-scheme: dark")
            && html.contains("@media print")
    );
}

#[test]
fn nothing_that_was_written_becomes_markup() {
    let world = World::new();
    let plain = export_html(&session(&World::new(), "")).unwrap();
    let html = export_html(&session(&world, HOSTILE)).unwrap();
    let tags = |html: &str| html.matches('<').count();
    assert_eq!(tags(&html), tags(&plain), "hostile words add no tag");
    for forbidden in [
        "<script",
        "http://",
        "https://",
        "<img",
        "<link",
        "url(",
        "@import",
        " onload=\"",
        "\u{1b}",
        "\u{202e}",
        "\u{7}",
    ] {
        assert!(!html.contains(forbidden), "{forbidden:?}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)"));

    let markdown = export_markdown(&world.store.open("s").unwrap()).unwrap();
    assert!(!markdown.contains(['\u{1b}', '\u{202e}']));
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = line.strip_suffix("text"),
            None => assert!(!line.replace("\\<", "").contains('<'), "markup outside a fence: {line}"),
        }
    }
    assert_eq!(fence, None);
}

#[test]
fn a_missing_or_damaged_journal_costs_the_timeline_only() {
    let world = World::new();
    let session = session(&world, "");
    let journal = world.path("log/events.jsonl");
    let whole = fs::read(&journal).unwrap();

    fs::write(&journal, &whole[..whole.len() - 20]).unwrap();
    let html = export_html(&session).unwrap();
    assert!(html.contains("ends in the middle of a record") && html.contains("publishes agent1.1"));

    let mut damaged = whole.clone();
    let half = damaged.len() / 2;
    damaged[half..half + 40].fill(b'#');
    fs::write(&journal, damaged).unwrap();
    let html = export_html(&session).unwrap();
    assert!(html.contains("The timeline ends early") && html.contains("publishes agent1.1"));

    for content in [None, Some(&b"not a journal\n"[..])] {
        match content {
            Some(content) => fs::write(&journal, content).unwrap(),
            None => fs::remove_file(&journal).unwrap(),
        }
        for text in [export_html(&session).unwrap(), export_markdown(&session).unwrap()] {
            assert!(text.contains("its timeline is missing") && text.contains("Use insertion sort"), "{text}");
        }
    }
}

#[test]
fn a_session_without_turns_is_a_page_too() {
    let world = World::new();
    let session = world.store.create(Some("s")).unwrap();
    assert!(export_html(&session).unwrap().contains("This session has no turns."));
    assert!(export_markdown(&session).unwrap().contains("0 turns"));
}
