//! The process that runs the user's functions, and the protocol with it.
//!
//! The protocol is described at the head of `assets/sidecar/massgen_sidecar.py`. An actor owns the process; [`Sidecar`] is the
//! handle through which calls reach it.

mod actor;
mod wire;

use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use massgen_tool::{CallContext, Progress, ToolOutcome};
use serde_json::{Map, Value, json};
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::assets::Home;
use super::log::BoundedLog;
use super::process::Group;
use super::{CustomSettings, Interpreter};
use actor::Actor;
pub(super) use wire::LoadedFunction;

/// What it takes to start a sidecar.
pub(super) struct Launch<'a> {
    pub(super) settings: &'a CustomSettings,
    pub(super) interpreter: &'a Interpreter,
    pub(super) home: &'a Home,
    pub(super) log: &'a Arc<BoundedLog>,
}

/// A running sidecar.
#[derive(Clone)]
pub(super) struct Sidecar {
    orders: mpsc::UnboundedSender<Order>,
    number: Arc<AtomicU64>,
    /// Set when it takes no new calls: it has ended, or is only waiting for its last calls.
    gone: CancellationToken,
    ready: CancellationToken,
}

/// What reaches the actor.
enum Order {
    Load { number: u64, body: Map<String, Value>, reply: oneshot::Sender<LoadOutcome> },
    Call { number: u64, body: Map<String, Value>, events: mpsc::UnboundedSender<CallEvent> },
    Cancel { number: u64 },
    Close,
}

/// The functions of a file, or why it cannot be imported; or how Python ended.
type LoadOutcome = Result<Result<Vec<LoadedFunction>, String>, String>;

/// What becomes of a call.
#[derive(Debug)]
enum CallEvent {
    Output(String),
    Note(String),
    Ended {
        content: String,
        is_error: bool,
    },
    /// The process ended, or was given up, before the call did.
    Lost(String),
}

impl Launch<'_> {
    /// Starts the process. The second part of the result is its actor, which must be run.
    pub(super) fn spawn(&self) -> Result<(Sidecar, impl Future<Output = ()> + Send + 'static), String> {
        let settings = self.settings;
        let script = self.home.sidecar().join("massgen_sidecar.py");
        let told = json!({
            "home": self.home.sidecar(), "shim": self.home.stand_in(), "search": settings.roots,
            "output_bytes_max": settings.output_bytes_max, "progress_bytes_max": settings.progress_bytes_max,
            "media_folder": settings.media_folder,
        });
        let mut command = Command::new(&self.interpreter.executable);
        // No `__pycache__` in the user's folders; where Python was when it crashed goes to the log.
        command.args(["-B", "-X", "faulthandler"]).arg(script).arg(ascii(&told));
        command.env_clear().envs(&settings.python.environment).current_dir(&settings.working_directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let program = self.interpreter.executable.display();
        let mut child = command.spawn().map_err(|error| format!("cannot start {program}: {error}"))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(format!("cannot talk to {program}"));
        };
        self.log.begin();
        let (orders, received) = mpsc::unbounded_channel();
        let sidecar = Sidecar {
            orders,
            number: Arc::new(AtomicU64::new(1)),
            gone: CancellationToken::new(),
            ready: CancellationToken::new(),
        };
        let actor = Actor {
            group: Group::new(child),
            orders: received,
            gone: sidecar.gone.clone(),
            ready: sidecar.ready.clone(),
            log: Arc::clone(self.log),
            line_bytes_max: settings.output_bytes_max.max(settings.progress_bytes_max).saturating_mul(8) + (8 << 20),
            cancel_grace: settings.cancel_grace,
            close_grace: settings.close_grace,
        };
        Ok((sidecar, actor.run(stdin, stdout, stderr)))
    }
}

impl Sidecar {
    pub(super) fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Waits until it has started, or has failed to: then the first order tells how.
    pub(super) async fn ready(&self) {
        tokio::select! {
            () = self.ready.cancelled() => {}
            () = self.gone.cancelled() => {}
        }
    }

    pub(super) fn close(&self) {
        let _ = self.orders.send(Order::Close);
    }

    /// Closes it when dropped, unless disarmed.
    pub(super) fn close_guard(&self) -> CloseGuard {
        CloseGuard { sidecar: Some(self.clone()) }
    }

    /// Imports a file and looks at its functions.
    pub(super) async fn load(&self, body: Map<String, Value>) -> LoadOutcome {
        let (reply, answer) = oneshot::channel();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let lost = || "the process has ended".to_owned();
        self.orders.send(Order::Load { number, body, reply }).map_err(|_| lost())?;
        answer.await.map_err(|_| lost())?
    }

    /// Runs one call to its end, or until it is cancelled. Dropped, it is cancelled as well.
    pub(super) async fn call(&self, body: Value, context: &CallContext, grace: Duration) -> ToolOutcome {
        let Value::Object(body) = body else { return ToolOutcome::failed("the call is not an object") };
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (events, mut told) = mpsc::unbounded_channel();
        if self.orders.send(Order::Call { number, body, events }).is_err() {
            return lost("the Python process has ended");
        }
        let _guard = CancelGuard { orders: self.orders.clone(), number };
        let mut cancelled = false;
        loop {
            let event = tokio::select! {
                event = told.recv() => event,
                () = context.cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    let _ = self.orders.send(Order::Cancel { number });
                    continue;
                }
                // The actor gives the call up after as long; this is for an actor that cannot.
                () = tokio::time::sleep(grace * 2 + Duration::from_secs(1)), if cancelled => None,
            };
            match event {
                Some(CallEvent::Output(text)) => context.report(Progress::Output(text)),
                Some(CallEvent::Note(text)) => context.report(Progress::Note(text)),
                Some(CallEvent::Ended { content, is_error }) => {
                    return ToolOutcome { content, is_error, is_unknown: cancelled, ..ToolOutcome::default() };
                }
                Some(CallEvent::Lost(reason)) => return lost(&reason),
                None => return lost("the Python process has ended"),
            }
        }
    }
}

/// Cancels a call when dropped. A call that has ended is not minded.
struct CancelGuard {
    orders: mpsc::UnboundedSender<Order>,
    number: u64,
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Cancel { number: self.number });
    }
}

/// See [`Sidecar::close_guard`].
pub(super) struct CloseGuard {
    sidecar: Option<Sidecar>,
}

impl CloseGuard {
    pub(super) fn disarm(mut self) {
        self.sidecar = None;
    }
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        if let Some(sidecar) = &self.sidecar {
            sidecar.close();
        }
    }
}

/// JSON without a byte that depends on the locale of who reads it.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for unit in value.to_string().encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

fn lost(reason: &str) -> ToolOutcome {
    ToolOutcome { is_unknown: true, ..ToolOutcome::failed(format!("the tool did not come to an end: {reason}")) }
}
