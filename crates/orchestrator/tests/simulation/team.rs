//! The team of a plan, and what its models find in a request.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use massgen_backends::{Message, ModelRequest};
use massgen_orchestrator::{AgentSetup, Preparation};
use massgen_protocol::{AgentId, AgentIndex, AgentProfile, TurnId, TurnKind};
use massgen_tool::{Toolbox, ToolboxSettings};

use crate::life::Life;
use crate::model::SimulatedModel;
use crate::plan::Plan;
use crate::tools::SimulatedTools;
use crate::world::World;

/// What begins the paragraph that tells a model which turn it is in.
const TAG: &str = "[turn] ";

/// The agents of a plan, as a life of the process sets them up.
pub(crate) fn team(plan: &Plan, life: &Arc<Life>) -> Vec<AgentSetup> {
    let agent = |(index, character): (u16, &crate::plan::Character)| {
        let agent = AgentIndex(index);
        let profile = AgentProfile { id: id(agent), backend: "simulation".to_owned(), model: model(agent) };
        let mut setup = AgentSetup::new(profile, Arc::new(SimulatedModel::new(plan.seed, agent, character, life)));
        if character.has_tools {
            let settings = ToolboxSettings {
                call_timeout: Duration::from_millis(character.tool_timeout_ms),
                planning: character.planning,
                concurrent_calls_max: character.concurrent_calls_max,
                concurrent_changes: character.concurrent_changes,
            };
            setup.tools = Toolbox::new(vec![Arc::new(SimulatedTools::new(life))]).with_settings(settings);
        }
        if plan.is_tagged {
            setup.preparation = Some(Arc::new(Tag));
        }
        setup
    };
    (0..).zip(&plan.agents).map(agent).collect()
}

/// Tells a model which turn it is in, so that it knows whether it is asked the same again.
#[derive(Debug)]
struct Tag;

impl Preparation for Tag {
    fn prepare(&self, turn: TurnId, _: TurnKind) -> BoxFuture<'_, Vec<String>> {
        Box::pin(std::future::ready(vec![format!("{TAG}{turn}")]))
    }
}

/// What no model may read: the names that the user gave.
pub(crate) fn id(agent: AgentIndex) -> AgentId {
    AgentId::new(format!("secret-name-{}-", agent.0))
}

pub(crate) fn model(agent: AgentIndex) -> String {
    format!("secret-model-{}-", agent.0)
}

/// The turn that a request says it belongs to.
pub(crate) fn turn_of(request: &ModelRequest) -> Option<TurnId> {
    let Some(Message::User(opening)) = request.messages.first() else { return None };
    opening.rsplit_once(TAG).and_then(|(_, turn)| turn.parse().ok())
}

/// Whom a request lets vote for.
pub(crate) fn choices(request: &ModelRequest) -> Vec<String> {
    let vote = request.tools.iter().find(|tool| tool.name == "vote");
    let names = vote.and_then(|vote| vote.parameters["properties"]["agent_id"]["enum"].as_array());
    names.into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned).collect()
}

pub(crate) fn offers(request: &ModelRequest, tool: &str) -> bool {
    request.tools.iter().any(|offered| offered.name == tool)
}

/// The tools of a request that decide nothing.
pub(crate) fn tools(request: &ModelRequest) -> Vec<String> {
    let names = request.tools.iter().map(|tool| tool.name.clone());
    names.filter(|name| name != "vote" && name != "new_answer").collect()
}

/// Notes what a model is shown although nobody may show it: who its peers are.
pub(crate) fn look_for_leaks(request: &ModelRequest, reader: AgentIndex, world: &World) {
    let user = request.messages.iter().filter_map(|message| match message {
        Message::User(text) => Some(text),
        Message::Assistant(_) | Message::ToolResults(_) => None,
    });
    for text in user.chain([&request.system]) {
        if text.contains("secret-") {
            world.memory().leaks.insert(format!("{reader} reads `{text}`"));
        }
    }
}
