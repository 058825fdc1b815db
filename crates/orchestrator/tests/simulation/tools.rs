//! Tools that are fast, slow, fail, hang and fall over, and whose effects are counted.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use massgen_backends::ToolSpec;
use massgen_protocol::ToolCall;
use massgen_tool::{CallContext, Effect, Progress, Tool, ToolOutcome, ToolSource};
use serde_json::json;

use crate::dice::{Dice, number_of};
use crate::life::Life;
use crate::world::{ToolCallName, World};

/// The tools of a team in one life of the process.
#[derive(Debug)]
pub(crate) struct SimulatedTools {
    life: Arc<Life>,
}

impl SimulatedTools {
    pub(crate) fn new(life: &Arc<Life>) -> Self {
        Self { life: Arc::clone(life) }
    }

    async fn run(&self, call: &ToolCall, context: &CallContext) -> ToolOutcome {
        self.life.still().await;
        let _under_way = UnderWay::new(&self.life.world);
        let dice = &mut Dice::of(&[number_of(call.arguments.as_bytes())]);
        self.life.moment().await;
        let (before, after) = (pause(dice), pause(dice));
        let fate = dice.below(100);
        if fate < 3 {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(before).await;
        if fate < 6 {
            return ToolOutcome::failed("it could not begin");
        }
        self.life.still().await;
        self.life.world.effect(ToolCallName::of(context.caller.turn, call), effect(&call.name) == Effect::None);
        self.life.moment().await;
        if dice.chance(30) {
            context.report(Progress::Output(format!("half of {}\n", call.name)));
        }
        if fate < 9 {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(after).await;
        self.life.moment().await;
        match fate {
            // A panic without the message that a real one would print.
            9..=11 => std::panic::resume_unwind(Box::new("the tool fell over")),
            12..=20 => ToolOutcome::failed("it went wrong"),
            21 | 22 => ToolOutcome { is_unknown: true, ..ToolOutcome::failed("the line was cut") },
            23..=27 => ToolOutcome::done("much ".repeat(2_000)),
            _ => ToolOutcome::done(format!("result {:x}", dice.throw())),
        }
    }
}

impl ToolSource for SimulatedTools {
    fn name(&self) -> &str {
        "simulation"
    }

    fn tools(&self) -> Vec<Tool> {
        let tool = |name: &str| Tool {
            spec: ToolSpec {
                name: name.to_owned(),
                description: "Does something.".to_owned(),
                parameters: json!({ "type": "object" }),
            },
            effect: effect(name),
        };
        ["look", "count", "note", "send"].map(tool).into()
    }

    fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(self.run(call, context))
    }
}

fn effect(name: &str) -> Effect {
    match name {
        "note" => Effect::Own,
        "send" => Effect::Outside,
        _ => Effect::None,
    }
}

fn pause(dice: &mut Dice) -> Duration {
    Duration::from_millis(if dice.chance(30) { 0 } else { dice.any_size(1500) })
}

/// A call that has not ended.
struct UnderWay<'a>(&'a World);

impl<'a> UnderWay<'a> {
    fn new(world: &'a World) -> Self {
        world.memory().under_way += 1;
        Self(world)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.memory().under_way -= 1;
    }
}
