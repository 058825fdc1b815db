//! Owns one process: passes orders in and events out, and sees to its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::wire::Event;
use super::{CallEvent, LoadOutcome, Order};
use crate::custom::log::BoundedLog;
use crate::custom::process::{Group, ending};

/// How long the last words of an ended process may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Actor {
    pub(super) group: Group,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    pub(super) gone: CancellationToken,
    pub(super) ready: CancellationToken,
    pub(super) log: Arc<BoundedLog>,
    pub(super) line_bytes_max: usize,
    pub(super) cancel_grace: Duration,
    pub(super) close_grace: Duration,
}

#[derive(Default)]
struct Pending {
    calls: HashMap<u64, RunningCall>,
    loads: HashMap<u64, oneshot::Sender<LoadOutcome>>,
}

struct RunningCall {
    events: mpsc::UnboundedSender<CallEvent>,
    /// When it is given up, if it has been cancelled.
    given_up_at: Option<Instant>,
}

enum End {
    Asked,
    Broken(String),
    Exited(String),
    /// A call would not stop, and all others have ended.
    GivenUp,
}

impl Actor {
    pub(super) async fn run(mut self, stdin: ChildStdin, stdout: ChildStdout, stderr: ChildStderr) {
        let _gone = self.gone.clone().drop_guard();
        let (to_process, lines_out) = mpsc::unbounded_channel();
        let (from_process, mut lines_in) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        tasks.spawn(write_lines(stdin, lines_out));
        tasks.spawn(read_lines(stdout, from_process, self.line_bytes_max));
        let mut last_words = JoinSet::new();
        last_words.spawn(copy_to_log(stderr, Arc::clone(&self.log)));
        let mut pending = Pending::default();
        let end = self.serve(&to_process, &mut lines_in, &mut pending).await;
        self.gone.cancel();
        if let End::Asked = end {
            // The end of its input is the order to end.
            drop(to_process);
            let _ = tokio::time::timeout(self.close_grace, self.group.wait()).await;
        }
        self.group.kill().await;
        let _ = tokio::time::timeout(LAST_WORDS, last_words.join_next()).await;
        let reason = match end {
            End::Asked => "the tools are closed".to_owned(),
            End::GivenUp => "the Python process was ended because a call would not stop".to_owned(),
            End::Broken(reason) => reason,
            End::Exited(how) => match self.log.tail() {
                tail if tail.is_empty() => format!("the Python process ended ({how})"),
                tail => format!("the Python process ended ({how}); its last words: {tail}"),
            },
        };
        pending.lose(&reason);
    }

    async fn serve(
        &mut self,
        to_process: &mpsc::UnboundedSender<Vec<u8>>,
        lines_in: &mut mpsc::Receiver<Result<Vec<u8>, String>>,
        pending: &mut Pending,
    ) -> End {
        let mut stuck = false;
        loop {
            if stuck && pending.calls.is_empty() {
                return End::GivenUp;
            }
            let deadline = pending.calls.values().filter_map(|call| call.given_up_at).min();
            tokio::select! {
                biased;
                line = lines_in.recv() => match line {
                    Some(Ok(line)) => self.hear(&line, pending),
                    Some(Err(reason)) => return End::Broken(reason),
                    None => {
                        // Its end of the channel is closed: it has ended, or is about to.
                        let status = tokio::time::timeout(self.close_grace, self.group.wait()).await;
                        return match status {
                            Ok(Ok(status)) => End::Exited(ending(status)),
                            _ => End::Broken("the Python process closed its channel".to_owned()),
                        };
                    }
                },
                order = self.orders.recv() => match order {
                    Some(Order::Close) | None => return End::Asked,
                    Some(order) => self.obey(order, to_process, pending),
                },
                status = self.group.wait() => {
                    // What it still said before its end counts. A forked child may hold the channel open for ever.
                    while let Ok(Some(Ok(line))) = tokio::time::timeout(LAST_WORDS, lines_in.recv()).await {
                        self.hear(&line, pending);
                    }
                    return End::Exited(status.map_or_else(|error| error.to_string(), ending));
                }
                () = sleep_until(deadline) => {
                    stuck = true;
                    // From now on calls go to a new process.
                    self.gone.cancel();
                    pending.give_up(Instant::now());
                }
            }
        }
    }

    fn hear(&self, line: &[u8], pending: &mut Pending) {
        let event = match serde_json::from_slice(line) {
            Ok(event) => event,
            Err(error) => {
                let text = format!("event not understood: {error}\n");
                self.log.write(text.as_bytes());
                return;
            }
        };
        match event {
            Event::Ready {} => self.ready.cancel(),
            Event::Loaded { load, error, functions } => {
                if let Some(reply) = pending.loads.remove(&load) {
                    let _ = reply.send(Ok(error.map_or(Ok(functions), Err)));
                }
            }
            Event::Output { call, text } => pending.tell(call, CallEvent::Output(text)),
            Event::Note { call, text } => pending.tell(call, CallEvent::Note(text)),
            Event::Result { call, content, error } => {
                pending.tell(call, CallEvent::Ended { content, is_error: error });
                pending.calls.remove(&call);
            }
        }
    }

    fn obey(&self, order: Order, to_process: &mpsc::UnboundedSender<Vec<u8>>, pending: &mut Pending) {
        let (op, name, number, mut body) = match order {
            Order::Load { number, body, reply } => {
                pending.loads.insert(number, reply);
                ("load", "load", number, body)
            }
            Order::Call { number, body, events } => {
                pending.calls.insert(number, RunningCall { events, given_up_at: None });
                ("call", "call", number, body)
            }
            Order::Cancel { number } => match pending.calls.get_mut(&number) {
                Some(call) if call.given_up_at.is_none() => {
                    call.given_up_at = Some(Instant::now() + self.cancel_grace);
                    ("cancel", "call", number, Map::new())
                }
                _ => return,
            },
            Order::Close => return,
        };
        body.insert("op".to_owned(), Value::from(op));
        body.insert(name.to_owned(), Value::from(number));
        let mut line = Value::Object(body).to_string().into_bytes();
        line.push(b'\n');
        // When the writer has ended, so has the process, and that is told elsewhere.
        let _ = to_process.send(line);
    }
}

impl Pending {
    fn tell(&self, number: u64, event: CallEvent) {
        if let Some(call) = self.calls.get(&number) {
            let _ = call.events.send(event);
        }
    }

    /// Ends the calls that were cancelled and did not stop in time.
    fn give_up(&mut self, now: Instant) {
        self.calls.retain(|_, call| {
            let late = call.given_up_at.is_some_and(|at| at <= now);
            if late {
                let reason = "it was cancelled and did not stop; Python is started anew".to_owned();
                let _ = call.events.send(CallEvent::Lost(reason));
            }
            !late
        });
    }

    fn lose(&mut self, reason: &str) {
        for (_, call) in self.calls.drain() {
            let _ = call.events.send(CallEvent::Lost(reason.to_owned()));
        }
        for (_, reply) in self.loads.drain() {
            let _ = reply.send(Err(reason.to_owned()));
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn write_lines(mut stdin: ChildStdin, mut lines: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if stdin.write_all(&line).await.is_err() {
            return;
        }
    }
}

async fn read_lines(stdout: ChildStdout, lines: mpsc::Sender<Result<Vec<u8>, String>>, bytes_max: usize) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        let message = match (&mut reader).take(limit).read_until(b'\n', &mut line).await {
            Ok(0) => return,
            Ok(_) if line.last() == Some(&b'\n') => Ok(line),
            Ok(count) if count >= bytes_max => Err(format!("the Python process sent a line of over {bytes_max} bytes")),
            // It ended in the middle of a line.
            Ok(_) => return,
            Err(error) => Err(format!("cannot read from the Python process: {error}")),
        };
        if lines.send(message).await.is_err() {
            return;
        }
    }
}

async fn copy_to_log(mut stderr: ChildStderr, log: Arc<BoundedLog>) {
    let mut buffer = vec![0; 8192];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        log.write(buffer.get(..count).unwrap_or_default());
    }
}
