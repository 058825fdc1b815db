//! One model call: as many HTTP requests as the reply takes, each with retries.

use massgen_quota::Permit;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use massgen_protocol::{StreamChunk, Usage};
use massgen_providers::Protocol;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::diagnose::{Answer, bounded, diagnose};
use crate::error::{CallError, Problem};
use crate::http::root_message;
use crate::plan::Plan;
use crate::request::{AssistantTurn, CallEvent, ModelRequest, Reply};
use crate::retry;
use crate::sse::{EventTooLong, SseDecoder, SseEvent};
use crate::wire::{Decode, Decoded, Progress, WireError};
use crate::{gemini, messages};

/// Where a call's events go.
pub(crate) type OnEvent<'a> = &'a mut (dyn FnMut(CallEvent) + Send);

/// Asks the model and streams its reply.
pub(crate) async fn call(
    plan: &Plan,
    http: &Client,
    request: &ModelRequest,
    on: OnEvent<'_>,
) -> Result<Reply, CallError> {
    let mut session = Session {
        plan,
        http,
        on,
        id_prefix: format!("{MADE_ID}{}", request.messages.len()),
        exchanges: 0,
        retries: 0,
        usage: Usage::default(),
        settled: Vec::new(),
        first_chunk: None,
    };
    let body = plan.body(request);
    let decoded = match plan.provider.protocol {
        Protocol::Messages => messages::converse(&mut session, body).await?,
        Protocol::Gemini => gemini::converse(&mut session, body).await?,
        Protocol::Responses | Protocol::ChatCompletions | Protocol::Program | Protocol::Framework => {
            session.exchange(&body, Audience::User).await?
        }
    };
    let Session { usage, first_chunk, on, .. } = session;
    on(CallEvent::Chunk(StreamChunk::Usage(usage)));
    on(CallEvent::Chunk(StreamChunk::Finished { reason: decoded.finish.clone() }));
    let turn = AssistantTurn { text: decoded.text, tool_calls: decoded.tool_calls, echo: plan.echo(decoded.items) };
    let usd = plan.usd(&usage);
    Ok(Reply { turn, finish: decoded.finish, usage, time_to_first_chunk: first_chunk, usd })
}

/// How many retries a problem is worth at most. An address where nobody listens seldom changes in seconds.
fn retries_worth(problem: &Problem) -> u32 {
    match problem {
        Problem::Unreachable { .. } => 2,
        // It has waited as long as it may.
        Problem::NotAllowedYet { .. } => 0,
        // A model that thinks in silence is paid for each time.
        Problem::Stalled { .. } => 1,
        _ => u32::MAX,
    }
}

/// Begins the id of a tool call whose provider gave it none. The provider never sees it.
pub(crate) const MADE_ID: &str = "massgen_call_";

/// The most text, arguments and reasoning that one request may bring, in bytes.
pub(crate) const REPLY_BYTES_MAX: u64 = 64 << 20;

/// The most that one request may bring in events that show nothing, such as signatures and repeated items.
const SILENT_BYTES_MAX: u64 = 8 * REPLY_BYTES_MAX;

/// The most that is read of an answer that is not a stream.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long to wait for token counts once the reply itself is whole.
const TAIL_MAX: Duration = Duration::from_secs(10);

/// How long the rest of a finished stream may take to arrive, so that its connection can be used again.
const DRAIN_MAX: Duration = Duration::from_millis(50);

/// Who reads the chunks of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The caller: they are part of the reply.
    User,
    /// We do: the exchange serves a tool call, and only its citations are passed on.
    Tool,
}

/// One call in progress.
pub(crate) struct Session<'a> {
    pub(crate) plan: &'a Plan,
    http: &'a Client,
    on: OnEvent<'a>,
    id_prefix: String,
    exchanges: u32,
    retries: u32,
    usage: Usage,
    /// What earlier exchanges have shown. A retry makes it void for the caller, so that it is said again.
    settled: Vec<StreamChunk>,
    first_chunk: Option<Duration>,
}

impl Session<'_> {
    /// Passes a chunk on that stays true whatever later exchanges do.
    pub(crate) fn settle(&mut self, chunk: StreamChunk) {
        (self.on)(CallEvent::Chunk(chunk.clone()));
        self.settled.push(chunk);
    }

    /// Keeps what the caller has seen of a reply that goes on in a further exchange.
    pub(crate) fn settle_reply(&mut self, reply: &Decoded) {
        if !reply.text.is_empty() {
            self.settled.push(StreamChunk::Text { delta: reply.text.clone() });
        }
        self.settled.extend(reply.citations.iter().cloned());
    }

    /// Sends one request until it succeeds or retries do not help, and counts its tokens.
    pub(crate) async fn exchange(&mut self, body: &Value, audience: Audience) -> Result<Decoded, CallError> {
        self.exchanges += 1;
        let bytes = Bytes::from(body.to_string());
        loop {
            let problem = match Box::pin(self.attempt(bytes.clone(), audience)).await {
                Ok(decoded) => return Ok(decoded),
                Err(problem) => problem,
            };
            let policy = &self.plan.policy;
            if !problem.is_retryable() || self.retries >= policy.retries_max.min(retries_worth(&problem)) {
                return Err(self.error(problem));
            }
            let asked = problem.retry_after();
            if asked.is_some_and(|asked| asked > policy.retry_after_max) {
                return Err(self.error(too_long_a_wait(problem, policy.retry_after_max)));
            }
            self.retries += 1;
            if self.exchanges == 1 {
                self.first_chunk = None;
            }
            let pause = asked.unwrap_or_else(|| retry::pause(policy, self.retries, retry::spread()));
            let error = problem.to_string();
            (self.on)(CallEvent::Retrying { retry: self.retries, error, pause });
            for chunk in &self.settled {
                (self.on)(CallEvent::Chunk(chunk.clone()));
            }
            sleep(pause).await;
        }
    }

    fn error(&self, problem: Problem) -> CallError {
        CallError { place: self.plan.place.clone(), problem }
    }

    async fn attempt(&mut self, body: Bytes, audience: Audience) -> Result<Decoded, Problem> {
        let plan = self.plan;
        let stall = plan.policy.stall_timeout;
        let request_bytes = body.len() as u64;
        let pace = self.pace(request_bytes).await?;
        let started = Instant::now();
        let sending = self.http.post(plan.url.clone()).headers(plan.headers.clone()).body(body).send();
        let response = timeout(stall, sending).await.map_err(|_| Problem::Stalled { silence: stall })?;
        let mut response = response.map_err(|error| transport_problem(plan, error))?;
        if let Some(permit) = &pace {
            permit.heard(texts(response.headers())).await;
        }
        if !response.status().is_success() {
            let text = read_answer(&mut response, stall).await;
            let answer = Answer {
                status: Some(response.status().as_u16()),
                headers: response.headers(),
                body: &text,
                now: Timestamp::now(),
            };
            let problem = diagnose(plan, answer);
            match (pace, &problem) {
                (Some(permit), Problem::RateLimited { retry_after, .. }) => {
                    let pause = retry_after.unwrap_or(plan.policy.first_pause);
                    permit.refused(pause, []).await;
                }
                (Some(permit), _) => permit.settle(0, []).await,
                (None, _) => {}
            }
            return Err(problem);
        }
        if let Some(problem) = not_a_stream(plan, &mut response, stall).await {
            return Err(problem);
        }
        let id_prefix = format!("{}_{}", self.id_prefix, self.exchanges);
        let mut reader = Reader::new(plan.decoder(id_prefix));
        let mut last_words = None;
        let mut silence = Silence::new(stall);
        while reader.decoder.progress() != Progress::Ended {
            let silence_max = if reader.decoder.progress() == Progress::MayEnd { stall.min(TAIL_MAX) } else { stall };
            let piece = match silence.broken_by(response.chunk(), silence_max).await {
                Some(Ok(Some(piece))) => piece,
                Some(Ok(None)) => break,
                Some(Err(error)) => {
                    last_words = Some(Problem::CutShort { said: said_of(plan, error) });
                    break;
                }
                None => {
                    last_words = Some(Problem::Stalled { silence: stall });
                    break;
                }
            };
            let read = reader.read(&piece);
            if !reader.chunks.is_empty() {
                self.first_chunk.get_or_insert_with(|| started.elapsed());
                self.pass_on(&mut reader.chunks, audience);
            }
            read.map_err(|failure| failure.into_problem(plan))?;
        }
        if reader.decoder.progress() == Progress::Ended {
            // What follows is of no interest; reading it lets the connection be used again.
            let drained = async { while let Ok(Some(_)) = response.chunk().await {} };
            let _ = timeout(DRAIN_MAX, drained).await;
        } else {
            let last = reader.finish();
            self.pass_on(&mut reader.chunks, audience);
            match last {
                // A piece of an event at the end says only that the stream was cut.
                Ok(()) | Err(Failure::Wire(WireError::Malformed(_))) => {}
                Err(failure) => return Err(failure.into_problem(plan)),
            }
            if reader.decoder.progress() == Progress::Open {
                return Err(last_words.unwrap_or_else(|| Failure::Wire(WireError::CutShort).into_problem(plan)));
            }
        }
        let shown = reader.shown_bytes;
        let decoded = reader.decoder.finish().map_err(|error| Failure::Wire(error).into_problem(plan))?;
        let usage = decoded.usage.unwrap_or_else(|| estimate(request_bytes, shown));
        if let Some(permit) = pace {
            permit.settle(usage.input_tokens + usage.output_tokens, []).await;
        }
        self.usage += usage;
        Ok(decoded)
    }

    /// Waits until the account's limits let a request go.
    async fn pace(&mut self, request_bytes: u64) -> Result<Option<Permit>, Problem> {
        /// What a reply has, as a guess for limits of tokens: its real length is put in its place.
        const REPLY_TOKENS: u64 = 1024;
        /// Who waits longer wants to know why.
        const PATIENCE: Duration = Duration::from_secs(2);
        let Some((quota, account)) = &self.plan.pace else { return Ok(None) };
        let tokens = request_bytes / 4 + REPLY_TOKENS;
        let admitted = quota.admit_within(account, &self.plan.model, tokens, self.plan.policy.quota_wait_max).await;
        for warning in quota.take_warnings() {
            (self.on)(CallEvent::Note(warning.to_string()));
        }
        let permit = admitted.map_err(|error| Problem::NotAllowedYet { said: error.to_string() })?;
        if permit.waited() > PATIENCE {
            let waited = permit.waited().as_secs();
            (self.on)(CallEvent::Note(format!("waited {waited} s for the rate limit of {}", self.plan.place)));
        }
        Ok(Some(permit))
    }

    fn pass_on(&mut self, chunks: &mut Vec<StreamChunk>, audience: Audience) {
        for chunk in chunks.drain(..) {
            if audience == Audience::User {
                (self.on)(CallEvent::Chunk(chunk));
            }
        }
    }
}

/// Headers as texts; what is no text is of no interest.
fn texts(headers: &reqwest::header::HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

/// How long a stream has been silent, by one timer for all its pieces: one for each would cost as much as reading it.
struct Silence {
    heard: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Silence {
    /// A stream that has just been heard of.
    fn new(silence_max: Duration) -> Self {
        Self { heard: Instant::now(), alarm: Box::pin(sleep(silence_max)) }
    }

    /// Waits for the next piece; `None` when nothing has been heard for `silence_max`.
    async fn broken_by<T>(&mut self, piece: impl Future<Output = T>, silence_max: Duration) -> Option<T> {
        let due = self.heard + silence_max;
        if due < self.alarm.deadline() {
            self.alarm.as_mut().reset(due);
        }
        let mut piece = pin!(piece);
        loop {
            tokio::select! {
                biased;
                piece = &mut piece => {
                    self.heard = Instant::now();
                    return Some(piece);
                }
                () = &mut self.alarm => {}
            }
            if due <= Instant::now() {
                return None;
            }
            // It was set for an earlier piece.
            self.alarm.as_mut().reset(due);
        }
    }
}

/// Bytes in, chunks out.
struct Reader {
    sse: SseDecoder,
    decoder: Box<dyn Decode>,
    chunks: Vec<StreamChunk>,
    shown_bytes: u64,
    silent_bytes: u64,
}

impl Reader {
    fn new(decoder: Box<dyn Decode>) -> Self {
        Self { sse: SseDecoder::default(), decoder, chunks: Vec::new(), shown_bytes: 0, silent_bytes: 0 }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Self { sse, decoder, chunks, shown_bytes, silent_bytes } = self;
        sse.feed(bytes, &mut |event| read_event(event, decoder.as_mut(), chunks, shown_bytes, silent_bytes))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let Self { sse, decoder, chunks, shown_bytes, silent_bytes } = self;
        sse.finish(&mut |event| read_event(event, decoder.as_mut(), chunks, shown_bytes, silent_bytes))
    }
}

fn read_event(
    event: SseEvent<'_>,
    decoder: &mut dyn Decode,
    chunks: &mut Vec<StreamChunk>,
    shown_bytes: &mut u64,
    silent_bytes: &mut u64,
) -> Result<(), Failure> {
    if decoder.progress() == Progress::Ended {
        return Ok(());
    }
    let before = chunks.len();
    decoder.event(event, chunks).map_err(Failure::Wire)?;
    let shown: usize = chunks.iter().skip(before).map(shown_len).sum();
    if shown == 0 {
        *silent_bytes += event.data.len() as u64;
    }
    *shown_bytes += shown as u64;
    if *shown_bytes > REPLY_BYTES_MAX || *silent_bytes > SILENT_BYTES_MAX { Err(Failure::TooLong) } else { Ok(()) }
}

/// Why reading a stream failed.
#[derive(Debug)]
enum Failure {
    Wire(WireError),
    TooLong,
}

impl From<EventTooLong> for Failure {
    fn from(_: EventTooLong) -> Self {
        Self::TooLong
    }
}

impl Failure {
    fn into_problem(self, plan: &Plan) -> Problem {
        match self {
            Self::TooLong => Problem::TooLong { bytes_max: REPLY_BYTES_MAX },
            Self::Wire(WireError::CutShort) => Problem::CutShort { said: "the stream ended early".to_owned() },
            Self::Wire(WireError::Malformed(said)) => {
                Problem::Malformed { said: bounded(&plan.redact(&said)), advice: WIRE_ADVICE }
            }
            Self::Wire(WireError::Refused(said)) => Problem::Refused { said: bounded(&plan.redact(&said)) },
            Self::Wire(WireError::Provider(body)) => {
                let headers = &HeaderMap::new();
                diagnose(plan, Answer { status: None, headers, body: &body, now: Timestamp::now() })
            }
        }
    }
}

const WIRE_ADVICE: &str = "try again; if it stays so, the server does not speak this backend's protocol";
const ADDRESS_ADVICE: &str = "check that `base_url` is the address of the API";

/// What a chunk adds to the memory that a reply takes.
fn shown_len(chunk: &StreamChunk) -> usize {
    match chunk {
        StreamChunk::Text { delta } | StreamChunk::Reasoning { delta } => delta.len(),
        StreamChunk::ToolCallStarted { name, .. } => name.len(),
        StreamChunk::ToolCallDelta { arguments, .. } => arguments.len(),
        StreamChunk::BuiltinTool { detail, .. } => detail.len(),
        StreamChunk::Citation { url, title } => url.len() + title.len(),
        StreamChunk::Usage(_) | StreamChunk::Finished { .. } => 0,
    }
}

/// Four bytes a token, when the provider counts none.
fn estimate(request_bytes: u64, reply_bytes: u64) -> Usage {
    Usage {
        input_tokens: request_bytes.div_ceil(4),
        output_tokens: reply_bytes.div_ceil(4),
        estimated: true,
        ..Usage::default()
    }
}

/// A refusal whose wait is longer than the policy allows.
fn too_long_a_wait(problem: Problem, wait_max: Duration) -> Problem {
    let asked = problem.retry_after().unwrap_or_default().as_secs();
    let advice =
        format!("it asks to wait {asked} s, more than the {} s that a call waits: try later", wait_max.as_secs());
    match problem {
        Problem::RateLimited { status, said, retry_after, .. } => {
            Problem::RateLimited { status, said, advice, retry_after }
        }
        Problem::Overloaded { said, retry_after } => {
            Problem::Overloaded { said: format!("{said}; {advice}"), retry_after }
        }
        Problem::Server { said, retry_after } => Problem::Server { said: format!("{said}; {advice}"), retry_after },
        other => other,
    }
}

/// The text of an answer that is not a stream, as far as it arrives in time.
async fn read_answer(response: &mut Response, stall: Duration) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX {
        match timeout(stall, response.chunk()).await {
            Ok(Ok(Some(piece))) => bytes.extend_from_slice(&piece),
            _ => break,
        }
    }
    bytes.truncate(ANSWER_BYTES_MAX);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A success that is one document: an error in disguise, or an address that is not the API's.
async fn not_a_stream(plan: &Plan, response: &mut Response, stall: Duration) -> Option<Problem> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (is_json, is_page) = (kind.starts_with("application/json"), kind.starts_with("text/html"));
    if !is_json && !is_page {
        return None;
    }
    let status = response.status().as_u16();
    let text = read_answer(response, stall).await;
    if is_json && text.contains("\"error\"") {
        let headers = response.headers();
        return Some(diagnose(plan, Answer { status: None, headers, body: &text, now: Timestamp::now() }));
    }
    let said = if is_json { bounded(&plan.redact(&text)) } else { "a web page instead of a reply".to_owned() };
    Some(Problem::BadRequest { status, said, advice: ADDRESS_ADVICE.to_owned() })
}

fn transport_problem(plan: &Plan, error: reqwest::Error) -> Problem {
    if error.is_builder() {
        let advice = "check the backend's address and headers".to_owned();
        return Problem::BadRequest { status: 0, said: said_of(plan, error), advice };
    }
    // Refused, not found, no TLS: nobody has read the request. Otherwise the connection broke under it.
    if error.is_connect() || error.is_timeout() {
        Problem::Unreachable { said: said_of(plan, error) }
    } else {
        Problem::CutShort { said: said_of(plan, error) }
    }
}

/// A transport error in the user's terms; the address is named elsewhere.
fn said_of(plan: &Plan, error: reqwest::Error) -> String {
    bounded(&plan.redact(&root_message(&error.without_url())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn an_alarm_that_was_set_for_an_earlier_piece_is_none() {
        let mut silence = Silence::new(Duration::ZERO);
        silence.alarm.as_mut().await;
        let piece = async {
            tokio::task::yield_now().await;
            "piece"
        };
        assert_eq!(silence.broken_by(piece, LONG).await, Some("piece"));
    }

    #[tokio::test]
    async fn a_limit_that_has_become_shorter_holds() {
        let mut silence = Silence::new(LONG);
        assert_eq!(silence.broken_by(std::future::pending::<()>(), Duration::from_millis(1)).await, None);
    }
}
