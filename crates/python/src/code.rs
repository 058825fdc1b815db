//! Tools as Python modules in a workspace.
//!
//! Instead of a schema for each tool in each model call, the model gets a listing of a few lines. The schemas become
//! modules, `servers/<server>/<tool>.py`, that an agent can look through and import in programs of its own; a call goes
//! over a Unix socket to a [`Dispatch`].
//!
//! What is written comes from schemas that servers send, so it is untrusted: every text ends up in a literal or in an
//! identifier made of ASCII letters, digits and underscores.

mod install;
mod listing;
mod literal;
mod module;
mod names;
mod serve;
mod servers;
mod tree;
mod types;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use massgen_protocol::ToolCall;
use massgen_tool::{CallContext, ToolOutcome, Toolbox};
use serde_json::Value;
use tempfile::TempDir;

pub use listing::{TokenCost, listing, token_cost};
use serve::Service;
pub use servers::{CodeServer, CodeTool, group_by_server};

/// Makes the calls that programs ask for.
pub trait Dispatch: Send + Sync {
    /// Calls the tool `name`. The future is dropped when the program that asked has ended.
    fn dispatch<'a>(&'a self, name: &'a str, arguments: Value) -> BoxFuture<'a, ToolOutcome>;
}

/// A [`Dispatch`] through the agent's toolbox: its gate, its audit and its planning hold for programs as well.
pub struct ToolboxDispatch {
    toolbox: Toolbox,
    observer: Option<Observer>,
    context: Mutex<Option<CallContext>>,
    number: std::sync::atomic::AtomicU64,
}

/// Is told of each call and what it came to.
type Observer = Arc<dyn Fn(&CallContext, &ToolCall, &ToolOutcome) + Send + Sync>;

impl std::fmt::Debug for ToolboxDispatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolboxDispatch").field("toolbox", &self.toolbox).finish_non_exhaustive()
    }
}

impl ToolboxDispatch {
    /// Calls go to `toolbox`, as soon as a turn is under way.
    #[must_use]
    pub fn new(toolbox: Toolbox) -> Self {
        Self { toolbox, observer: None, context: Mutex::new(None), number: std::sync::atomic::AtomicU64::new(1) }
    }

    /// Tells `observer` of each call that programs make, as the journal knows of those that models make.
    #[must_use]
    pub fn with_observer(
        mut self,
        observer: impl Fn(&CallContext, &ToolCall, &ToolOutcome) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Whose turn it is now; `None` between turns, when all calls are refused.
    pub fn set_context(&self, context: Option<CallContext>) {
        *self.context.lock().unwrap_or_else(PoisonError::into_inner) = context;
    }
}

impl Dispatch for ToolboxDispatch {
    fn dispatch<'a>(&'a self, name: &'a str, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            let Some(context) = context else {
                return ToolOutcome::failed("no turn is under way; tools can be called during a turn only");
            };
            let number = self.number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let call =
                ToolCall { id: format!("code-{number}"), name: name.to_owned(), arguments: arguments.to_string() };
            let outcome = tokio::select! {
                outcome = self.toolbox.call(&call, &context) => outcome,
                () = context.cancel.cancelled() => ToolOutcome::failed("the turn is over"),
            };
            if let Some(observer) = &self.observer {
                observer(&context, &call, &outcome);
            }
            outcome
        })
    }
}

/// Where the modules go, and how calls are served.
#[derive(Debug, Clone)]
pub struct CodeSettings {
    /// The agent's workspace; it must exist. `servers/`, `custom_tools/` and `.mcp/` in it are replaced, `utils/` is left
    /// alone if it is there.
    pub workspace: PathBuf,
    /// A private folder for the socket and its token, which the agent's sandbox must show it. Without one, a folder for
    /// temporary files gets a new one. The path must be short: sockets allow for about 100 bytes.
    pub socket_directory: Option<PathBuf>,
    /// One copy of the modules for each content, to which workspaces then link. It must be readable in the sandbox.
    pub shared_directory: Option<PathBuf>,
    /// Python files, or folders of them, that are copied to `custom_tools/` for agents to import as they are.
    pub custom_tool_files: Vec<PathBuf>,
    /// Names of files and folders that are not copied.
    pub exclude: Vec<String>,
    /// How many calls run at once; more wait.
    pub calls_max: usize,
    /// How many connections there may be; more are refused.
    pub connections_max: usize,
    /// How large a request may be, in bytes.
    pub request_bytes_max: usize,
}

impl CodeSettings {
    /// The usual settings for `workspace`.
    #[must_use]
    pub fn new(workspace: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
            socket_directory: None,
            shared_directory: None,
            custom_tool_files: Vec::new(),
            exclude: Vec::new(),
            calls_max: 8,
            connections_max: 64,
            request_bytes_max: 16 << 20,
        }
    }
}

/// Why code-based tools cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// Reading or writing failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The path of the socket is longer than the system allows for.
    #[error(
        "the path of the tools' socket, {}, is longer than {max} bytes; choose a shorter folder for temporary files",
        path.display()
    )]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// How long it may be.
        max: usize,
    },
    /// More files than anybody wants in a workspace.
    #[error("{} holds more than {files} files or {bytes} bytes of custom tools; name a smaller folder", path.display())]
    TooMuch {
        /// Where.
        path: PathBuf,
        /// How many files are copied at most.
        files: usize,
        /// How many bytes are copied at most.
        bytes: u64,
    },
}

fn private() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o700)
}

impl CodeError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_path_buf(), source }
    }
}

/// The tools of one agent as code: modules in its workspace, and the socket behind them.
#[derive(Debug)]
pub struct CodeTools {
    settings: CodeSettings,
    service: Service,
    servers: Mutex<Vec<CodeServer>>,
    links: Mutex<Vec<PathBuf>>,
    /// Gone, with the socket, when this is dropped.
    _folder: Option<TempDir>,
}

impl CodeTools {
    /// Writes the modules for `servers`, and listens.
    pub async fn open(
        settings: CodeSettings,
        servers: Vec<CodeServer>,
        dispatch: Arc<dyn Dispatch>,
    ) -> Result<Self, CodeError> {
        let (folder, directory) = match &settings.socket_directory {
            Some(directory) => (None, directory.clone()),
            None => {
                let folder = tempfile::Builder::new().prefix("massgen-").permissions(private()).tempdir();
                let folder = folder.map_err(CodeError::io("create a folder in", &std::env::temp_dir()))?;
                let path = folder.path().to_path_buf();
                (Some(folder), path)
            }
        };
        let service = Service::open(&directory, &settings, dispatch)?;
        let tools =
            Self { settings, service, servers: Mutex::new(Vec::new()), links: Mutex::new(Vec::new()), _folder: folder };
        tools.update(servers).await?;
        Ok(tools)
    }

    /// Writes the modules anew, after a server has changed what it offers. Programs that run keep what they have imported.
    pub async fn update(&self, servers: Vec<CodeServer>) -> Result<(), CodeError> {
        self.service.allow(servers.iter().flat_map(|server| &server.tools).map(|tool| tool.call_name.clone()));
        let settings = self.settings.clone();
        let tree = tree::tree(&servers);
        let socket = self.service.socket().to_path_buf();
        let write = tokio::task::spawn_blocking(move || install::install(&settings, &tree, &socket));
        let links = write.await.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(CodeError::Io { action: "write", path: self.settings.workspace.clone(), source })
        })?;
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = servers;
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = links;
        Ok(())
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        self.service.socket()
    }

    /// The folder of the socket and its token: must be visible, at the same path, wherever the agent's programs run, and to
    /// nobody else.
    #[must_use]
    pub fn socket_directory(&self) -> &Path {
        self.service.directory()
    }

    /// Folders outside of the workspace that its links lead to: must be readable wherever the agent's programs run.
    #[must_use]
    pub fn linked_directories(&self) -> Vec<PathBuf> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the agent's programs need in their environment: `MASSGEN_TOOLS_SOCKET`, and `PYTHONPATH` so that
    /// `import servers` works wherever a script lies. A `PYTHONPATH` of the user goes behind it.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![
            ("MASSGEN_TOOLS_SOCKET".to_owned(), self.socket().display().to_string()),
            ("PYTHONPATH".to_owned(), self.settings.workspace.display().to_string()),
        ]
    }

    /// What is there, for the system prompt.
    #[must_use]
    pub fn listing(&self) -> String {
        listing(&self.servers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends all calls and takes the socket away.
    pub async fn close(&self) {
        self.service.close().await;
    }
}
