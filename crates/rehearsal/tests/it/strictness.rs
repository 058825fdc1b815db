//! What each provider refuses, and in which words. Every case is a good request with one defect.

use massgen_rehearsal::{RehearsalServer, Wire};
use serde_json::{Value, json};

use crate::client::{headers, model, path, request, start};

const ECHO: &str = "models: {'*': [{say: ok}], 'gpt-4o': [{say: ok}]}";

/// A conversation with one finished tool call, as each provider wants it.
fn good(wire: Wire) -> Value {
    let schema = json!({"type": "object", "properties": {"word": {"type": "string"}}});
    let name = model(wire);
    match wire {
        Wire::Responses => json!({
            "model": name, "stream": true, "store": false, "instructions": "Be brief.",
            "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
            "tools": [{"type": "function", "name": "lookup", "parameters": schema, "strict": false}],
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
                {"type": "function_call", "call_id": "c1", "name": "lookup", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "found"},
            ],
        }),
        Wire::ChatCompletions => json!({
            "model": name, "stream": true, "stream_options": {"include_usage": true}, "temperature": 0.7,
            "tools": [{"type": "function", "function": {"name": "lookup", "parameters": schema}}],
            "tool_choice": "auto",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": null, "tool_calls":
                    [{"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "found"},
            ],
        }),
        Wire::Messages => json!({
            "model": name, "stream": true, "max_tokens": 4000, "temperature": 0.5,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "tools": [{"name": "lookup", "input_schema": schema}], "tool_choice": {"type": "auto"},
            "messages": [
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "lookup", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "found"}]},
            ],
        }),
        Wire::Gemini => json!({
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"temperature": 0.5, "maxOutputTokens": 1000},
            "tools": [{"functionDeclarations": [{"name": "lookup", "parameters": schema}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
            "contents": [
                {"role": "user", "parts": [{"text": "hello"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "lookup", "args": {}, "id": "c1"}}]},
                {"role": "user", "parts":
                    [{"functionResponse": {"name": "lookup", "id": "c1", "response": {"output": "found"}}}]},
            ],
        }),
    }
}

/// Puts `value` at a JSON pointer, whose last step may be new, or past the end of a list; a null
/// takes away what is there.
fn set(body: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
        Value::Object(map) if value.is_null() => drop(map.remove(key)),
        Value::Object(map) => drop(map.insert(key.to_owned(), value)),
        Value::Array(list) if value.is_null() => drop(list.remove(key.parse().unwrap())),
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => list.insert(key.parse().unwrap(), value),
        _ => panic!("{pointer}"),
    }
}

async fn ask(server: &RehearsalServer, wire: Wire, body: &Value) -> (u16, String) {
    let reply = request(server, "POST", &path(wire, true), headers(wire), &body.to_string()).await.unwrap();
    let message = |reply: &crate::client::Reply| reply.json()["error"]["message"].as_str().unwrap().to_owned();
    if reply.status == 200 { (200, String::new()) } else { (reply.status, message(&reply)) }
}

async fn refuses(wire: Wire, cases: &[(&str, Value, &str)]) {
    let server = start(ECHO).await;
    assert_eq!(ask(&server, wire, &good(wire)).await, (200, String::new()));
    for (pointer, value, expected) in cases {
        let mut body = good(wire);
        set(&mut body, pointer, value.clone());
        let (status, message) = ask(&server, wire, &body).await;
        assert_eq!(status, 400, "{pointer} = {value}: {message}");
        assert!(message.contains(expected), "{pointer} = {value}\n  says {message}\n  not  {expected}");
    }
}

#[tokio::test]
async fn responses() {
    let long = "n".repeat(65);
    refuses(Wire::Responses, &[
        ("/model", json!(null), "Missing required parameter: 'model'."),
        ("/input", json!(null), "Missing required parameter: 'input'."),
        ("/messages", json!([]), "Unknown parameter: 'messages'."),
        ("/stream", json!("yes"), "Invalid type for 'stream': expected a boolean, but got a string instead."),
        ("/input", json!(7), "Invalid type for 'input': expected one of a string or an array of objects, but got an integer"),
        ("/temperature", json!(0.5), "Unsupported parameter: 'temperature' is not supported with this model."),
        ("/top_p", json!(0.5), "Unsupported parameter: 'top_p'"),
        ("/max_output_tokens", json!(3), "Expected a value >= 16, but got 3 instead."),
        ("/reasoning/effort", json!("some"), "Invalid value: 'some'. Supported values are: 'none', 'minimal',"),
        ("/reasoning/depth", json!(1), "Unknown parameter: 'reasoning.depth'."),
        ("/tools/0/function", json!({}), "Unknown parameter: 'tools[0].function'."),
        ("/tools/0/name", json!(null), "Missing required parameter: 'tools[0].name'."),
        ("/tools/0/name", json!("look up"), "string does not match pattern"),
        ("/tools/0/name", json!(long), "Expected a string with maximum length 64, but got a string with length 65"),
        ("/tools/0/type", json!("gadget"), "Invalid value: 'gadget'."),
        ("/tools/0/parameters/type", json!("array"), "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'."),
        ("/tools/0/strict", json!(true), "'additionalProperties' is required to be supplied and to be false."),
        ("/tools/-", json!({"type": "code_interpreter"}), "Missing required parameter: 'tools[1].container'."),
        ("/tool_choice", json!({"type": "function", "name": "other"}), "not found in 'tools' parameter"),
        ("/tool_choice", json!("any"), "Supported values are: 'none', 'auto', and 'required'."),
        ("/input/0/role", json!("tool"), "Invalid value: 'tool'. Supported values are: 'assistant', 'system', 'developer', and 'user'."),
        ("/input/0/name", json!("me"), "Unknown parameter: 'input[0].name'."),
        ("/input/0/content/0/type", json!("text"), "Invalid value: 'text'. Supported values are: 'input_text',"),
        ("/input/1/type", json!("tool_call"), "Invalid value: 'tool_call'."),
        ("/input/1/arguments", json!({}), "Invalid type for 'input[1].arguments': expected a string, but got an object instead."),
        ("/input/2", json!(null), "No tool output found for function call c1."),
        ("/input/2/call_id", json!("c2"), "No tool call found for function call output with call_id c2."),
        ("/input/-", json!({"type": "reasoning", "id": "rs_1", "summary": []}),
         "Item 'rs_1' of type 'reasoning' was provided without its required following item."),
        ("/input/1/id", json!("fc_rehearsal00000001p01r"),
         "Item 'fc_rehearsal00000001p01r' of type 'function_call' was provided without its required 'reasoning' item: \
          'rs_rehearsal00000001p00'."),
    ]).await;
}

#[tokio::test]
async fn responses_of_models_that_do_not_reason() {
    let server = start(ECHO).await;
    let mut body = good(Wire::Responses);
    set(&mut body, "/model", json!("gpt-4o"));
    let (status, message) = ask(&server, Wire::Responses, &body).await;
    assert_eq!(
        (status, message.as_str()),
        (400, "Unsupported parameter: 'reasoning.effort' is not supported with this model.")
    );
    set(&mut body, "/reasoning", json!(null));
    set(&mut body, "/temperature", json!(0.5));
    assert_eq!(ask(&server, Wire::Responses, &body).await.0, 200);
    set(&mut body, "/temperature", json!(2.5));
    assert!(ask(&server, Wire::Responses, &body).await.1.contains("Expected a value <= 2, but got 2.5 instead."));
}

#[tokio::test]
async fn chat() {
    let call = json!({"id": "c9", "type": "function", "function": {"name": "lookup", "arguments": "{}"}});
    refuses(
        Wire::ChatCompletions,
        &[
            ("/model", json!(null), "Missing required parameter: 'model'."),
            ("/messages", json!(null), "Missing required parameter: 'messages'."),
            ("/input", json!("x"), "Unrecognized request argument supplied: input"),
            ("/top_k", json!(3), "Unrecognized request argument supplied: top_k"),
            ("/max_tokens", json!(1.5), "Invalid type for 'max_tokens': expected an integer, but got a decimal number"),
            ("/temperature", json!(3), "Expected a value <= 2, but got 3 instead."),
            ("/stream", json!(false), "The 'stream_options' parameter is only allowed when 'stream' is enabled."),
            ("/tools/0/name", json!("x"), "Unknown parameter: 'tools[0].name'."),
            ("/tools/0/function", json!(null), "Missing required parameter: 'tools[0].function'."),
            ("/tools/0/function/name", json!("a.b"), "Invalid 'tools[0].function.name': string does not match pattern"),
            ("/tools/0/function/parameters", json!({}), "got 'type: \"None\"'."),
            ("/tools/0/function/description", json!(1), "Invalid type for 'tools[0].function.description'"),
            (
                "/tool_choice",
                json!({"type": "function", "function": {"name": "x"}}),
                "Tool choice 'x' not found in 'tools'",
            ),
            ("/tools", json!([]), "Invalid 'tools': empty array."),
            ("/tools", json!(null), "'tool_choice' is only allowed when 'tools' are specified."),
            ("/messages/1/role", json!("human"), "Invalid value: 'human'."),
            ("/messages/1/colour", json!("red"), "Unknown parameter: 'messages[1].colour'."),
            ("/messages/1/content", json!(null), "Missing required parameter: 'messages[1].content'."),
            ("/messages/1/content", json!([{"type": "input_text", "text": "x"}]), "Invalid value: 'input_text'."),
            (
                "/messages/2/tool_calls/0/function/arguments",
                json!({}),
                "Invalid type for 'messages[2].tool_calls[0].function.arguments': expected a string",
            ),
            (
                "/messages/2/tool_calls/0/type",
                json!(null),
                "Missing required parameter: 'messages[2].tool_calls[0].type'.",
            ),
            ("/messages/2/tool_calls/-", call, "did not have response messages: c9"),
            ("/messages/3", json!(null), "An assistant message with 'tool_calls' must be followed by tool messages"),
            ("/messages/3", json!({"role": "user", "content": "wait"}), "must be followed by tool messages"),
            ("/messages/3/tool_call_id", json!("c2"), "must be a response to a preceeding message with 'tool_calls'."),
            ("/messages/3/tool_call_id", json!(null), "Missing required parameter: 'messages[3].tool_call_id'."),
        ],
    )
    .await;
    let server = start("also_accepts: [top_k]\nmodels: {'*': [{say: ok}]}").await;
    let mut body = good(Wire::ChatCompletions);
    set(&mut body, "/top_k", json!(3));
    assert_eq!(ask(&server, Wire::ChatCompletions, &body).await.0, 200, "unless the scenario accepts it");
    set(&mut body, "/model", json!("gpt-5"));
    assert!(
        ask(&server, Wire::ChatCompletions, &body)
            .await
            .1
            .contains("'temperature' does not support 0.7 with this model.")
    );
}

#[tokio::test]
async fn messages() {
    let thinking = json!({"type": "enabled", "budget_tokens": 2000});
    let mark = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    let forged = json!({"type": "thinking", "thinking": "hm", "signature": "forged"});
    let result = json!({"type": "tool_result", "tool_use_id": "c1", "content": "again"});
    refuses(
        Wire::Messages,
        &[
            ("/model", json!(null), "model: Field required"),
            ("/max_tokens", json!(null), "max_tokens: Field required"),
            ("/max_tokens", json!("many"), "max_tokens: Input should be a valid integer"),
            ("/messages", json!([]), "messages: at least one message is required"),
            ("/n", json!(1), "n: Extra inputs are not permitted"),
            ("/context_management", json!({}), "context_management: Extra inputs are not permitted"),
            ("/temperature", json!(1.5), "temperature: range: 0..1"),
            ("/top_p", json!(0.9), "`temperature` and `top_p` cannot both be specified for this model."),
            ("/thinking", thinking, "`temperature` may only be set to 1 when thinking is enabled."),
            ("/thinking", json!({"type": "enabled"}), "thinking.enabled.budget_tokens: Field required"),
            ("/thinking", json!({"type": "enabled", "budget_tokens": 10}), "greater than or equal to 1024"),
            ("/thinking", json!({"type": "enabled", "budget_tokens": 4000}), "`max_tokens` must be greater than"),
            ("/thinking", json!({"type": "on"}), "Input tag 'on' found using 'type' does not match"),
            ("/tools/0/name", json!("a.b"), "tools.0.custom.name: String should match pattern"),
            ("/tools/0/input_schema", json!(null), "tools.0.custom.input_schema: Field required"),
            (
                "/tools/0/input_schema/type",
                json!("array"),
                "tools.0.custom.input_schema.type: Input should be 'object'",
            ),
            ("/tools/0/parameters", json!({}), "tools.0.custom.parameters: Extra inputs are not permitted"),
            (
                "/tools/-",
                json!({"name": "lookup", "input_schema": {"type": "object"}}),
                "tools: Tool names must be unique.",
            ),
            ("/tool_choice", json!({"type": "required"}), "Input tag 'required' found using 'type'"),
            ("/tool_choice", json!({"type": "tool", "name": "x"}), "Tool 'x' not found in provided tools"),
            ("/messages/0/role", json!("system"), "Unexpected role \"system\""),
            ("/messages/0/name", json!("me"), "messages.0.name: Extra inputs are not permitted"),
            ("/messages/0", json!({"role": "assistant", "content": "hi"}), "first message must use the \"user\" role"),
            ("/messages/0/content", json!(""), "messages.0: all messages must have non-empty content"),
            ("/messages/0/content", json!([{"type": "text", "text": ""}]), "text content blocks must be non-empty"),
            ("/messages/0/content", json!([{"type": "input_text"}]), "messages.0.content.0: Input tag 'input_text'"),
            (
                "/messages/0/content",
                json!([mark, mark, mark, mark]),
                "A maximum of 4 blocks with cache_control may be provided. Found 5.",
            ),
            (
                "/messages/0/content",
                json!([{"type": "text", "text": "x", "cache_control": {"type": "forever"}}]),
                "messages.0.content.0.cache_control",
            ),
            ("/messages/-", json!({"role": "assistant", "content": "so "}), "cannot end with trailing whitespace"),
            (
                "/messages/1/content/0/input",
                json!("{}"),
                "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
            ),
            ("/messages/1/content/0", forged, "messages.1.content.0: Invalid `signature` in `thinking` block"),
            (
                "/messages/2",
                json!(null),
                "`tool_use` ids were found without `tool_result` blocks immediately after: c1.",
            ),
            (
                "/messages/2/content/0",
                json!({"type": "text", "text": "x"}),
                "without `tool_result` blocks immediately after: c1",
            ),
            ("/messages/2/content/-", result, "each tool_use must have a single result"),
            ("/messages/2/content/0/tool_use_id", json!("c2"), "without `tool_result` blocks immediately after: c1"),
            (
                "/messages/2/content/-",
                json!({"type": "tool_result", "tool_use_id": "c2", "content": "x"}),
                "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: c2.",
            ),
            (
                "/messages/2/content/0/name",
                json!("x"),
                "messages.2.content.0.tool_result.name: Extra inputs are not permitted",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn messages_with_thinking() {
    let server = start(ECHO).await;
    let mut body = good(Wire::Messages);
    set(&mut body, "/temperature", json!(1));
    set(&mut body, "/thinking", json!({"type": "enabled", "budget_tokens": 2000}));
    let (_, message) = ask(&server, Wire::Messages, &body).await;
    assert!(message.contains("Expected `thinking` or `redacted_thinking`, but found `tool_use`."), "{message}");
    set(&mut body, "/messages/1/content/0", json!({"type": "redacted_thinking", "data": "x"}));
    assert_eq!(ask(&server, Wire::Messages, &body).await.0, 200);
    set(&mut body, "/tool_choice", json!({"type": "any"}));
    let (_, message) = ask(&server, Wire::Messages, &body).await;
    assert_eq!(message, "Thinking may not be enabled when tool_choice forces tool use.");
}

#[tokio::test]
async fn beta_fields_take_a_beta_header() {
    let server = start(ECHO).await;
    let mut body = good(Wire::Messages);
    set(&mut body, "/context_management", json!({"edits": []}));
    let headers = [headers(Wire::Messages), &[("anthropic-beta", "context-management-2025-06-27")]].concat();
    let reply = request(&server, "POST", &path(Wire::Messages, true), &headers, &body.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn gemini() {
    refuses(
        Wire::Gemini,
        &[
            ("/contents", json!(null), "contents is not specified"),
            ("/messages", json!([]), "Invalid JSON payload received. Unknown name \"messages\": Cannot find field."),
            ("/contents", json!("hello"), "Invalid value at 'contents' (TYPE_MESSAGE)"),
            (
                "/generationConfig/max_tokens",
                json!(1),
                "Unknown name \"max_tokens\" at 'generation_config': Cannot find field.",
            ),
            (
                "/generationConfig/temperature",
                json!("hot"),
                "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
            ),
            ("/generationConfig/temperature", json!(2.5), "temperature must be in the range [0.0, 2.0]"),
            (
                "/generationConfig/thinkingConfig",
                json!({"thinkingLevel": "LOW"}),
                "Thinking level is not supported for this model.",
            ),
            (
                "/generationConfig/responseMimeType",
                json!("application/json"),
                "Function calling with a response mime type: 'application/json' is unsupported",
            ),
            ("/tools/0/functionDeclarations/0/name", json!("1st"), "Invalid function name."),
            (
                "/tools/0/functionDeclarations/0/parameters/additionalProperties",
                json!(false),
                "Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters'",
            ),
            ("/tools/0/functionDeclarations/0/parameters/type", json!("string"), "schema type should be OBJECT"),
            (
                "/tools/0/functionDeclarations/0/parametersJsonSchema",
                json!({"type": "object"}),
                "only one of parameters and parameters_json_schema",
            ),
            (
                "/tools/0/functionDeclarations/0/strict",
                json!(true),
                "Unknown name \"strict\" at 'tools[0].function_declarations[0]'",
            ),
            ("/tools/-", json!({"googleSearch": {}}), "Tool use with function calling is unsupported"),
            ("/tools/0/codeExecution", json!({}), "Tool use with function calling is unsupported"),
            (
                "/tools/-",
                json!({"functionDeclarations": [{"name": "lookup"}]}),
                "Duplicate function declaration found: lookup",
            ),
            (
                "/toolConfig/functionCallingConfig/mode",
                json!("REQUIRED"),
                "Invalid value at 'tool_config.function_calling_config.mode'",
            ),
            (
                "/toolConfig/functionCallingConfig/allowedFunctionNames",
                json!(["lookup"]),
                "only when function calling mode is ANY",
            ),
            ("/contents/0/role", json!("assistant"), "Please use a valid role: user, model."),
            ("/contents/0/content", json!("x"), "Unknown name \"content\" at 'contents[0]'"),
            ("/contents/0/parts", json!([]), "contents.parts must not be empty"),
            ("/contents/0/parts/0", json!({}), "required oneof field 'data' must have one initialized field"),
            ("/contents/0/parts/0/type", json!("text"), "Unknown name \"type\" at 'contents[0].parts[0]'"),
            (
                "/contents/1/parts/0/functionCall/args",
                json!("{}"),
                "Invalid value at 'contents[1].parts[0].function_call.args'",
            ),
            ("/contents/0", json!(null), "function call turn comes immediately after a user turn"),
            ("/contents/1", json!(null), "function response turn comes immediately after a function call turn"),
            (
                "/contents/2",
                json!(null),
                "number of function response parts is equal to the number of function call parts",
            ),
            (
                "/contents/2",
                json!({"role": "user", "parts": [{"text": "wait"}]}),
                "number of function response parts is equal",
            ),
            ("/contents/2/parts/0/functionResponse/id", json!("c2"), "does not match any function call"),
            (
                "/contents/2/parts/0/functionResponse/response",
                json!("found"),
                "Invalid value at 'contents[2].parts[0].function_response.response'",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn gemini_3_combines_tools_and_wants_signatures() {
    let server = start(ECHO).await;
    let ask = async |body: &Value| {
        let path = "/v1beta/models/gemini-3-flash-preview:generateContent";
        let reply = request(&server, "POST", path, headers(Wire::Gemini), &body.to_string()).await.unwrap();
        (reply.status, reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    let mut body = good(Wire::Gemini);
    let (status, message) = ask(&body).await;
    assert_eq!(status, 400);
    assert!(message.starts_with("Function call is missing a thought_signature in functionCall parts."), "{message}");
    set(&mut body, "/contents/1/parts/0/thoughtSignature", json!("b3RoZXI="));
    assert_eq!(ask(&body).await.1, "Corrupted thought signature.");
    set(&mut body, "/contents/1/parts/0/thoughtSignature", json!("skip_thought_signature_validator"));
    assert_eq!(ask(&body).await.0, 200);
    set(&mut body, "/tools/-", json!({"googleSearch": {}}));
    assert!(ask(&body).await.1.starts_with("Please enable tool_config.include_server_side_tool_invocations"));
    set(&mut body, "/toolConfig/includeServerSideToolInvocations", json!(true));
    assert_eq!(ask(&body).await.0, 200);
}

#[tokio::test]
async fn google_takes_snake_case_too() {
    let server = start(ECHO).await;
    let body = json!({
        "system_instruction": {"parts": [{"text": "x"}]},
        "generation_config": {"max_output_tokens": 10, "thinking_config": {"include_thoughts": true}},
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
    });
    assert_eq!(ask(&server, Wire::Gemini, &body).await.0, 200);
}

#[tokio::test]
async fn what_is_no_json_is_refused_in_the_provider_s_words() {
    let server = start(ECHO).await;
    for wire in Wire::ALL {
        let reply = request(&server, "POST", &path(wire, true), headers(wire), "{\"a\": ").await.unwrap();
        assert_eq!(reply.status, 400, "{wire:?}");
        assert!(reply.text().contains("JSON"), "{wire:?}");
        let list = request(&server, "POST", &path(wire, true), headers(wire), "[]").await.unwrap();
        assert_eq!(list.status, 400, "{wire:?}");
    }
}
