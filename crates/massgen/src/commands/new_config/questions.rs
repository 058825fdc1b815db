//! The questions of `--quickstart` and `--init`. Each has an answer for those who only press Enter.

use std::io::{BufRead, Write};

use massgen_config::Environment;
use massgen_protocol::{Sensitivity, Strategy};
use massgen_providers::{Capability, KeyNeed, PROVIDERS, Provider, provider};

use super::{agents_of_flags, in_number, with_rules};
use crate::args::SetupArgs;
use crate::commands::setup::ask_for_key;
use crate::commands::welcome::in_words;
use crate::failure::Failure;
use crate::first_use::{
    AgentSpec, Dialogue, Draft, Findings, Proposal, is_built, keys_path, propose, save_key, usual_model,
};

/// The agents by flags, or else by two or three questions.
pub(super) fn quickstart<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    args: &SetupArgs,
    environment: &Environment,
) -> Result<Draft, Failure> {
    let agents = match agents_of_flags(args) {
        Some(agents) => agents,
        None => {
            let findings = Findings::look(environment);
            dialogue.say(&in_words(&findings));
            in_number(
                quickstart_draft(dialogue, environment, &findings, args.config_agents)?.agents,
                args.config_agents,
            )
        }
    };
    Ok(with_rules(Draft::of(agents), args))
}

/// A team by two or three questions. `wanted` is how many agents it is to have, where that is known.
pub(crate) fn quickstart_draft<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    environment: &Environment,
    findings: &Findings,
    wanted: Option<u16>,
) -> Result<Draft, Failure> {
    let proposal = match propose(findings, environment) {
        Proposal::Team { draft, .. } => Some(draft),
        Proposal::Rehearsal => None,
    };
    let offered = usable();
    let mut list: Vec<String> = offered.iter().map(|provider| offer(provider, environment, findings)).collect();
    if let Some(config) = proposal.as_ref().and_then(|draft| draft.config().ok()) {
        let models: Vec<&str> = config.agents.iter().map(|agent| agent.backend.model.as_str()).collect();
        list.insert(0, format!("proposal         {}", models.join(", ")));
    }
    dialogue.say("\nWhat shall the agents think with?\n");
    let chosen = dialogue.choose("Number", &list, 0)?;
    let provider = match &proposal {
        Some(draft) if chosen == 0 => return Ok(draft.clone()),
        Some(_) => offered.get(chosen - 1),
        None => offered.get(chosen),
    };
    let Some(provider) = provider else { return Err(Failure::execution("no backend type was chosen")) };
    offer_to_save_key(dialogue, provider, environment)?;
    let model = ask_model(dialogue, provider, findings)?;
    let base_url = ask_base_url(dialogue, provider, environment)?;
    let number = match wanted {
        Some(wanted) => wanted,
        None => ask_number(dialogue, "How many agents", "3")?,
    };
    let spec =
        AgentSpec { backend: Some(provider.kind.to_owned()), model: Some(model), base_url, ..AgentSpec::default() };
    Ok(Draft::of(vec![spec; usize::from(number)]))
}

/// A team by a question for everything.
pub(super) fn init<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    args: &SetupArgs,
    environment: &Environment,
) -> Result<Draft, Failure> {
    let findings = Findings::look(environment);
    dialogue.say(&in_words(&findings));
    let agents = if args.quickstart_agent.is_empty() {
        let number = match args.config_agents {
            Some(number) => number,
            None => ask_number(dialogue, "\nHow many agents", "3")?,
        };
        let mut agents = Vec::new();
        for index in 0..number {
            dialogue.say(&format!("\nAgent {} of {number}", index + 1));
            agents.push(ask_agent(dialogue, args, environment, &findings)?);
        }
        agents
    } else {
        args.quickstart_agent.clone()
    };
    let mut draft = with_rules(Draft::of(agents), args);
    if draft.agents.len() > 1 {
        ask_rules(dialogue, &mut draft)?;
    }
    Ok(draft)
}

/// Asks how the team works together, as far as flags have not said so.
fn ask_rules<R: BufRead, W: Write>(dialogue: &mut Dialogue<R, W>, draft: &mut Draft) -> Result<(), Failure> {
    dialogue.say("\nThe team");
    if draft.sensitivity.is_none() {
        dialogue.say("How high is the bar before an agent votes instead of improving?");
        let list =
            ["lenient   soon: quick and cheap", "balanced  in between", "strict    late: thorough and expensive"];
        let chosen = dialogue.choose("Number", &list.map(str::to_owned), 0)?;
        let all = [Sensitivity::Lenient, Sensitivity::Balanced, Sensitivity::Strict];
        draft.sensitivity = all.get(chosen).copied();
    }
    if draft.answers_max.is_none() {
        let number = ask_number(dialogue, "How many answers may one agent publish", "5")?;
        draft.answers_max = Some(u32::from(number));
    }
    if draft.strategy.is_none() {
        dialogue.say("What becomes of the winning answer?");
        let list = [
            "present     the winner writes it out",
            "reuse       it stands as it is",
            "synthesize  the winner puts everybody's together",
        ];
        let chosen = dialogue.choose("Number", &list.map(str::to_owned), 0)?;
        let all = [Strategy::WinnerPresents, Strategy::WinnerReuse, Strategy::Synthesize];
        draft.strategy = all.get(chosen).copied();
    }
    Ok(())
}

fn ask_agent<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    args: &SetupArgs,
    environment: &Environment,
    findings: &Findings,
) -> Result<AgentSpec, Failure> {
    let chosen = match args.config_backend.as_deref().and_then(provider) {
        Some(provider) => provider,
        None => {
            let offered = usable();
            let list: Vec<String> = offered.iter().map(|provider| offer(provider, environment, findings)).collect();
            let with_key = offered.iter().position(|provider| is_ready(provider, environment, findings));
            let chosen = dialogue.choose("Backend", &list, with_key.unwrap_or(0))?;
            offered.get(chosen).copied().ok_or_else(|| Failure::execution("no backend type was chosen"))?
        }
    };
    offer_to_save_key(dialogue, chosen, environment)?;
    let model = match &args.config_model {
        Some(model) => model.clone(),
        None => ask_model(dialogue, chosen, findings)?,
    };
    let base_url = ask_base_url(dialogue, chosen, environment)?;
    let id = dialogue.ask("Name (Enter: after its backend)", "")?;
    let system_message = dialogue.ask("What it is told to be (Enter: nothing)", "")?;
    let can_search = chosen.can(Capability::WebSearch);
    let web_search = can_search && dialogue.agrees("May it search the web", false)?;
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(AgentSpec {
        id: given(id),
        backend: Some(chosen.kind.to_owned()),
        model: Some(model),
        base_url,
        system_message: given(system_message),
        web_search,
    })
}

/// The backend types that an agent can have today.
fn usable() -> Vec<&'static Provider> {
    PROVIDERS.iter().filter(|provider| is_built(provider)).collect()
}

fn is_ready(provider: &Provider, environment: &Environment, findings: &Findings) -> bool {
    let has_key = || provider.key_variables.iter().any(|name| environment.var(name).is_some());
    match provider.key_need {
        KeyNeed::Required => provider.kind != "chatcompletion" && has_key(),
        KeyNeed::Optional => findings.servers.iter().any(|server| server.backend == provider.kind),
    }
}

fn offer(provider: &Provider, environment: &Environment, findings: &Findings) -> String {
    let note = match (is_ready(provider, environment, findings), provider.key_need) {
        (true, KeyNeed::Required) => "  (key set)",
        (true, KeyNeed::Optional) => "  (answers)",
        (false, _) if provider.kind == "chatcompletion" => "  (any server that speaks it)",
        (false, _) => "",
    };
    format!("{:16} {}{note}", provider.kind, provider.name)
}

fn offer_to_save_key<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    provider: &Provider,
    environment: &Environment,
) -> Result<(), Failure> {
    let is_set = provider.key_variables.iter().any(|name| environment.var(name).is_some());
    let (KeyNeed::Required, false, [name, ..]) = (provider.key_need, is_set, provider.key_variables) else {
        return Ok(());
    };
    // A `chatcompletion` backend has the key of whatever provider it goes to.
    if provider.kind == "chatcompletion" {
        return Ok(());
    }
    dialogue.say(&format!("{} needs a key, and {name} is not set.", provider.name));
    if let Some(key) = ask_for_key(dialogue, name)? {
        let path = keys_path(environment)?;
        save_key(&path, name, &key)?;
        dialogue.say(&format!("{name} is saved in {}, which only you can read.", path.display()));
    }
    Ok(())
}

fn ask_model<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    provider: &Provider,
    findings: &Findings,
) -> Result<String, Failure> {
    let served = findings.servers.iter().find(|server| server.backend == provider.kind);
    let served: Vec<&str> = served.iter().flat_map(|server| server.models.iter().map(String::as_str)).collect();
    let known = if served.is_empty() { provider.models } else { served.as_slice() };
    if !known.is_empty() {
        dialogue.say(&format!("Models: {}", known.join(", ")));
    }
    let usual = served.first().copied().or_else(|| usual_model(provider.kind)).unwrap_or_default();
    dialogue.ask_until("Model", usual, |answer| {
        if answer.is_empty() {
            Err("this backend type has no usual model: name one".to_owned())
        } else {
            Ok(answer.to_owned())
        }
    })
}

/// Asks for the address of a backend type that has none.
fn ask_base_url<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    provider: &Provider,
    environment: &Environment,
) -> Result<Option<String>, Failure> {
    let is_azure = provider.kind == "azure_openai";
    if provider.base_url.is_some() || (is_azure && environment.var("AZURE_OPENAI_ENDPOINT").is_some()) {
        return Ok(None);
    }
    let usual = if is_azure { "" } else { "http://localhost:8080/v1" };
    dialogue.ask_until("Address", usual, |answer| {
        let is_url = answer.starts_with("http://") || answer.starts_with("https://");
        if is_url { Ok(Some(answer.to_owned())) } else { Err("an address begins with http:// or https://".to_owned()) }
    })
}

fn ask_number<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    question: &str,
    usual: &str,
) -> Result<u16, Failure> {
    dialogue.ask_until(question, usual, |answer| match answer.parse() {
        Ok(number @ 1..=64) => Ok(number),
        _ => Err("a number from 1 to 64".to_owned()),
    })
}
