//! `massgen --quickstart`, `--init` and `--generate-config`: a config by questions, by flags, or by both.

mod questions;

use massgen_config::{Environment, KeySource};
use massgen_providers::provider;

use crate::args::SetupArgs;
use crate::commands::show_schema::unknown_backend;
use crate::commands::welcome::{members, short};
use crate::failure::Failure;
use crate::first_use::{
    AgentSpec, Dialogue, Draft, Findings, Proposal, is_built, project_config, propose, write_config,
};
use crate::{surroundings, terminal};

pub(crate) use questions::quickstart_draft;
use questions::{init, quickstart};

/// How a config is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By two or three questions.
    Quickstart,
    /// By a question for everything.
    Init,
    /// By flags alone.
    Flags,
}

/// Makes a config and writes it.
pub(crate) fn new_config(way: Way, args: &SetupArgs) -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    check_backends(args)?;
    let way = if args.headless { Way::Flags } else { way };
    let path = match &args.generate_config {
        Some(path) => environment.absolute(&path.to_string_lossy()),
        None => project_config(&environment),
    };
    let mut replace = args.force;
    let (draft, environment) = if way == Way::Flags {
        (by_flags(args, &environment)?, environment)
    } else {
        let mut dialogue = Dialogue::of_process();
        if path.exists() && !replace {
            replace =
                dialogue.agrees(&format!("There is {} already. Replace it?", short(&path, &environment)), false)?;
            if !replace {
                dialogue.say("It stays as it is. `--generate-config FILE` writes another.");
                return Ok(());
            }
        }
        let draft = match way {
            Way::Quickstart | Way::Flags => quickstart(&mut dialogue, args, &environment)?,
            Way::Init => init(&mut dialogue, args, &environment)?,
        };
        (draft, surroundings::environment()?)
    };
    let config = draft.config().map_err(|error| Failure::configuration(error.to_string()))?;
    write_config(&path, &config, replace)?;
    let short = short(&path, &environment);
    terminal::print_line(&format!("The team is written to {short}:\n\n{}", members(&config)));
    let is_default = path == project_config(&environment);
    let flag = if is_default { String::new() } else { format!("--config {short} ") };
    terminal::print_line(&format!("Ask it:       massgen {flag}\"your question\""));
    terminal::print_line(&format!(
        "Try it first: massgen {flag}--rehearse \"your question\"   (scripted answers, nothing is paid)"
    ));
    for agent in &config.agents {
        if let KeySource::Missing { tried } = agent.backend.key_source(&environment) {
            terminal::warn(&format!("{} needs a key: set {}, or `massgen --setup`", agent.id, tried.join(" or ")));
        }
    }
    Ok(())
}

/// Refuses a backend type that there is not, before anything is asked.
fn check_backends(args: &SetupArgs) -> Result<(), Failure> {
    let given = args.quickstart_agent.iter().filter_map(|spec| spec.backend.as_ref()).chain(&args.config_backend);
    for kind in given {
        let Some(provider) = provider(kind) else { return Err(unknown_backend(kind)) };
        if !is_built(provider) {
            return Err(Failure::configuration(format!("the backend type `{}` is not built yet", provider.kind))
                .hint("`massgen --list-backends` lists those that are"));
        }
    }
    Ok(())
}

/// The team that flags alone make, together with what is found.
fn by_flags(args: &SetupArgs, environment: &Environment) -> Result<Draft, Failure> {
    let agents = match agents_of_flags(args) {
        Some(agents) => agents,
        None => match propose(&Findings::look(environment), environment) {
            Proposal::Team { draft, .. } => in_number(draft.agents, args.config_agents),
            Proposal::Rehearsal => {
                return Err(Failure::configuration(
                    "there is nothing to make a team of: no key is set and no server answers",
                )
                .hint("say what the agents are: `--config-backend TYPE --config-model MODEL --config-agents NUMBER`")
                .hint("or, one by one: `--quickstart-agent backend=TYPE,model=MODEL`"));
            }
        },
    };
    Ok(with_rules(Draft::of(agents), args))
}

/// The agents that flags describe; `None`: they leave it open.
fn agents_of_flags(args: &SetupArgs) -> Option<Vec<AgentSpec>> {
    if !args.quickstart_agent.is_empty() {
        return Some(args.quickstart_agent.clone());
    }
    if args.config_backend.is_none() && args.config_model.is_none() {
        return None;
    }
    let number = args.config_agents.unwrap_or(1);
    let named = |index: u16| {
        let id = args.config_agent_id.as_ref()?;
        Some(if number == 1 { id.clone() } else { format!("{id}{}", index + 1) })
    };
    let spec = |index| AgentSpec {
        id: named(index),
        backend: args.config_backend.clone(),
        model: args.config_model.clone(),
        ..AgentSpec::default()
    };
    Some((0..number).map(spec).collect())
}

/// The same agents over and over, until there are as many as wanted.
fn in_number(agents: Vec<AgentSpec>, wanted: Option<u16>) -> Vec<AgentSpec> {
    match wanted {
        None => agents,
        Some(wanted) => agents.iter().cloned().cycle().take(usize::from(wanted)).collect(),
    }
}

fn with_rules(draft: Draft, args: &SetupArgs) -> Draft {
    Draft {
        sensitivity: args.config_sensitivity.map(Into::into),
        answers_max: args.config_max_answers,
        strategy: args.config_final_answer.map(Into::into),
        ..draft
    }
}
