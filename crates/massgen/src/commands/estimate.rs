//! `massgen --estimate`: what a run may cost, before anything is spent.

use massgen_backends::{Message, ModelRequest, tokens_at_most};
use massgen_config::{Environment, TeamConfig, Text};
use massgen_providers::Price;
use massgen_quota::LimitsTable;

use crate::assignment::Assignment;
use crate::failure::Failure;
use crate::{agents, terminal};

/// What the framework says to an agent besides the question, in tokens.
const FRAME_TOKENS: u64 = 900;

/// How long answers are, in tokens: short ones, and long ones.
const ANSWER_TOKENS: (u64, u64) = (250, 3000);

/// What a vote takes to write, thinking included.
const VOTE_TOKENS: (u64, u64) = (80, 800);

/// How many calls a turn with tools makes.
const TOOL_CALLS: (u64, u64) = (2, 15);

/// What a tool call brings back, in tokens.
const TOOL_TOKENS: (u64, u64) = (150, 1500);

/// Tokens in and out.
#[derive(Clone, Copy, Default)]
struct Load {
    input: u64,
    output: u64,
    calls: u64,
}

/// Tells a range, from a team that agrees at once to one that uses up its answers.
pub(crate) fn estimate(assignment: &Assignment, environment: &Environment) -> Result<(), Failure> {
    // Nobody is asked, as with a recording: so nobody's key is needed.
    let config = &TeamConfig { cassette: Some(Text::new("none")), ..assignment.team.config.clone() };
    let agents = agents::agents(config, environment, None, &LimitsTable::EMPTY)?;
    let question = tokens_at_most(&assignment.question) / 2;
    let rules = config.rules();
    let peers = agents.len() as u64;
    let rounds_max = u64::from(rules.answers_per_agent_max.min(4));
    let (mut low_sum, mut high_sum, mut unknown) = (0.0, 0.0, 0);
    terminal::print_line("What this run may cost, from a team that agrees at once to one that argues:");
    for (place, agent) in agents.iter().enumerate() {
        let has_tools = config.agents.get(place).is_some_and(|agent| agent.backend.cwd.is_some());
        let low = load(peers, question, 1, has_tools, |range| range.0);
        let high = load(peers, question, rounds_max, has_tools, |range| range.1);
        let request = ModelRequest { messages: vec![Message::User(String::new())], ..ModelRequest::default() };
        let price = agent.backend.bounds(&request).price;
        let told = match price {
            Some(price) => {
                let (low, high) = (usd(&price, low), usd(&price, high));
                low_sum += low;
                high_sum += high;
                format!("${low:.4} to ${high:.4}")
            }
            None => {
                unknown += 1;
                "price not known".to_owned()
            }
        };
        let name = terminal::harmless(agent.profile.id.as_str());
        let model = terminal::harmless(&agent.profile.model);
        terminal::print_line(&format!(
            "  {name:<20} {model:<24} {told:<24} {} to {} calls, {} to {} tokens",
            low.calls,
            high.calls,
            low.input + low.output,
            high.input + high.output
        ));
    }
    terminal::print_line(&format!("  {:<45} ${low_sum:.4} to ${high_sum:.4}", "the team"));
    if unknown > 0 {
        terminal::print_line(&format!("  and what {unknown} agent(s) without a known price cost"));
    }
    terminal::print_line(&match config.budget.run.usd {
        Some(limit) => format!("The budget stops it at ${limit}."),
        None => "`--budget USD` or `budget:` in the config sets a limit that holds.".to_owned(),
    });
    Ok(())
}

fn usd(price: &Price, load: Load) -> f64 {
    price.usd(load.input, 0, 0, load.output)
}

/// What one agent takes: `rounds` answers, as many looks at everybody's, and its part of the presentation.
fn load(peers: u64, question: u64, rounds: u64, has_tools: bool, of: impl Fn((u64, u64)) -> u64) -> Load {
    let (answer, vote) = (of(ANSWER_TOKENS), of(VOTE_TOKENS));
    let seen = if peers > 1 { peers * answer } else { 0 };
    let turn = |input: u64, output: u64| {
        if !has_tools {
            return Load { input, output, calls: 1 };
        }
        let (calls, brought) = (of(TOOL_CALLS), of(TOOL_TOKENS));
        // Each call sends again what came before it.
        let again = (1..=calls).map(|call| input + call * brought).sum();
        Load { input: again, output: output + calls * 100, calls: calls + 1 }
    };
    let mut all = vec![turn(FRAME_TOKENS + question, answer)];
    if peers > 1 {
        all.extend((1..rounds).map(|_| turn(FRAME_TOKENS + question + seen, answer)));
        all.extend((0..rounds).map(|_| turn(FRAME_TOKENS + question + seen, vote)));
        // One of them presents.
        let presentation = turn(FRAME_TOKENS + question + seen, answer);
        all.push(Load { input: presentation.input / peers, output: presentation.output / peers, calls: 0 });
    }
    all.iter().fold(Load::default(), |sum, load| Load {
        input: sum.input + load.input,
        output: sum.output + load.output,
        calls: sum.calls + load.calls,
    })
}
