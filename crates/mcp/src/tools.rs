//! What a server offers, in massgen's words.

use std::collections::{BTreeMap, BTreeSet};

use massgen_protocol::ToolSpec;
use massgen_tool::{Effect, Tool};
use rmcp::model::{PaginatedRequestParams, ServerCapabilities};
use rmcp::service::{Peer, RoleClient};
use serde_json::{Value, json};

use crate::extras::{Extra, extras};
use crate::names::Names;
use crate::{Effects, ServerSettings};

/// How many pages of tools are asked for. A server that always has one more would be asked for ever.
const PAGES_MAX: usize = 100;
/// How many tools of one server are offered.
const TOOLS_MAX: usize = 1000;

/// The tools of one server at one time.
#[derive(Debug, Default)]
pub(crate) struct ToolSet {
    pub tools: Vec<Tool>,
    pub targets: BTreeMap<String, Target>,
    /// Tools that no provider would take.
    pub left_out: Vec<String>,
}

/// What a tool's name stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    /// A tool of the server.
    Tool {
        /// Its name there.
        name: String,
        /// Whether it does not matter if a call that was cut off has had its effects.
        is_repeatable: bool,
    },
    /// A request that massgen offers as a tool.
    Extra(Extra),
}

impl Target {
    /// Whether it is unknown what a call has done that was cut off.
    pub(crate) fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Tool { is_repeatable: false, .. })
    }
}

/// Asks for all tools.
pub(crate) async fn listed(peer: &Peer<RoleClient>) -> Result<Vec<rmcp::model::Tool>, rmcp::ServiceError> {
    let mut tools = Vec::new();
    let mut cursor = None;
    let mut seen = BTreeSet::new();
    for _ in 0..PAGES_MAX {
        let page = peer.list_tools(Some(PaginatedRequestParams::default().with_cursor(cursor))).await?;
        tools.extend(page.tools);
        cursor = page.next_cursor.filter(|next| !next.is_empty() && seen.insert(next.clone()));
        if cursor.is_none() || tools.len() >= TOOLS_MAX {
            break;
        }
    }
    tools.truncate(TOOLS_MAX);
    Ok(tools)
}

/// The tools that agents are offered.
pub(crate) fn offered(
    listed: Vec<rmcp::model::Tool>,
    capabilities: &ServerCapabilities,
    settings: &ServerSettings,
    names: &mut Names,
) -> ToolSet {
    let mut set = ToolSet::default();
    let mut seen = BTreeSet::new();
    for tool in listed {
        if settings.offers(&tool.name) && seen.insert(tool.name.clone()) {
            if tool.input_schema.get("type").is_some_and(|kind| kind != "object") {
                set.left_out.push(tool.name.to_string());
                continue;
            }
            let (tool, target) = converted(tool, &settings.effects, names);
            set.add(tool, target);
        }
    }
    if settings.has_resource_tools {
        for (extra, mut tool) in extras(capabilities) {
            // A tool of the server's own has its name.
            if settings.offers(&tool.spec.name) && !seen.contains(tool.spec.name.as_str()) {
                tool.spec.name = names.name(&tool.spec.name);
                set.add(tool, Target::Extra(extra));
            }
        }
    }
    set
}

impl ToolSet {
    fn add(&mut self, tool: Tool, target: Target) {
        self.targets.insert(tool.spec.name.clone(), target);
        self.tools.push(tool);
    }
}

fn converted(tool: rmcp::model::Tool, effects: &Effects, names: &mut Names) -> (Tool, Target) {
    let annotations = tool.annotations.unwrap_or_default();
    let is_read_only = annotations.read_only_hint == Some(true);
    let annotated = if is_read_only { Effect::None } else { Effect::Outside };
    let effect = effects.of(&tool.name).unwrap_or(annotated);
    let title = tool.title.or(annotations.title);
    let description = tool.description.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let spec = ToolSpec {
        name: names.name(&tool.name),
        description: description.or(title).unwrap_or_else(|| tool.name.to_string()),
        parameters: parameters(tool.input_schema.as_ref().clone().into()),
    };
    let is_repeatable = is_read_only || annotations.idempotent_hint == Some(true) || effect == Effect::None;
    (Tool { spec, effect }, Target::Tool { name: tool.name.into_owned(), is_repeatable })
}

/// Providers want an object with properties, which some servers leave out when there are none.
fn parameters(schema: Value) -> Value {
    match schema {
        Value::Object(mut schema) => {
            schema.entry("type").or_insert_with(|| json!("object"));
            let properties = schema.entry("properties").or_insert_with(|| json!({}));
            if !properties.is_object() {
                *properties = json!({});
            }
            schema.into()
        }
        _ => json!({"type": "object", "properties": {}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StdioSettings, Transport};

    fn settings() -> ServerSettings {
        ServerSettings::new("s", Transport::Stdio(StdioSettings::default()))
    }

    #[test]
    fn a_tool_that_no_provider_would_take_is_left_out() {
        let listed = vec![
            tool(json!({"name": "text", "inputSchema": {"type": "string"}})),
            tool(json!({"name": "good", "inputSchema": {"type": "object", "properties": null}})),
        ];
        let set = offered(listed, &ServerCapabilities::default(), &settings(), &mut Names::new("s"));
        assert_eq!(set.left_out, ["text"]);
        let [good] = &*set.tools else { panic!("one tool: {:?}", set.tools) };
        assert_eq!(good.spec.parameters, json!({"type": "object", "properties": {}}));
    }

    fn tool(value: Value) -> rmcp::model::Tool {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn effects_follow_annotations_unless_configured() {
        let listed = || {
            vec![
                tool(json!({"name": "read", "inputSchema": {}, "annotations": {"readOnlyHint": true}})),
                tool(json!({"name": "put", "inputSchema": {}, "annotations": {"idempotentHint": true}})),
                tool(json!({"name": "post", "inputSchema": {}})),
            ]
        };
        let offered = |settings: &ServerSettings| {
            let set = offered(listed(), &ServerCapabilities::default(), settings, &mut Names::new("s"));
            set.tools.iter().map(|tool| (tool.effect, set.targets[&tool.spec.name].leaves_doubt())).collect::<Vec<_>>()
        };
        let mut settings = settings();
        assert_eq!(offered(&settings), [(Effect::None, false), (Effect::Outside, false), (Effect::Outside, true)]);
        settings.effects.all = Some(Effect::Outside);
        settings.effects.tools.insert("post".into(), Effect::None);
        assert_eq!(offered(&settings), [(Effect::Outside, false), (Effect::Outside, false), (Effect::None, false)]);
    }

    #[test]
    fn a_tool_named_like_one_of_ours_has_its_name() {
        let capabilities: ServerCapabilities = serde_json::from_value(json!({"resources": {}})).unwrap();
        let listed = vec![tool(json!({"name": "read_resource", "inputSchema": {}}))];
        let set = offered(listed, &capabilities, &settings(), &mut Names::new("s"));
        let names: Vec<&str> = set.tools.iter().map(|tool| tool.spec.name.as_str()).collect();
        assert_eq!(names, ["mcp__s__read_resource", "mcp__s__list_resources"]);
        assert!(set.targets["mcp__s__read_resource"].leaves_doubt());
    }
}
