//! `massgen --show-schema`: every option of a config.

use massgen_config::fields::{Field, KnownOption, Status, options};
use massgen_config::json_schema;
use massgen_providers::{Capability, PROVIDERS, Provider, provider};

use crate::commands::list_backends::{capabilities, key};
use crate::failure::Failure;
use crate::first_use::{AgentSpec, Draft, is_built};
use crate::options::{is_shown_elsewhere, kind};
use crate::{surroundings, terminal};

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// A backend type, or else everything.
    pub(crate) backend: Option<&'a str>,
    /// Whether a config that uses it is shown, too.
    pub(crate) with_examples: bool,
    /// Whether it is a JSON Schema.
    pub(crate) json: bool,
}

/// Shows the options.
pub(crate) fn show_schema(scope: Scope<'_>) -> Result<(), Failure> {
    if scope.json {
        terminal::print_line(&format!("{:#}", json_schema()));
        return Ok(());
    }
    let text = match scope.backend {
        Some(kind) => of_backend(kind, scope.with_examples)?,
        None => of_all(scope.with_examples)?,
    };
    terminal::print(&text);
    Ok(())
}

fn of_all(with_examples: bool) -> Result<String, Failure> {
    let all = options();
    let shown: Vec<&KnownOption> = all.iter().filter(|option| !is_shown_elsewhere(&option.path)).collect();
    let mut out = String::from("Every option that massgen acts upon. Other keys of a `backend` go to the provider.\n");
    table(&mut out, "The config", &shown, |path| !path.contains('.'));
    table(&mut out, "agents[]: one agent", &shown, |path| is_child(path, "agents[]"));
    table(&mut out, "agents[].backend: what it thinks with", &shown, |path| is_child(path, "agents[].backend"));
    table(&mut out, "orchestrator: how the team works", &shown, |path| is_child(path, "orchestrator"));
    table(&mut out, "timeout_settings: how long it may take", &shown, |path| is_child(path, "timeout_settings"));
    table(&mut out, "ui: how it is shown", &shown, |path| is_child(path, "ui"));
    let not_yet = shown.iter().filter(|option| option.field.status == Status::NotYet).count();
    out.push_str(&format!(
        "\n{not_yet} more options are known but not acted upon yet; docs/configuration.md lists them.\n"
    ));
    out.push_str("For one backend type: --schema-backend TYPE. For editors: --show-schema --json\n");
    if with_examples {
        out.push_str(&example(None)?);
    }
    Ok(out)
}

fn of_backend(given: &str, with_examples: bool) -> Result<String, Failure> {
    let provider = provider(given).ok_or_else(|| unknown_backend(given))?;
    let environment = surroundings::environment()?;
    let mut out = format!("{}: {}\n\n", provider.kind, provider.name);
    let model = provider.default_model.unwrap_or("none: the config must name one");
    out.push_str(&format!("usual model  {model}\n"));
    if !provider.models.is_empty() {
        out.push_str(&format!("models       {}\n", terminal::wrapped(provider.models, 13)));
    }
    if let Some(url) = provider.base_url {
        out.push_str(&format!("address      {url}\n"));
    }
    out.push_str(&format!("key          {}\n", key(provider, &environment)));
    out.push_str(&capabilities(provider, "", 13));
    if !is_built(provider) {
        out.push_str("\nThis type is not built yet: a team with it is refused.\n");
    }
    let all = options();
    let shown: Vec<&KnownOption> = all.iter().filter(|option| fits(provider, option.field)).collect();
    table(&mut out, "Options of its backend", &shown, |path| is_child(path, "agents[].backend"));
    out.push_str("\nOther keys go to the provider as they are.\n");
    if with_examples {
        out.push_str(&example(Some(provider))?);
    }
    Ok(out)
}

/// What to say about a backend type that there is not.
pub(crate) fn unknown_backend(given: &str) -> Failure {
    let kinds: Vec<&str> = PROVIDERS.iter().map(|provider| provider.kind).collect();
    Failure::configuration(format!("unknown backend type `{given}`")).hint(format!("there are {}", kinds.join(", ")))
}

/// Whether an option of a backend means something for a provider.
fn fits(provider: &Provider, field: &Field) -> bool {
    match field.key {
        "enable_web_search" => provider.can(Capability::WebSearch),
        "enable_x_search" => provider.can(Capability::XSearch),
        "enable_code_execution" | "enable_code_interpreter" => provider.can(Capability::CodeExecution),
        "azure_endpoint" | "api_version" => provider.kind == "azure_openai",
        _ => true,
    }
}

fn is_child(path: &str, parent: &str) -> bool {
    let rest = path.strip_prefix(parent).and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|key| !key.contains(['.', '[']))
}

fn table(out: &mut String, title: &str, shown: &[&KnownOption], belongs: impl Fn(&str) -> bool) {
    let acts = |status| matches!(status, Status::Supported | Status::PassedOn);
    let rows: Vec<&Field> = shown
        .iter()
        .filter(|option| belongs(&option.path) && acts(option.field.status))
        .map(|option| option.field)
        .collect();
    let width = rows.iter().map(|field| field.key.len()).max().unwrap_or_default();
    out.push_str(&format!("\n{title}\n\n"));
    for field in rows {
        let default = field.default.map_or_else(String::new, |default| format!("; {default} when not given"));
        out.push_str(&format!("  {:width$}  {}\n", field.key, field.meaning));
        out.push_str(&format!("  {:width$}    {}{default}\n", "", kind(&field.kind)));
    }
}

fn example(provider: Option<&Provider>) -> Result<String, Failure> {
    let spec = AgentSpec {
        backend: Some(provider.map_or("openai", |provider| provider.kind).to_owned()),
        model: provider.and_then(|provider| provider.default_model.is_none().then(|| "MODEL".to_owned())),
        ..AgentSpec::default()
    };
    let config = Draft::of(vec![spec]).config().map_err(|error| Failure::configuration(error.to_string()))?;
    Ok(format!("\nA config with it:\n\n{}\nMore: massgen --list-examples\n", config.to_yaml()))
}
