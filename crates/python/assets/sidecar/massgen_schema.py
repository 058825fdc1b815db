"""What a function takes: its JSON Schema from signature and docstring, and JSON back into what it expects."""

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import inspect
import pathlib
import re
import types
import typing
import uuid

DEPTH_MAX = 8
DESCRIPTION_MAX = 8000
EMPTY = inspect.Parameter.empty
STRINGS = {
    datetime.datetime: "date-time",
    datetime.date: "date",
    datetime.time: "time",
    uuid.UUID: "uuid",
    pathlib.Path: None,
    pathlib.PurePath: None,
    decimal.Decimal: None,
    bytes: None,
}
LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.MutableSequence, collections.abc.Collection)
SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


class Unfit(Exception):
    """An argument that its parameter cannot take."""


def unwrapped(function):
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    return inspect.unwrap(function)


def is_asynchronous(function):
    for candidate in (function, unwrapped(function), getattr(function, "__call__", None)):
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            return True
    return False


class Shape:
    """The parameters of a function."""

    def __init__(self, function):
        inner = unwrapped(function)
        self.signature = inspect.signature(function)
        self.hints = hints_of(inner)
        documentation = parse_docstring(inspect.getdoc(inner) or inspect.getdoc(function) or "")
        self.description, self.documented = documentation
        context = getattr(function, "__context_params__", None) or getattr(inner, "__context_params__", ())
        self.context = set(context)
        self.names, self.required, self.optional = [], [], []
        self.takes_any = False
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                self.takes_any = True
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                self.names.append(name)
                (self.required if parameter.default is EMPTY else self.optional).append(name)

    def parameters(self, hidden):
        definitions = {}
        properties, required = {}, []
        for name in self.names:
            if name in hidden:
                continue
            parameter = self.signature.parameters[name]
            schema = dict(schema_of(self.hints.get(name, parameter.annotation), definitions))
            if self.documented.get(name):
                schema["description"] = self.documented[name]
            if parameter.default is EMPTY:
                required.append(name)
            else:
                default, known = plain(parameter.default)
                if known:
                    schema["default"] = default
            properties[name] = schema
        result = {"type": "object", "properties": properties}
        if required:
            result["required"] = required
        if definitions:
            result["$defs"] = definitions
        if self.takes_any:
            result["additionalProperties"] = True
        return result

    def convert(self, given):
        arguments = {}
        for name, value in given.items():
            parameter = self.signature.parameters.get(name)
            hint = self.hints.get(name, parameter.annotation if parameter else EMPTY)
            try:
                arguments[name] = converted(value, hint, 0)
            except Exception as error:
                raise Unfit("argument `%s`: %s" % (name, str(error).strip()[:500]))
        return arguments

    def bind(self, arguments):
        positional, named, rest = [], {}, dict(arguments)
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is parameter.POSITIONAL_ONLY:
                if name not in rest:
                    break
                positional.append(rest.pop(name))
        named.update(rest)
        return positional, named


def describe(function):
    """The shape of `function`, which may be a class with `__call__`, a partial function, or decorated."""
    return Shape(function)


def hints_of(function):
    target = function
    if not inspect.isroutine(target) and not inspect.isclass(target) and hasattr(type(target), "__call__"):
        target = type(target).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception:
        # One name that exists only for type checkers must not cost the others.
        hints = {}
        scope = dict(vars(typing))
        scope.update(getattr(target, "__globals__", {}))
        for name, annotation in getattr(target, "__annotations__", {}).items():
            if isinstance(annotation, str):
                try:
                    annotation = eval(annotation, scope)
                except Exception:
                    annotation = typing.Any
            hints[name] = annotation
        return hints


def is_union(origin):
    return origin is typing.Union or origin is getattr(types, "UnionType", object())


def is_pydantic(hint):
    return inspect.isclass(hint) and (hasattr(hint, "model_json_schema") or hasattr(hint, "__fields__") and hasattr(hint, "schema"))


def is_typed_dict(hint):
    return inspect.isclass(hint) and issubclass(hint, dict) and hasattr(hint, "__total__")


def schema_of(hint, definitions, depth=0):
    if depth > DEPTH_MAX:
        return {}
    inner = lambda part: schema_of(part, definitions, depth + 1)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint in (EMPTY, typing.Any, object) or isinstance(hint, str):
        return {}
    if hasattr(hint, "__metadata__"):
        schema = dict(inner(hint.__origin__))
        for extra in hint.__metadata__:
            text = extra if isinstance(extra, str) else getattr(extra, "description", None) or getattr(extra, "documentation", None)
            if isinstance(text, str):
                schema["description"] = text
        return schema
    if hint is None or hint is type(None):
        return {"type": "null"}
    if hint is bool:
        return {"type": "boolean"}
    if hint is int:
        return {"type": "integer"}
    if hint is float or hint is complex:
        return {"type": "number"}
    if hint is str:
        return {"type": "string"}
    if is_union(origin):
        options = []
        for part in parts:
            option = inner(part)
            if option not in options:
                options.append(option)
        return options[0] if len(options) == 1 else {"anyOf": options}
    if origin is typing.Literal:
        return values_schema([part.value if isinstance(part, enum.Enum) else part for part in parts])
    if hasattr(hint, "__supertype__"):
        return inner(hint.__supertype__)
    if isinstance(hint, typing.TypeVar):
        return inner(hint.__bound__) if hint.__bound__ else {}
    kind = origin if origin is not None else hint
    if kind is tuple:
        if len(parts) == 2 and parts[1] is Ellipsis:
            return {"type": "array", "items": inner(parts[0])}
        if parts:
            items = [inner(part) for part in parts]
            same = all(item == items[0] for item in items)
            return {"type": "array", "items": items[0] if same else {"anyOf": items}, "minItems": len(parts), "maxItems": len(parts)}
        return {"type": "array", "items": {}}
    if kind in LISTS:
        return {"type": "array", "items": inner(parts[0]) if parts else {}}
    if kind in SETS:
        return {"type": "array", "items": inner(parts[0]) if parts else {}, "uniqueItems": True}
    if kind in MAPS:
        schema = {"type": "object"}
        if len(parts) == 2 and parts[1] is not typing.Any:
            schema["additionalProperties"] = inner(parts[1])
        return schema
    if not inspect.isclass(hint):
        return {}
    if issubclass(hint, enum.Enum):
        return values_schema([plain(member.value)[0] for member in hint])
    if is_pydantic(hint):
        return pydantic_schema(hint, definitions)
    if is_typed_dict(hint) or dataclasses.is_dataclass(hint):
        return fields_schema(hint, definitions, depth)
    for known, form in STRINGS.items():
        if issubclass(hint, known):
            return {"type": "string", "format": form} if form else {"type": "string"}
    for known in (bool, int, float, str):
        if issubclass(hint, known):
            return inner(known)
    return {}


def values_schema(values):
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    kinds = {names.get(type(value)) for value in values}
    schema = {"enum": values}
    if len(kinds) == 1 and None not in kinds:
        schema = {"type": kinds.pop(), "enum": values}
    return schema


def fields_schema(hint, definitions, depth):
    try:
        hints = typing.get_type_hints(hint, include_extras=True)
    except Exception:
        hints = dict(getattr(hint, "__annotations__", {}))
    properties, required = {}, []
    if dataclasses.is_dataclass(hint):
        for field in dataclasses.fields(hint):
            if not field.init:
                continue
            schema = dict(schema_of(hints.get(field.name, field.type), definitions, depth + 1))
            if field.default is not dataclasses.MISSING:
                default, known = plain(field.default)
                if known:
                    schema["default"] = default
            elif field.default_factory is dataclasses.MISSING:
                required.append(field.name)
            properties[field.name] = schema
    else:
        needed = getattr(hint, "__required_keys__", frozenset(hints))
        for name, part in hints.items():
            properties[name] = schema_of(part, definitions, depth + 1)
            if name in needed:
                required.append(name)
    documentation = parse_docstring(inspect.getdoc(hint) or "")
    for name, text in documentation[1].items():
        if name in properties:
            properties[name]["description"] = text
    schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema


def pydantic_schema(hint, definitions):
    if hasattr(hint, "model_json_schema"):
        schema = hint.model_json_schema(ref_template="#/$defs/{model}")
    else:
        schema = hint.schema(ref_template="#/$defs/{model}")
    for key in ("$defs", "definitions"):
        for name, definition in (schema.pop(key, None) or {}).items():
            definitions.setdefault(name, without_titles(definition))
    return without_titles(schema)


def without_titles(schema):
    """Without the titles that pydantic makes of names; a property may be called `title`."""
    if isinstance(schema, dict):
        return {
            key: {name: without_titles(part) for name, part in value.items()}
            if key == "properties" and isinstance(value, dict)
            else without_titles(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [without_titles(part) for part in schema]
    return schema


def plain(value, depth=0):
    """`value` as JSON can say it, and whether it can."""
    if isinstance(value, enum.Enum):
        return plain(value.value, depth)
    if value is None or isinstance(value, (bool, int, str)):
        return value, True
    if isinstance(value, float):
        finite = value == value and value not in (float("inf"), float("-inf"))
        return (value, True) if finite else (str(value), False)
    if depth < 4 and isinstance(value, (list, tuple)):
        parts = [plain(part, depth + 1) for part in value]
        return [part for part, _ in parts], all(known for _, known in parts)
    if depth < 4 and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        parts = {key: plain(part, depth + 1) for key, part in value.items()}
        return {key: part for key, (part, _) in parts.items()}, all(known for _, known in parts.values())
    return str(value), False


def converted(value, hint, depth):
    """JSON as the types that need building: enumerations, data classes, models. All else passes as it is."""
    if depth > DEPTH_MAX or value is None:
        return value
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hasattr(hint, "__metadata__"):
        return converted(value, hint.__origin__, depth + 1)
    if is_union(origin):
        last = None
        for part in parts:
            if not is_built(part):
                continue
            try:
                return converted(value, part, depth + 1)
            except Exception as error:
                last = error
        if last is not None and all(is_built(part) or part is type(None) for part in parts):
            raise last
        return value
    kind = origin if origin is not None else hint
    if kind is tuple and isinstance(value, list) and parts and parts[-1] is not Ellipsis:
        return value
    if kind in LISTS or kind in SETS or kind is tuple:
        if isinstance(value, list) and parts and is_built(parts[0]):
            return [converted(item, parts[0], depth + 1) for item in value]
        return value
    if kind in MAPS:
        if isinstance(value, dict) and len(parts) == 2 and is_built(parts[1]):
            return {key: converted(item, parts[1], depth + 1) for key, item in value.items()}
        return value
    if not inspect.isclass(hint):
        return value
    if issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError:
            if isinstance(value, str) and value in hint.__members__:
                return hint[value]
            raise
    if is_pydantic(hint):
        validate = getattr(hint, "model_validate", None) or hint.parse_obj
        return validate(value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        try:
            hints = typing.get_type_hints(hint, include_extras=True)
        except Exception:
            hints = {}
        return hint(**{key: converted(item, hints.get(key, EMPTY), depth + 1) for key, item in value.items()})
    return value


def is_built(hint, depth=0):
    if depth > DEPTH_MAX:
        return False
    if inspect.isclass(hint) and typing.get_origin(hint) is None:
        return issubclass(hint, enum.Enum) or is_pydantic(hint) or dataclasses.is_dataclass(hint)
    return any(is_built(part, depth + 1) for part in typing.get_args(hint))


# Docstrings

SECTION = re.compile(
    r"^(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters|Attributes|Returns?|Yields?|Raises|"
    r"Examples?|Notes?|Warnings?|Warns|See Also|References|Todo|Security)\s*:?\s*$"
)
PARAMETER_SECTIONS = {
    "Args",
    "Arguments",
    "Parameters",
    "Params",
    "Keyword Args",
    "Keyword Arguments",
    "Other Parameters",
    "Attributes",
}
GOOGLE_ENTRY = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
NUMPY_ENTRY = re.compile(r"^\*{0,2}(\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
FIELD = re.compile(r"^[:@](param|parameter|arg|argument|key|keyword)\s+(?:[^:]*?\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
OTHER_FIELD = re.compile(r"^[:@](returns?|rtype|raises?|type|yields?|throws|exception|except)\b.*$")


def indent_of(line):
    return len(line) - len(line.lstrip())


def parse_docstring(text):
    """The description and what is said of each parameter, in Google, NumPy or reST style."""
    lines = text.expandtabs().splitlines()
    description, parameters = [], {}
    index = 0
    while index < len(lines):
        line = lines[index]
        stripped = line.strip()
        field = FIELD.match(stripped)
        if field:
            parts, index = [field.group(3)], index + 1
            while index < len(lines) and lines[index].strip() and indent_of(lines[index]) > indent_of(line):
                parts.append(lines[index].strip())
                index += 1
            parameters[field.group(2)] = " ".join(part for part in parts if part)
            continue
        if OTHER_FIELD.match(stripped):
            index += 1
            while index < len(lines) and lines[index].strip() and indent_of(lines[index]) > indent_of(line):
                index += 1
            continue
        section = SECTION.match(stripped)
        following = lines[index + 1] if index + 1 < len(lines) else ""
        underlined = bool(re.match(r"^\s*-{3,}\s*$", following)) and section
        google = section and stripped.endswith(":") and not underlined
        if underlined:
            index, body = section_body(lines, index + 2, indent_of(line), True)
            if section.group(1) in PARAMETER_SECTIONS:
                numpy_entries(body, parameters)
            continue
        if google and next_is_deeper(lines, index):
            index, body = section_body(lines, index + 1, indent_of(line), False)
            if section.group(1) in PARAMETER_SECTIONS:
                google_entries(body, parameters)
            continue
        description.append(line.rstrip())
        index += 1
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(description)).strip()
    return joined[:DESCRIPTION_MAX], {name: words[:DESCRIPTION_MAX] for name, words in parameters.items() if words}


def next_is_deeper(lines, index):
    for line in lines[index + 1 :]:
        if line.strip():
            return indent_of(line) > indent_of(lines[index])
    return False


def section_body(lines, index, indent, underlined):
    body = []
    while index < len(lines):
        line = lines[index]
        if line.strip():
            if not underlined and indent_of(line) <= indent:
                break
            following = lines[index + 1] if index + 1 < len(lines) else ""
            if underlined and re.match(r"^\s*-{3,}\s*$", following):
                break
        body.append(line)
        index += 1
    return index, body


def google_entries(body, parameters):
    depth = min((indent_of(line) for line in body if line.strip()), default=0)
    name = None
    for line in body:
        if not line.strip():
            continue
        entry = GOOGLE_ENTRY.match(line.strip()) if indent_of(line) == depth else None
        if entry:
            name = entry.group(1)
            parameters[name] = entry.group(2).strip()
        elif name:
            parameters[name] = (parameters[name] + " " + line.strip()).strip()


def numpy_entries(body, parameters):
    depth = min((indent_of(line) for line in body if line.strip()), default=0)
    names = []
    for line in body:
        if not line.strip():
            continue
        entry = NUMPY_ENTRY.match(line.strip()) if indent_of(line) == depth else None
        if entry:
            names = [name.strip().lstrip("*") for name in entry.group(1).split(",")]
            for name in names:
                parameters.setdefault(name, "")
        else:
            for name in names:
                parameters[name] = (parameters[name] + " " + line.strip()).strip()
