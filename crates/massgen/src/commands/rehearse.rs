//! `massgen rehearse`: a scenario with its own team, with a config's team, or served to any client.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use massgen_config::{CommandConfig, Environment, TeamConfig, Text};
use massgen_protocol::AgentId;
use massgen_rehearsal::{RehearsalServer, Scenario, Wire};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::args::{RehearseArgs, TeamArgs};
use crate::assignment::Assignment;
use crate::failure::Failure;
use crate::run::runtime;
use crate::team::{Team, team};
use crate::{question, signals, surroundings, terminal};

/// Plays a scenario.
pub(crate) fn rehearse(args: &RehearseArgs) -> Result<(), Failure> {
    if args.serve {
        return runtime()?.block_on(serve(scenario(&args.scenario)?, args));
    }
    let environment = surroundings::environment()?;
    let assignment = assignment(args, &environment, None)?;
    let mut conversation = assignment.conversation(&environment);
    assignment.carry_out(&args.output, &environment, &mut conversation, None)
}

/// What a rehearsal is about; `recorded` is the question of a run that was interrupted.
pub(crate) fn assignment(
    args: &RehearseArgs,
    environment: &Environment,
    recorded: Option<&str>,
) -> Result<Assignment, Failure> {
    let scenario = scenario(&args.scenario)?;
    let mut team = match &args.config {
        Some(config) => team(&TeamArgs { config: Some(config.clone()), ..TeamArgs::default() }, environment)?,
        None => team_of(&scenario)?,
    };
    let question = match (&args.question, scenario.question()) {
        (None, scripted) if !scripted.is_empty() && args.config.is_none() => scripted.to_owned(),
        (None, _) if let Some(recorded) = recorded => recorded.to_owned(),
        (None, scripted) if !scripted.is_empty() => {
            // A team of the user's own may bring a question, or get one piped in.
            let own = question::question(None, &team.config, environment, &args.output);
            own.map_or_else(|_| scripted.to_owned(), |question| question.text)
        }
        (given, _) => {
            let question = question::question(given.as_deref(), &team.config, environment, &args.output)?;
            question::add_contexts(&mut team.config, question.contexts, environment);
            question.text
        }
    };
    Ok(Assignment { team, question, scenario: Some(scenario), starts_programs: args.scenario != "any" })
}

/// A built-in scenario, or one from a file.
pub(crate) fn scenario(name: &str) -> Result<Scenario, Failure> {
    if let Some(scenario) = Scenario::builtin(name) {
        return Ok(scenario);
    }
    let yaml = std::fs::read_to_string(Path::new(name)).map_err(|error| {
        let known: Vec<&str> = Scenario::builtin_names().collect();
        Failure::configuration(format!("the scenario {name} cannot be read: {error}"))
            .hint(format!("built-in scenarios: {}", known.join(", ")))
    })?;
    Scenario::parse(&yaml, name).map_err(|error| Failure::configuration(error.to_string()))
}

/// The team that a scenario is written for: one agent for each of its models.
pub(crate) fn team_of(scenario: &Scenario) -> Result<Team, Failure> {
    let mut team: Option<TeamConfig> = None;
    for model in scenario.models() {
        let mut one = TeamConfig::single(None, Some(model), None, None).map_err(|error| {
            Failure::configuration(format!("no backend for the scenario's model `{model}`: {error}"))
                .hint("say who speaks to it with `--config FILE`")
        })?;
        for agent in &mut one.agents {
            agent.id = AgentId::new(model);
            agent.system_message = None;
            if scenario.has_workspaces() {
                agent.backend.cwd = Some(Text::new("workspace"));
                agent.backend.commands = Some(CommandConfig::default());
            }
        }
        match &mut team {
            None => team = Some(one),
            Some(team) => team.agents.append(&mut one.agents),
        }
    }
    let config = team.ok_or_else(|| {
        Failure::configuration("the scenario plays any model, so it has no team of its own")
            .hint("name a team with `--config FILE`")
    })?;
    let document = config.document_for_logs();
    Ok(Team { config, path: None, limits: massgen_quota::LimitsTable::EMPTY, document })
}

/// Starts the rehearsal provider on this machine.
pub(crate) async fn start_server(scenario: Scenario, port: u16) -> Result<RehearsalServer, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    RehearsalServer::start_on(address, scenario)
        .await
        .map_err(|error| Failure::execution(format!("the rehearsal provider cannot listen on {address}: {error}")))
}

async fn serve(scenario: Scenario, args: &RehearseArgs) -> Result<(), Failure> {
    let title = scenario.title().to_owned();
    let cancel = CancellationToken::new();
    let signals = signals::watch(cancel.clone());
    let server = start_server(scenario, args.port).await?;
    terminal::print_line(&format!("REHEARSAL: {title}: every answer is scripted"));
    terminal::print_line(&format!("URL: http://{}", server.address()));
    for (name, wire) in [
        ("OpenAI (openai, chatcompletion and relatives)", Wire::Responses),
        ("Anthropic (claude)", Wire::Messages),
        ("Gemini", Wire::Gemini),
    ] {
        terminal::print_line(&format!("base_url for {name}: {}", server.base_url(wire)));
    }
    tokio::select! {
        () = cancel.cancelled() => {}
        () = signals => {}
    }
    let received = server.received();
    server.stop().await;
    if let Some(path) = &args.record {
        let write = || -> std::io::Result<()> {
            let mut file = BufWriter::new(File::create(path)?);
            for request in &received {
                let line = json!({ "protocol": protocol(request.protocol), "path": request.path, "model": request.model, "body": request.body });
                writeln!(file, "{line}")?;
            }
            file.flush()
        };
        write().map_err(|error| {
            Failure::execution(format!("the requests cannot be written to {}: {error}", path.display()))
        })?;
    }
    Ok(())
}

/// The names of the protocols in a record of requests.
fn protocol(wire: Wire) -> &'static str {
    match wire {
        Wire::Responses => "responses",
        Wire::ChatCompletions => "chat",
        Wire::Messages => "messages",
        Wire::Gemini => "gemini",
    }
}
