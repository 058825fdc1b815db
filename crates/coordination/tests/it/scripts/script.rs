//! Drives a coordinator by the names of agents, and tells what it did in lines of text.

use massgen_coordination::{Checked, Command, Coordinator, DecisionCall, Input, News, Reply};
use massgen_protocol::{
    AgentIndex, Check, Choices, Fact, Finding, PresentationSource, Rules, SelectionRule, TallyLine, Timer, TurnId,
    TurnKind, TurnOutcome, View, Violation, Vote,
};

/// A run that is told as a story.
pub(crate) struct Script {
    pub(crate) coordinator: Coordinator,
    /// Every fact of the run.
    pub(crate) facts: Vec<Fact>,
    /// What was set and not replaced: every timer of the run with its last duration.
    pub(crate) timers: Vec<(Timer, u64)>,
    lines: Vec<String>,
}

/// A call of `new_answer`.
pub(crate) fn answer(content: &str) -> DecisionCall {
    DecisionCall::NewAnswer { content: content.to_owned() }
}

/// A call of `vote`.
pub(crate) fn vote(target: &str) -> DecisionCall {
    DecisionCall::Vote { target: target.to_owned(), reason: String::new() }
}

impl Script {
    /// A team that has not begun.
    pub(crate) fn unstarted(size: u16, rules: Rules) -> Self {
        let coordinator = Coordinator::new(size, 7, rules);
        Self { coordinator, facts: Vec::new(), timers: Vec::new(), lines: Vec::new() }
    }

    /// A team at its first answers; the beginning is not told.
    pub(crate) fn team(size: u16, rules: Rules) -> Self {
        let mut script = Self::unstarted(size, rules);
        script.input(Input::Begin).skip();
        script
    }

    /// A team of which each agent has answered (`one`, `two`, ...) and compares in its second turn.
    pub(crate) fn deciding(size: u16, rules: Rules) -> Self {
        let mut script = Self::team(size, rules);
        for (agent, word) in AgentIndex::all(size).zip(["one", "two", "three", "four"]) {
            script.answers(&agent.to_string(), word);
        }
        script.skip();
        script
    }

    /// Anything that happens.
    #[track_caller]
    pub(crate) fn input(&mut self, input: Input) -> &mut Self {
        let step = self.coordinator.handle(input);
        self.lines.extend(step.facts.iter().map(tell_fact));
        for command in &step.commands {
            if let Command::SetTimer { timer, after_ms } = command {
                self.timers.retain(|(other, _)| other != timer);
                self.timers.push((*timer, *after_ms));
            }
            self.lines.extend(tell_command(command));
        }
        self.facts.extend(step.facts);
        if !self.facts.is_empty() {
            let replayed = Coordinator::replay(&self.facts);
            assert_eq!(replayed.as_ref(), Some(&self.coordinator), "the facts do not give the state");
        }
        self
    }

    /// The turn that an agent has open.
    #[track_caller]
    pub(crate) fn turn(&self, agent: &str) -> TurnId {
        let agent: AgentIndex = agent.parse().unwrap();
        let open = self.coordinator.open_turns().find(|open| open.turn.agent == agent);
        open.unwrap_or_else(|| panic!("{agent} has no open turn")).turn
    }

    #[track_caller]
    pub(crate) fn replies(&mut self, agent: &str, text: &str, calls: Vec<DecisionCall>) -> &mut Self {
        let turn = self.turn(agent);
        self.input(Input::Replied { turn, reply: Reply { text: text.to_owned(), calls, ..Reply::default() } })
    }

    #[track_caller]
    pub(crate) fn answers(&mut self, agent: &str, content: &str) -> &mut Self {
        self.replies(agent, "", vec![answer(content)])
    }

    #[track_caller]
    pub(crate) fn votes(&mut self, agent: &str, target: &str) -> &mut Self {
        self.replies(agent, "", vec![vote(target)])
    }

    #[track_caller]
    pub(crate) fn says(&mut self, agent: &str, text: &str) -> &mut Self {
        self.replies(agent, text, Vec::new())
    }

    #[track_caller]
    pub(crate) fn fails(&mut self, agent: &str) -> &mut Self {
        let turn = self.turn(agent);
        self.input(Input::TurnFailed { turn, message: "busy".to_owned(), retryable: true })
    }

    #[track_caller]
    pub(crate) fn fails_for_good(&mut self, agent: &str) -> &mut Self {
        let turn = self.turn(agent);
        self.input(Input::TurnFailed { turn, message: "bad key".to_owned(), retryable: false })
    }

    #[track_caller]
    pub(crate) fn stops(&mut self, agent: &str) -> &mut Self {
        let turn = self.turn(agent);
        self.input(Input::TurnStopped { turn })
    }

    #[track_caller]
    pub(crate) fn runs_tool(&mut self, agent: &str) -> &mut Self {
        let turn = self.turn(agent);
        self.input(Input::ToolRan { turn, checked: Vec::new() })
    }

    /// An answer with files: the snapshot is named by one digit.
    #[track_caller]
    pub(crate) fn answers_with_files(&mut self, agent: &str, content: &str, digit: char) -> &mut Self {
        let turn = self.turn(agent);
        let snapshot = digit.to_string().repeat(64).parse().ok();
        let reply = Reply { calls: vec![answer(content)], snapshot, ..Reply::default() };
        self.input(Input::Replied { turn, reply })
    }

    /// Runs something of a peer's files.
    #[track_caller]
    pub(crate) fn checks(&mut self, agent: &str, author: &str, exit_code: i32) -> &mut Self {
        let turn = self.turn(agent);
        let finding = if exit_code == 0 { Finding::Passed } else { Finding::Failed { exit_code: Some(exit_code) } };
        let check = Check { subject: "run.py".to_owned(), finding };
        self.input(Input::ToolRan { turn, checked: vec![Checked { author: author.parse().unwrap(), check }] })
    }

    #[track_caller]
    pub(crate) fn rests(&mut self, agent: &str) -> &mut Self {
        let turn = self.turn(agent);
        self.input(Input::SafePoint { turn })
    }

    #[track_caller]
    pub(crate) fn turn_times_out(&mut self, agent: &str) -> &mut Self {
        let turn = self.turn(agent);
        self.fires(Timer::Turn { turn })
    }

    #[track_caller]
    pub(crate) fn pause_ends(&mut self, agent: &str) -> &mut Self {
        self.fires(Timer::Retry { agent: agent.parse().unwrap() })
    }

    #[track_caller]
    pub(crate) fn fires(&mut self, timer: Timer) -> &mut Self {
        self.input(Input::TimerFired { timer })
    }

    #[track_caller]
    pub(crate) fn cancel(&mut self) -> &mut Self {
        self.input(Input::Cancel)
    }

    /// Leaves untold what happened since it was last asked.
    pub(crate) fn skip(&mut self) -> &mut Self {
        self.lines.clear();
        self
    }

    /// Expects exactly these lines since it was last asked.
    #[track_caller]
    pub(crate) fn then(&mut self, story: &str) -> &mut Self {
        let expected: Vec<&str> = story.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let happened = std::mem::take(&mut self.lines);
        assert_eq!(happened, expected, "\nhappened:\n{}\n", happened.join("\n"));
        self
    }

    /// Expects that nothing happened since it was last asked.
    #[track_caller]
    pub(crate) fn then_nothing(&mut self) -> &mut Self {
        self.then("")
    }

    /// How long a timer was set for.
    pub(crate) fn timer(&self, timer: Timer) -> Option<u64> {
        self.timers.iter().find(|(other, _)| *other == timer).map(|(_, after_ms)| *after_ms)
    }
}

fn tell_fact(fact: &Fact) -> String {
    match fact {
        Fact::TeamStarted { size, .. } => format!("team of {size}"),
        Fact::PhaseEntered { phase } => format!("phase {phase:?}"),
        Fact::TurnStarted { turn, kind, view, choices } => match kind {
            TurnKind::Solo => format!("{turn} answers alone"),
            TurnKind::FirstAnswer => format!("{turn} answers first"),
            TurnKind::Decide => format!("{turn} decides on {}", tell_view(view, choices)),
            TurnKind::Present => format!("{turn} presents with {}", tell_view(view, choices)),
        },
        Fact::TurnRefreshed { turn, view, choices } => format!("{turn} is shown {}", tell_view(view, choices)),
        Fact::TurnInvested { turn } => format!("{turn} ran a tool"),
        Fact::DecisionRejected { turn, violation, chances_left, .. } => {
            format!("{turn} rejected: {}; {chances_left} left", tell_violation(violation))
        }
        Fact::TurnCut { turn, reason } => format!("{turn} cut: {reason:?}"),
        Fact::AnswerPublished { revision, content, source, .. } => {
            format!("{revision} published: {content} ({source:?})")
        }
        Fact::AnswerChecked { turn, revision, check } => {
            format!("{turn} checked {revision}: {} ({:?})", check.subject, check.finding)
        }
        Fact::VotesVoided { by, votes } => {
            let votes: Vec<String> = votes.iter().map(tell_vote).collect();
            format!("votes voided by {by}: {}", votes.join(", "))
        }
        Fact::VoteCast { vote, .. } => tell_vote(vote),
        Fact::VoteArrivedVoid { vote, .. } => format!("void {}", tell_vote(vote)),
        Fact::TurnEnded { turn, outcome } => match outcome {
            TurnOutcome::Failed { message, .. } => format!("{turn} failed: {message}"),
            other => format!("{turn} {}", format!("{other:?}").to_lowercase()),
        },
        Fact::AgentOut { agent, reason } => format!("{agent} out: {reason}"),
        Fact::DeadlinePassed { timer } => format!("time: {}", tell_timer(*timer)),
        Fact::BudgetSpent { limit } => format!("budget: {limit}"),
        Fact::CancelRequested => "cancelled".to_owned(),
        Fact::WinnerSelected { revision, tally, rule } => {
            let tally: Vec<String> = tally.iter().map(tell_tally).collect();
            format!("winner {revision}, {}: {}", tell_rule(*rule), tally.join(", "))
        }
        Fact::FinalAnswer { content, source, .. } => match source {
            PresentationSource::Presented => format!("final, presented: {content}"),
            PresentationSource::Stored { reason } => format!("final, stored, {reason}: {content}"),
        },
        Fact::RunEnded { end } => format!("end {end:?}"),
    }
}

fn tell_command(command: &Command) -> Option<String> {
    let with = |news: &Option<News>| if news.is_some() { " with news" } else { "" };
    match command {
        Command::Reject { turn, news, .. } => Some(format!("> reject {turn}{}", with(news))),
        Command::Continue { turn, news } => Some(format!("> continue {turn}{}", with(news))),
        Command::SetTimer { timer: timer @ Timer::Retry { .. }, after_ms } => {
            Some(format!("> {} in {after_ms}", tell_timer(*timer)))
        }
        Command::StartTurn(_) | Command::CutTurn { .. } | Command::SetTimer { .. } | Command::Finish => None,
    }
}

/// The answers in the order of the team, and what may be done about them.
fn tell_view(view: &View, choices: &Choices) -> String {
    let mut shown = view.order.clone();
    shown.sort_unstable();
    let all: Vec<_> = view.vector.revisions().collect();
    // Only a presentation can show an answer that is not its author's latest: the one that won.
    let presents = !choices.may_answer && choices.votes.is_empty();
    assert!(presents || shown == all, "what is shown is not the set of answers");
    assert!(choices.votes.is_empty() || choices.votes == view.order, "the choices are not what is shown");
    let shown: Vec<String> = shown.iter().map(ToString::to_string).collect();
    let limit = match (choices.may_answer, choices.votes.is_empty()) {
        (true, false) => "",
        (false, false) => ", vote only",
        (true, true) => ", answer only",
        (false, true) => ", no choice",
    };
    format!("{}{limit}", shown.join(" "))
}

fn tell_violation(violation: &Violation) -> String {
    match violation {
        Violation::UnknownTarget { target } => format!("UnknownTarget {target}"),
        Violation::DuplicateAnswer { of } => format!("DuplicateAnswer {of}"),
        Violation::TooSimilar { to, similarity_percent } => format!("TooSimilar {to} {similarity_percent}%"),
        Violation::BadArguments { tool, problem } => format!("BadArguments {tool} {problem}"),
        Violation::UnknownTool { tool } => format!("UnknownTool {tool}"),
        Violation::Unchecked { target } => format!("Unchecked {target}"),
        plain => format!("{plain:?}"),
    }
}

fn tell_vote(vote: &Vote) -> String {
    let checks = match vote.checks.len() {
        0 => String::new(),
        count => format!(" ({count} checked)"),
    };
    format!("{}→{}{checks}", vote.voter, vote.target)
}

/// The answer, its votes, and those of others than its author.
fn tell_tally(line: &TallyLine) -> String {
    format!("{} {}/{}", line.revision, line.votes, line.votes_of_others)
}

fn tell_timer(timer: Timer) -> String {
    match timer {
        Timer::Coordination => "coordination".to_owned(),
        Timer::FirstAnswers => "first answers".to_owned(),
        Timer::Turn { turn } => format!("turn {turn}"),
        Timer::Retry { agent } => format!("retry {agent}"),
    }
}

fn tell_rule(rule: SelectionRule) -> String {
    format!("{rule:?}")
}
