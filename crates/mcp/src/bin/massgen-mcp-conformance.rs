//! The client that the protocol's conformance suite drives: it connects to the server whose address is its last
//! argument, calls every tool once, and closes. The suite's server watches.

#![expect(clippy::print_stdout, reason = "the suite keeps what this prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use massgen_mcp::{
    AgentPlace, Authorizer, ElicitationAnswer, ElicitationRequest, Elicitor, HttpSettings, HubSettings, OAuthGrant,
    OAuthSettings, Security, ServerSettings, Servers, Text, Transport,
};
use massgen_protocol::{AgentIndex, ToolCall, TurnId};
use massgen_tool::{CallContext, Caller, Tool, ToolSource as _};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

/// A user who fills in nothing, so that defaults are what counts.
struct Accepting;

impl Elicitor for Accepting {
    fn elicit(&self, _: ElicitationRequest) -> BoxFuture<'_, ElicitationAnswer> {
        Box::pin(async { ElicitationAnswer::Accepted(Map::new()) })
    }
}

/// A user whose browser grants everything at once.
struct Browser(reqwest::Client);

impl Authorizer for Browser {
    fn show<'a>(&'a self, _: &'a str, url: &'a str) -> BoxFuture<'a, bool> {
        let request = self.0.get(url);
        // The browser comes back to whom waits for this to return.
        Box::pin(async move {
            let visit = async move { drop(request.send().await) };
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.map(|runtime| runtime.block_on(visit))
            });
            true
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = std::env::args().next_back().ok_or("no address")?;
    let context = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
    let context: Value = serde_json::from_str(&context).unwrap_or_default();
    let scenario = std::env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    let text = |key: &str| context.get(key).and_then(Value::as_str).map(Text::from);
    let is_machine = scenario.contains("client-credentials");
    let oauth = OAuthSettings {
        client_id: text("client_id"),
        client_secret: text("client_secret"),
        client_metadata_url: Some("https://conformance-test.local/client-metadata.json".to_owned()),
        grant: if is_machine { OAuthGrant::ClientCredentials } else { OAuthGrant::AuthorizationCode },
        ..OAuthSettings::default()
    };
    let http = HttpSettings { oauth: Some(oauth), ..HttpSettings::new(url) };
    let settings = ServerSettings {
        security: Security { allow_localhost: true, ..Security::default() },
        call_timeout: Duration::from_secs(20),
        ..ServerSettings::new("conformance", Transport::StreamableHttp(http))
    };
    let servers = Servers::new(HubSettings {
        environment: BTreeMap::new(),
        elicitor: Some(Arc::new(Accepting)),
        authorizer: Some(Arc::new(Browser(reqwest::Client::builder().no_proxy().build()?))),
        ..HubSettings::default()
    });
    let source = servers.source(&settings, &AgentPlace::without_workspace(AgentIndex(0)));
    let notices = source.ready().await;
    println!("{notices:?}");
    for (name, arguments) in calls(&source.tools(), &context) {
        let call = ToolCall { id: "1".to_owned(), name, arguments: arguments.to_string() };
        let turn = TurnId { agent: AgentIndex(0), number: 1 };
        let context = CallContext {
            caller: Caller { turn, presenting: true, sight: 0 },
            cancel: CancellationToken::new(),
            progress: Arc::new(|progress| println!("{progress:?}")),
        };
        println!("{} {:?}", call.name, source.call(&call, &context).await);
    }
    servers.close().await;
    if notices.is_empty() { Ok(()) } else { Err(notices.join("; ").into()) }
}

/// What to call: what the suite says, or every tool once.
fn calls(tools: &[Tool], context: &Value) -> Vec<(String, Value)> {
    let Some(wanted) = context.get("toolCalls").and_then(Value::as_array) else {
        return tools.iter().map(|tool| (tool.spec.name.clone(), sample(&tool.spec.parameters))).collect();
    };
    let call = |wanted: &Value| {
        let ending = format!("__{}", wanted.get("name")?.as_str()?);
        let tool = tools.iter().find(|tool| tool.spec.name.ends_with(&ending))?;
        Some((tool.spec.name.clone(), wanted.get("arguments").cloned().unwrap_or_default()))
    };
    wanted.iter().filter_map(call).collect()
}

/// Arguments that fit a schema.
fn sample(schema: &Value) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let value = |field: &Value| match field.get("type").and_then(Value::as_str) {
        Some("number" | "integer") => json!(3),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("text"),
    };
    properties.into_iter().flatten().map(|(name, field)| (name.clone(), value(field))).collect::<Map<_, _>>().into()
}
