//! What the Gemini endpoints refuse.

use serde_json::{Map, Value};

use super::errors::{invalid, unknown_name, wrong_value};
use super::signs;
use crate::signature;
use crate::wire::Rejection;
use crate::wire::fields::{Type, flag, list, text};
use crate::wire::media::{decoded, image_type};

const FIELDS: &[(&str, Type)] = &[
    ("contents", Type::Array),
    ("tools", Type::Array),
    ("toolConfig", Type::Object),
    ("safetySettings", Type::Array),
    ("systemInstruction", Type::Object),
    ("generationConfig", Type::Object),
    ("cachedContent", Type::Text),
    ("serviceTier", Type::Text),
    ("store", Type::Bool),
    ("model", Type::Text),
];

const GENERATION: &[(&str, Type)] = &[
    ("stopSequences", Type::Array),
    ("responseMimeType", Type::Text),
    ("responseSchema", Type::Object),
    ("responseJsonSchema", Type::Object),
    ("_responseJsonSchema", Type::Object),
    ("responseFormat", Type::Object),
    ("responseModalities", Type::Array),
    ("candidateCount", Type::Integer),
    ("maxOutputTokens", Type::Integer),
    ("temperature", Type::Number),
    ("topP", Type::Number),
    ("topK", Type::Number),
    ("seed", Type::Integer),
    ("presencePenalty", Type::Number),
    ("frequencyPenalty", Type::Number),
    ("responseLogprobs", Type::Bool),
    ("logprobs", Type::Integer),
    ("enableEnhancedCivicAnswers", Type::Bool),
    ("speechConfig", Type::Object),
    ("thinkingConfig", Type::Object),
    ("imageConfig", Type::Object),
    ("mediaResolution", Type::Text),
];

const TOOL: &[&str] = &[
    "functionDeclarations",
    "googleSearchRetrieval",
    "codeExecution",
    "googleSearch",
    "computerUse",
    "urlContext",
    "fileSearch",
    "mcpServers",
    "googleMaps",
];
const TOOL_CONFIG: &[&str] = &["functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations"];
const DECLARATION: &[&str] =
    &["name", "description", "behavior", "parameters", "parametersJsonSchema", "response", "responseJsonSchema"];
/// The part of OpenAPI that `parameters` takes. JSON Schema proper goes into `parametersJsonSchema`.
const SCHEMA: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
];
const PART: &[&str] = &[
    "text",
    "inlineData",
    "functionCall",
    "functionResponse",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "thought",
    "thoughtSignature",
    "partMetadata",
    "videoMetadata",
    "mediaResolution",
];
const PART_DATA: &[&str] = &[
    "text",
    "inlineData",
    "functionCall",
    "functionResponse",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

/// Signatures that the provider takes for calls that it did not make.
const BYPASSES: &[&str] = &["context_engineering_is_the_way_to_go", "skip_thought_signature_validator"];

/// The field under its JSON name, or under the snake-case name that Google takes as well.
pub(super) fn either<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).or_else(|| value.get(snake(key))).filter(|value| !value.is_null())
}

fn snake(key: &str) -> String {
    let mut snake = String::new();
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Refuses keys that are not among `known`, under either name.
fn known_names<'a>(
    map: &Map<String, Value>,
    known: impl IntoIterator<Item = &'a str>,
    place: &str,
) -> Result<(), Rejection> {
    let known: Vec<&str> = known.into_iter().collect();
    let is_known = |key: &String| known.iter().any(|name| name == key || snake(name) == *key);
    map.keys().find(|key| !is_known(key)).map_or(Ok(()), |key| Err(unknown_name(key, place)))
}

fn types(map: &Map<String, Value>, types: &[(&str, Type)], place: &str) -> Result<(), Rejection> {
    for (key, expected) in types {
        let value = map.get(*key).or_else(|| map.get(&snake(key)));
        if let Some(value) = value.filter(|value| !value.is_null() && !expected.admits(value)) {
            let kind = match expected {
                Type::Text | Type::TextOrObject | Type::TextOrArray => "TYPE_STRING",
                Type::Bool => "TYPE_BOOL",
                Type::Integer => "TYPE_INT32",
                Type::Number => "TYPE_FLOAT",
                Type::Object | Type::Array => "TYPE_MESSAGE",
            };
            let dot = if place.is_empty() { "" } else { "." };
            return Err(wrong_value(value, &format!("{place}{dot}{}", snake(key)), kind));
        }
    }
    Ok(())
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>, Rejection> {
    value.as_object().ok_or_else(|| wrong_value(value, place, "TYPE_MESSAGE"))
}

pub(in crate::wire) fn validate(body: &Value, model: &str) -> Result<(), Rejection> {
    let map = object(body, "")?;
    known_names(map, FIELDS.iter().map(|(key, _)| *key), "")?;
    types(map, FIELDS, "")?;
    if let Some(system) = either(body, "systemInstruction") {
        known_names(object(system, "system_instruction")?, ["role", "parts"], "system_instruction")?;
        parts(system, "system_instruction", "system_instruction")?;
    }
    generation(body, model)?;
    tools(body, model)?;
    if list(body, "contents").is_empty() {
        return Err(invalid("* GenerateContentRequest.contents: contents is not specified\n"));
    }
    contents(list(body, "contents"))?;
    if signs(model) {
        signatures(list(body, "contents"))?;
    }
    Ok(())
}

fn generation(body: &Value, model: &str) -> Result<(), Rejection> {
    let Some(config) = either(body, "generationConfig") else { return Ok(()) };
    let map = object(config, "generation_config")?;
    known_names(map, GENERATION.iter().map(|(key, _)| *key), "generation_config")?;
    types(map, GENERATION, "generation_config")?;
    for (key, most) in [("temperature", 2.0), ("topP", 1.0)] {
        let value = either(config, key).and_then(Value::as_f64);
        if let Some(value) = value.filter(|value| !(0.0..=most).contains(value)) {
            return Err(invalid(format!(
                "* GenerateContentRequest.generation_config.{}: {key} must be in the range [0.0, {most:.1}], got {value}.\n",
                snake(key)
            )));
        }
    }
    modalities(config, model)?;
    let Some(thinking) = either(config, "thinkingConfig") else { return Ok(()) };
    let place = "generation_config.thinking_config";
    known_names(object(thinking, place)?, ["includeThoughts", "thinkingBudget", "thinkingLevel"], place)?;
    let (budget, level) = (either(thinking, "thinkingBudget"), either(thinking, "thinkingLevel"));
    if budget.is_some() && level.is_some() {
        return Err(invalid("You can only set only one of thinking budget and thinking level."));
    }
    if level.is_some() && model.starts_with("gemini-2") {
        return Err(invalid("Thinking level is not supported for this model."));
    }
    if flag(thinking, "includeThoughts") && budget.is_some_and(|budget| budget == 0) {
        return Err(invalid(
            "Unable to submit request because Thinking_config.include_thoughts is only enabled when \
                            thinking is enabled.",
        ));
    }
    Ok(())
}

/// Only some models draw, and their names say so.
fn modalities(config: &Value, model: &str) -> Result<(), Rejection> {
    let asked = either(config, "responseModalities").and_then(Value::as_array);
    for (index, modality) in asked.into_iter().flatten().enumerate() {
        let place = format!("generation_config.response_modalities[{index}]");
        match modality.as_str().unwrap_or_default() {
            "TEXT" | "AUDIO" => {}
            "IMAGE" if model.contains("image") => {}
            "IMAGE" => {
                return Err(invalid(format!(
                    "The requested combination of response modalities is not supported by the model. models/{model} \
                     accepts the following combination of response modalities:\n* TEXT\n"
                )));
            }
            _ => {
                let kind = "type.googleapis.com/google.ai.generativelanguage.v1beta.GenerationConfig.Modality";
                return Err(wrong_value(modality, &place, kind));
            }
        }
    }
    let Some(image) = either(config, "imageConfig") else { return Ok(()) };
    let place = "generation_config.image_config";
    known_names(object(image, place)?, ["aspectRatio", "imageSize"], place)?;
    let ratio = either(image, "aspectRatio").and_then(Value::as_str).unwrap_or_default();
    let ratios = ["", "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"];
    if !ratios.contains(&ratio) {
        return Err(invalid(format!("* GenerateContentRequest.{place}.aspect_ratio: invalid aspect ratio {ratio}.\n")));
    }
    Ok(())
}

/// What is in the request itself: real Base64, of a type that the models take, and what it says it is.
fn inline_data(part: &Value, place: &str) -> Result<(), Rejection> {
    let Some(blob) = either(part, "inlineData") else { return Ok(()) };
    let place = format!("{place}.inline_data");
    known_names(object(blob, &place)?, ["mimeType", "data", "displayName"], &place)?;
    let Some(bytes) = decoded(text(blob, "data")) else {
        let shown: String = text(blob, "data").chars().take(40).collect();
        let message = format!("{place}.data");
        return Err(wrong_value(&Value::from(format!("Base64 decoding failed for {shown}")), &message, "TYPE_BYTES"));
    };
    let mime = either(blob, "mimeType").and_then(Value::as_str).unwrap_or_default();
    let images = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];
    let others = ["audio/", "video/", "text/"].iter().any(|kind| mime.starts_with(kind)) || mime == "application/pdf";
    if !images.contains(&mime) && !others {
        return Err(invalid(format!("Unsupported MIME type: {mime}")));
    }
    let is_told = !images[..3].contains(&mime) || image_type(&bytes) == Some(mime);
    if !is_told {
        return Err(invalid("Provided image is not valid."));
    }
    Ok(())
}

fn tools(body: &Value, model: &str) -> Result<(), Rejection> {
    let mut names = Vec::new();
    let mut builtins = false;
    for (index, tool) in list(body, "tools").iter().enumerate() {
        let place = format!("tools[{index}]");
        let map = object(tool, &place)?;
        known_names(map, TOOL.iter().copied(), &place)?;
        let declared = either(tool, "functionDeclarations");
        builtins |= map.len() > usize::from(declared.is_some());
        for (at, declaration) in declared.and_then(Value::as_array).into_iter().flatten().enumerate() {
            names.push(self::declaration(declaration, &format!("{place}.function_declarations[{at}]"))?);
        }
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair.first() == pair.last()) {
        let name = pair.first().copied().unwrap_or_default();
        return Err(invalid(format!("Duplicate function declaration found: {name}")));
    }
    let config = either(body, "toolConfig");
    if let Some(config) = config {
        known_names(object(config, "tool_config")?, TOOL_CONFIG.iter().copied(), "tool_config")?;
        calling(config, &names)?;
    }
    if builtins && !names.is_empty() {
        if !signs(model) {
            return Err(invalid("Tool use with function calling is unsupported"));
        }
        if !config
            .is_some_and(|config| either(config, "includeServerSideToolInvocations").is_some_and(|value| value == true))
        {
            return Err(invalid(
                "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function \
                 calling.",
            ));
        }
    }
    let mime = either(body, "generationConfig").and_then(|config| either(config, "responseMimeType"));
    if !names.is_empty() && !signs(model) && mime.is_some_and(|mime| mime == "application/json") {
        return Err(invalid("Function calling with a response mime type: 'application/json' is unsupported"));
    }
    Ok(())
}

fn calling(config: &Value, names: &[&str]) -> Result<(), Rejection> {
    let Some(calling) = either(config, "functionCallingConfig") else { return Ok(()) };
    let place = "tool_config.function_calling_config";
    known_names(object(calling, place)?, ["mode", "allowedFunctionNames", "streamFunctionCallArguments"], place)?;
    let mode = text(calling, "mode");
    if !["", "MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"].contains(&mode) {
        let value = Value::from(mode);
        let kind = "type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode";
        return Err(wrong_value(&value, &format!("{place}.mode"), kind));
    }
    let allowed = either(calling, "allowedFunctionNames").and_then(Value::as_array).cloned().unwrap_or_default();
    if !allowed.is_empty() && !["ANY", "VALIDATED"].contains(&mode) {
        return Err(invalid("Please set allowed_function_names only when function calling mode is ANY."));
    }
    if let Some(name) = allowed.iter().filter_map(Value::as_str).find(|name| !names.contains(name)) {
        return Err(invalid(format!("allowed_function_names: {name} is not in the function declarations.")));
    }
    if mode == "ANY" && names.is_empty() {
        return Err(invalid("Function calling config is set without function_declarations."));
    }
    Ok(())
}

fn declaration<'a>(declaration: &'a Value, place: &str) -> Result<&'a str, Rejection> {
    known_names(object(declaration, place)?, DECLARATION.iter().copied(), place)?;
    let name = text(declaration, "name");
    let first = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let rest = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.:-".contains(letter));
    if !first || !rest || name.len() > 64 {
        return Err(invalid(format!(
            "* GenerateContentRequest.{place}.name: Invalid function name. Must start with a letter or an underscore. \
             Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a \
             maximum length of 64.\n"
        )));
    }
    let (openapi, json_schema) = (either(declaration, "parameters"), either(declaration, "parametersJsonSchema"));
    if openapi.is_some() && json_schema.is_some() {
        return Err(invalid(format!(
            "* GenerateContentRequest.{place}: only one of parameters and parameters_json_schema may be set.\n"
        )));
    }
    let wanted =
        |schema: &Value| schema.get("type").and_then(Value::as_str).is_some_and(|t| t.eq_ignore_ascii_case("object"));
    if let Some(schema) = openapi {
        self::schema(schema, &format!("{place}.parameters"))?;
    }
    if let Some(schema) = openapi.or(json_schema).filter(|schema| !wanted(schema)) {
        let kind = schema.get("type").map_or_else(|| "unset".to_owned(), Value::to_string);
        return Err(invalid(format!(
            "* GenerateContentRequest.{place}.parameters.type: schema type should be OBJECT, but it is {kind}\n"
        )));
    }
    Ok(name)
}

fn schema(schema: &Value, place: &str) -> Result<(), Rejection> {
    known_names(object(schema, place)?, SCHEMA.iter().copied(), place)?;
    let properties = schema.get("properties").and_then(Value::as_object);
    for (index, (_, property)) in properties.into_iter().flatten().enumerate() {
        self::schema(property, &format!("{place}.properties[{index}].value"))?;
    }
    for (index, branch) in either(schema, "anyOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        self::schema(branch, &format!("{place}.any_of[{index}]"))?;
    }
    schema.get("items").map_or(Ok(()), |items| self::schema(items, &format!("{place}.items")))
}

fn parts(content: &Value, place: &str, path: &str) -> Result<(), Rejection> {
    let parts = match content.get("parts") {
        Some(Value::Array(parts)) if !parts.is_empty() => parts,
        Some(Value::Array(_)) | None => {
            return Err(invalid(format!("* GenerateContentRequest.{path}.parts: contents.parts must not be empty.\n")));
        }
        Some(other) => return Err(wrong_value(other, &format!("{place}.parts"), "TYPE_MESSAGE")),
    };
    for (index, part) in parts.iter().enumerate() {
        let place = format!("{place}.parts[{index}]");
        let map = object(part, &place)?;
        known_names(map, PART.iter().copied(), &place)?;
        match PART_DATA.iter().filter(|key| either(part, key).is_some()).count() {
            1 => {}
            0 => {
                return Err(invalid(format!(
                    "* GenerateContentRequest.{path}.parts[{index}].data: required oneof field 'data' must have one \
                     initialized field\n"
                )));
            }
            _ => {
                return Err(invalid(format!("Invalid value at '{place}' (oneof), oneof field 'data' is already set.")));
            }
        }
        if let Some(said) = part.get("text").filter(|said| !said.is_string()) {
            return Err(wrong_value(said, &format!("{place}.text"), "TYPE_STRING"));
        }
        inline_data(part, &place)?;
        for (key, known) in [
            ("functionCall", &["id", "name", "args", "partialArgs", "willContinue"][..]),
            ("functionResponse", &["id", "name", "response", "parts", "willContinue", "scheduling"][..]),
        ] {
            let Some(value) = either(part, key) else { continue };
            let place = format!("{place}.{}", snake(key));
            known_names(object(value, &place)?, known.iter().copied(), &place)?;
            if text(value, "name").is_empty() {
                return Err(invalid(format!(
                    "* GenerateContentRequest.{path}.parts[{index}].{}.name: Name cannot be empty.\n",
                    snake(key)
                )));
            }
            for key in ["args", "response"] {
                if let Some(wrong) = value.get(key).filter(|value| !value.is_object()) {
                    let kind = "type.googleapis.com/google.protobuf.Struct";
                    return Err(wrong_value(wrong, &format!("{place}.{key}"), kind));
                }
            }
        }
    }
    Ok(())
}

fn within<'a>(content: &'a Value, key: &str) -> Vec<&'a Value> {
    list(content, "parts").iter().filter_map(|part| either(part, key)).collect()
}

/// The roles, and that each turn of calls is followed by just the responses to them.
fn contents(contents: &[Value]) -> Result<(), Rejection> {
    let mut open: Vec<&Value> = Vec::new();
    for (index, content) in contents.iter().enumerate() {
        let place = format!("contents[{index}]");
        known_names(object(content, &place)?, ["role", "parts"], &place)?;
        parts(content, &place, &place)?;
        let role = text(content, "role");
        if !["", "user", "model", "function"].contains(&role) {
            return Err(invalid("Please use a valid role: user, model."));
        }
        let calls = within(content, "functionCall");
        let responses = within(content, "functionResponse");
        if role == "model" && !responses.is_empty() {
            return Err(invalid(
                "Please ensure that function response turn contains at least one function_response part \
                                and comes from the user.",
            ));
        }
        if open.is_empty() && !responses.is_empty() {
            return Err(invalid(
                "Please ensure that function response turn comes immediately after a function call turn.",
            ));
        }
        if responses.len() != open.len() {
            return Err(invalid(
                "Please ensure that the number of function response parts is equal to the number of \
                                function call parts of the function call turn.",
            ));
        }
        if let Some(stranger) = responses.iter().find(|response| !open.iter().any(|call| answers(response, call))) {
            let (name, id) = (text(stranger, "name"), text(stranger, "id"));
            return Err(invalid(format!(
                "Function response `{name}` with id `{id}` does not match any function call of \
                                        the function call turn."
            )));
        }
        if !calls.is_empty() {
            let after_user = index.checked_sub(1).and_then(|before| contents.get(before));
            if role != "model" || after_user.is_none_or(|before| text(before, "role") == "model") {
                return Err(invalid(
                    "Please ensure that function call turn comes immediately after a user turn or after \
                                    a function response turn.",
                ));
            }
        }
        open = calls;
    }
    if open.is_empty() {
        return Ok(());
    }
    Err(invalid(
        "Please ensure that the number of function response parts is equal to the number of function call parts \
                 of the function call turn.",
    ))
}

fn answers(response: &Value, call: &Value) -> bool {
    let same_id = text(response, "id") == text(call, "id") || text(response, "id").is_empty();
    same_id && text(response, "name") == text(call, "name")
}

/// In the current turn, the first call of each step carries the signature it was issued with.
fn signatures(contents: &[Value]) -> Result<(), Rejection> {
    let turn = contents
        .iter()
        .rposition(|content| text(content, "role") != "model" && within(content, "functionResponse").is_empty());
    for (index, content) in contents.iter().enumerate().skip(turn.unwrap_or(0)) {
        let first = list(content, "parts").iter().find(|part| either(part, "functionCall").is_some());
        let Some((part, call)) = first.and_then(|part| Some((part, either(part, "functionCall")?))) else { continue };
        let name = text(call, "name");
        let signature = either(part, "thoughtSignature").and_then(Value::as_str).unwrap_or_default();
        if signature.is_empty() {
            let position = index + 1;
            return Err(invalid(format!(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to \
                 work correctly, and missing thought_signature may lead to degraded model performance. Additional \
                 data, function call `default_api:{name}` , position {position}. Please refer to \
                 https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
            )));
        }
        let empty = Value::Object(Map::new());
        let issued = signature::of_call(name, call.get("args").unwrap_or(&empty));
        // Clients may write the same bytes in the URL-safe alphabet; ours has neither form's extras.
        if signature != issued && !BYPASSES.contains(&signature) {
            return Err(invalid("Corrupted thought signature."));
        }
    }
    Ok(())
}
