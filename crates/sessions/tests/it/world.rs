//! What the tests are made of: a store in a temporary folder, and small runs with a journal.

use std::fs;
use std::path::{Path, PathBuf};

use massgen_journal::Journal;
use massgen_protocol::{
    Activity, AgentId, AgentIndex, AgentProfile, AnswerRevision, AnswerSource, Check, Choices, Cost, Event, Fact,
    Finding, Phase, PresentationSource, RevisionVector, Rules, RunEnd, RunView, SelectionRule, TallyLine, TurnId,
    TurnKind, TurnOutcome, Usage, Verification, View, Vote,
};
use massgen_sessions::{AgentSpend, Session, SessionStore, TurnEnd, TurnResult};

/// 2026-01-31 14:03:05.123 UTC.
pub(crate) const START_MS: u64 = 1_769_868_185_123;

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) store: SessionStore,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionStore::in_utc(folder.path().join("sessions"));
        Self { folder, store }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A session with one completed turn for each pair of question and answer.
    pub(crate) fn session(&self, id: &str, turns: &[(&str, &str)]) -> Session {
        let session = self.store.create_at(Some(id), START_MS).unwrap();
        for (number, (question, answer)) in (0_u64..).zip(turns) {
            let at_ms = START_MS + number * 60_000;
            let turn = session.begin_turn_at(question, &self.path("log"), at_ms).unwrap();
            turn.finish(&completed(answer, at_ms + 5_000)).unwrap();
        }
        session
    }

    /// Writes files of a turn as another program would.
    pub(crate) fn plant(&self, session: &str, turn: u32, files: &[(&str, &str)]) -> PathBuf {
        let dir = self.store.base().join(session).join(format!("turn_{turn}"));
        fs::create_dir_all(&dir).unwrap();
        for (name, content) in files {
            fs::write(dir.join(name), content).unwrap();
        }
        dir
    }
}

pub(crate) fn completed(answer: &str, ended_ms: u64) -> TurnResult {
    TurnResult {
        ended_ms,
        end: "consensus".to_owned(),
        outcome: TurnEnd::Completed { answer: answer.to_owned(), winner: "alpha".to_owned() },
        agents: vec![
            spend("alpha", "gpt-5.2", Cost { known_usd: 0.25, unpriced_calls: 0 }),
            spend("beta", "local", Cost { known_usd: 0.0, unpriced_calls: 3 }),
        ],
    }
}

pub(crate) fn spend(id: &str, model: &str, cost: Cost) -> AgentSpend {
    AgentSpend {
        id: id.to_owned(),
        backend: "openai".to_owned(),
        model: model.to_owned(),
        cost,
        input_tokens: 1_200,
        output_tokens: 300,
    }
}

pub(crate) const ALPHA: AgentIndex = AgentIndex(0);
pub(crate) const BETA: AgentIndex = AgentIndex(1);
pub(crate) const GAMMA: AgentIndex = AgentIndex(2);

/// A run of three agents: a vote made void, a restart, a failure, checked votes, a winner. `words` goes into everything
/// that a model or a user writes.
pub(crate) fn events(words: &str) -> Vec<(u64, Event)> {
    let mut run = Run::default();
    run.add(
        0,
        Activity::RunOpened {
            run_id: "log_1".to_owned(),
            question: format!("Which sort is best for nearly sorted data? {words}"),
            agents: ["alpha", "beta", "gamma"].map(|id| profile(id, words)).to_vec(),
            version: "0.1.0".to_owned(),
            rehearsal: false,
        },
    );
    let rules = Rules { verification: Verification::Marked, ..Rules::default() };
    run.add(1, Fact::TeamStarted { size: 3, seed: 7, rules });
    run.add(2, Fact::PhaseEntered { phase: Phase::FirstAnswers });
    for agent in [ALPHA, BETA, GAMMA] {
        run.start(3, agent, 1, TurnKind::FirstAnswer);
    }
    let answer = format!(
        "Insertion sort: it takes time in proportion to the inversions.\n\n```python\nprint('hi')\n```\n{words}"
    );
    run.answer(9_400, ALPHA, 1, &answer);
    run.answer(14_250, BETA, 1, &format!("Timsort, because it finds the runs that are there. {words}"));
    let message = format!("the provider says: quota exceeded {words}");
    run.add(
        15_000,
        Fact::TurnEnded {
            turn: turn(GAMMA, 1),
            outcome: TurnOutcome::Failed { message: message.clone(), retryable: false },
        },
    );
    run.add(15_001, Fact::AgentOut { agent: GAMMA, reason: message });
    run.add(15_002, Fact::PhaseEntered { phase: Phase::Deciding });
    let first = vote(BETA, ALPHA, 1, &format!("It names the measure that matters. {words}"), [1, 1, 0], Vec::new());
    run.add(31_700, Fact::VoteCast { turn: turn(BETA, 2), vote: first.clone() });
    run.answer(44_900, ALPHA, 2, &format!("Insertion sort for few inversions, Timsort in general. {words}"));
    run.add(44_901, Fact::VotesVoided { by: revision(ALPHA, 2), votes: vec![first] });
    run.add(44_902, Fact::TurnEnded { turn: turn(BETA, 3), outcome: TurnOutcome::Superseded });
    let checks = vec![
        Check { subject: format!("python sort.py {words}"), finding: Finding::Passed },
        Check { subject: "sort.py".to_owned(), finding: Finding::Read },
    ];
    let late = vote(GAMMA, ALPHA, 1, &format!("too late {words}"), [1, 1, 0], Vec::new());
    run.add(45_500, Fact::VoteArrivedVoid { turn: turn(GAMMA, 2), vote: late, current: vector([2, 1, 0]) });
    let reason = format!("I ran it on ten thousand nearly sorted lists; both claims hold.\nNothing to add. {words}");
    run.add(63_000, Fact::VoteCast { turn: turn(BETA, 4), vote: vote(BETA, ALPHA, 2, &reason, [2, 1, 0], checks) });
    run.add(
        66_000,
        Fact::VoteCast { turn: turn(ALPHA, 3), vote: vote(ALPHA, ALPHA, 2, "Mine holds.", [2, 1, 0], Vec::new()) },
    );
    for (agent, usd) in [(ALPHA, Some(0.0312)), (BETA, Some(0.0107)), (GAMMA, None)] {
        run.add(
            66_500,
            // From its text form: what this crate does not read of it may grow.
            serde_json::from_value::<Activity>(serde_json::json!({
                "type": "call_ended", "turn": turn(agent, 1), "call": 1, "finish": null,
                "usage": Usage { input_tokens: 12_345, output_tokens: 987, ..Usage::default() },
                "cost": Cost::of_call(usd), "first_chunk_ms": 300, "duration_ms": 4_000,
            }))
            .unwrap(),
        );
    }
    let tally = vec![TallyLine { revision: revision(ALPHA, 2), votes: 2, votes_of_others: 1 }];
    run.add(67_000, Fact::WinnerSelected { revision: revision(ALPHA, 2), tally, rule: SelectionRule::MostVotes });
    run.add(67_001, Fact::PhaseEntered { phase: Phase::Presenting });
    run.add(
        72_000,
        Fact::FinalAnswer {
            revision: revision(ALPHA, 2),
            content: format!("Use insertion sort if there are few inversions, else Timsort. {words}"),
            source: PresentationSource::Presented,
            snapshot: None,
        },
    );
    run.add(72_001, Fact::RunEnded { end: RunEnd::Consensus });
    run.events
}

/// Writes events as the journal of a run, as many as wanted.
pub(crate) fn write_journal(log_dir: &Path, events: &[(u64, Event)]) -> RunView {
    fs::create_dir_all(log_dir).unwrap();
    let mut journal = Journal::create(&log_dir.join("events.jsonl")).unwrap();
    let mut view = RunView::default();
    for (at_ms, event) in events {
        view.apply(&journal.append(START_MS + at_ms, event.clone()).unwrap());
    }
    journal.flush().unwrap();
    view
}

#[derive(Default)]
struct Run {
    events: Vec<(u64, Event)>,
}

impl Run {
    fn add(&mut self, at_ms: u64, event: impl Into<Event>) {
        self.events.push((at_ms, event.into()));
    }

    fn start(&mut self, at_ms: u64, agent: AgentIndex, number: u32, kind: TurnKind) {
        let view = View { vector: RevisionVector::empty(3), order: Vec::new() };
        let choices = Choices { may_answer: true, votes: Vec::new() };
        self.add(at_ms, Fact::TurnStarted { turn: turn(agent, number), kind, view, choices });
    }

    fn answer(&mut self, at_ms: u64, agent: AgentIndex, number: u32, content: &str) {
        self.add(
            at_ms,
            Fact::AnswerPublished {
                turn: turn(agent, number),
                revision: revision(agent, number),
                content: content.to_owned(),
                seen: RevisionVector::empty(3),
                source: AnswerSource::Decision,
                snapshot: None,
            },
        );
    }
}

fn profile(id: &str, words: &str) -> AgentProfile {
    AgentProfile { id: AgentId::new(id), backend: "openai".to_owned(), model: format!("gpt-5.2{words}") }
}

fn turn(agent: AgentIndex, number: u32) -> TurnId {
    TurnId { agent, number }
}

fn revision(agent: AgentIndex, number: u32) -> AnswerRevision {
    AnswerRevision { agent, number }
}

fn vector(counts: [u32; 3]) -> RevisionVector {
    serde_json::from_value(serde_json::json!(counts)).unwrap()
}

fn vote(voter: AgentIndex, author: AgentIndex, number: u32, reason: &str, seen: [u32; 3], checks: Vec<Check>) -> Vote {
    Vote { voter, target: revision(author, number), reason: reason.to_owned(), seen: vector(seen), checks }
}
