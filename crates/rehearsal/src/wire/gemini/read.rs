//! What a Gemini request says. The model and the form of the reply are in the path.

use serde_json::Value;

use super::validate::either;
use crate::exchange::{Asked, OfferedTool, ToolResult, tokens};
use crate::wire::fields::{content_text, flag, list, text, texts_in};

pub(in crate::wire) fn read(body: &Value) -> Asked {
    let declarations = |tool: &Value| {
        let declared = either(tool, "functionDeclarations").and_then(Value::as_array).cloned().unwrap_or_default();
        let schema = |one| either(one, "parameters").or_else(|| either(one, "parametersJsonSchema"));
        declared.iter().map(|one| OfferedTool::new(text(one, "name"), schema(one))).collect::<Vec<_>>()
    };
    let thinking = either(body, "generationConfig").and_then(|config| either(config, "thinkingConfig"));
    let modalities = either(body, "generationConfig").and_then(|config| either(config, "responseModalities"));
    let mut asked = Asked {
        draws: modalities.and_then(Value::as_array).into_iter().flatten().any(|modality| modality == "IMAGE"),
        input_tokens: tokens(body.to_string().len()),
        reasoning_wanted: thinking
            .is_some_and(|thinking| flag(thinking, "includeThoughts") || flag(thinking, "include_thoughts")),
        tools: list(body, "tools").iter().flat_map(declarations).collect(),
        instructions: either(body, "systemInstruction").map(|said| content_text(said.get("parts"))).unwrap_or_default(),
        ..Asked::default()
    };
    for content in list(body, "contents") {
        asked.last_results.clear();
        if text(content, "role") == "model" {
            continue;
        }
        for part in list(content, "parts") {
            let Some(response) = either(part, "functionResponse") else { continue };
            let mut texts = Vec::new();
            response.get("response").into_iter().for_each(|value| texts_in(value, &mut texts));
            let is_error = response.get("response").is_some_and(|value| value.get("error").is_some());
            let tool = text(response, "name").to_owned();
            asked.push_result(ToolResult { tool, is_error, text: texts.join("\n") });
        }
        let said = content_text(content.get("parts"));
        if !said.is_empty() {
            asked.last_user.clone_from(&said);
            asked.texts.push(said);
        }
    }
    asked
}
