"""An MCP server over standard input and output that behaves oddly, by the words on its command line.

    python3 odd_server.py [start=hang|die|garbage] [flood] [many] [modern] [pid=FILE]

With `modern` it speaks MCP 2026-07-28 and nothing older.

It needs nothing but Python. Every message is one line of JSON.
"""
import json
import os
import subprocess
import sys
import threading
import time

WORDS = dict(word.partition("=")[::2] for word in sys.argv[1:])
LOCK = threading.Lock()
CANCELLED = []
ANSWERS = {}
EXTRA_TOOLS = []
LISTENERS = []
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
QUESTION = {
    "message": "Which colour?",
    "requestedSchema": {"type": "object", "properties": {"colour": {"type": "string"}}},
}


def send(**message):
    with LOCK:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def text(value):
    return {"content": [{"type": "text", "text": value}]}


def ask(method, params):
    """Asks the client; waits for its answer."""
    identity = f"server-{len(ANSWERS)}"
    ANSWERS[identity] = (event := threading.Event(), answer := [])
    send(id=identity, method=method, params=params)
    event.wait()
    return answer[0]


def tool(name, **annotations):
    return {"name": name, "description": name, "inputSchema": {"type": "object"}, "annotations": annotations}


TOOLS = [
    tool("echo", readOnlyHint=True),
    tool("silent"),
    tool("silent_reader", readOnlyHint=True),
    tool("die"),
    tool("die_reader", readOnlyHint=True),
    tool("progress"),
    tool("stubborn"),
    tool("was_cancelled", readOnlyHint=True),
    tool("grow"),
    tool("ask"),
    tool("roots"),
    tool("fork"),
    tool("log"),
    tool("long"),
    tool("wedge"),
    tool("environment"),
]


def listed():
    if "many" in WORDS:
        return [tool(f"tool_{number}") for number in range(500)]
    return TOOLS + EXTRA_TOOLS


def call(identity, params):
    name, arguments = params["name"], params.get("arguments", {})
    token = params.get("_meta", {}).get("progressToken")
    if name == "echo":
        return text(json.dumps(arguments))
    if name in ("silent", "silent_reader"):
        return None
    if name in ("die", "die_reader"):
        print("last words", file=sys.stderr, flush=True)
        os._exit(7)
    if name == "progress":
        for step in range(1, 4):
            send(method="notifications/progress",
                 params={"progressToken": token, "progress": step, "total": 3, "message": f"step {step}"})
            time.sleep(arguments.get("pause", 0))
        return text("done")
    if name == "stubborn":
        # Answers only after it was cancelled, as if it had not heard.
        while identity not in CANCELLED:
            time.sleep(0.005)
        return text("too late")
    if name == "was_cancelled":
        return text(json.dumps(len(CANCELLED)))
    if name == "grow":
        EXTRA_TOOLS.append(tool(f"grown_{len(EXTRA_TOOLS)}"))
        if "modern" not in WORDS:
            send(method="notifications/tools/list_changed")
        for listener in LISTENERS:
            send(method="notifications/tools/list_changed", params={"_meta": {SUBSCRIPTION: listener}})
        return text("grown")
    if name == "ask" and "modern" in WORDS:
        if "inputResponses" in params:
            assert params["requestState"] == "asked"
            return text(json.dumps(params["inputResponses"]["colour"]))
        question = {"method": "elicitation/create", "params": {"mode": "form", **QUESTION}}
        return {"resultType": "input_required", "inputRequests": {"colour": question}, "requestState": "asked"}
    if name == "ask":
        return text(json.dumps(ask("elicitation/create", QUESTION)))
    if name == "roots":
        return text(json.dumps(ask("roots/list", {})))
    if name == "fork":
        child = subprocess.Popen(
            ["sh", "-c", "trap '' TERM HUP; while :; do sleep 1; done"],
            start_new_session=bool(arguments.get("session")), stdin=subprocess.DEVNULL)
        return text(str(child.pid))
    if name == "log":
        send(method="notifications/message", params={"level": "warning", "logger": "odd", "data": "a log message"})
        return text("logged")
    if name == "long":
        return text("x" * arguments["length"])
    if name == "wedge":
        # Holds the lock of the output for ever: nothing is answered any more, not even a ping.
        LOCK.acquire()
        return None
    if name == "environment":
        return text(json.dumps(sorted(os.environ)))
    raise ValueError(name)


def answer(message):
    method, identity, params = message.get("method"), message.get("id"), message.get("params", {})
    if "modern" in WORDS and method in ("initialize", "ping", "logging/setLevel"):
        send(id=identity, error={"code": -32601, "message": f"{method} is of the past"})
    elif "modern" in WORDS and method == "server/discover":
        send(id=identity, result={
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private",
            "capabilities": {"tools": {"listChanged": True}}})
    elif method == "subscriptions/listen":
        LISTENERS.append(identity)
        accepted = {"notifications": params["notifications"], "_meta": {SUBSCRIPTION: identity}}
        send(method="notifications/subscriptions/acknowledged", params=accepted)
    elif method == "initialize":
        capabilities = {"tools": {"listChanged": True}, "logging": {}}
        send(id=identity, result={
            "protocolVersion": params["protocolVersion"], "capabilities": capabilities,
            "serverInfo": {"name": "odd", "version": "1"}})
    elif method == "tools/list":
        # Pages of 100.
        start, tools = int(params.get("cursor", "0")), listed()
        result = {"tools": tools[start:start + 100], "ttlMs": 0, "cacheScope": "private"}
        if start + 100 < len(tools):
            result["nextCursor"] = str(start + 100)
        send(id=identity, result=result)
    elif method == "tools/call":
        result = call(identity, params)
        if result is not None:
            send(id=identity, result={"resultType": "complete", **result} if "modern" in WORDS else result)
    elif identity is not None:
        send(id=identity, result={})


def main():
    if "pid" in WORDS:
        with open(WORDS["pid"], "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    if WORDS.get("start") == "hang":
        # Does not even heed the end of its input.
        while True:
            time.sleep(1)
    if WORDS.get("start") == "die":
        print("no key is set", file=sys.stderr, flush=True)
        sys.exit(3)
    if WORDS.get("start") == "garbage":
        print("Starting the server...\n{\"not\": \"a message\"}\n{{{\n", flush=True)
    if "flood" in WORDS:
        def flood():
            while True:
                sys.stderr.write("x" * 1000 + "\n")
        threading.Thread(target=flood, daemon=True).start()
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("method") == "notifications/cancelled":
            CANCELLED.append(message["params"]["requestId"])
        elif "method" not in message and message.get("id") in ANSWERS:
            event, answers = ANSWERS[message["id"]]
            answers.append(message.get("result", message.get("error")))
            event.set()
        else:
            threading.Thread(target=answer, args=(message,), daemon=True).start()


main()
