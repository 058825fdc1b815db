"""Checks request bodies against the vendors' own parameter types, unknown keys included.

    python tests/sdk/validate_bodies.py bodies.jsonl

Each line is {"protocol": "responses" | "chat" | "messages" | "gemini", "body": {...}}. The SDKs' types
are looser than they look: a TypedDict lets unknown keys pass, and an Iterable is only looked at when
somebody iterates. So both are tightened here before use. Exit status 1 if any body is not valid.
"""

import collections
import collections.abc
import json
import sys
import types as python_types
import typing
from typing import Any, List, Optional, Union

import typing_extensions
from anthropic.types.message_create_params import MessageCreateParams
from google.genai import types as genai_types
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

# How providers that are compatible with OpenAI take reasoning back. OpenAI's types do not have them.
COMPATIBLE_MESSAGE_KEYS = {"reasoning_content", "reasoning", "reasoning_details"}
ERRORS_SHOWN = 8


class GenerateContentBody(BaseModel):
    """The body that google-genai sends; it builds it by hand and has no type for it."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    contents: List[genai_types.Content]
    tools: Optional[List[genai_types.Tool]] = None
    tool_config: Optional[genai_types.ToolConfig] = None
    safety_settings: Optional[List[genai_types.SafetySetting]] = None
    system_instruction: Optional[genai_types.Content] = None
    generation_config: Optional[genai_types.GenerationConfig] = None
    cached_content: Optional[str] = None
    service_tier: Optional[str] = None


def tighten(kind, seen):
    """`kind` with lists for iterables; every TypedDict in it is made to refuse unknown keys."""
    if typing_extensions.is_typeddict(kind):
        if kind not in seen:
            seen.add(kind)
            hints = typing_extensions.get_type_hints(kind, include_extras=True)
            kind.__annotations__ = {key: tighten(hint, seen) for key, hint in hints.items()}
            # Some types describe a map: an extra key is what they are for.
            if not getattr(kind, "__pydantic_config__", None):
                kind.__pydantic_config__ = ConfigDict(extra="forbid")
        return kind
    origin, arguments = typing_extensions.get_origin(kind), typing_extensions.get_args(kind)
    if not arguments or origin in (typing.Literal, typing_extensions.Literal):
        return kind
    if origin in (collections.abc.Iterable, collections.abc.Sequence, list):
        return List[tighten(arguments[0], seen)]
    if origin in (Union, python_types.UnionType):
        # A request may also hold objects of a reply. As JSON they have to be valid as what they stand for.
        plain = [argument for argument in arguments if not only_models(argument)] or arguments
        return Union[tuple(tighten(argument, seen) for argument in plain)]
    if origin is typing_extensions.Annotated:
        return typing_extensions.Annotated[(tighten(arguments[0], seen), *arguments[1:])]
    if origin in (typing_extensions.Required, typing_extensions.NotRequired):
        return origin[tighten(arguments[0], seen)]
    if origin is dict:
        return typing.Dict[arguments[0], tighten(arguments[1], seen)]
    return kind


def only_models(kind):
    """Whether `kind` is a class of the SDK's replies, or a choice between such classes."""
    origin, arguments = typing_extensions.get_origin(kind), typing_extensions.get_args(kind)
    if origin is typing_extensions.Annotated:
        return only_models(arguments[0])
    if origin in (Union, python_types.UnionType):
        return all(only_models(argument) for argument in arguments)
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def adapter(kind):
    return TypeAdapter(tighten(kind, set()))


def without_compatible_keys(body):
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    strip = lambda message: {key: value for key, value in message.items() if key not in COMPATIBLE_MESSAGE_KEYS}
    return dict(body, messages=[strip(m) if isinstance(m, dict) else m for m in messages])


def adapters():
    return {
        "responses": (adapter(ResponseCreateParams), lambda body: body),
        "chat": (adapter(CompletionCreateParams), without_compatible_keys),
        "messages": (adapter(MessageCreateParams), lambda body: body),
        "gemini": (TypeAdapter(GenerateContentBody), lambda body: body),
    }


def faults(known, protocol: str, body: Any):
    """What is wrong with a body. Where a value fits none of several types, the nearest comes first."""
    kind, prepare = known[protocol]
    try:
        kind.validate_python(prepare(body))
        return []
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
    form = "NonStreaming" if body.get("stream") else "Streaming"
    other = lambda e: isinstance(e["loc"][0], str) and e["loc"][0].endswith(f"CreateParams{form}")
    found = [e for e in found if not other(e)] or found
    branches = collections.Counter(e["loc"][:-1] for e in found)
    found.sort(key=lambda e: (branches[e["loc"][:-1]], -len(e["loc"])))
    return [f"{place(e['loc'])}: {e['msg']}" for e in found]


def place(steps):
    """The way to a value, without the long names of choices."""
    return ".".join(str(step) for step in steps if "[" not in str(step))


def main(path):
    known = adapters()
    good = bad = 0
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            record = json.loads(line)
            found = faults(known, record["protocol"], record["body"])
            if not found:
                good += 1
                continue
            bad += 1
            print(f"{path}:{number}: the {record['protocol']} body is not valid")
            for fault in found[:ERRORS_SHOWN]:
                print(f"    {fault}")
    print(f"{good} passed, {bad} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
