//! An agent with places, and what calls to its tools come to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use massgen_protocol::{AgentIndex, ToolCall, TurnId};
use massgen_tool::{CallContext, Caller, ToolOutcome, ToolSource as _};
use massgen_tools::files::{FilePlaces, FileSettings, FileTools};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A folder with an agent's places in it, and things beside them that are nobody's business.
pub(crate) struct Setting {
    folder: TempDir,
    places: Arc<Mutex<FilePlaces>>,
    tools: FileTools,
    pub(crate) cancel: CancellationToken,
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self::with(FileSettings::default())
    }

    pub(crate) fn with(settings: FileSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["ws", "views/agent1", "views/agent2", "context", "isolated", "outside"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let path = |name: &str| folder.path().join(name);
        let places = Arc::new(Mutex::new(FilePlaces {
            workspace: path("ws"),
            views: path("views"),
            readable: vec![path("context")],
            writable: vec![path("isolated")],
            protected: Vec::new(),
            hidden: Vec::new(),
        }));
        let for_tools = Arc::clone(&places);
        let tools = FileTools::new(Arc::new(move |_: &Caller| for_tools.lock().unwrap().clone()), settings);
        let setting = Self { folder, places, tools, cancel: CancellationToken::new() };
        setting.write("outside/secret.txt", "the secret\n");
        setting
    }

    pub(crate) fn change_places(&self, change: impl FnOnce(&mut FilePlaces)) {
        change(&mut self.places.lock().unwrap());
    }

    /// The whole path of `name` in the folder that holds all places.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same in text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn link(&self, name: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
    }

    /// Calls a tool by its name without the server's.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> ToolOutcome {
        let tools = self.tools.tools();
        let name = tools.iter().map(|tool| &tool.spec.name).find(|name| name.ends_with(&format!("__{tool}"))).unwrap();
        let call = ToolCall { id: "1".to_owned(), name: name.clone(), arguments: arguments.to_string() };
        let turn = TurnId { agent: AgentIndex(0), number: 1 };
        let caller = Caller { turn, presenting: false, sight: 0 };
        let context = CallContext { caller, cancel: self.cancel.clone(), progress: Arc::new(|_| {}) };
        self.tools.call(&call, &context).await
    }

    /// What a call that must succeed says.
    pub(crate) async fn ok(&self, tool: &str, arguments: Value) -> String {
        let outcome = self.call(tool, arguments.clone()).await;
        assert!(!outcome.is_error, "{tool} {arguments}: {}", outcome.content);
        outcome.content
    }

    /// What a call that must fail says.
    pub(crate) async fn error(&self, tool: &str, arguments: Value) -> String {
        let outcome = self.call(tool, arguments.clone()).await;
        assert!(outcome.is_error, "{tool} {arguments}: {}", outcome.content);
        outcome.content
    }

    /// Everything in the folder that is nobody's business: names and contents.
    pub(crate) fn outside(&self) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(self.path("outside")).unwrap().flatten();
        let mut files: Vec<_> = entries
            .map(|entry| {
                let content = std::fs::read_to_string(entry.path()).unwrap_or_default();
                (entry.file_name().to_string_lossy().into_owned(), content)
            })
            .collect();
        files.sort();
        files
    }
}
