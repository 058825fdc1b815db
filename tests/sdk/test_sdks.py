"""Proves that the vendors' own SDKs can talk to the rehearsal provider.

    cargo run -p massgen-rehearsal --example serve -- tests/sdk/scenario.yaml
    REHEARSAL_URL=http://127.0.0.1:PORT python tests/sdk/test_sdks.py

Every test is a function named test_*; the last line says how many passed.
"""

import base64
import json
import os
import sys
import traceback

import anthropic
import openai
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as genai_types

KEY = "rehearsal-key"
URL = os.environ["REHEARSAL_URL"].rstrip("/")
PLAIN = "Plain words, with ünïcode – and 雪."
LET_ME_LOOK = "Let me look. "
DONE = "The lookup says: done – ✓."
CALLS = [{"word": "quasar", "depth": 2}, {"word": "größer", "depth": 3}]
REASON = "I should look things up before I speak."
SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}, "depth": {"type": "integer"}},
    "required": ["word", "depth"],
}


def openai_client(key=KEY):
    return openai.OpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=0)


def anthropic_client(key=KEY):
    return anthropic.Anthropic(base_url=URL, api_key=key, max_retries=0)


def gemini_client(key=KEY):
    return genai.Client(api_key=key, http_options=genai_types.HttpOptions(base_url=URL))


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


# --- OpenAI Responses ---

RESPONSES_TOOL = {"type": "function", "name": "lookup", "description": "Looks up.", "parameters": SCHEMA, "strict": False}


def test_responses_whole():
    response = openai_client().responses.create(model="gpt-5-nano", input="hello")
    assert response.output_text == PLAIN, response.output_text
    assert response.status == "completed" and response.usage.output_tokens > 0


def test_responses_stream_with_tools_and_loop():
    client = openai_client()
    settings = dict(model="gpt-5-nano", tools=[RESPONSES_TOOL], reasoning={"summary": "auto"})
    settings |= dict(include=["reasoning.encrypted_content"], store=False)
    question = [{"role": "user", "content": "look it up"}]
    numbers, text, reasoning, types = [], "", "", []
    with client.responses.stream(input=question, **settings) as stream:
        for event in stream:
            numbers.append(event.sequence_number)
            types.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.reasoning_summary_text.delta":
                reasoning += event.delta
        final = stream.get_final_response()
    assert numbers == list(range(len(numbers))), numbers
    assert types[:2] == ["response.created", "response.in_progress"] and types[-1] == "response.completed", types
    assert text == LET_ME_LOOK and reasoning == REASON, (text, reasoning)
    calls = [item for item in final.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == CALLS
    items = question + [item.to_dict() if hasattr(item, "to_dict") else item for item in final.output]
    for item in items:
        item.pop("parsed_arguments", None)
        for part in item.get("content") or []:
            if isinstance(part, dict):
                part.pop("parsed", None)
    items += [{"type": "function_call_output", "call_id": call.call_id, "output": "done"} for call in calls]
    again = client.responses.create(input=items, **settings)
    assert again.output_text == DONE, again.output_text


def test_responses_previous_response_id():
    client = openai_client()
    first = client.responses.create(model="gpt-5-nano", input="look it up", tools=[RESPONSES_TOOL])
    calls = [item for item in first.output if item.type == "function_call"]
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "done"} for call in calls]
    again = client.responses.create(
        model="gpt-5-nano", input=outputs, previous_response_id=first.id, tools=[RESPONSES_TOOL]
    )
    assert again.output_text == DONE
    error = raised(
        openai.BadRequestError,
        lambda: client.responses.create(model="gpt-5-nano", input="x", previous_response_id="resp_unknown"),
    )
    assert error.code == "previous_response_not_found", error


def test_responses_errors():
    call = lambda client, model="gpt-5-nano", text="x", **more: client.responses.create(model=model, input=text, **more)
    assert raised(openai.AuthenticationError, lambda: call(openai_client(key="wrong"))).status_code == 401
    assert raised(openai.NotFoundError, lambda: call(openai_client(), model="gpt-0")).code == "model_not_found"
    limited = raised(openai.RateLimitError, lambda: call(openai_client(), text="limit me"))
    assert limited.response.headers["retry-after"] == "1"
    raised(openai.InternalServerError, lambda: call(openai_client(), text="break down"))
    error = raised(openai.BadRequestError, lambda: call(openai_client(), temperature=0.2))
    assert error.code == "unsupported_parameter", error
    error = raised(openai.BadRequestError, lambda: call(openai_client(), extra_body={"colour": "red"}))
    assert error.code == "unknown_parameter", error
    events = list(call(openai_client(), text="fail midway", stream=True))
    assert [event.type for event in events[-2:]] == ["error", "response.failed"], events
    assert events[-1].response.error.code == "server_is_overloaded"


# --- OpenAI Chat Completions ---

CHAT_TOOL = {"type": "function", "function": {"name": "lookup", "description": "Looks up.", "parameters": SCHEMA}}


def test_chat_whole():
    completion = openai_client().chat.completions.create(model="glm-4.5", messages=[{"role": "user", "content": "hi"}])
    assert completion.choices[0].message.content == PLAIN
    assert completion.choices[0].finish_reason == "stop" and completion.system_fingerprint == "fp_rehearsal"


def test_chat_stream_with_tools_and_loop():
    client = openai_client()
    messages = [{"role": "user", "content": "look it up"}]
    with client.chat.completions.stream(
        model="glm-4.5", messages=messages, tools=[CHAT_TOOL], stream_options={"include_usage": True}
    ) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    message = final.choices[0].message
    assert message.content == LET_ME_LOOK and final.choices[0].finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments) for call in message.tool_calls] == CALLS
    assert final.usage.total_tokens > 0
    assert message.reasoning_content == REASON
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in message.tool_calls
    ]
    messages += [{"role": "assistant", "content": message.content, "tool_calls": calls}]
    messages += [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in calls]
    again = client.chat.completions.create(model="glm-4.5", messages=messages, tools=[CHAT_TOOL])
    assert again.choices[0].message.content == DONE
    error = raised(
        openai.BadRequestError,
        lambda: client.chat.completions.create(model="glm-4.5", messages=messages[:-1], tools=[CHAT_TOOL]),
    )
    assert "must be followed by tool messages" in str(error)


def test_chat_azure():
    client = openai.AzureOpenAI(
        azure_endpoint=URL, api_key=KEY, api_version="2024-12-01-preview", max_retries=0
    )
    messages = [{"role": "user", "content": "hi"}]
    assert client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message.content == PLAIN
    error = raised(openai.NotFoundError, lambda: client.chat.completions.create(model="nowhere", messages=messages))
    assert error.code == "DeploymentNotFound", error


def test_chat_errors():
    call = lambda client, model="glm-4.5", text="x", **more: client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}], **more
    )
    raised(openai.AuthenticationError, lambda: call(openai_client(key="wrong")))
    raised(openai.NotFoundError, lambda: call(openai_client(), model="gpt-0"))
    raised(openai.RateLimitError, lambda: call(openai_client(), text="limit me"))
    error = raised(openai.BadRequestError, lambda: call(openai_client(), extra_body={"colour": "red"}))
    assert "Unrecognized request argument supplied: colour" in str(error), error
    stream = call(openai_client(), text="fail midway", stream=True)
    raised(openai.APIError, lambda: [event for event in stream])


def test_openai_models():
    assert "gpt-5-nano" in [model.id for model in openai_client().models.list()]


# --- Anthropic Messages ---

ANTHROPIC_TOOL = {"name": "lookup", "description": "Looks up.", "input_schema": SCHEMA}


def test_messages_whole():
    message = anthropic_client().messages.create(
        model="claude-sonnet-4-5", max_tokens=1000, messages=[{"role": "user", "content": "hi"}]
    )
    assert message.content[0].text == PLAIN and message.stop_reason == "end_turn"


def test_messages_stream_with_thinking_and_tools_and_loop():
    client = anthropic_client()
    settings = dict(model="claude-sonnet-4-5", max_tokens=4000, tools=[ANTHROPIC_TOOL])
    settings |= dict(thinking={"type": "enabled", "budget_tokens": 2000})
    messages = [{"role": "user", "content": "look it up"}]
    with client.messages.stream(messages=messages, **settings) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == LET_ME_LOOK and final.stop_reason == "tool_use"
    assert final.content[0].type == "thinking" and final.content[0].thinking == REASON
    uses = [block for block in final.content if block.type == "tool_use"]
    assert [use.input for use in uses] == CALLS
    assert final.usage.output_tokens > 1
    content = [block.to_dict() for block in final.content]
    for block in content:
        block.pop("parsed_output", None)
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": "done"} for use in uses]
    replay = lambda content: messages + [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
    again = client.messages.create(messages=replay(content), **settings)
    assert again.content[-1].text == DONE
    forged = [dict(content[0], thinking="other thoughts")] + content[1:]
    error = raised(anthropic.BadRequestError, lambda: client.messages.create(messages=replay(forged), **settings))
    assert "Invalid `signature` in `thinking` block" in str(error), error


def test_messages_errors():
    call = lambda client, model="claude-sonnet-4-5", text="x", **more: client.messages.create(
        model=model, max_tokens=1000, messages=[{"role": "user", "content": text}], **more
    )
    raised(anthropic.AuthenticationError, lambda: call(anthropic_client(key="wrong")))
    assert "model: claude-0" in str(raised(anthropic.NotFoundError, lambda: call(anthropic_client(), model="claude-0")))
    raised(anthropic.RateLimitError, lambda: call(anthropic_client(), text="limit me"))
    error = raised(anthropic.BadRequestError, lambda: call(anthropic_client(), extra_body={"colour": "red"}))
    assert "colour: Extra inputs are not permitted" in str(error), error
    stream = call(anthropic_client(), text="fail midway", stream=True)
    raised(anthropic.APIStatusError, lambda: [event for event in stream])


def test_anthropic_models():
    assert "claude-sonnet-4-5" in [model.id for model in anthropic_client().models.list()]


# --- Gemini ---


def gemini_tool():
    return genai_types.Tool(
        function_declarations=[
            genai_types.FunctionDeclaration(name="lookup", description="Looks up.", parameters_json_schema=SCHEMA)
        ]
    )


def gemini_config(**more):
    automatic = genai_types.AutomaticFunctionCallingConfig(disable=True)
    return genai_types.GenerateContentConfig(automatic_function_calling=automatic, **more)


def test_gemini_whole():
    client = gemini_client()
    response = client.models.generate_content(model="gemini-2.5-flash", contents="hi")
    assert response.text == PLAIN and response.usage_metadata.total_token_count > 0
    assert response.candidates[0].finish_reason == genai_types.FinishReason.STOP


def test_gemini_stream_with_tools_and_loop():
    for model in ["gemini-2.5-flash", "gemini-3-flash-preview"]:
        client = gemini_client()
        thinking = genai_types.ThinkingConfig(include_thoughts=True)
        config = gemini_config(tools=[gemini_tool()], thinking_config=thinking)
        contents = [genai_types.Content(role="user", parts=[genai_types.Part(text="look it up")])]
        parts, reasons = [], []
        for chunk in client.models.generate_content_stream(model=model, contents=contents, config=config):
            parts += chunk.candidates[0].content.parts or []
            reasons.append(chunk.candidates[0].finish_reason)
        assert reasons[-1] == genai_types.FinishReason.STOP and not any(reasons[:-1]), reasons
        assert "".join(p.text for p in parts if p.text and not p.thought) == LET_ME_LOOK
        assert "".join(p.text for p in parts if p.text and p.thought) == REASON
        calls = [part.function_call for part in parts if part.function_call]
        assert [call.args for call in calls] == CALLS and all(call.id for call in calls)
        signed = [part.thought_signature is not None for part in parts if part.function_call]
        assert signed == [model.startswith("gemini-3"), False], signed
        kept = [part for part in parts if not part.thought and part.text != ""]
        responses = [
            genai_types.Part(
                function_response=genai_types.FunctionResponse(id=call.id, name=call.name, response={"output": "done"})
            )
            for call in calls
        ]
        replay = contents + [
            genai_types.Content(role="model", parts=kept),
            genai_types.Content(role="user", parts=responses),
        ]
        again = client.models.generate_content(model=model, contents=replay, config=config)
        assert again.text == DONE
        if model.startswith("gemini-3"):
            for part in kept:
                part.thought_signature = None
            error = raised(
                genai_errors.ClientError,
                lambda: client.models.generate_content(model=model, contents=replay, config=config),
            )
            assert "missing a thought_signature" in str(error), error


def test_gemini_errors():
    call = lambda client, model="gemini-2.5-flash", text="x", **more: client.models.generate_content(
        model=model, contents=text, **more
    )
    client = gemini_client()
    wrong = gemini_client(key="wrong")
    assert "API key not valid" in str(raised(genai_errors.ClientError, lambda: call(wrong)))
    assert raised(genai_errors.ClientError, lambda: call(client, model="gemini-0")).status == "NOT_FOUND"
    limited = raised(genai_errors.ClientError, lambda: call(client, text="limit me"))
    assert limited.code == 429 and limited.status == "RESOURCE_EXHAUSTED"
    raised(genai_errors.ServerError, lambda: call(client, text="break down"))
    search = genai_types.Tool(google_search=genai_types.GoogleSearch())
    config = gemini_config(tools=[gemini_tool(), search])
    error = raised(genai_errors.ClientError, lambda: call(client, config=config))
    assert error.status == "INVALID_ARGUMENT" and "unsupported" in str(error), error


# --- Pictures and sound ---

PNG = b"\x89PNG\r\n\x1a\n"
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()


def is_png(text):
    return base64.b64decode(text).startswith(PNG)


def test_pictures_are_seen():
    parts = [{"type": "input_image", "image_url": PNG_URL, "detail": "auto"}, {"type": "input_text", "text": "what?"}]
    response = openai_client().responses.create(model="gpt-5-nano", input=[{"role": "user", "content": parts}])
    assert response.output_text == PLAIN, response
    parts = [{"type": "image_url", "image_url": {"url": PNG_URL}}, {"type": "text", "text": "what?"}]
    reply = openai_client().chat.completions.create(model="glm-4.5", messages=[{"role": "user", "content": parts}])
    assert reply.choices[0].message.content == PLAIN, reply
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "what?"}]
    message = anthropic_client().messages.create(
        model="claude-sonnet-4-5", max_tokens=100, messages=[{"role": "user", "content": parts}]
    )
    assert message.content[0].text == PLAIN, message
    parts = [genai_types.Part.from_bytes(data=PNG, mime_type="image/png"), "what?"]
    client = gemini_client()
    reply = client.models.generate_content(model="gemini-2.5-flash", contents=parts)
    assert reply.text == PLAIN, reply


def test_pictures_are_drawn():
    images = openai_client().images.generate(model="gpt-image-1", prompt="a disc", size="1536x1024", quality="low")
    assert is_png(images.data[0].b64_json)
    response = openai_client().responses.create(
        model="gpt-5-nano", input="a disc", tools=[{"type": "image_generation"}], tool_choice={"type": "image_generation"}
    )
    drawn = [item for item in response.output if item.type == "image_generation_call"]
    assert len(drawn) == 1 and is_png(drawn[0].result), response.output
    config = genai_types.GenerateContentConfig(
        response_modalities=["TEXT", "IMAGE"], image_config=genai_types.ImageConfig(aspect_ratio="16:9")
    )
    client = gemini_client()
    reply = client.models.generate_content(model="gemini-2.5-flash-image", contents="a disc", config=config)
    drawn = [part.inline_data for part in reply.parts if part.inline_data]
    assert len(drawn) == 1 and drawn[0].mime_type == "image/png" and drawn[0].data.startswith(PNG), reply


def test_speech_and_recordings():
    client = openai_client()
    speech = client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="hello", instructions="softly")
    assert speech.read().startswith(b"\xff\xfb")
    text = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.mp3", b"ID3...."))
    assert text.text == PLAIN, text
    reply = client.chat.completions.create(
        model="gpt-4o-audio-preview",
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
        messages=[{"role": "user", "content": "hello"}],
    )
    audio = reply.choices[0].message.audio
    assert audio.transcript == PLAIN and base64.b64decode(audio.data).startswith(b"RIFF"), audio


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    failed = 0
    for name, test in tests:
        try:
            test()
            print(f"ok    {name}")
        except Exception:
            failed += 1
            print(f"FAIL  {name}")
            traceback.print_exc(file=sys.stdout)
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
