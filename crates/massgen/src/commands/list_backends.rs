//! `massgen --list-backends`: what an agent can think with.

use massgen_config::Environment;
use massgen_providers::{Capability, KeyNeed, PROVIDERS, Provider};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::first_use::is_built;
use crate::{surroundings, terminal};

/// Lists the backend types.
pub(crate) fn list_backends(as_json: bool) -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    if as_json {
        let list: Vec<Value> = PROVIDERS.iter().map(|provider| as_value(provider, &environment)).collect();
        terminal::print_line(&format!("{:#}", json!({ "backends": list })));
    } else {
        terminal::print(&listing(&environment));
    }
    Ok(())
}

fn listing(environment: &Environment) -> String {
    let (built, not_built): (Vec<&Provider>, Vec<&Provider>) =
        PROVIDERS.iter().partition(|provider| is_built(provider));
    let (remote, local): (Vec<&Provider>, Vec<&Provider>) =
        built.iter().partition(|provider| provider.key_need == KeyNeed::Required);
    let mut out = String::new();
    section(&mut out, "Over the network, with a key", &remote, environment);
    section(&mut out, "On this machine, without a key", &local, environment);
    section(&mut out, "Not built yet: known, and refused when a team is started", &not_built, environment);
    out.push_str("Keys: massgen --setup. What a type takes: massgen --show-schema --schema-backend TYPE\n");
    out
}

fn section(out: &mut String, title: &str, providers: &[&Provider], environment: &Environment) {
    out.push_str(&format!("{title}\n\n"));
    for provider in providers {
        let model = provider.default_model.map_or_else(String::new, |model| format!(", usually {model}"));
        out.push_str(&format!("  {:16} {}{model}\n", provider.kind, provider.name));
        out.push_str(&format!("  {:16} key      {}\n", "", key(provider, environment)));
        if let Some(url) = provider.base_url.filter(|_| provider.key_need == KeyNeed::Optional) {
            out.push_str(&format!("  {:16} address  {url}\n", ""));
        }
        out.push_str(&capabilities(provider, &" ".repeat(19), 9));
    }
    out.push('\n');
}

/// The variables of a provider's key, and whether one is set. Never what is in them.
pub(crate) fn key(provider: &Provider, environment: &Environment) -> String {
    let names = provider.key_variables.join(" or ");
    match (provider.key_variables.iter().find(|name| environment.var(name).is_some()), provider.key_need) {
        _ if provider.kind == "chatcompletion" => "that of whoever serves `base_url`; none on this machine".to_owned(),
        _ if names.is_empty() => "none, it has a login of its own".to_owned(),
        (Some(set), _) => format!("{names}: {set} is set"),
        (None, KeyNeed::Required) => format!("{names}: not set"),
        (None, KeyNeed::Optional) => format!("{names}: not set, not needed"),
    }
}

/// What a provider can do, and what of it massgen cannot use yet: a line each.
pub(crate) fn capabilities(provider: &Provider, indent: &str, width: usize) -> String {
    let (used, unused): (Vec<Capability>, Vec<Capability>) =
        provider.capabilities.iter().partition(|capability| is_used(provider, **capability));
    let lines = [("can", used), ("not yet", unused)].into_iter().filter(|(_, list)| !list.is_empty());
    let lines = lines.map(|(title, list)| {
        let names: Vec<&str> = list.iter().map(|capability| capability.name()).collect();
        let start = format!("{indent}{title:width$}");
        format!("{start}{}\n", terminal::wrapped(&names, start.len()))
    });
    lines.collect()
}

/// Whether massgen makes use of what a provider can do.
fn is_used(provider: &Provider, capability: Capability) -> bool {
    match capability {
        Capability::CodeExecution | Capability::Reasoning | Capability::WebSearch | Capability::XSearch => {
            is_built(provider)
        }
        Capability::AudioUnderstanding
        | Capability::AudioGeneration
        | Capability::Bash
        | Capability::NativeFilesystem
        | Capability::ImageGeneration
        | Capability::ImageUnderstanding
        | Capability::Mcp
        | Capability::ProgrammaticToolCalling
        | Capability::ToolSearch
        | Capability::VideoGeneration
        | Capability::VideoUnderstanding => false,
    }
}

fn as_value(provider: &Provider, environment: &Environment) -> Value {
    json!({
        "type": provider.kind,
        "name": provider.name,
        "built": is_built(provider),
        "default_model": provider.default_model,
        "models": provider.models,
        "base_url": provider.base_url,
        "key_variables": provider.key_variables,
        "key_needed": provider.key_need == KeyNeed::Required,
        "key_set": provider.key_variables.iter().any(|name| environment.var(name).is_some()),
        "capabilities": provider.capabilities.iter().map(|capability| capability.name()).collect::<Vec<_>>(),
        "capabilities_built": provider
            .capabilities
            .iter()
            .filter(|capability| is_used(provider, **capability))
            .map(|capability| capability.name())
            .collect::<Vec<_>>(),
    })
}
