"""Calls tools of massgen from programs. Used by the modules in `servers/` and `custom_tools/`.

A call is a connection to a Unix socket: one request, one answer, each a length of four bytes (big endian) and that many
bytes of JSON. The socket is named by MASSGEN_TOOLS_SOCKET; beside it lies the token that requests carry.
"""

import json
import os
import socket
import struct


class ToolError(RuntimeError):
    """The call failed, was refused, or could not be made."""


class Result(str):
    """The text of a result. Where it is JSON, `result.json()` is its value, and `result["key"]` looks into it."""

    def json(self):
        return json.loads(self)

    def __getitem__(self, key):
        if isinstance(key, str):
            return json.loads(self)[key]
        return str.__getitem__(self, key)


def _endpoint():
    path = os.environ.get("MASSGEN_TOOLS_SOCKET")
    if not path:
        try:
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "endpoint"), encoding="utf-8") as file:
                path = file.read().strip()
        except OSError:
            pass
    if not path:
        raise ToolError("tools cannot be called here: MASSGEN_TOOLS_SOCKET is not set")
    try:
        with open(os.path.join(os.path.dirname(path), "token"), encoding="ascii") as file:
            return path, file.read().strip()
    except OSError as error:
        raise ToolError("tools cannot be called here: %s" % error) from None


def _read(connection, count):
    parts = []
    while count:
        part = connection.recv(min(count, 1 << 20))
        if not part:
            raise ToolError("the connection ended before the answer came; the turn may be over")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def call(tool, arguments, optional=None):
    """Calls `tool`. Of the `optional` arguments those that are None are left out. Raises ToolError when it fails."""
    arguments = dict(arguments)
    arguments.update((name, value) for name, value in (optional or {}).items() if value is not None)
    path, token = _endpoint()
    request = json.dumps({"token": token, "tool": tool, "arguments": arguments}, allow_nan=False).encode("utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
            connection.sendall(struct.pack(">I", len(request)) + request)
        except OSError as error:
            # A refusal may have come before all of the request was sent.
            if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                raise ToolError("tools cannot be called: %s" % error) from None
        try:
            (length,) = struct.unpack(">I", _read(connection, 4))
            answer = json.loads(_read(connection, length).decode("utf-8"))
        except OSError as error:
            raise ToolError("the answer did not come: %s" % error) from None
    if not answer.get("ok"):
        raise ToolError(answer.get("error") or "the tool failed")
    return Result(answer.get("content", ""))
