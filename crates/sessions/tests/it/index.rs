//! The index follows the folders, whatever is found in its place.

use std::fs;

use massgen_protocol::Cost;
use massgen_sessions::{CostBy, Filter, Index, Opened, Range, Refreshed, SessionStanding, TurnStatus};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::world::{START_MS, World, completed};

fn open(world: &World) -> (Index, Opened) {
    Index::open_in_utc(&Index::default_path(world.store.base())).unwrap()
}

#[test]
fn a_refresh_reads_what_changed() {
    let world = World::new();
    world.session("a", &[("Why is the sky blue?", "Rayleigh scattering.")]);
    let b = world.session("b", &[("What is a heap?", "A tree in an array.")]);
    let (mut index, opened) = open(&world);
    assert_eq!(opened, Opened::New);
    assert_eq!(index.refresh(&world.store).unwrap(), Refreshed { added: 2, ..Refreshed::default() });
    assert_eq!(index.refresh(&world.store).unwrap(), Refreshed { unchanged: 2, ..Refreshed::default() });

    let turn = b.begin_turn_at("And a rope?", &world.path("log"), START_MS + 90_000).unwrap();
    assert_eq!(index.refresh(&world.store).unwrap(), Refreshed { updated: 1, unchanged: 1, ..Refreshed::default() });
    assert_eq!(
        index.list(1, 0, &Filter::default()).unwrap().sessions[0].standing,
        SessionStanding::Last(TurnStatus::Running)
    );
    turn.finish(&completed("A tree of strings.", START_MS + 95_000)).unwrap();
    assert_eq!(index.refresh(&world.store).unwrap().updated, 1);
    assert_eq!(index.search("rope", 5).unwrap()[0].status, TurnStatus::Completed);

    fs::write(world.store.base().join("a/turn_1/answer.txt"), "Because of dust, they thought.").unwrap();
    assert_eq!(index.refresh(&world.store).unwrap().updated, 1);
    assert_eq!(index.search("rayleigh", 5).unwrap(), []);
    assert_eq!(index.search("dust", 5).unwrap().len(), 1);

    world.store.delete("a").unwrap();
    assert_eq!(index.refresh(&world.store).unwrap(), Refreshed { removed: 1, unchanged: 1, ..Refreshed::default() });
    assert_eq!(index.search("dust", 5).unwrap(), []);
    index.remove(b.id()).unwrap();
    assert_eq!(index.list(5, 0, &Filter::default()).unwrap().total, 0);
    assert_eq!(index.refresh(&world.store).unwrap().added, 1);
}

#[test]
fn the_list_is_filtered_and_paged() {
    let world = World::new();
    for number in 0..5_u64 {
        let session = world.store.create_at(Some(&format!("s{number}")), START_MS).unwrap();
        let at_ms = START_MS + number * 1_000;
        let turn = session.begin_turn_at(&format!("Question\nnumber {number}"), &world.path("log"), at_ms).unwrap();
        if number != 3 {
            turn.finish(&completed("answer", at_ms + 500)).unwrap();
        }
    }
    let (mut index, _) = open(&world);
    index.refresh(&world.store).unwrap();
    let ids = |filter: Filter, limit, offset| {
        let page = index.list(limit, offset, &filter).unwrap();
        (page.total, page.sessions.into_iter().map(|line| line.id).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(ids(Filter::default(), 2, 0), (5, "s4 s3".to_owned()));
    assert_eq!(ids(Filter::default(), 2, 4), (5, "s0".to_owned()));
    let running = Filter { status: Some(TurnStatus::Running), ..Filter::default() };
    assert_eq!(ids(running, 9, 0), (1, "s3".to_owned()));
    let between = Filter { from_ms: Some(START_MS + 1_000), until_ms: Some(START_MS + 3_000), ..Filter::default() };
    assert_eq!(ids(between, 9, 0), (2, "s2 s1".to_owned()));
    assert_eq!(ids(Filter { model: Some("local".to_owned()), ..Filter::default() }, 9, 0).0, 4);
    assert_eq!(ids(Filter { model: Some("none".to_owned()), ..Filter::default() }, 9, 0).0, 0);

    let line = index.list(1, 0, &Filter::default()).unwrap().sessions.remove(0);
    assert_eq!((line.title.as_deref(), line.winner.as_deref()), (Some("Question number 4"), Some("alpha")));
    assert_eq!((line.cost, line.input_tokens), (Cost { known_usd: 0.25, unpriced_calls: 3 }, 2_400));
}

#[test]
fn words_are_found_where_they_are() {
    let world = World::new();
    world.session(
        "s",
        &[
            ("How does Timsort work?", "It merges runs. \u{1b}[31mStable\u{2}fake\u{3} too."),
            ("Und Größe?", "Über \"alles\"."),
        ],
    );
    let (mut index, _) = open(&world);
    index.refresh(&world.store).unwrap();
    let hit = index.search("runs tims", 5).unwrap().remove(0);
    assert_eq!((hit.session.as_str(), hit.turn), ("s", 1));
    let marked: Vec<_> = hit.question.iter().filter(|piece| piece.is_match).map(|piece| &*piece.text).collect();
    assert_eq!(marked, ["Timsort"]);
    let answer: String = hit.answer.iter().map(|piece| &*piece.text).collect();
    assert!(answer.chars().all(|c| !c.is_control()), "{answer:?}");
    assert_eq!(index.search("timsort heaps", 5).unwrap(), [], "every word must be there");
    assert_eq!(index.search("tim runs", 5).unwrap(), [], "only the last word may be unfinished");
    assert_eq!(index.search("GROSSE ube", 5).unwrap().len(), 0, "no word is guessed");
    assert_eq!(index.search("große ube", 5).unwrap().len() + index.search("größe ube", 5).unwrap().len(), 2);
    assert_eq!(index.search("  ", 5).unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn any_text_can_be_searched_for(input in r#"[ -~\x00-\x1f"*äß日𝒳]{0,50}|\PC{0,50}"#) {
        thread_local! {
            static INDEX: (World, Index) = {
                let world = World::new();
                world.session("s", &[("alpha beta", "gamma delta")]);
                let (mut index, _) = open(&world);
                index.refresh(&world.store).unwrap();
                (world, index)
            };
        }
        INDEX.with(|(_, index)| index.search(&input, 3).map(|_| ())).unwrap();
    }
}

#[test]
fn costs_add_up_and_unknown_ones_stay_apart() {
    let world = World::new();
    world.session("a", &[("q", "a"), ("q", "a")]);
    world.session("b", &[("q", "a")]);
    world.plant("python", 1, &[("metadata.json", r#"{"task": "q"}"#), ("answer.txt", "a")]);
    world.plant(
        "sum",
        1,
        &[("metadata.json", r#"{"task": "q", "cost_usd": 1.5, "input_tokens": 7}"#), ("answer.txt", "a")],
    );
    let (mut index, _) = open(&world);
    index.refresh(&world.store).unwrap();

    let by_model = index.costs(Range::default(), CostBy::Model).unwrap();
    let lines: Vec<_> = by_model.lines.iter().map(|line| (line.key.as_deref(), line.cost, line.turns)).collect();
    let cost = |known_usd, unpriced_calls| Cost { known_usd, unpriced_calls };
    assert_eq!(lines, [(None, cost(1.5, 0), 1), (Some("gpt-5.2"), cost(0.75, 0), 3), (Some("local"), cost(0.0, 9), 3)]);
    assert_eq!((by_model.total.cost, by_model.total.turns, by_model.turns_without_costs), (cost(2.25, 9), 4, 1));
    for by in [CostBy::Agent, CostBy::Session, CostBy::Day] {
        assert_eq!(index.costs(Range::default(), by).unwrap().total, by_model.total);
    }
    let by_day = index.costs(Range::default(), CostBy::Day).unwrap();
    assert_eq!(by_day.lines.iter().find_map(|line| line.key.clone()).as_deref(), Some("2026-01-31"));

    let early = Range { from_ms: Some(START_MS), until_ms: Some(START_MS + 1) };
    let by_session = index.costs(early, CostBy::Session).unwrap();
    assert_eq!(by_session.lines.iter().map(|line| line.turns).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_useless_file_is_replaced_and_filled_again() {
    let world = World::new();
    world.session("s", &[("Why?", "Because.")]);
    let path = Index::default_path(world.store.base());
    let check = |is_kept: bool| {
        let (mut index, opened) = open(&world);
        let Opened::Replaced { kept_as, .. } = &opened else { panic!("{opened:?}") };
        assert_eq!(kept_as.is_some(), is_kept, "{opened:?}");
        if let Some(kept_as) = kept_as {
            assert!(kept_as.exists());
        }
        assert_eq!(index.refresh(&world.store).unwrap().added, 1);
        assert_eq!(index.search("because", 5).unwrap().len(), 1);
        drop(index);
        assert_eq!(open(&world).1, Opened::Existing);
    };

    fs::write(&path, "this is no database, and long enough to be taken for one".repeat(40)).unwrap();
    check(true);

    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    check(true);

    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    check(false);

    Connection::open(&path).unwrap().execute_batch("DROP TABLE usage").unwrap();
    check(false);

    fs::remove_file(&path).unwrap();
    assert_eq!(open(&world).1, Opened::New);
}

/// Every page of the index is overwritten in turn: it opens or is replaced, and a refresh or a rebuild repairs it.
#[test]
fn a_damaged_index_is_built_again() {
    let world = World::new();
    for number in 0..8 {
        world.session(&format!("s{number}"), &[("Why is that so?", "Because nobody looked.")]);
    }
    let path = Index::default_path(world.store.base());
    let (mut index, _) = open(&world);
    index.refresh(&world.store).unwrap();
    drop(index);
    let whole = fs::read(&path).unwrap();
    let mut replaced = 0;
    for page in 0..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0xA5);
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(world.store.base().join(format!("index.sqlite3{suffix}")));
        }
        fs::write(&path, damaged).unwrap();
        let (mut index, opened) = open(&world);
        replaced += u32::from(matches!(opened, Opened::Replaced { .. }));
        index.refresh(&world.store).unwrap();
        index.rebuild(&world.store).unwrap();
        assert_eq!(index.search("nobody", 20).unwrap().len(), 8, "page {page}");
        drop(index);
        fs::remove_file(&path).unwrap();
    }
    assert!(replaced > 0, "the first page at least");
}

#[test]
#[cfg(unix)]
fn the_index_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.session("s", &[("q", "a")]);
    let (mut index, _) = open(&world);
    index.refresh(&world.store).unwrap();
    for file in ["index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm"] {
        let mode = fs::metadata(world.store.base().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn rehearsals_are_counted_and_cost_nothing() {
    let world = World::new();
    let session = world.session("mixed", &[("q", "a")]);
    let turn = session.begin_rehearsal("scripted", &world.path("log")).unwrap();
    let record = turn.finish(&completed("a", START_MS)).unwrap();
    assert!(record.is_rehearsal && !session.turns().unwrap()[0].is_rehearsal);
    assert_eq!(session.history().unwrap().iter().map(|turn| turn.is_rehearsal).collect::<Vec<_>>(), [false, true]);
    let (mut index, _) = open(&world);
    index.refresh(&world.store).unwrap();
    let line = &index.list(1, 0, &Filter::default()).unwrap().sessions[0];
    assert_eq!((line.turns, line.rehearsals), (2, 1));
    assert_eq!(line.cost, Cost { known_usd: 0.25, unpriced_calls: 3 });
    let costs = index.costs(Range::default(), CostBy::Day).unwrap();
    assert_eq!((costs.total.turns, costs.turns_without_costs, costs.lines.len()), (1, 0, 1));
}
