//! A hand-made run of three agents: votes made void, one vote that came too late, a failure, a tie.

use massgen_protocol::{
    Activity, AgentId, AgentIndex, AgentProfile, AnswerRevision, AnswerSource, BuiltinPhase, Choices, Cost, CutReason,
    Event, Fact, FinishReason, Phase, PresentationSource, Record, RevisionVector, Rules, RunEnd, RunView,
    SelectionRule, TallyLine, TurnId, TurnKind, TurnOutcome, Usage, View, Violation, Vote,
};

/// 2026-01-31 14:03:05.123 UTC.
pub(crate) const START_MS: u64 = 1_769_868_185_123;

pub(crate) const ALPHA: AgentIndex = AgentIndex(0);
pub(crate) const BETA: AgentIndex = AgentIndex(1);
pub(crate) const GAMMA: AgentIndex = AgentIndex(2);

/// The run with the ids that its config would give.
pub(crate) fn records() -> Vec<Record> {
    records_of(["alpha", "beta", "agent 3 🦀"])
}

/// The run with any ids.
pub(crate) fn records_of(ids: [&str; 3]) -> Vec<Record> {
    let mut run = Run::default();
    run.open(ids);
    run.first_answers();
    run.votes_made_void();
    run.failure();
    run.tie();
    run.end();
    run.records
}

pub(crate) fn view() -> RunView {
    RunView::replay(&records())
}

#[derive(Default)]
struct Run {
    records: Vec<Record>,
    answers: Vec<u32>,
    turns: [u32; 3],
}

impl Run {
    fn open(&mut self, ids: [&str; 3]) {
        self.answers = vec![0, 0, 0];
        let models = ["gpt-5.2", "claude-sonnet-5", "日本語モデル"];
        let backends = ["openai", "claude", "lmstudio"];
        let agents = (0..3)
            .map(|n| AgentProfile {
                id: AgentId::new(ids[n]),
                backend: backends[n].to_owned(),
                model: models[n].to_owned(),
            })
            .collect();
        self.add(Activity::RunOpened {
            run_id: "log_20260131_140305_123000".to_owned(),
            question: "Which sorting algorithm is best for nearly sorted data?\nAnswer briefly.".to_owned(),
            agents,
            version: "0.1.0".to_owned(),
            rehearsal: false,
        });
        self.add(Fact::TeamStarted { size: 3, seed: 42, rules: Rules::default() });
        self.add(Fact::PhaseEntered { phase: Phase::FirstAnswers });
    }

    fn first_answers(&mut self) {
        let (alpha, beta, gamma) = (
            self.start(ALPHA, TurnKind::FirstAnswer),
            self.start(BETA, TurnKind::FirstAnswer),
            self.start(GAMMA, TurnKind::FirstAnswer),
        );
        self.call(alpha, "Nearly sorted", " means few inversions.");
        self.answer(alpha, "Insertion sort: it takes time proportional to the number of inversions.");
        self.add(Activity::BuiltinTool {
            turn: beta,
            name: "web_search".to_owned(),
            phase: BuiltinPhase::Started,
            detail: "adaptive sorting".to_owned(),
        });
        self.add(Activity::BuiltinTool {
            turn: beta,
            name: "web_search".to_owned(),
            phase: BuiltinPhase::Completed,
            detail: String::new(),
        });
        self.add(Activity::Citation {
            turn: beta,
            url: "https://example.org/timsort".to_owned(),
            title: "Timsort".to_owned(),
        });
        self.call(beta, "Timsort merges", " natural runs.");
        self.answer(beta, "Timsort: it finds the runs that are there, and is in your standard library.");
        self.add(Activity::CallRetried {
            turn: gamma,
            retry: 1,
            error: "the provider is overloaded (529)".to_owned(),
            pause_ms: 1_500,
        });
        self.call(gamma, "挿入ソート", "です。\u{1b}[2J");
        self.answer(gamma, "ほぼ整列済みのデータには挿入ソートが適しています。転倒数に比例する時間で終わります。");
        self.add(Fact::PhaseEntered { phase: Phase::Deciding });
    }

    fn votes_made_void(&mut self) {
        let (alpha, beta, gamma) = (
            self.start(ALPHA, TurnKind::Decide),
            self.start(BETA, TurnKind::Decide),
            self.start(GAMMA, TurnKind::Decide),
        );
        let seen_by_gamma = self.vector();
        let voided = self.vote(beta, revision(ALPHA, 1), "It names the reason: inversions.");
        self.add(Activity::ToolCalled {
            turn: alpha,
            id: "call-1".to_owned(),
            name: "execute_command".to_owned(),
            arguments: r#"{"command":"python3 bench.py"}"#.to_owned(),
        });
        self.add(Fact::TurnInvested { turn: alpha });
        let by = self.answer(alpha, "Insertion sort for small inputs, Timsort for large ones; both adapt.");
        self.add(Fact::VotesVoided { by, votes: vec![voided] });
        let late = Vote {
            voter: GAMMA,
            target: revision(BETA, 1),
            reason: "Practical.".to_owned(),
            seen: seen_by_gamma,
            checks: Vec::new(),
        };
        let current = self.vector();
        self.add(Fact::VoteArrivedVoid { turn: gamma, vote: late, current });
        self.add(Fact::TurnCut { turn: gamma, reason: CutReason::Outdated });
        self.finish(gamma, TurnOutcome::Superseded);
    }

    fn failure(&mut self) {
        let gamma = self.start(GAMMA, TurnKind::Decide);
        let message = "the API key was refused (401)".to_owned();
        self.finish(gamma, TurnOutcome::Failed { message: message.clone(), retryable: false });
        self.add(Fact::AgentOut { agent: GAMMA, reason: message });
        self.add(Activity::Notice { agent: None, text: "2 agents go on".to_owned() });
    }

    fn tie(&mut self) {
        let (alpha, beta) = (self.start(ALPHA, TurnKind::Decide), self.start(BETA, TurnKind::Decide));
        self.add(Activity::Text { turn: beta, delta: "I like the first one.".to_owned() });
        self.add(Fact::DecisionRejected {
            snapshot: None,
            turn: beta,
            violation: Violation::NoDecision,
            chances_left: 2,
            said: "I like the first one.".to_owned(),
        });
        self.vote(beta, revision(ALPHA, 2), "It tells small inputs from large ones.");
        self.vote(alpha, revision(BETA, 1), &"Shorter, and right in practice. ".repeat(5));
        let line = |revision| TallyLine { revision, votes: 1, votes_of_others: 1 };
        self.add(Fact::WinnerSelected {
            revision: revision(BETA, 1),
            tally: vec![line(revision(BETA, 1)), line(revision(ALPHA, 2))],
            rule: SelectionRule::TiePublishedEarlier,
        });
        self.add(Fact::PhaseEntered { phase: Phase::Presenting });
    }

    fn end(&mut self) {
        let beta = self.start(BETA, TurnKind::Present);
        let content = "Use Timsort.\nIt is adaptive, stable and in your standard library.\n";
        self.call(beta, "Use Timsort.\n", "It is adaptive, stable and in your standard library.\n");
        self.finish(beta, TurnOutcome::Presented);
        self.add(Fact::FinalAnswer {
            snapshot: None,
            revision: revision(BETA, 1),
            content: content.to_owned(),
            source: PresentationSource::Presented,
        });
        self.add(Fact::RunEnded { end: RunEnd::Consensus });
    }

    /// Adds a record, 250 ms after the one before.
    fn add(&mut self, event: impl Into<Event>) {
        let seq = self.records.len() as u64 + 1;
        self.records.push(Record { seq, at_ms: START_MS + 250 * (seq - 1), event: event.into() });
    }

    fn vector(&self) -> RevisionVector {
        serde_json::from_value(self.answers.clone().into()).unwrap()
    }

    fn start(&mut self, agent: AgentIndex, kind: TurnKind) -> TurnId {
        self.turns[agent.position()] += 1;
        let turn = TurnId { agent, number: self.turns[agent.position()] };
        let vector = self.vector();
        let order: Vec<AnswerRevision> = vector.revisions().collect();
        let choices = Choices { may_answer: true, votes: order.clone() };
        self.add(Fact::TurnStarted { turn, kind, view: View { vector, order }, choices });
        turn
    }

    fn call(&mut self, turn: TurnId, first: &str, second: &str) {
        self.add(Activity::CallStarted { turn, call: 1, key: None, reserved: None });
        self.add(Activity::Reasoning { turn, delta: "Let me think.".to_owned() });
        self.add(Activity::Text { turn, delta: first.to_owned() });
        self.add(Activity::Text { turn, delta: second.to_owned() });
        let usage = Usage { input_tokens: 1_200, output_tokens: 80, reasoning_tokens: 20, ..Usage::default() };
        let price = (turn.agent != GAMMA).then_some(0.0123);
        self.add(Activity::CallEnded {
            turn,
            call: 1,
            finish: Some(FinishReason::Stop),
            usage,
            cost: Cost::of_call(price),
            first_chunk_ms: Some(300),
            duration_ms: 1_000,
            reply: None,
        });
    }

    fn answer(&mut self, turn: TurnId, content: &str) -> AnswerRevision {
        let seen = self.vector();
        self.answers[turn.agent.position()] += 1;
        let published = revision(turn.agent, self.answers[turn.agent.position()]);
        let content = content.to_owned();
        self.add(Fact::AnswerPublished {
            turn,
            revision: published,
            content,
            seen,
            source: AnswerSource::Decision,
            snapshot: None,
        });
        self.finish(turn, TurnOutcome::Answered);
        published
    }

    fn vote(&mut self, turn: TurnId, target: AnswerRevision, reason: &str) -> Vote {
        let vote =
            Vote { voter: turn.agent, target, reason: reason.to_owned(), seen: self.vector(), checks: Vec::new() };
        self.add(Fact::VoteCast { turn, vote: vote.clone() });
        self.finish(turn, TurnOutcome::Voted);
        vote
    }

    fn finish(&mut self, turn: TurnId, outcome: TurnOutcome) {
        self.add(Fact::TurnEnded { turn, outcome });
    }
}

pub(crate) fn revision(agent: AgentIndex, number: u32) -> AnswerRevision {
    AnswerRevision { agent, number }
}
