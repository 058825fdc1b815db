use super::*;
use crate::exchange::OfferedTool;

/// A team that plays a scenario in an order of our choosing, by the rules of coordination: a new
/// answer voids all votes, and it is over when every agent's vote stands.
struct Team {
    script: Script,
    models: Vec<String>,
    answers: Vec<Option<String>>,
    votes: Vec<Option<String>>,
    voided: usize,
}

impl Team {
    fn new(name: &str) -> Self {
        let scenario = Scenario::builtin(name).unwrap();
        let models: Vec<String> = scenario.models().map(str::to_owned).collect();
        let empty = vec![None; models.len()];
        Self { script: Script::new(scenario), models, answers: empty.clone(), votes: empty, voided: 0 }
    }

    fn asked(&self, agent: usize, view: &[Option<String>], tools: &[&str]) -> Asked {
        let shown = view.iter().enumerate().filter_map(|(index, answer)| {
            Some(format!("<answer from=\"agent{}\">\n{}\n</answer>", index + 1, answer.as_ref()?))
        });
        Asked {
            model: self.models[agent].clone(),
            texts: vec![shown.collect::<Vec<_>>().join("\n")],
            tools: tools.iter().map(|tool| OfferedTool::new(tool, None)).collect(),
            ..Asked::default()
        }
    }

    fn reply(&self, agent: usize, view: &[Option<String>], tools: &[&str]) -> Reply {
        match self.script.next(&self.asked(agent, view, tools)) {
            Outcome::Reply(reply, _) => *reply,
            other => panic!("{other:?}"),
        }
    }

    /// Lets `agent` finish a turn that began when the answers were as in `view`.
    fn finish(&mut self, agent: usize, view: &[Option<String>]) {
        let reply = self.reply(agent, view, &DECISIONS);
        let [call] = reply.calls.as_slice() else { panic!("no decision: {reply:?}") };
        if call.name == "new_answer" {
            self.answers[agent] = Some(call.arguments["content"].as_str().unwrap().to_owned());
            self.voided += self.votes.iter().flatten().count();
            self.votes.fill(None);
        } else if view == self.answers {
            self.votes[agent] = Some(call.arguments["agent_id"].as_str().unwrap().to_owned());
        }
    }

    fn voted(&self) -> Option<Vec<String>> {
        self.votes.iter().cloned().collect()
    }
}

/// Plays until all have voted, each turn's agent and the age of its view chosen by `choose`.
fn play(name: &str, mut choose: impl FnMut(usize) -> usize) -> Team {
    let mut team = Team::new(name);
    let mut views: Vec<Option<Vec<Option<String>>>> = vec![None; team.models.len()];
    for _ in 0..400 {
        let agent = choose(team.models.len());
        match views[agent].take() {
            Some(view) => team.finish(agent, &view),
            None if team.votes[agent].is_none() => views[agent] = Some(team.answers.clone()),
            None => {}
        }
        if team.voted().is_some() {
            return team;
        }
    }
    panic!("{name} does not converge: {:?}", team.votes);
}

/// A small generator: the tests have to see the same orders on every machine.
fn random(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

#[test]
fn quasar_ends_with_eight_gigaparsec_in_every_order() {
    for seed in 0..300 {
        let team = play("quasar", random(seed));
        assert_eq!(team.voted().unwrap(), ["agent2"; 4], "seed {seed}");
        assert!(team.answers[1].as_ref().unwrap().contains("Checked with Simpson's rule"));
        let presented = team.reply(1, &team.answers, &[]).say.whole();
        assert!(presented.starts_with("The comoving distance is about 8 Gpc"), "seed {seed}");
    }
}

#[test]
fn quasar_voids_votes_when_everybody_starts_at_once() {
    // All answer; all but the second vote; the second revises; all vote again.
    let turns = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 2, 3, 1, 0, 1, 2, 3, 0, 1, 2, 3];
    let mut turns = turns.into_iter();
    let team = play("quasar", |_| turns.next().unwrap());
    assert_eq!(team.voided, 3);
    assert!(team.answers.iter().all(Option::is_some));
}

#[test]
fn spectrograph_ends_with_the_longest_answer() {
    let team = play("spectrograph", {
        let mut turn = 0;
        move |below| {
            turn += 1;
            turn % below
        }
    });
    assert_eq!(team.voted().unwrap(), ["agent2", "agent2", "agent2", "agent4"]);
    for seed in 0..100 {
        play("spectrograph", random(seed));
    }
}

#[test]
fn a_step_is_used_as_often_as_it_says_for_each_model() {
    let yaml = "title: t\nquestion: q\nmodels: {'*': [{say: once, times: 1}, {say: then}]}";
    let script = Script::new(Scenario::parse(yaml, "test").unwrap());
    let say = |model: &str| match script.next(&Asked { model: model.to_owned(), ..Asked::default() }) {
        Outcome::Reply(reply, _) => reply.say.whole(),
        other => panic!("{other:?}"),
    };
    assert_eq!([say("a"), say("b"), say("a"), say("b")], ["once", "once", "then", "then"]);
}
