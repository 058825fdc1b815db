//! What a server may ask of massgen, and what it tells without being asked.

#![expect(deprecated, reason = "roots and log messages are on their way out, but today's servers use them")]

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use massgen_protocol::AgentIndex;
use rmcp::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability,
    ErrorData, FormElicitationCapability, Implementation, InputRequest, ListRootsResult,
    LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, ProtocolVersion, Root,
    RootsCapabilities,
};
use rmcp::service::{NotificationContext, RequestContext, RoleClient};
use serde_json::{Map, Value};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::log::ServerLog;
use crate::{ElicitationAnswer, ElicitationRequest, Elicitor};

/// How many signs of progress wait for one call. More are dropped: the next one says more.
const NOTES_MAX: usize = 64;
/// How many signs of progress are kept for calls that do not listen yet.
const EARLY_MAX: usize = 32;

/// What is common to one connection and the calls on it.
pub(crate) struct Shared {
    pub server: String,
    pub agent: Option<AgentIndex>,
    pub root: Option<PathBuf>,
    pub elicitor: Option<Arc<dyn Elicitor>>,
    pub log: Arc<ServerLog>,
    /// Told when the server says that its tools have changed.
    pub changed: Notify,
    progress: Mutex<ProgressTable>,
    questions: Mutex<Questions>,
}

/// Questions of the server to the user.
#[derive(Default)]
struct Questions {
    open: usize,
    last_answer: Option<Instant>,
}

#[derive(Default)]
struct ProgressTable {
    listeners: HashMap<ProgressToken, mpsc::Sender<String>>,
    early: VecDeque<(ProgressToken, String)>,
}

/// Listens for one call's progress while it lives.
pub(crate) struct ProgressListener {
    shared: Arc<Shared>,
    token: ProgressToken,
    pub notes: mpsc::Receiver<String>,
}

impl Shared {
    pub(crate) fn new(
        server: &str,
        agent: Option<AgentIndex>,
        root: Option<PathBuf>,
        elicitor: Option<Arc<dyn Elicitor>>,
        log: Arc<ServerLog>,
    ) -> Self {
        Self {
            server: server.to_owned(),
            agent,
            root,
            elicitor,
            log,
            changed: Notify::new(),
            progress: Mutex::default(),
            questions: Mutex::default(),
        }
    }

    /// Until when a question of the server has waited for the user, who may take their time.
    pub(crate) fn waited_for_user(&self) -> Option<Instant> {
        let questions = self.questions.lock().ok()?;
        if questions.open > 0 { Some(Instant::now()) } else { questions.last_answer }
    }

    pub(crate) fn listen(self: &Arc<Self>, token: ProgressToken) -> ProgressListener {
        let (sender, notes) = mpsc::channel(NOTES_MAX);
        if let Ok(mut table) = self.progress.lock() {
            let early = std::mem::take(&mut table.early);
            for (for_token, note) in early {
                if for_token == token {
                    let _ = sender.try_send(note);
                } else {
                    table.early.push_back((for_token, note));
                }
            }
            table.listeners.insert(token.clone(), sender);
        }
        ProgressListener { shared: Arc::clone(self), token, notes }
    }

    fn progressed(&self, token: ProgressToken, note: String) {
        let Ok(mut table) = self.progress.lock() else { return };
        if let Some(listener) = table.listeners.get(&token) {
            let _ = listener.try_send(note);
            return;
        }
        if table.early.len() >= EARLY_MAX {
            table.early.pop_front();
        }
        table.early.push_back((token, note));
    }

    fn roots(&self) -> ListRootsResult {
        let url = self.root.as_deref().and_then(|root| url::Url::from_directory_path(root).ok());
        let uri = url.map(|url| url.as_str().trim_end_matches('/').to_owned());
        ListRootsResult::new(uri.map(|uri| Root::new(uri).with_name("workspace")).into_iter().collect())
    }

    async fn elicit(&self, params: ElicitRequestParams) -> ElicitResult {
        let declined = ElicitResult::new(ElicitationAction::Decline);
        let (Some(elicitor), ElicitRequestParams::FormElicitationParams { message, requested_schema, .. }) =
            (&self.elicitor, params)
        else {
            return declined;
        };
        let form = serde_json::to_value(&requested_schema).unwrap_or_default();
        let request = ElicitationRequest { server: self.server.clone(), agent: self.agent, message, form };
        let question = Question::new(&self.questions);
        let answer = elicitor.elicit(request.clone()).await;
        drop(question);
        match answer {
            ElicitationAnswer::Accepted(filled) => ElicitResult::new(ElicitationAction::Accept)
                .with_content(Value::Object(with_defaults(filled, &request))),
            ElicitationAnswer::Declined => declined,
            ElicitationAnswer::Dismissed => ElicitResult::new(ElicitationAction::Cancel),
        }
    }

    /// What the server asked for in the middle of a call, under MCP 2026-07-28.
    pub(crate) async fn input(&self, request: InputRequest) -> Result<Value, serde_json::Error> {
        match request {
            InputRequest::Elicitation(request) => serde_json::to_value(self.elicit(request.params).await),
            InputRequest::ListRoots(_) => serde_json::to_value(self.roots()),
            // Sampling. There is no way to decline but an empty answer, which no server takes for one.
            _ => Ok(Value::Null),
        }
    }
}

impl Drop for ProgressListener {
    fn drop(&mut self) {
        if let Ok(mut table) = self.shared.progress.lock() {
            table.listeners.remove(&self.token);
        }
    }
}

/// Counts as a question that waits for the user while it lives.
struct Question<'a>(&'a Mutex<Questions>);

impl<'a> Question<'a> {
    fn new(questions: &'a Mutex<Questions>) -> Self {
        if let Ok(mut questions) = questions.lock() {
            questions.open = questions.open.saturating_add(1);
        }
        Self(questions)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if let Ok(mut questions) = self.0.lock() {
            questions.open = questions.open.saturating_sub(1);
            questions.last_answer = Some(Instant::now());
        }
    }
}

/// Fields that the user left out have the defaults of the form.
fn with_defaults(mut filled: Map<String, Value>, request: &ElicitationRequest) -> Map<String, Value> {
    let fields = request.form.get("properties").and_then(Value::as_object);
    for (name, field) in fields.into_iter().flatten() {
        if let (Some(default), false) = (field.get("default"), filled.contains_key(name)) {
            filled.insert(name.clone(), default.clone());
        }
    }
    filled
}

/// The SDK's side of a connection.
pub(crate) struct Handler(pub Arc<Shared>);

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.roots = self.0.root.as_ref().map(|_| RootsCapabilities::default());
        let form = || ElicitationCapability::new().with_form(FormElicitationCapability::default());
        capabilities.elicitation = self.0.elicitor.as_ref().map(|_| form());
        // The newest version has no handshake to say it in.
        ClientConfig::new(capabilities, Implementation::new("massgen", env!("CARGO_PKG_VERSION")))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn list_roots(&self, _: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        Ok(self.0.roots())
    }

    async fn create_elicitation(
        &self,
        params: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let withdrawn = || ElicitResult::new(ElicitationAction::Cancel);
        Ok(until(&context.ct, self.0.elicit(params)).await.unwrap_or_else(withdrawn))
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let note = progress_note(&params);
        self.0.progressed(params.progress_token, note);
    }

    async fn on_logging_message(&self, params: LoggingMessageNotificationParam, _: NotificationContext<RoleClient>) {
        let level = serde_json::to_value(params.level).unwrap_or_default();
        let level = level.as_str().unwrap_or("message");
        let logger = params.logger.map(|logger| format!(" {logger}")).unwrap_or_default();
        let text = params.data.as_str().map_or_else(|| params.data.to_string(), ToOwned::to_owned);
        self.0.log.write(format!("[{level}{logger}] {text}\n").as_bytes());
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.changed.notify_one();
    }
}

async fn until<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        done = work => Some(done),
    }
}

/// `Copying files (3 of 10)`.
fn progress_note(params: &ProgressNotificationParam) -> String {
    let share =
        params.total.map_or_else(|| params.progress.to_string(), |total| format!("{} of {total}", params.progress));
    match params.message.as_deref().map(str::trim).filter(|message| !message.is_empty()) {
        Some(message) => format!("{message} ({share})"),
        None => share,
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::NumberOrString;

    use super::*;

    fn shared() -> Arc<Shared> {
        Arc::new(Shared::new("s", None, Some("/work/space one".into()), None, Arc::default()))
    }

    #[test]
    fn progress_that_comes_before_its_listener_is_not_lost_and_reaches_nobody_else() {
        let shared = shared();
        let token = |number| ProgressToken(NumberOrString::Number(number));
        shared.progressed(token(1), "early".into());
        shared.progressed(token(2), "other".into());
        let mut one = shared.listen(token(1));
        shared.progressed(token(1), "late".into());
        assert_eq!(one.notes.try_recv().unwrap(), "early");
        assert_eq!(one.notes.try_recv().unwrap(), "late");
        assert!(one.notes.try_recv().is_err());
        drop(one);
        let mut two = shared.listen(token(2));
        assert_eq!(two.notes.try_recv().unwrap(), "other");
    }

    #[test]
    fn the_workspace_is_the_root() {
        assert_eq!(shared().roots().roots[0].uri, "file:///work/space%20one");
    }
}
