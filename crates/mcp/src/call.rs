//! One call of a tool, whatever the server makes of it.

use std::sync::Arc;
use std::time::Duration;

use massgen_tool::{CallContext, Progress, ToolOutcome};
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelledNotification, CancelledNotificationParam, ClientRequest,
    InputRequiredResult, InputResponses, JsonObject, RequestId, ServerResult,
};
use rmcp::service::{Peer, PeerRequestOptions, RequestHandle, ServiceError};
use tokio::time::Instant;

use crate::connection::{challenge, described, is_unsent};
use crate::content::Writer;
use crate::server::{Live, Server, State};
use crate::tools::Target;
use crate::{AgentPlace, Transport};

/// How often a server may ask for more before it answers a call.
const ROUNDS_MAX: usize = 10;
/// How long the notice that a call is cancelled may take.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take to find out why a server died.
const DEATH_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest arguments.
const ARGUMENT_BYTES_MAX: usize = 10 << 20;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the MCP server `{server}` is not available: {why}")]
    Unavailable { server: String, why: String },
    #[error("the MCP server `{server}` refused the call: {why}")]
    Refused { server: String, why: String },
    #[error("the MCP server `{server}` ended before it answered: {why}")]
    Died { server: String, why: String },
    #[error("the MCP server `{server}` could not be reached: {why}")]
    Unreachable { server: String, why: String, is_unsent: bool },
    #[error("the MCP server `{server}` wants another authorization")]
    Unauthorized { server: String, challenge: String },
    #[error("the MCP server `{server}` did not answer within {seconds} s; the call was cancelled")]
    TimedOut { server: String, seconds: u64 },
    #[error("the call was cancelled")]
    Cancelled,
}

impl CallError {
    /// Whether the server may have carried out the call.
    fn leaves_doubt(&self) -> bool {
        match self {
            Self::Unreachable { is_unsent, .. } => !is_unsent,
            Self::Died { .. } | Self::TimedOut { .. } | Self::Cancelled => true,
            Self::Unavailable { .. } | Self::Refused { .. } | Self::Unauthorized { .. } => false,
        }
    }
}

/// One call on its way.
pub(crate) struct Call<'a> {
    pub server: &'a Arc<Server>,
    pub target: &'a Target,
    /// What the model called.
    pub tool: &'a str,
    /// The arguments as the model wrote them.
    pub arguments: &'a str,
    pub context: &'a CallContext,
    pub place: &'a AgentPlace,
}

impl Call<'_> {
    /// Makes it. It has an outcome whatever happens.
    pub(crate) async fn outcome(&self) -> ToolOutcome {
        let arguments = match parsed(self.arguments) {
            Ok(arguments) => arguments,
            Err(why) => return ToolOutcome::failed(format!("the call was not made: {why}")),
        };
        let requests = match self.target {
            Target::Tool { name, .. } => {
                let params = CallToolRequestParams::new(name.clone()).with_arguments(arguments);
                Ok(vec![ClientRequest::CallToolRequest(CallToolRequest::new(params))])
            }
            Target::Extra(extra) => extra.requests(&arguments),
        };
        let requests = match requests {
            Ok(requests) => requests,
            Err(why) => return ToolOutcome::failed(format!("the call was not made: {why}")),
        };
        match self.results(requests).await {
            Ok(results) => {
                let chars_max = self.server.settings.result_chars_max;
                Writer { place: self.place, tool: self.tool, chars_max }.outcome(results).await
            }
            Err(error) => {
                let is_unknown = error.leaves_doubt() && self.target.leaves_doubt();
                let doubt = if is_unknown { "; it is unknown whether it took effect" } else { "" };
                ToolOutcome { is_unknown, ..ToolOutcome::failed(format!("{error}{doubt}")) }
            }
        }
    }

    /// The results of requests, one after the other. All but the last may fail.
    async fn results(&self, requests: Vec<ClientRequest>) -> Result<Vec<ServerResult>, CallError> {
        let mut results = Vec::new();
        let mut failure = None;
        for request in requests {
            match self.authorized(request).await {
                Ok(result) => {
                    failure = None;
                    results.push(result);
                }
                Err(error @ CallError::Refused { .. }) => failure = Some(error),
                Err(error) => return Err(error),
            }
        }
        failure.map_or(Ok(results), Err)
    }

    /// One request, and once more when the server wants another authorization first.
    async fn authorized(&self, request: ClientRequest) -> Result<ServerResult, CallError> {
        match self.answered(request.clone()).await {
            Err(CallError::Unauthorized { server, challenge }) => {
                let before = self.server.watch().borrow().clone();
                if !self.server.challenged(challenge.clone()) {
                    return Err(CallError::Unauthorized { server, challenge });
                }
                self.renewed(before).await;
                self.answered(request).await
            }
            result => result,
        }
    }

    /// Waits until the connection is another than `before`.
    async fn renewed(&self, before: State) {
        if let State::Up(live) = before {
            tokio::select! {
                () = live.over.cancelled() => {}
                () = self.context.cancel.cancelled() => {}
            }
        }
    }

    /// One request with everything that the server wants to know in between.
    async fn answered(&self, mut request: ClientRequest) -> Result<ServerResult, CallError> {
        let live = self.live().await?;
        for _ in 0..ROUNDS_MAX {
            let result = self.request(&live, request.clone()).await;
            match &result {
                Ok(_) | Err(CallError::Refused { .. }) => self.server.succeeded(),
                Err(CallError::Unreachable { .. } | CallError::TimedOut { .. }) => {
                    self.server.failed();
                    self.server.suspect();
                }
                // The death is counted where it is seen; a cancelled call says nothing of the server.
                Err(_) => {}
            }
            let required = match result? {
                ServerResult::InputRequiredResult(required) => required,
                result => return Ok(result),
            };
            let (responses, state) = self.input(required).await?;
            set_input(&mut request, responses, state);
        }
        Err(self.refused("it asks for more without end"))
    }

    /// Answers what the server asked for in the middle of a call.
    async fn input(
        &self,
        required: InputRequiredResult,
    ) -> Result<(Option<InputResponses>, Option<String>), CallError> {
        let Some(requests) = required.input_requests else { return Ok((None, required.request_state)) };
        let mut responses = InputResponses::new();
        for (key, request) in requests {
            let response = tokio::select! {
                () = self.context.cancel.cancelled() => return Err(CallError::Cancelled),
                response = self.server.shared.input(request) => response,
            };
            responses.insert(key, response.map_err(|error| self.refused(&error.to_string()))?);
        }
        Ok((Some(responses), required.request_state))
    }

    /// The connection, once it is up. A server that is being started again is waited for.
    async fn live(&self) -> Result<Arc<Live>, CallError> {
        let mut states = self.server.watch();
        let wait = states.wait_for(|state| match state {
            State::Up(_) | State::Failed(_) | State::Closed => true,
            State::Down(_) => self.server.pause_left().is_some(),
            State::Starting | State::Authorizing => false,
        });
        let limit = self.server.settings.start_timeout;
        let state = tokio::select! {
            () = self.context.cancel.cancelled() => return Err(CallError::Cancelled),
            state = tokio::time::timeout(limit, wait) => match state {
                Ok(Ok(state)) => state.clone(),
                Ok(Err(_)) => State::Closed,
                Err(_) => return Err(self.unavailable("it is still being started")),
            },
        };
        let pause = self.server.pause_left();
        let pause = pause.map(|left| format!("; it is left alone for {} s", left.as_secs().saturating_add(1)));
        match (state, pause) {
            (State::Up(live), None) => Ok(live),
            (State::Up(_), Some(pause)) => Err(self.unavailable(&format!("it failed repeatedly{pause}"))),
            (State::Down(why) | State::Failed(why), pause) => {
                Err(self.unavailable(&format!("{why}{}", pause.unwrap_or_default())))
            }
            (State::Starting | State::Authorizing | State::Closed, _) => Err(self.unavailable("it was closed")),
        }
    }

    /// One request, until it is answered, cancelled or out of time.
    async fn request(&self, live: &Live, request: ClientRequest) -> Result<ServerResult, CallError> {
        let sent = live.peer.send_request_with_option(request, PeerRequestOptions::no_options()).await;
        let RequestHandle { mut rx, id, progress_token, .. } = match sent {
            Ok(handle) => handle,
            Err(error) => return Err(self.lost(live, error).await),
        };
        let mut notice = CancelNotice { server: self.server, peer: &live.peer, id: Some(id) };
        let mut progress = self.server.shared.listen(progress_token);
        let patience = self.server.settings.call_timeout;
        let mut deadline = Instant::now() + patience;
        loop {
            tokio::select! {
                biased;
                result = &mut rx => {
                    notice.id = None;
                    return match result.unwrap_or(Err(ServiceError::TransportClosed)) {
                        Ok(result) => Ok(result),
                        Err(error) => Err(self.lost(live, error).await),
                    };
                }
                () = self.context.cancel.cancelled() => return Err(CallError::Cancelled),
                Some(note) = progress.notes.recv() => {
                    deadline = Instant::now() + patience;
                    self.context.report(Progress::Note(note));
                }
                () = live.over.cancelled() => {
                    notice.id = None;
                    return Err(self.died(live).await);
                }
                () = tokio::time::sleep_until(deadline) => {
                    let waited_until = self.server.shared.waited_for_user().map(|until| until + patience);
                    if let Some(later) = waited_until.filter(|later| *later > deadline) {
                        deadline = later;
                        continue;
                    }
                    return Err(CallError::TimedOut { server: self.name(), seconds: patience.as_secs() });
                }
            }
        }
    }

    /// What an error of the SDK means for the call.
    async fn lost(&self, live: &Live, error: ServiceError) -> CallError {
        match error {
            ServiceError::McpError(error) => {
                let data = error.data.as_ref().map(|data| format!(" ({data})")).unwrap_or_default();
                self.refused(&format!("{}{data}", error.message))
            }
            ServiceError::TransportClosed => self.died(live).await,
            ServiceError::TransportSend(_) if self.is_stdio() => self.died(live).await,
            ServiceError::TransportSend(failure) => match challenge(failure.error.as_ref()) {
                Some(challenge) => CallError::Unauthorized { server: self.name(), challenge },
                None => {
                    let (why, is_unsent) = (described(failure.error.as_ref()), is_unsent(failure.error.as_ref()));
                    CallError::Unreachable { server: self.name(), why, is_unsent }
                }
            },
            ServiceError::Cancelled { .. } => CallError::Cancelled,
            error => self.refused(&error.to_string()),
        }
    }

    fn is_stdio(&self) -> bool {
        matches!(self.server.settings.transport, Transport::Stdio(_))
    }

    /// Why the server died, once that is known.
    async fn died(&self, live: &Live) -> CallError {
        let mut states = self.server.watch();
        let told = async {
            live.over.cancelled().await;
            states.wait_for(|state| !matches!(state, State::Starting)).await.map(|state| state.clone())
        };
        let why = match tokio::time::timeout(DEATH_TIMEOUT, told).await {
            Ok(Ok(State::Down(why) | State::Failed(why))) => why,
            Ok(Ok(State::Closed)) => "it was closed".to_owned(),
            _ => "the connection was closed".to_owned(),
        };
        CallError::Died { server: self.name(), why }
    }

    fn name(&self) -> String {
        self.server.settings.name.clone()
    }

    fn refused(&self, why: &str) -> CallError {
        CallError::Refused { server: self.name(), why: why.to_owned() }
    }

    fn unavailable(&self, why: &str) -> CallError {
        CallError::Unavailable { server: self.name(), why: why.to_owned() }
    }
}

/// Tells the server that a call is not waited for any more, unless it was answered.
struct CancelNotice<'a> {
    server: &'a Arc<Server>,
    peer: &'a Peer<RoleClient>,
    id: Option<RequestId>,
}

impl Drop for CancelNotice<'_> {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) else { return };
        let params = CancelledNotificationParam::new(Some(id), Some("the call is not waited for any more".to_owned()));
        let peer = self.peer.clone();
        let notice = async move {
            let notification = CancelledNotification::new(params);
            let _ = tokio::time::timeout(NOTICE_TIMEOUT, peer.send_notification(notification.into())).await;
        };
        self.server.tasks.spawn_on(notice, &runtime);
    }
}

fn set_input(request: &mut ClientRequest, responses: Option<InputResponses>, state: Option<String>) {
    match request {
        ClientRequest::CallToolRequest(request) => {
            request.params.input_responses = responses;
            request.params.request_state = state;
        }
        ClientRequest::GetPromptRequest(request) => {
            request.params.input_responses = responses;
            request.params.request_state = state;
        }
        ClientRequest::ReadResourceRequest(request) => {
            request.params.input_responses = responses;
            request.params.request_state = state;
        }
        _ => {}
    }
}

/// The arguments as the protocol wants them: an object. No text at all means no arguments.
fn parsed(arguments: &str) -> Result<JsonObject, String> {
    if arguments.len() > ARGUMENT_BYTES_MAX {
        return Err(format!("its arguments are longer than {} MiB", ARGUMENT_BYTES_MAX >> 20));
    }
    if arguments.trim().is_empty() {
        return Ok(JsonObject::new());
    }
    match serde_json::from_str(arguments) {
        Ok(serde_json::Value::Object(arguments)) => Ok(arguments),
        Ok(serde_json::Value::Null) => Ok(JsonObject::new()),
        Ok(_) => Err("its arguments must be a JSON object".to_owned()),
        Err(error) => Err(format!("its arguments are not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_an_object_or_nothing() {
        assert_eq!(parsed("").unwrap(), JsonObject::new());
        assert_eq!(parsed(" null ").unwrap(), JsonObject::new());
        assert_eq!(parsed("{\"a\":1}").unwrap().len(), 1);
        assert!(parsed("[1]").is_err());
        assert!(parsed("{").is_err());
        assert!(parsed(&"[".repeat(1000)).is_err());
    }
}
