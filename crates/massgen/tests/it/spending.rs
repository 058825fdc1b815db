//! What a run may spend, and whom it asks while a provider is in trouble.

use std::collections::BTreeMap;

use massgen_protocol::{Activity, Event, Record, Reserved, RunEnd};

use crate::place::Place;
use crate::provider::Provider;

/// Eight agents, each of whom answers and votes.
fn eight(provider: &Provider) -> String {
    let agents: Vec<String> = (1..=8).map(|number| format!("m{number}")).collect();
    let agents: Vec<(&str, &str)> = agents.iter().map(|model| ("chatcompletion", model.as_str())).collect();
    provider.team(&agents)
}

/// The most tokens that were spent or kept back at any time.
fn tokens_at_most(records: &[Record]) -> u64 {
    let (mut spent, mut kept, mut most) = (0, BTreeMap::new(), 0);
    for record in records {
        match &record.event {
            Event::Activity(Activity::CallStarted { turn, call, reserved: Some(Reserved { tokens, .. }), .. }) => {
                kept.insert((*turn, *call), *tokens);
            }
            Event::Activity(Activity::CallEnded { turn, call, usage, .. }) => {
                kept.remove(&(*turn, *call));
                spent += usage.input_tokens + usage.output_tokens;
            }
            _ => {}
        }
        most = most.max(spent + kept.values().sum::<u64>());
    }
    most
}

#[test]
fn eight_agents_do_not_pass_a_limit_together_and_the_run_ends_with_an_answer() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    for limit in [3_000_u64, 5_000, 9_000, 100_000] {
        let place = if limit == 3_000 { &place } else { &Place::new() };
        let config = format!("{}budget: {{tokens: {limit}}}\n", eight(&provider));
        let finished = place.ask(&config, &["--automation"]).run().expect(0);
        let records = place.log().records();
        let most = tokens_at_most(&records);
        state!("a limit of {limit} tokens: {most} were spent or kept back at most");
        assert!(most <= limit, "{most} of {limit}");
        let view = place.log().view();
        if limit > 5_000 && view.end == Some(RunEnd::Consensus) {
            // It is enough for everybody.
            continue;
        }
        assert!(matches!(view.end, Some(RunEnd::BudgetSpentWithAnswer { .. })), "{:?}", view.end);
        assert_eq!(view.final_answer.unwrap().1, "6 x 7 = 42");
        assert!(finished.stdout.contains("END: the budget is spent ("), "{finished}");
        assert!(finished.stdout.contains(&format!("of {limit} tokens are spent")), "{finished}");
    }
}

#[test]
fn a_run_that_its_budget_has_stopped_goes_on_with_a_larger_one() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let team = eight(&provider);
    place.ask(&format!("{team}budget: {{calls: 10}}\n"), &["--automation"]).run().expect(0);
    let before = provider.received().len();
    assert_eq!(before, 10);
    place.write("team.yaml", &format!("{team}budget: {{calls: 100}}\n"));
    let name = place.log().session().file_name().unwrap().to_str().unwrap().to_owned();
    let finished = place.massgen(["resume", "--automation", &name]).run().expect(0);
    assert!(finished.stdout.contains("END: every agent's decision stood"), "{finished}");
    // Eight answers, eight votes and the presentation: none of the ten was asked twice.
    assert_eq!(provider.received().len(), 17);
}

#[test]
fn a_limit_in_money_needs_a_price() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let team = provider.team(&[("openai", "one")]);
    let finished = place.ask(&team, &["--budget", "0.10"]).run().expect(1);
    assert!(finished.stderr.contains("agent `one`: the price of `one` is not known"), "{finished}");
    assert!(finished.stderr.contains("price: {input: 1.25, output: 10}"), "{finished}");
    assert!(provider.received().is_empty());

    let priced = team.replace("model: one,", "model: one, price: {input: 1000, output: 1000},");
    let place = Place::new();
    let finished = place.ask(&priced, &["--automation", "--budget", "0.10"]).run().expect(3);
    assert!(finished.stderr.contains("the budget is spent ($0.0000 of $0.1000 are spent"), "{finished}");
    assert!(provider.received().is_empty(), "nothing was asked that could cost more");

    let place = Place::new();
    std::fs::create_dir_all(place.path().join(".massgen")).unwrap();
    let list = r#"{"models": {"openai": {"one": {"input": 1, "cached_input": 1, "cache_write": 1, "output": 2}}}}"#;
    place.write(".massgen/prices.json", list);
    place.ask(&team, &["--automation", "--budget", "0.10"]).run().expect(0);
    let cost = place.log().view().cost();
    assert!(cost.known_usd > 0.0 && cost.unpriced_calls == 0, "{cost:?}");
}

#[test]
fn an_estimate_asks_nobody() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let team = provider.team(&[("openai", "gpt-5-mini"), ("claude", "claude-sonnet-4-5"), ("gemini", "unheard-of")]);
    let finished = place.ask(&team, &["--estimate"]).run().expect(0);
    assert!(finished.stdout.contains("gpt-5-mini") && finished.stdout.contains("the team"), "{finished}");
    assert!(finished.stdout.contains("price not known"), "{finished}");
    assert!(provider.received().is_empty());
    assert!(place.log_so_far().is_none());
}

#[test]
fn while_one_model_is_in_trouble_another_is_asked() {
    let provider = Provider::agreeable_but("  down: [{fault: {status: 401}}]\n");
    let (place, url) = (Place::new(), provider.url("claude"));
    let team = provider.team(&[("openai", "down"), ("gemini", "up")]).replace(
        "model: down,",
        &format!("model: down, fallback: [{{type: claude, model: spare, base_url: '{url}', api_key: other-key}}],"),
    );
    let finished = place.ask(&team, &["--no-display"]).run().expect(0);
    assert!(finished.stdout.contains("spare is asked instead:"), "{finished}");
    assert_eq!(place.log().view().end, Some(RunEnd::Consensus));
    let asked = provider.received().iter().filter(|request| request.model == "spare").count();
    assert!(asked >= 2, "{asked}");
}

#[test]
fn twenty_agents_keep_to_the_limit_of_one_account() {
    let provider = Provider::play(&format!(
        "title: test\nquestion: q\nlimits: {{any: {{requests_per_minute: 600}}}}\nmodels:\n{}",
        crate::provider::AGREEABLE
    ));
    let place = Place::new();
    let agent = provider.agent("gemini", "shared");
    let agents: String = (1..=20).map(|number| agent.replacen("id: shared", &format!("id: a{number}"), 1)).collect();
    place.write("limits.yaml", "gemini: {shared: {rpm: 600}}\n");
    let team = format!("agents:{agents}\n");
    let finished = place.ask(&team, &["--automation", "--rate-limit=limits.yaml"]).run().expect(0);
    let (asked, refused) = (provider.received().len(), provider.refused());
    state!("20 agents on one account: {asked} requests, {refused} refused");
    assert_eq!(refused, 0, "{finished}");
    assert!(asked >= 41, "{asked}");
}
