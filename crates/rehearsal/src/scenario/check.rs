//! From the file as written to a scenario that can be played.

use std::time::Duration;

use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::error::ScenarioError;
use super::file::{
    BuiltinFile, CallFile, FaultMap, FinishFile, ModelLimitFile, PaceFile, ScenarioFile, StepFile, StreamErrorFile,
    WhenFile,
};
use super::limit::ModelLimit;
use super::step::{Act, Damage, Deed, Ending, Failure, Line, Step, StreamError, Target, When};
use super::{Key, Scenario};
use crate::exchange::{Builtin, Finish, Pace, Speech};

const CHUNK_DEFAULT: usize = 24;
const BULK_CHUNK: usize = 1024;

pub(super) fn scenario(name: &str, file: ScenarioFile) -> Result<Scenario, ScenarioError> {
    let checker = Checker { name, defaults: &file.defaults };
    if file.models.value.0.is_empty() {
        return Err(checker.error(file.models.referenced, "there are no models", "add a model, or `\"*\"` for all"));
    }
    let requests_per_minute = match &file.rate_limit {
        Some(limit) if limit.value.requests_per_minute == 0 => {
            let hint = "give at least 1, or use `fault: {status: 429}` to refuse everything";
            return Err(checker.error(limit.referenced, "a rate limit of 0 lets nothing through", hint));
        }
        limit => limit.as_ref().map(|limit| limit.value.requests_per_minute),
    };
    let mut limits = Vec::new();
    for (model, limit) in file.limits.map(|limits| limits.0).unwrap_or_default() {
        limits.push((model, checker.limit(&limit)?));
    }
    let key = match file.key {
        Some(key) => Key::Exactly(key),
        None if file.key_needed => Key::Any,
        None => Key::Optional,
    };
    let mut models = Vec::new();
    for (model, steps) in file.models.value.0 {
        let steps: Result<Vec<Step>, _> = steps.into_iter().map(|step| checker.step(step)).collect();
        models.push((model, steps?));
    }
    Ok(Scenario {
        name: name.to_owned(),
        title: file.title,
        question: file.question,
        key,
        requests_per_minute,
        limits,
        workspaces: file.workspaces,
        also_accepts: file.also_accepts,
        models,
    })
}

struct Checker<'a> {
    name: &'a str,
    defaults: &'a PaceFile,
}

impl Checker<'_> {
    fn error(&self, at: Location, message: &str, hint: &str) -> ScenarioError {
        ScenarioError::at(self.name, at, message, hint)
    }

    fn limit(&self, limit: &Spanned<ModelLimitFile>) -> Result<ModelLimit, ScenarioError> {
        let at = limit.referenced;
        let limit = &limit.value;
        if limit.requests_per_minute == 0 || limit.tokens_per_minute == Some(0) {
            let hint = "give at least 1, or use `fault: {status: 429}` to refuse everything";
            return Err(self.error(at, "a limit of 0 lets nothing through", hint));
        }
        if limit.window_seconds == 0 {
            return Err(self.error(at, "a window of 0 seconds", "give at least 1, or leave it out for a minute"));
        }
        Ok(ModelLimit {
            requests: limit.requests_per_minute,
            tokens: limit.tokens_per_minute,
            window: limit.window,
            length: Duration::from_secs(u64::from(limit.window_seconds)),
        })
    }

    fn step(&self, step: Spanned<StepFile>) -> Result<Step, ScenarioError> {
        let at = step.referenced;
        let step = step.value;
        if step.times == Some(0) {
            return Err(self.error(at, "a step with `times: 0` is never used", "give at least 1, or leave it out"));
        }
        let pace = self.pace(at, &step)?;
        let deed = self.deed(at, &step)?;
        let say = match (step.say, step.repeat) {
            (Some(_), Some(_)) => {
                return Err(self.error(at, "a step has both `say` and `repeat`", "keep one of them"));
            }
            (Some(text), None) => Speech::Text(text),
            (None, Some(repeat)) => Speech::Repeated { text: repeat.text, times: repeat.times },
            (None, None) => Speech::Text(String::new()),
        };
        let silent = say.is_empty() && matches!(deed, Deed::Talk) && step.builtin.is_none();
        if silent && step.reason.is_none() && step.fault.is_none() {
            let hint = "add `say`, `new_answer`, `vote`, `call` or `fault`";
            return Err(self.error(at, "the step does nothing", hint));
        }
        let line = Line {
            reason: step.reason,
            builtins: step.builtin.map(builtins).unwrap_or_default(),
            say,
            deed,
            finish: match step.finish {
                FinishFile::Complete => Finish::Complete,
                FinishFile::Length => Finish::Length,
                FinishFile::Filtered => Finish::Filtered,
            },
            pace,
            interleave: false,
        };
        let act = match step.fault {
            None => Act::Reply(Box::new(line), Damage::default()),
            Some(fault) => self.fault(fault.referenced, fault.value.0, line)?,
        };
        Ok(Step { when: when(step.when), act, times: step.times })
    }

    fn pace(&self, at: Location, step: &StepFile) -> Result<Pace, ScenarioError> {
        let chunk = step.chunk.or(self.defaults.chunk).unwrap_or(CHUNK_DEFAULT);
        if chunk == 0 {
            return Err(self.error(at, "a chunk of 0 characters", "give at least 1"));
        }
        let duration = |own: Option<u64>, default: Option<u64>| Duration::from_millis(own.or(default).unwrap_or(0));
        Ok(Pace {
            chunk,
            first: duration(step.first_ms, self.defaults.first_ms),
            delay: duration(step.delay_ms, self.defaults.delay_ms),
        })
    }

    fn deed(&self, at: Location, step: &StepFile) -> Result<Deed, ScenarioError> {
        let call = |call: &CallFile| (call.tool.clone(), Value::Object(call.arguments.clone()));
        let mut deeds = Vec::new();
        deeds.extend(step.new_answer.clone().map(Deed::Answer));
        deeds.extend(step.vote.as_ref().map(|vote| {
            let target = Target::parse(&vote.target);
            Deed::Vote { target, reason: vote.reason.clone() }
        }));
        deeds.extend(step.call.as_ref().map(|one| Deed::Calls(vec![call(one)])));
        deeds.extend(step.calls.as_ref().map(|all| Deed::Calls(all.iter().map(call).collect())));
        if deeds.len() > 1 {
            let hint = "keep one of `new_answer`, `vote`, `call` and `calls`; `calls` makes several calls at once";
            return Err(self.error(at, "the step does two things at once", hint));
        }
        Ok(deeds.pop().unwrap_or(Deed::Talk))
    }

    fn fault(&self, at: Location, fault: FaultMap, mut line: Line) -> Result<Act, ScenarioError> {
        let whole = [fault.status.is_some(), fault.refuse, fault.hang];
        let endings = [
            fault.cut.is_some(),
            fault.malformed.is_some(),
            fault.silence.is_some(),
            fault.error_event.is_some(),
            fault.no_finish,
        ];
        let styles = [fault.duplicate, fault.reorder, fault.split_utf8, fault.bulk_mb.is_some()];
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
        if count(&whole) + count(&endings) > 1 || (count(&whole) == 1 && count(&styles) > 0) {
            let hint = "use one of status, refuse, hang, cut, malformed, silence, error_event and no_finish; \
                        duplicate, reorder, split_utf8 and bulk_mb go with any that sends a reply";
            return Err(self.error(at, "these faults exclude each other", hint));
        }
        if count(&whole) + count(&endings) + count(&styles) == 0 {
            return Err(self.error(at, "the fault names no fault", "add one, such as `status: 429` or `hang: true`"));
        }
        if fault.status.is_none() && (fault.retry_after.is_some() || fault.message.is_some()) {
            return Err(self.error(at, "`retry_after` and `message` belong to `status`", "add `status: 429`"));
        }
        if fault.error_event.is_none() && fault.after_chunks.is_some() {
            let hint = "write `cut: {after_chunks: N}`";
            return Err(self.error(at, "`after_chunks` beside a fault belongs to `error_event`", hint));
        }
        if let Some(status) = fault.status {
            if !(400..600).contains(&status) {
                return Err(self.error(at, "the status of a failure is 400 to 599", "such as 429, 500 or 529"));
            }
            return Ok(Act::Fail(Failure { status, retry_after: fault.retry_after, message: fault.message }));
        }
        if fault.refuse {
            return Ok(Act::Refuse);
        }
        if fault.hang {
            return Ok(Act::Hang);
        }
        line.interleave = fault.reorder;
        if let Some(megabytes) = fault.bulk_mb {
            let text = "rehearsal ".repeat(BULK_CHUNK.div_ceil(10));
            let text = text.chars().take(BULK_CHUNK).collect();
            line.say = Speech::Repeated { text, times: megabytes.saturating_mul(1024) };
        }
        let after = |file: Option<super::file::AfterFile>| file.map(|file| file.after_chunks);
        let ending = if let Some(chunks) = after(fault.cut) {
            Ending::Cut(chunks)
        } else if let Some(chunks) = after(fault.malformed) {
            Ending::Malformed(chunks)
        } else if let Some(chunks) = after(fault.silence) {
            Ending::Silence(chunks)
        } else if let Some(kind) = fault.error_event {
            Ending::Error(stream_error(kind), fault.after_chunks.unwrap_or(1))
        } else if fault.no_finish {
            Ending::NoFinish
        } else {
            Ending::Whole
        };
        let damage = Damage { duplicate: fault.duplicate, split_utf8: fault.split_utf8, ending };
        Ok(Act::Reply(Box::new(line), damage))
    }
}

fn stream_error(kind: StreamErrorFile) -> StreamError {
    match kind {
        StreamErrorFile::Overloaded => StreamError::Overloaded,
        StreamErrorFile::RateLimited => StreamError::RateLimited,
        StreamErrorFile::ServerError => StreamError::ServerError,
    }
}

fn when(file: WhenFile) -> When {
    When {
        answers: file.answers,
        shows: file.shows,
        not_shows: file.not_shows,
        asked: file.asked,
        tool: file.tool,
        presenting: file.presenting,
        call: file.call,
        after_tool: file.after_tool,
        results: file.results,
        returned: file.returned,
        rejected: file.rejected,
    }
}

fn builtins(file: BuiltinFile) -> Vec<Builtin> {
    let search = file.web_search.map(|search| Builtin::WebSearch {
        query: search.query,
        results: search.results.into_iter().map(|result| (result.url, result.title)).collect(),
    });
    let code = file.code.map(|code| Builtin::Code { source: code.source, output: code.output });
    search.into_iter().chain(code).collect()
}
