//! A model that does whatever models do, as its seed has it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use massgen_backends::{
    AssistantTurn, Bounds, CallError, CallEvent, Echo, Message, Model, ModelRequest, Place, Problem, Reply, ToolChoice,
};
use massgen_protocol::{AgentIndex, CallKey, FinishReason, StreamChunk, ToolCall, Usage};
use serde_json::json;
use tokio::time::Instant;

use crate::dice::{Dice, number_of};
use crate::life::Life;
use crate::plan::Character;
use crate::team;

/// The model of one agent in one life of the process.
#[derive(Debug)]
pub(crate) struct SimulatedModel {
    seed: u64,
    agent: AgentIndex,
    character: Character,
    notices: Vec<String>,
    life: Arc<Life>,
}

/// What a model does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Answer,
    Vote,
    Talk,
    Tools,
    Silence,
    /// Something that no rule knows what to do with.
    Confusion,
    Refusal,
    Retryable,
    Hopeless,
    Hang,
    /// More than anybody wants to read.
    Flood,
}

/// A reply before it is said.
#[derive(Debug, Default)]
struct Draft {
    text: String,
    calls: Vec<ToolCall>,
    /// Whether it had to be cut at the limit of output tokens.
    is_cut: bool,
}

impl SimulatedModel {
    pub(crate) fn new(seed: u64, agent: AgentIndex, character: &Character, life: &Arc<Life>) -> Self {
        let mut dice = Dice::of(&[seed, 2, u64::from(agent.0)]);
        let notices = dice.maybe(20, |_| format!("{agent} takes no images")).into_iter().collect();
        Self { seed, agent, character: character.clone(), notices, life: Arc::clone(life) }
    }

    async fn reply(&self, request: &ModelRequest, on: &mut (dyn FnMut(CallEvent) + Send)) -> Result<Reply, CallError> {
        self.life.still().await;
        let key = self.key(request);
        let before = self.life.world.ask(self.agent, team::turn_of(request), key.clone());
        team::look_for_leaks(request, self.agent, &self.life.world);
        let mut asked = Asked::new(self, request);
        self.life.moment().await;
        let mut dice = Dice::of(&[self.seed, 3, u64::from(self.agent.0), number_of(key.as_str().as_bytes()), before]);
        let act = self.choose(&mut dice, request);
        let pauses = self.pauses(&mut dice);
        if dice.chance(6) {
            on(CallEvent::Retrying { retry: 1, error: "overloaded".to_owned(), pause: Duration::from_millis(7) });
        }
        let draft = self.cut(self.draft(act, &mut dice, request, before), request);
        asked.stream(&draft, &pauses, act, on).await;
        match act {
            Act::Hang => std::future::pending().await,
            Act::Retryable => Err(self.error(Problem::Server { said: "500".to_owned(), retry_after: None })),
            Act::Hopeless => Err(self.error(Problem::UnknownModel { status: 404, said: "no such model".to_owned() })),
            _ => {
                self.life.moment().await;
                Ok(asked.end(draft, act, &mut dice))
            }
        }
    }

    fn choose(&self, dice: &mut Dice, request: &ModelRequest) -> Act {
        let w = self.character.weights;
        let act = dice.weighted(&[
            (w.answer, Act::Answer),
            (w.vote, Act::Vote),
            (w.talk, Act::Talk),
            (w.tools, Act::Tools),
            (w.silence, Act::Silence),
            (w.confusion, Act::Confusion),
            (w.refusal, Act::Refusal),
            (w.retryable, Act::Retryable),
            (w.hopeless, Act::Hopeless),
            (w.hang, Act::Hang),
            (w.flood, Act::Flood),
        ]);
        let (may_answer, may_vote) = (team::offers(request, "new_answer"), !team::choices(request).is_empty());
        match act.unwrap_or(Act::Talk) {
            // Where nothing is to be decided, a reply is what it says.
            Act::Answer | Act::Vote if !may_answer && !may_vote => Act::Talk,
            Act::Answer if !may_answer => Act::Vote,
            Act::Vote if !may_vote => Act::Answer,
            Act::Talk if request.tool_choice == ToolChoice::Required && may_vote && dice.chance(80) => Act::Vote,
            act => act,
        }
    }

    /// When pieces of a reply come, in milliseconds since the call. Never together with the beat at which a turn passes
    /// on what was streamed: which of the two is first would be left to chance.
    fn pauses(&self, dice: &mut Dice) -> Vec<u64> {
        const BEAT_MS: u64 = 33;
        let off_beat = |at: u64| if at.is_multiple_of(BEAT_MS) { at + 1 } else { at };
        let mut at: Vec<u64> =
            (0..dice.between(1..=4)).map(|_| off_beat(dice.any_size(self.character.think_ms_max))).collect();
        at.sort_unstable();
        at
    }

    fn draft(&self, act: Act, dice: &mut Dice, request: &ModelRequest, before: u64) -> Draft {
        let words = |dice: &mut Dice, count: u64| {
            let words: Vec<String> = (0..count).map(|_| format!("word{}", dice.below(30))).collect();
            words.join(" ")
        };
        let call = |place: usize, name: &str, arguments: String| {
            let asked = number_of(self.key(request).as_str().as_bytes());
            let id = match self.character.repeats_ids {
                true => format!("call_{place}"),
                false => format!("{asked:016x}.{before}.{place}"),
            };
            ToolCall { id, name: name.to_owned(), arguments }
        };
        let answer = |dice: &mut Dice, place| {
            let content = format!("{} says {:x}: {}", self.agent, dice.throw(), words(dice, 12));
            call(place, "new_answer", json!({ "content": content }).to_string())
        };
        let vote = |dice: &mut Dice, place, target: &str| {
            call(place, "vote", json!({ "agent_id": target, "reason": words(dice, 3) }).to_string())
        };
        let tools = |dice: &mut Dice, count: u64| -> Vec<ToolCall> {
            let tools = team::tools(request);
            if tools.is_empty() {
                return Vec::new();
            }
            (0..count as usize)
                .map(|place| {
                    let name = dice.pick(&tools);
                    call(place, &name, json!({ "chance": dice.throw() }).to_string())
                })
                .collect()
        };
        let choices = team::choices(request);
        let mut draft = Draft::default();
        if dice.chance(40) {
            let count = dice.between(1..=20);
            draft.text = words(dice, count);
        }
        match act {
            Act::Answer | Act::Vote => {
                if dice.chance(10) {
                    let count = dice.between(1..=2);
                    draft.calls = tools(dice, count);
                }
                let place = draft.calls.len();
                let decision = match act {
                    Act::Answer => answer(dice, place),
                    _ => vote(dice, place, &dice.clone().pick(&choices)),
                };
                draft.calls.push(decision.clone());
                if dice.chance(3) {
                    // Providers do repeat events.
                    draft.calls.push(ToolCall { id: format!("{}.again", decision.id), ..decision });
                }
            }
            Act::Tools => {
                let count = dice.pick(&[1, 1, 2, 3, 5]);
                draft.calls = tools(dice, count);
            }
            Act::Talk | Act::Hang | Act::Retryable | Act::Hopeless => draft.text = words(dice, 15),
            Act::Silence => draft.text = dice.pick(&["", "", " \n"]).to_owned(),
            Act::Refusal => draft.text = "I cannot help with that.".to_owned(),
            Act::Flood => {
                let count = dice.any_size(20_000);
                draft.text = words(dice, count);
            }
            Act::Confusion => {
                let stranger = vote(dice, 0, "agent99");
                let broken = call(0, "vote", "{\"agent_id\": ".to_owned());
                let unknown = call(0, "launch_rocket", json!({ "chance": dice.throw() }).to_string());
                let both = vec![answer(dice, 0), vote(dice, 1, "agent1")];
                let answers = vec![answer(dice, 0), answer(dice, 1)];
                draft.calls = dice.pick(&[vec![stranger], vec![broken], vec![unknown], both, answers]);
            }
        }
        draft
    }

    /// No model writes more than it may.
    fn cut(&self, mut draft: Draft, request: &ModelRequest) -> Draft {
        let tokens = request.max_output_tokens.unwrap_or(u64::MAX).min(self.character.output_tokens_max);
        let bytes = usize::try_from(tokens * 4).unwrap();
        if draft.bytes() > bytes {
            draft.calls.clear();
            draft.text.truncate(bytes);
            draft.is_cut = true;
        }
        draft
    }

    fn error(&self, problem: Problem) -> CallError {
        let place =
            Place { provider: "Simulation".to_owned(), model: team::model(self.agent), host: "nowhere".to_owned() };
        CallError { place, problem }
    }
}

impl Model for SimulatedModel {
    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        on: &'a mut (dyn FnMut(CallEvent) + Send),
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(self.reply(request, on))
    }

    fn notices(&self) -> &[String] {
        &self.notices
    }

    fn key(&self, request: &ModelRequest) -> CallKey {
        let asked = serde_json::to_vec(&(self.agent, &request.system, &request.messages)).unwrap();
        CallKey::new(format!("{:016x}", number_of(&asked)))
    }

    fn price(&self, usage: &Usage) -> Option<f64> {
        Some(self.character.price?.usd(usage.input_tokens, 0, 0, usage.output_tokens))
    }

    fn bounds(&self, request: &ModelRequest) -> Bounds {
        let output_tokens = request.max_output_tokens.unwrap_or(u64::MAX).min(self.character.output_tokens_max);
        Bounds { input_tokens: input_tokens(request) + 10, output_tokens, price: self.character.price }
    }
}

impl Draft {
    /// What of it costs.
    fn bytes(&self) -> usize {
        self.text.len() + self.calls.iter().map(|call| call.arguments.len()).sum::<usize>()
    }
}

/// A call that has not ended. Whatever ends it, what it has said is on the bill.
struct Asked<'a> {
    model: &'a SimulatedModel,
    usage: Usage,
    streamed_bytes: usize,
    is_billed: bool,
    started: Instant,
}

impl<'a> Asked<'a> {
    fn new(model: &'a SimulatedModel, request: &ModelRequest) -> Self {
        model.life.world.memory().under_way += 1;
        let usage = Usage { input_tokens: input_tokens(request), ..Usage::default() };
        Self { model, usage, streamed_bytes: 0, is_billed: false, started: Instant::now() }
    }

    /// Says a draft piece by piece; trouble comes before its last piece.
    async fn stream(&mut self, draft: &Draft, pauses: &[u64], act: Act, on: &mut (dyn FnMut(CallEvent) + Send)) {
        let fails = matches!(act, Act::Hang | Act::Retryable | Act::Hopeless);
        let size = draft.text.len().div_ceil(pauses.len());
        let mut pieces = draft.text.as_bytes().chunks(size.max(1));
        for (place, pause) in pauses.iter().enumerate() {
            tokio::time::sleep_until(self.started + Duration::from_millis(*pause)).await;
            self.model.life.still().await;
            if fails && (place + 1 == pauses.len() || pauses[0].is_multiple_of(2)) {
                return;
            }
            let delta = pieces.next().map(|piece| String::from_utf8_lossy(piece).into_owned()).unwrap_or_default();
            self.streamed_bytes += delta.len();
            if !delta.is_empty() {
                on(CallEvent::Chunk(StreamChunk::Text { delta }));
            }
        }
        for (index, call) in (0..).zip(&draft.calls) {
            on(CallEvent::Chunk(StreamChunk::ToolCallStarted { index, name: call.name.clone() }));
            self.streamed_bytes += call.arguments.len();
            on(CallEvent::Chunk(StreamChunk::ToolCallDelta { index, arguments: call.arguments.clone() }));
        }
    }

    fn end(&mut self, draft: Draft, act: Act, dice: &mut Dice) -> Reply {
        self.usage.output_tokens = draft.bytes().div_ceil(4) as u64;
        let echo = dice.maybe(20, |dice| Echo {
            wire: "simulation".to_owned(),
            model: team::model(self.model.agent),
            items: vec![json!({ "thought": dice.throw() })],
        });
        let finish = match act {
            Act::Refusal => FinishReason::Refusal,
            _ if draft.is_cut => FinishReason::Length,
            _ if !draft.calls.is_empty() => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        self.bill();
        Reply {
            turn: AssistantTurn { text: draft.text, tool_calls: draft.calls, echo },
            finish,
            usage: self.usage,
            time_to_first_chunk: dice.maybe(50, |_| Duration::from_millis(1)),
            usd: self.model.price(&self.usage),
        }
    }

    fn bill(&mut self) {
        if !std::mem::replace(&mut self.is_billed, true) {
            let usd = self.model.price(&self.usage);
            self.model.life.world.bill(self.model.agent, &self.usage, usd);
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.usage.output_tokens = self.streamed_bytes.div_ceil(4) as u64;
        // A call that failed before it said anything costs nothing.
        if self.streamed_bytes > 0 {
            self.bill();
        }
        self.model.life.world.memory().under_way -= 1;
    }
}

/// Four bytes a token, as estimates have it: so no estimate is below the bill.
fn input_tokens(request: &ModelRequest) -> u64 {
    let messages = request.messages.iter().map(|message| match message {
        Message::User(text) => text.len(),
        Message::Assistant(turn) => {
            turn.text.len() + turn.tool_calls.iter().map(|call| call.arguments.len()).sum::<usize>()
        }
        Message::ToolResults(results) => results.iter().map(|result| result.content.len()).sum(),
    });
    (request.system.len() + messages.sum::<usize>()) as u64 / 4
}
