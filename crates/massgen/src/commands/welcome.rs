//! `massgen` with nothing configured: what there is, what team it makes, and one question.

use std::io::{BufRead, Write};
use std::path::Path;

use massgen_config::{Environment, TeamConfig};

use crate::commands::new_config::quickstart_draft;
use crate::commands::setup::ask_for_keys;
use crate::failure::Failure;
use crate::first_use::{
    Dialogue, Draft, Findings, Program, Proposal, keys_path, project_config, propose, write_config,
};
use crate::surroundings;
use crate::team::{Team, no_team, rehearsed_team};

/// The team that a new user begins with.
pub(crate) struct Beginning {
    pub(crate) team: Team,
    /// The surroundings, with the keys that the user has just given.
    pub(crate) environment: Environment,
    /// Whether no model is asked.
    pub(crate) is_rehearsal: bool,
}

/// Shows what there is and proposes a team. `None`: the user wants none now.
pub(crate) fn welcome() -> Result<Option<Beginning>, Failure> {
    let mut dialogue = Dialogue::of_process();
    dialogue.say("massgen gives one task to a team of models. There is no team here yet; this is what there is:\n");
    loop {
        let environment = surroundings::environment()?;
        let findings = Findings::look(&environment);
        dialogue.say(&in_words(&findings));
        match propose(&findings, &environment) {
            Proposal::Team { draft, why } => return offer_team(&mut dialogue, &environment, &findings, &draft, &why),
            Proposal::Rehearsal => match offer_rehearsal(&mut dialogue)? {
                Choice::Rehearse => {
                    let team = rehearsed_team(&environment)?;
                    return Ok(Some(Beginning { team, environment, is_rehearsal: true }));
                }
                Choice::GiveKey => ask_for_keys(&mut dialogue, &environment, &keys_path(&environment)?)?,
                Choice::Leave => return Ok(None),
            },
        }
    }
}

enum Choice {
    Rehearse,
    GiveKey,
    Leave,
}

fn offer_rehearsal<R: BufRead, W: Write>(dialogue: &mut Dialogue<R, W>) -> Result<Choice, Failure> {
    dialogue.say(
        "\nSo no model can be asked yet. A team of three can be rehearsed: its answers are scripted, nothing is sent\n\
         anywhere and nothing is paid; prompts, votes and the choice of a winner are as in a real run.\n",
    );
    dialogue.ask_until("Enter to rehearse, k to save a key first, q to leave", "", |answer| {
        match answer.to_ascii_lowercase().as_str() {
            "" | "rehearse" | "y" | "yes" => Ok(Choice::Rehearse),
            "k" | "key" => Ok(Choice::GiveKey),
            "q" | "quit" | "n" | "no" => Ok(Choice::Leave),
            _ => Err("Enter, k or q".to_owned()),
        }
    })
}

fn offer_team<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<R, W>,
    environment: &Environment,
    findings: &Findings,
    draft: &Draft,
    why: &str,
) -> Result<Option<Beginning>, Failure> {
    let mut config = draft.config().map_err(|error| Failure::configuration(error.to_string()))?;
    dialogue.say(&format!("\nThat makes a team ({why}):\n\n{}", members(&config)));
    let path = project_config(environment);
    let question = format!("Write it to {}? Enter for yes, c to change it, n for no", short(&path, environment));
    let answer = dialogue.ask_until(&question, "", |answer| match answer.to_ascii_lowercase().as_str() {
        "" | "yes" | "y" => Ok(Some(false)),
        "c" | "change" => Ok(Some(true)),
        "n" | "no" | "q" => Ok(None),
        _ => Err("Enter, c or n".to_owned()),
    })?;
    let Some(is_changed) = answer else {
        dialogue.say(
            "Nothing is written. `massgen --quickstart` makes another team, `massgen --list-examples` lists some.",
        );
        return Ok(None);
    };
    if is_changed {
        let draft = quickstart_draft(dialogue, environment, findings, None)?;
        config = draft.config().map_err(|error| Failure::configuration(error.to_string()))?;
    }
    write_config(&path, &config, false)?;
    dialogue.say(&format!("Written to {}.\n", short(&path, environment)));
    // A key may have been given on the way.
    let environment = surroundings::environment()?;
    let document = config.document_for_logs();
    let team = Team { config, path: Some(path), limits: massgen_quota::LimitsTable::EMPTY, document };
    Ok(Some(Beginning { team, environment, is_rehearsal: false }))
}

/// What to say where nobody can be asked.
pub(crate) fn nothing_configured(environment: &Environment) -> Failure {
    // A script is not kept waiting: only keys count here, and no port is looked at.
    let mut quiet = environment.clone();
    quiet.vars.insert("MASSGEN_LOCAL_SERVERS".to_owned(), "off".to_owned());
    let failure = no_team();
    match propose(&Findings::look(&quiet), environment) {
        Proposal::Rehearsal => failure,
        Proposal::Team { draft, .. } => match draft.config() {
            Ok(config) => {
                let members: Vec<String> =
                    config.agents.iter().map(|agent| agent.backend.model.as_str().to_owned()).collect();
                let members = members.join(", ");
                failure.hint(format!(
                    "for the keys that are set, `massgen --quickstart --headless` makes one of {members}"
                ))
            }
            Err(_) => failure,
        },
    }
}

/// What there is, one line for each kind.
pub(crate) fn in_words(findings: &Findings) -> String {
    let keys: Vec<String> =
        findings.keys.iter().map(|key| format!("{} ({})", key.variable, key.provider.name)).collect();
    let keys = if keys.is_empty() { "none is set".to_owned() } else { keys.join(", ") };
    let servers: Vec<String> =
        findings.servers.iter().map(|server| format!("{} ({})", server.name, server.models_in_words())).collect();
    let servers = match (servers.is_empty(), findings.servers_looked_for) {
        (false, _) => servers.join(", "),
        (true, true) => "none answers (LM Studio, Ollama, vLLM, SGLang, llama.cpp)".to_owned(),
        (true, false) => "not looked for".to_owned(),
    };
    let mut text = format!("  keys      {keys}\n  servers   {servers}\n");
    if !findings.programs.is_empty() {
        let programs: Vec<String> = findings.programs.iter().map(Program::in_words).collect();
        text.push_str(&format!("  programs  {}: they cannot be team members yet\n", programs.join(", ")));
    }
    text
}

/// The agents of a team, one line for each.
pub(crate) fn members(config: &TeamConfig) -> String {
    let width = config.agents.iter().map(|agent| agent.id.as_str().len()).max().unwrap_or_default();
    let lines = config.agents.iter().map(|agent| {
        format!("  {:width$}  {}, {}\n", agent.id.as_str(), agent.backend.provider().name, agent.backend.model.as_str())
    });
    lines.collect()
}

/// A path as the user would write it.
pub(crate) fn short(path: &Path, environment: &Environment) -> String {
    path.strip_prefix(&environment.cwd).unwrap_or(path).display().to_string()
}
