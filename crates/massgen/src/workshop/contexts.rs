//! The user's own files and directories: read by all, changed in a copy by whoever presents, written back with the
//! user's consent.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use massgen_changes::{ContextPath, CopyMode, Drift, Isolated, LeftOut, Refusal};
use massgen_config::{DriftConflictPolicy, Permission, ResolvedContextPath, WriteMode};
use massgen_orchestrator::{Announcer, Preparation};
use massgen_protocol::{Activity, TurnId, TurnKind};

use super::secrets;
use crate::failure::{Failure, with_causes};

/// The user's own files and directories, as one agent may use them in a run.
#[derive(Debug)]
pub(crate) struct Contexts {
    entries: Vec<ResolvedContextPath>,
    /// Where copies are made, and where it is noted what is being written back.
    state: PathBuf,
    mode: CopyMode,
    /// Files with keys among them, and what other agents do: neither file tools nor commands may look there.
    hidden: Mutex<Vec<PathBuf>>,
    copies: Mutex<Vec<Arc<Isolated>>>,
}

impl Contexts {
    /// Checks that every path is there.
    pub(crate) fn new(entries: Vec<ResolvedContextPath>, state: PathBuf, mode: WriteMode) -> Result<Self, Failure> {
        let missing: Vec<String> =
            entries.iter().filter(|entry| !entry.path.exists()).map(|entry| entry.path.display().to_string()).collect();
        if !missing.is_empty() {
            let problem = format!("`context_paths` names what does not exist: {}", missing.join(", "));
            return Err(
                Failure::configuration(problem).hint("relative paths start in the directory massgen is started in")
            );
        }
        let mode = match mode {
            WriteMode::Auto => CopyMode::Auto,
            WriteMode::Worktree => CopyMode::Worktree,
            WriteMode::Isolated => CopyMode::Copy,
        };
        let hidden = entries.iter().flat_map(|entry| secrets::secrets(&entry.path)).collect();
        Ok(Self { entries, state, mode, hidden: Mutex::new(hidden), copies: Mutex::default() })
    }

    /// Whether the agent may change any of them when it presents.
    pub(crate) fn has_writable(&self) -> bool {
        self.writable().next().is_some()
    }

    /// What the agent may read.
    pub(crate) fn readable(&self) -> Vec<PathBuf> {
        let copies = self.lock().iter().filter_map(|copy| copy.git_data().map(Path::to_owned)).collect::<Vec<_>>();
        self.entries.iter().map(|entry| entry.path.clone()).chain(copies).collect()
    }

    /// The copies that the agent may change.
    pub(crate) fn copies(&self) -> Vec<PathBuf> {
        self.lock().iter().map(|copy| copy.directory().to_owned()).collect()
    }

    /// What nobody may change, in the originals and in the copies.
    pub(crate) fn protected(&self) -> Vec<PathBuf> {
        let of_originals = self.entries.iter().flat_map(|entry| entry.protected.clone());
        let copies = self.lock();
        let of_copies = copies.iter().flat_map(|copy| {
            let context = copy.context();
            let inside = context.protected().iter().map(|path| path.strip_prefix(context.root()).unwrap_or(path));
            inside.map(|path| copy.directory().join(path)).collect::<Vec<_>>()
        });
        of_originals.chain(of_copies).collect()
    }

    /// What commands may not look at.
    pub(crate) fn hidden(&self) -> Vec<PathBuf> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hides more of the user's files, as far as they are among those that agents see.
    pub(crate) fn hide(&self, path: &Path) {
        let Ok(path) = std::fs::canonicalize(path) else { return };
        if self.entries.iter().any(|entry| path.starts_with(&entry.path)) {
            self.hidden.lock().unwrap_or_else(PoisonError::into_inner).push(path);
        }
    }

    /// The context path in which `place` lies for all to see: what is massgen's own there is hidden.
    pub(crate) fn around(&self, place: &Path) -> Option<&Path> {
        let is_around = |entry: &&ResolvedContextPath| {
            let below = place.strip_prefix(&entry.path);
            below.is_ok_and(|below| !below.iter().any(|name| name == ".massgen"))
        };
        self.entries.iter().find(is_around).map(|entry| entry.path.as_path())
    }

    /// Whether something in what may be written is to be kept from being written or read: not every sandbox can.
    pub(crate) fn holds_back_in_writable(&self) -> bool {
        let hidden = self.hidden();
        self.writable().any(|entry| {
            entry.protected.iter().any(|path| path.exists()) || hidden.iter().any(|path| path.starts_with(&entry.path))
        })
    }

    /// The copies that were made, for good.
    pub(crate) fn take_copies(&self) -> Vec<Arc<Isolated>> {
        std::mem::take(&mut *self.lock())
    }

    /// A copy of which there is more to come.
    pub(crate) fn put_back(&self, copy: Arc<Isolated>) {
        self.lock().push(copy);
    }

    /// What agents are told of the user's files.
    pub(crate) fn briefing(&self) -> Option<String> {
        let line = |entry: &ResolvedContextPath| {
            let about = entry.description.as_ref().map_or_else(String::new, |about| format!(" ({})", about.as_str()));
            format!("- {}{about}", entry.path.display())
        };
        let lines: Vec<String> = self.entries.iter().map(line).collect();
        (!lines.is_empty()).then(|| {
            let lines = lines.join("\n");
            format!("The user's files, for you to read:\n{lines}\nYou cannot change them where they are.")
        })
    }

    /// The files and directories themselves.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.entries.iter().map(|entry| entry.path.clone()).collect()
    }

    fn writable(&self) -> impl Iterator<Item = &ResolvedContextPath> {
        self.entries.iter().filter(|entry| entry.permission == Permission::Write)
    }

    /// Makes the copies, or finds those that an earlier presentation has made.
    fn make_copies(&self) -> Vec<String> {
        let mut copies = self.lock();
        if !copies.is_empty() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for entry in self.writable() {
            let context = ContextPath::new(&entry.path, &entry.protected).map_err(|error| with_causes(&error));
            let copy = context.and_then(|context| {
                Isolated::create(&self.state, &context, self.mode).map_err(|error| with_causes(&error))
            });
            match copy {
                Ok(copy) => {
                    problems.extend(what_is_missing(&copy));
                    let keys = secrets::secrets(copy.directory());
                    self.hidden.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
                    copies.push(Arc::new(copy));
                }
                Err(problem) => problems.push(format!("{} cannot be changed: {problem}", entry.path.display())),
            }
        }
        problems
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Isolated>>> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a copy does not hold of what it stands for, where that may be missed.
fn what_is_missing(copy: &Isolated) -> Vec<String> {
    /// How many are named.
    const NAMED_MAX: usize = 5;
    let path = copy.context().path().display();
    let mut missing = Vec::new();
    if let Some(error) = copy.fallback() {
        missing.push(format!("the copy of {path} has no git history: {}", with_causes(error)));
    }
    let is_missed = |left: &&LeftOut| {
        matches!(left.why, Refusal::OtherRepository | Refusal::LeadsOutside | Refusal::Unreadable | Refusal::NotAFile)
    };
    let left_out: Vec<&LeftOut> = copy.left_out().iter().filter(is_missed).collect();
    let named = left_out.iter().take(NAMED_MAX);
    missing.extend(named.map(|left| format!("the copy of {path} lacks {}: {}", left.path.display(), left.why)));
    if let Some(more) = left_out.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        missing.push(format!("the copy of {path} lacks {more} more such files"));
    }
    missing
}

/// What happens with a file that changed underneath.
pub(crate) fn drift(policy: DriftConflictPolicy) -> Drift {
    match policy {
        DriftConflictPolicy::Skip => Drift::Skip,
        DriftConflictPolicy::PreferPresenter => Drift::PreferPresenter,
        DriftConflictPolicy::Fail => Drift::Fail,
    }
}

/// Makes the copies when an agent is about to present.
#[derive(Debug)]
pub(crate) struct ForPresenter {
    pub(crate) contexts: Arc<Contexts>,
    pub(crate) announcer: Announcer,
}

impl Preparation for ForPresenter {
    fn prepare(&self, turn: TurnId, kind: TurnKind) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async move {
            if !matches!(kind, TurnKind::Solo | TurnKind::Present) || !self.contexts.has_writable() {
                return Vec::new();
            }
            let contexts = Arc::clone(&self.contexts);
            let problems = tokio::task::spawn_blocking(move || contexts.make_copies()).await.unwrap_or_default();
            let told = told(&self.contexts, &problems);
            for text in problems {
                self.announcer.tell(Activity::Notice { agent: Some(turn.agent), text });
            }
            told
        })
    }
}

fn told(contexts: &Contexts, problems: &[String]) -> Vec<String> {
    let copies = contexts.lock();
    let lines: Vec<String> = copies
        .iter()
        .map(|copy| format!("- {} stands for {}", copy.directory().display(), copy.context().path().display()))
        .collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let lines: Vec<String> = lines.into_iter().chain(problems.iter().map(|problem| format!("- {problem}"))).collect();
    vec![format!(
        "The user's files are yours to change now, in copies:\n{}\nMake there the changes that the task asks for, and no \
         others. What you change is offered to the user when you are done.",
        lines.join("\n")
    )]
}
