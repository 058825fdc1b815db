//! What an agent thinks with.

use massgen_providers::{
    Capability, PROVIDERS, Price, Protocol, Provider, provider, provider_for_base_url, provider_for_model,
};
use serde_json::{Map, Value};

use super::commands::commands;
use super::context_paths::context_paths;
use super::media::media;
use super::options::Options;
use super::permissions::permissions;
use super::tools::tools;
use super::{text, unbuilt};
use crate::check::{Explained, goes_to_the_provider};
use crate::fields::{BACKEND, Status};
use crate::node::{Entry, Node, NodeValue, path_of_key};
use crate::{
    BackendConfig, Diagnostic, Diagnostics, Environment, FallbackConfig, FilesConfig, Params, Secret, Severity, Text,
};

/// Options that ask for something that not every backend type can do.
const ASKS_FOR: &[(&str, Capability)] = &[
    ("enable_web_search", Capability::WebSearch),
    ("enable_x_search", Capability::XSearch),
    ("enable_code_execution", Capability::CodeExecution),
    ("enable_code_interpreter", Capability::CodeExecution),
    ("mcp_servers", Capability::Mcp),
    ("enable_programmatic_flow", Capability::ProgrammaticToolCalling),
    ("enable_tool_search", Capability::ToolSearch),
];

/// What agents cannot speak yet. A protocol leaves this list when its backend is built.
const PROTOCOLS_NOT_YET: &[(Protocol, &str)] = &[
    (Protocol::Program, "agents that are programs of their own cannot be run yet"),
    (Protocol::Framework, "agents of other frameworks cannot be run yet"),
];

/// What a backend is read with.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) environment: &'a Environment,
    pub(super) explained: &'a Explained,
}

pub(super) fn backend(
    entry: &Entry,
    path: &str,
    context: Context<'_>,
    found: &mut Diagnostics,
) -> Option<BackendConfig> {
    let node = &entry.node;
    node.entries()?;
    let mut reader = Reader { node, path, key: entry, explained: context.explained, found };
    let kind = reader.kind();
    let model = kind.and_then(|kind| reader.model(kind));
    if let Some(kind) = kind {
        reader.check_capabilities(kind);
        reader.warn_if_it_cannot_run(kind);
    }
    let (mut params, mut written) = reader.params();
    let web_search = reader.enabled("enable_web_search")
        || kind.is_some_and(|kind| kind.kind == "grok" && reader.live_search(&mut params, &mut written));
    let (x_search, code_execution) = (
        reader.enabled("enable_x_search"),
        reader.enabled("enable_code_execution") || reader.enabled("enable_code_interpreter"),
    );
    let options = Options { node, path, span: entry.span };
    let mut unbuilt = unbuilt(node, &BACKEND, &[]);
    let files = FilesConfig {
        context_paths: context_paths(options, context.environment, found),
        enforce_read_before_delete: options.flag("enforce_read_before_delete").unwrap_or(true),
        exclude_file_operation_mcps: options.is_on("exclude_file_operation_mcps"),
    };
    let commands = commands(options, &mut unbuilt, found);
    let tools = tools(options, kind, context.explained, &mut unbuilt, found);
    let media = media(options, found);
    let permissions = permissions(options, &mut unbuilt, found);
    let fallback = options.items("fallback").filter_map(|(path, node)| fallback(node, &path, context, found)).collect();
    check_workspace(options, kind, commands.is_some(), found);
    Some(BackendConfig {
        kind: kind?,
        model: model?,
        base_url: text(node, "base_url").or_else(|| text(node, "azure_endpoint")),
        api_key: node.get("api_key").and_then(secret),
        web_search,
        x_search,
        code_execution,
        cwd: text(node, "cwd"),
        files,
        commands,
        tools,
        media,
        permissions,
        fallback,
        price: price(options),
        params: Params { values: params, written },
        unbuilt,
    })
}

/// Reads an entry of `fallback`.
fn fallback(node: &Node, path: &str, context: Context<'_>, found: &mut Diagnostics) -> Option<FallbackConfig> {
    node.entries()?;
    let entry = Entry { key: path.to_owned(), span: node.span, node: node.clone() };
    let mut reader = Reader { node, path, key: &entry, explained: context.explained, found };
    let kind = reader.kind()?;
    let model = reader.model(kind)?;
    reader.warn_if_it_cannot_run(kind);
    let (mut values, mut written) = reader.params();
    values.shift_remove("price");
    written.shift_remove("price");
    Some(FallbackConfig {
        kind,
        model,
        base_url: text(node, "base_url"),
        api_key: node.get("api_key").and_then(secret),
        price: price(Options { node, path, span: node.span }),
        params: Params { values, written },
    })
}

fn price(options: Options<'_>) -> Option<Price> {
    options.map("price", |inside| {
        let input = inside.number("input").unwrap_or_default();
        Price {
            input,
            cached_input: inside.number("cached_input").unwrap_or(input),
            cache_write: inside.number("cache_write").unwrap_or(input),
            output: inside.number("output").unwrap_or_default(),
        }
    })
}

/// Options that work on files need a workspace, and a backend type whose agents can have one.
fn check_workspace(
    options: Options<'_>,
    kind: Option<&'static Provider>,
    runs_commands: bool,
    found: &mut Diagnostics,
) {
    let without_files = kind.filter(|kind| kind.protocol == Protocol::Framework || kind.kind == "uitars");
    if let Some(kind) = without_files.filter(|_| options.has("cwd")) {
        let message = format!("agents of the type `{}` work on no files", kind.kind);
        found.push(options.error("cwd", message).hint("remove `cwd`, or use another type"));
        return;
    }
    for key in ["enable_mcp_command_line", "enable_code_based_tools"] {
        if options.is_on(key) && !options.has("cwd") {
            let error = options.error(key, "the agent has no workspace");
            found.push(error.hint("give it one, such as `cwd: workspace`"));
        }
    }
    if options.is_on("enable_code_based_tools") && options.has("cwd") && !runs_commands {
        let message = "the agent runs no commands, and so no code that calls tools";
        let warning = options.warning("enable_code_based_tools", message);
        found.push(warning.hint("write `enable_mcp_command_line: true`, too"));
    }
}

fn secret(node: &Node) -> Option<Secret> {
    let value = node.text()?;
    Some(node.written.as_deref().map_or_else(|| Secret::new(value), |written| Secret::of_reference(value, written)))
}

struct Reader<'a> {
    node: &'a Node,
    path: &'a str,
    key: &'a Entry,
    explained: &'a Explained,
    found: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn enabled(&self, key: &str) -> bool {
        self.node.get(key).and_then(Node::boolean) == Some(true)
    }

    /// The backend type: as given, or else the one that the model or the URL belongs to.
    fn kind(&mut self) -> Option<&'static Provider> {
        if let Some(given) = self.node.get("type") {
            // A type that is not known has been reported.
            return given.text().and_then(provider);
        }
        let place = path_of_key(self.path, "type");
        let model = self.node.get("model").and_then(Node::text);
        let url = self.node.get("base_url").and_then(Node::text);
        if let Some(url) = url {
            return provider_for_base_url(url).or_else(|| provider("chatcompletion"));
        }
        let known = model.and_then(provider_for_model);
        if known.is_none()
            && !self.explained.contains(&place)
            && !self.explained.contains(&path_of_key(self.path, "model"))
        {
            let message = match self.node.entry("model") {
                Some(entry) => {
                    format!("no `type`, and it does not follow from the model: found {}", entry.node.found())
                }
                None => "neither `type` nor `model`".to_owned(),
            };
            let hint = "give a `type` such as `openai`, `claude` or `gemini`";
            self.found.push(Diagnostic::error(place, Some(self.key.span), message).hint(hint));
        }
        known
    }

    fn model(&mut self, kind: &'static Provider) -> Option<Text> {
        let given = text(self.node, "model").filter(|model| !model.trim().is_empty());
        let inside = || (kind.protocol == Protocol::Framework).then(|| Text::new(framework_model(self.node, kind)));
        let usual = || kind.default_model.map(Text::new);
        let model = given.or_else(inside).or_else(usual);
        let place = path_of_key(self.path, "model");
        if model.is_none() && !self.explained.contains(&place) {
            let message = format!("no `model`, and `{}` has no usual one", kind.kind);
            let hint = match kind.models.first() {
                Some(model) => format!("give a `model` such as `{model}`"),
                None => "give the `model` as the provider names it".to_owned(),
            };
            let span = self.node.entry("type").map_or(self.key.span, |entry| entry.span);
            self.found.push(Diagnostic::error(place, Some(span), message).hint(hint));
        }
        model
    }

    fn check_capabilities(&mut self, kind: &'static Provider) {
        for (option, capability) in ASKS_FOR {
            let Some(entry) = self.node.entry(option) else { continue };
            let is_asked = entry.node.boolean().unwrap_or(!matches!(entry.node.value, NodeValue::Text(_)));
            if !is_asked || kind.can(*capability) {
                continue;
            }
            let counts = BACKEND.field(option).is_some_and(|field| field.status == Status::Supported);
            let severity = if counts { Severity::Error } else { Severity::Warning };
            let message = format!("`{}` has no {}", kind.kind, capability.name());
            let hint = self.who_can(option, *capability);
            let place = path_of_key(self.path, option);
            self.found.push(Diagnostic::new(severity, place, Some(entry.span), message).hint(hint));
        }
    }

    fn who_can(&self, option: &str, capability: Capability) -> String {
        let by_url = self.node.get("base_url").and_then(Node::text).and_then(provider_for_base_url);
        let able: Vec<&str> = match by_url {
            Some(provider) if provider.can(capability) => vec![provider.kind],
            _ => PROVIDERS.iter().filter(|provider| provider.can(capability)).map(|provider| provider.kind).collect(),
        };
        format!("remove `{option}`, or use a type that has it: {}", able.join(", "))
    }

    fn warn_if_it_cannot_run(&mut self, kind: &'static Provider) {
        if let Some((_, reason)) = PROTOCOLS_NOT_YET.iter().find(|(protocol, _)| *protocol == kind.protocol) {
            let span = self.node.entry("type").map_or(self.key.span, |entry| entry.node.span);
            let message = format!("`{}`: {reason}", kind.kind);
            self.found.push(Diagnostic::warning(path_of_key(self.path, "type"), Some(span), message));
        }
    }

    /// What goes to the provider, with references replaced and as written.
    fn params(&self) -> (Map<String, Value>, Map<String, Value>) {
        let entries = self.node.entries().unwrap_or_default().iter();
        let passed: Vec<&Entry> = entries
            .filter(|entry| entry.node.value != NodeValue::Null && goes_to_the_provider(&entry.key, &BACKEND))
            .collect();
        let values = passed.iter().map(|entry| (entry.key.clone(), entry.node.to_value())).collect();
        let written = passed.iter().map(|entry| (entry.key.clone(), entry.node.to_written())).collect();
        (values, written)
    }

    /// xAI has retired the search parameters that older configs give: they mean web search.
    fn live_search(&mut self, params: &mut Map<String, Value>, written: &mut Map<String, Value>) -> bool {
        const RETIRED: &str = "search_parameters";
        let mut is_asked = false;
        for map in [params, written] {
            if let Some(Value::Object(body)) = map.get_mut("extra_body") {
                is_asked |=
                    body.shift_remove(RETIRED).is_some_and(|search| search.get("mode") != Some(&Value::from("off")));
                if body.is_empty() {
                    map.shift_remove("extra_body");
                }
            }
        }
        if let Some(entry) = self.node.get("extra_body").and_then(|body| body.entry(RETIRED)) {
            let place = path_of_key(&path_of_key(self.path, "extra_body"), RETIRED);
            let message = "xAI no longer takes `search_parameters`: read as `enable_web_search`";
            self.found.push(
                Diagnostic::warning(place, Some(entry.span), message).hint("write `enable_web_search: true` instead"),
            );
        }
        is_asked
    }
}

/// The model that an agent framework's own config names first.
fn framework_model<'a>(node: &'a Node, kind: &'static Provider) -> &'a str {
    let config = node.get("agent_config").or_else(|| node.get("group_config"));
    let llm = config.and_then(|config| config.get("llm_config"));
    let llm = llm.and_then(|llm| llm.items().map_or(Some(llm), <[Node]>::first));
    llm.and_then(|llm| llm.get("model")).and_then(Node::text).unwrap_or(kind.kind)
}
