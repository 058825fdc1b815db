//! `read_media`: several questions about files of any kind, a few at a time.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use massgen_tool::{CallContext, ToolOutcome, Touch};
use serde_json::{Map, Value, json};

use super::attach::{FILES_MAX, load, texts};
use super::understand::{FILE_CHARACTERS, ask, shown};
use super::{Surroundings, optional};

/// How many questions one call may ask.
pub(super) const INPUTS_MAX: usize = 16;
/// How many are asked at once.
const CONCURRENT_MAX: usize = 4;
const USUAL_PROMPT: &str = "Please analyze this and describe its contents.";

/// One question.
struct Input {
    files: Vec<String>,
    prompt: String,
}

pub(super) async fn read(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let inputs = inputs(arguments)?;
    let single = inputs.len() == 1;
    let at_once = arguments.get("max_concurrent").and_then(Value::as_u64);
    let at_once = at_once.and_then(|count| usize::try_from(count).ok()).unwrap_or(CONCURRENT_MAX);
    let mut asked: Vec<BoxFuture<'_, Result<_, String>>> = Vec::new();
    for input in &inputs {
        asked.push(Box::pin(one(input, arguments, context, surroundings)));
    }
    let answers: Vec<_> = stream::iter(asked).buffered(at_once.clamp(1, CONCURRENT_MAX)).collect().await;
    let mut touched = Vec::new();
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for (input, answer) in inputs.iter().zip(answers) {
        match answer {
            Ok((result, read)) => {
                touched.extend(read);
                results.push(result);
            }
            Err(error) => {
                results.push(json!({"success": false, "files": input.files, "error": error}));
                failures.push(error);
            }
        }
    }
    if failures.len() == inputs.len() {
        return Err(failures.join("\n"));
    }
    let result = match results.pop() {
        Some(only) if single => only,
        last => {
            results.extend(last);
            json!({"success": failures.is_empty(), "operation": "read_media", "results": results})
        }
    };
    Ok(ToolOutcome::done(result.to_string()).touching(touched))
}

async fn one(
    input: &Input,
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<(Value, Vec<Touch>), String> {
    let mut loaded = Vec::new();
    for wanted in &input.files {
        loaded.push((wanted.clone(), load(wanted, context, surroundings).await?));
    }
    let touched = loaded.iter().map(|(_, loaded)| loaded.touch()).collect();
    let (attachments, prompt) = shown(loaded, &input.prompt, FILE_CHARACTERS);
    let answer = ask(&attachments, &prompt, arguments, context, surroundings).await?;
    let result = json!({
        "success": true, "operation": "read_media", "files": input.files, "prompt": input.prompt,
        "backend": answer.backend, "model": answer.model, "response": answer.text,
    });
    Ok((result, touched))
}

fn inputs(arguments: &Map<String, Value>) -> Result<Vec<Input>, String> {
    let usual = optional(arguments, "prompt").unwrap_or(USUAL_PROMPT);
    if let Some(file) = optional(arguments, "file_path") {
        return Ok(vec![Input { files: vec![file.to_owned()], prompt: usual.to_owned() }]);
    }
    let given = match arguments.get("inputs") {
        Some(Value::Array(inputs)) if !inputs.is_empty() => inputs,
        _ => return Err("give a `file_path`, or `inputs` with at least one entry".to_owned()),
    };
    if given.len() > INPUTS_MAX {
        return Err(format!("there are {} inputs; {INPUTS_MAX} are the most", given.len()));
    }
    let input = |(index, input): (usize, &Value)| {
        let wrong = || format!("`inputs[{index}]` must be `{{\"files\": [PATH, ...], \"prompt\": TEXT}}`");
        let (files, prompt) = match input {
            Value::Object(fields) => {
                let files = fields.get("files").or_else(|| fields.get("file_path")).ok_or_else(wrong)?;
                (texts(files).ok_or_else(wrong)?, optional(fields, "prompt").unwrap_or(usual))
            }
            other => (texts(other).ok_or_else(wrong)?, usual),
        };
        if files.is_empty() || files.len() > FILES_MAX {
            return Err(format!("`inputs[{index}]` must have 1 to {FILES_MAX} files"));
        }
        Ok(Input { files, prompt: prompt.to_owned() })
    };
    given.iter().enumerate().map(input).collect()
}
