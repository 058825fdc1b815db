//! Whatever the records say, in whatever order, the files are written and nothing panics.

use massgen_journal::{Counters, LogFolder, LogWriter, Stamps, coordination_table, run_summary, status};
use massgen_protocol::{
    Activity, AgentIndex, AnswerRevision, AnswerSource, Event, Fact, Phase, PresentationSource, Record, RevisionVector,
    RunEnd, RunView, SelectionRule, TurnId, TurnOutcome, Vote,
};
use proptest::prelude::*;

use crate::golden;

fn agent() -> impl Strategy<Value = AgentIndex> {
    // The fourth is in no team.
    (0_u16..4).prop_map(AgentIndex)
}

fn turn() -> impl Strategy<Value = TurnId> {
    (agent(), 1_u32..4).prop_map(|(agent, number)| TurnId { agent, number })
}

fn revision() -> impl Strategy<Value = AnswerRevision> {
    (agent(), 0_u32..4).prop_map(|(agent, number)| AnswerRevision { agent, number })
}

fn vote() -> impl Strategy<Value = Vote> {
    (agent(), revision(), ".{0,40}").prop_map(|(voter, target, reason)| Vote {
        checks: Vec::new(),
        voter,
        target,
        reason,
        seen: RevisionVector::empty(3),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let fact = prop_oneof![
        (turn(), revision(), ".{0,60}").prop_map(|(turn, revision, content)| Fact::AnswerPublished {
            snapshot: None,
            turn,
            revision,
            content,
            seen: RevisionVector::empty(3),
            source: AnswerSource::PlainText,
        }),
        (revision(), prop::collection::vec(vote(), 0..3)).prop_map(|(by, votes)| Fact::VotesVoided { by, votes }),
        (turn(), vote()).prop_map(|(turn, vote)| Fact::VoteCast { turn, vote }),
        (turn(), vote()).prop_map(|(turn, vote)| Fact::VoteArrivedVoid {
            turn,
            vote,
            current: RevisionVector::empty(3)
        }),
        turn().prop_map(|turn| Fact::TurnEnded { turn, outcome: TurnOutcome::TimedOut }),
        turn().prop_map(|turn| Fact::TurnEnded { turn, outcome: TurnOutcome::Superseded }),
        (agent(), ".{0,20}").prop_map(|(agent, reason)| Fact::AgentOut { agent, reason }),
        revision().prop_map(|revision| Fact::WinnerSelected {
            revision,
            tally: Vec::new(),
            rule: SelectionRule::NoVotesBestInformed,
        }),
        (revision(), ".{0,300}").prop_map(|(revision, content)| Fact::FinalAnswer {
            snapshot: None,
            revision,
            content,
            source: PresentationSource::Stored { reason: "r".to_owned() },
        }),
        Just(Fact::PhaseEntered { phase: Phase::Presenting }),
        Just(Fact::RunEnded { end: RunEnd::Cancelled }),
    ];
    let activity = prop_oneof![
        (turn(), ".{0,40}").prop_map(|(turn, delta)| Activity::Text { turn, delta }),
        (turn(), ".{0,40}").prop_map(|(turn, error)| Activity::CallRetried {
            turn,
            retry: 1,
            error,
            pause_ms: u64::MAX
        }),
    ];
    prop_oneof![3 => fact.prop_map(Event::from), 1 => activity.prop_map(Event::from)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_are_reported(
        events in prop::collection::vec((event(), prop_oneof![9 => 0_u64..5_000, 1 => Just(u64::MAX)]), 0..25),
    ) {
        let mut records: Vec<Record> = golden::records().into_iter().take(1).collect();
        for (event, at_ms) in events {
            records.push(Record { seq: records.len() as u64 + 1, at_ms, event });
        }

        let base = tempfile::tempdir().unwrap();
        let folder = LogFolder::create_at(base.path(), 0, &Stamps::utc()).unwrap();
        let mut writer = LogWriter::new(&folder, Stamps::utc());
        let mut view = RunView::default();
        for record in &records {
            view.apply(record);
            writer.observe(record, &view);
        }
        // A clock beyond the calendar can use up the names of directories; that is told of.
        let _ = writer.finish(&view);

        let status = status(&view, &Counters::replay(&records), &folder);
        prop_assert_eq!(status["is_complete"].as_bool(), Some(view.end.is_some()));
        prop_assert_eq!(
            std::fs::read_to_string(folder.status()).unwrap(),
            format!("{status:#}\n"),
            "the writer and the pure function agree"
        );
        prop_assert_eq!(
            std::fs::read_to_string(folder.attempt_dir().join("coordination_table.txt")).unwrap(),
            coordination_table(&records)
        );
        prop_assert_eq!(run_summary(&view).agents.len(), 3);
    }
}
