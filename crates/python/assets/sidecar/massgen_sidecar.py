"""Runs functions of the user as tools, for the process that started this one.

The protocol: one JSON object a line. Standard input brings orders, the original standard output takes events; both are
moved to private descriptors first, so that nothing that a tool prints can get between them.

Orders:
    {"op": "load", "load": 1, "path": "/x/tools.py", "functions": [{"index": 0, "function": "f", "preset": {}}]}
        instead of "path": "module" (a module to import) or "package" (a path inside an installed `massgen`)
    {"op": "call", "call": 7, "tool": 0, "arguments": {}, "context": {}, "workspace": "/w" | null}
    {"op": "cancel", "call": 7}
Events:
    {"ev": "ready", "python": "3.11.7", "massgen": "stand-in" | "installed"}
    {"ev": "loaded", "load": 1, "error": null, "functions": [{"index": 0, "error": null, "name": "f",
        "description": "", "parameters": {}, "context": ["prompt"]}]}
    {"ev": "output", "call": 7, "text": ""}     what the function prints
    {"ev": "note", "call": 7, "text": ""}       what it yields before its end
    {"ev": "result", "call": 7, "content": "", "error": false}

Orders are read by a thread of their own. Coroutines of the user run in the main thread's event loop, all others each in a
thread. The end of standard input is the end of this process and of its group.
"""

import asyncio
import base64
import binascii
import contextvars
import importlib
import importlib.util
import inspect
import io
import json
import mimetypes
import os
import signal
import sys
import threading
import time
import traceback

# Not always there by itself: PYTHONSAFEPATH leaves it out.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import massgen_schema  # noqa: E402

CURRENT = contextvars.ContextVar("massgen_call", default=None)
FORKED = False


class Channel:
    """Writes events, whole lines at a time."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.lock = threading.Lock()

    def send(self, event):
        if FORKED:
            return
        # Lone surrogates exist in Python strings and nowhere else.
        line = json.dumps(event, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"
        with self.lock:
            view = memoryview(line)
            while view:
                view = view[os.write(self.descriptor, view) :]


class Call:
    """A call that is under way."""

    def __init__(self, sidecar, number):
        self.sidecar = sidecar
        self.number = number
        self.lock = threading.Lock()
        self.pending = ""
        self.left = sidecar.settings["progress_bytes_max"]
        self.cancelled = False
        self.ended = False
        self.task = None
        self.workspace = None

    def printed(self, text):
        with self.lock:
            self.pending += text
            if "\n" not in text and len(self.pending) < 4096:
                return
            text, self.pending = self.pending, ""
        self.tell("output", text)

    def flush(self):
        with self.lock:
            text, self.pending = self.pending, ""
        if text:
            self.tell("output", text)

    def tell(self, event, text):
        with self.lock:
            if self.ended or self.left is None:
                return
            if len(text) > self.left:
                text, self.left = text[: self.left] + "\n[... the rest is not shown ...]\n", None
            else:
                self.left -= len(text)
        self.sidecar.channel.send({"ev": event, "call": self.number, "text": text})

    def end(self, content, error=False):
        self.flush()
        with self.lock:
            if self.ended:
                return
            self.ended = True
        self.sidecar.calls.pop(self.number, None)
        content = bounded(content, self.sidecar.settings["output_bytes_max"])
        self.sidecar.channel.send({"ev": "result", "call": self.number, "content": content, "error": error})


class Printed(io.TextIOBase):
    """Stands for standard output and error: what a call prints belongs to the call, all else to the log."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, log):
        self.log = log
        self.buffer = log.buffer

    def writable(self):
        return True

    def fileno(self):
        return self.log.fileno()

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        call = CURRENT.get()
        if call is None or FORKED:
            self.log.write(text)
        else:
            call.printed(text)
        return len(text)

    def flush(self):
        self.log.flush()


class Problem(Exception):
    """Something that is told without a traceback."""


class Sidecar:
    def __init__(self, settings, channel, loop):
        self.settings = settings
        self.channel = channel
        self.loop = loop
        self.tools = {}
        self.calls = {}
        self.media = 0

    # Orders

    def obey(self, order):
        op = order.get("op")
        if op == "load":
            # In the main thread: user code may create event loops, install signal handlers and the like on import.
            self.loop.call_soon_threadsafe(self.load, order)
        elif op == "call":
            self.call(order)
        elif op == "cancel":
            self.cancel(order)

    def load(self, order):
        answer = {"ev": "loaded", "load": order["load"], "error": None, "functions": []}
        try:
            module = self.find(order)
        except Problem as problem:
            answer["error"] = str(problem)
        except BaseException as error:
            answer["error"] = short_traceback(error)
        else:
            for wanted in order["functions"]:
                answer["functions"].append(self.take(module, wanted))
        sys.stdout.flush()
        self.channel.send(answer)

    def find(self, order):
        if order.get("module"):
            return importlib.import_module(order["module"])
        if order.get("package"):
            # `import massgen` finds a folder of that name, too; only a real package has a file.
            spec = importlib.util.find_spec("massgen")
            if spec is None or not spec.origin or self.settings["massgen"] != "installed":
                raise Problem("the Python package `massgen` is not installed")
            path = os.path.join(os.path.dirname(os.path.dirname(spec.origin)), order["package"])
            if not path.endswith(".py"):
                return importlib.import_module(order["package"])
            parts = os.path.relpath(path, os.path.dirname(os.path.dirname(spec.origin)))
            return importlib.import_module(parts[: -len(".py")].replace(os.sep, "."))
        path = order["path"]
        name = os.path.splitext(os.path.basename(path))[0]
        if name in sys.modules or name in getattr(sys, "stdlib_module_names", ()) or not name.isidentifier():
            name = "massgen_custom_%d" % order["load"]
        folder = os.path.dirname(path)
        if folder not in sys.path:
            sys.path.append(folder)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            sys.modules.pop(name, None)
            if isinstance(error, ImportError) and "relative import" in str(error):
                return self.find_in_package(path, error)
            raise
        return module

    def find_in_package(self, path, error):
        """A file with relative imports is a part of the package that it lies in."""
        root, parts = os.path.dirname(path), [os.path.splitext(os.path.basename(path))[0]]
        while os.path.exists(os.path.join(root, "__init__.py")):
            parts.insert(0, os.path.basename(root))
            root = os.path.dirname(root)
        if len(parts) == 1 or parts[0] == "massgen" or parts[0] in sys.modules and not self.is_in(parts[0], root):
            raise error
        if root not in sys.path:
            sys.path.append(root)
        return importlib.import_module(".".join(parts))

    @staticmethod
    def is_in(name, root):
        return os.path.join(root, name) in list(getattr(sys.modules[name], "__path__", []))

    def take(self, module, wanted):
        entry = {"index": wanted["index"], "error": None}
        try:
            function = pick_function(module, wanted.get("function"))
            shape = massgen_schema.describe(function)
            preset = dict(wanted.get("preset") or {})
            unknown = sorted(set(preset) - set(shape.names)) if not shape.takes_any else []
            if unknown:
                raise Problem("preset arguments that the function does not have: " + ", ".join(unknown))
            missing = sorted(shape.context - set(shape.names))
            if missing:
                raise Problem("@context_params names parameters that the function does not have: " + ", ".join(missing))
            hidden = set(preset) | shape.context | ({"agent_cwd"} & set(shape.names))
            self.tools[wanted["index"]] = (function, shape, preset, hidden)
            entry.update(
                name=getattr(function, "__name__", "tool"),
                description=shape.description,
                parameters=shape.parameters(hidden),
                context=sorted(shape.context - set(preset)),
            )
        except Problem as problem:
            entry["error"] = str(problem)
        except BaseException as error:
            entry["error"] = short_traceback(error)
        return entry

    def call(self, order):
        call = Call(self, order["call"])
        call.workspace = order.get("workspace")
        self.calls[call.number] = call
        try:
            function, shape, preset, hidden = self.tools[order["tool"]]
            given = order.get("arguments") or {}
            unknown = sorted(name for name in given if name in hidden or (name not in shape.names and not shape.takes_any))
            if unknown:
                visible = [name for name in shape.names if name not in hidden]
                raise Problem(
                    "no such argument: %s (there are: %s)" % (", ".join(unknown), ", ".join(visible) or "none")
                )
            arguments = shape.convert(given)
            for name, value in (order.get("context") or {}).items():
                if name in shape.context:
                    arguments[name] = value
            if "agent_cwd" in shape.names and call.workspace:
                arguments["agent_cwd"] = call.workspace
            arguments.update(preset)
            missing = [name for name in shape.required if name not in arguments]
            for name in missing:
                # What comes from the surroundings may not exist in them.
                if name in hidden:
                    arguments[name] = None
            missing = [name for name in missing if name not in arguments]
            if missing:
                raise Problem("missing arguments: " + ", ".join(missing))
            positional, named = shape.bind(arguments)
        except Problem as problem:
            return call.end(str(problem), error=True)
        except massgen_schema.Unfit as unfit:
            return call.end(str(unfit), error=True)
        except BaseException as error:
            return call.end(short_traceback(error), error=True)
        if massgen_schema.is_asynchronous(function):
            self.loop.call_soon_threadsafe(self.start_task, call, lambda: function(*positional, **named))
        else:
            thread = threading.Thread(
                target=self.run_in_thread, args=(call, function, positional, named), daemon=True, name="tool-call"
            )
            thread.start()

    def cancel(self, order):
        call = self.calls.get(order["call"])
        if call is None:
            return
        call.cancelled = True
        self.loop.call_soon_threadsafe(lambda: call.task and call.task.cancel())

    # Calls

    def start_task(self, call, start):
        if call.cancelled:
            return call.end("cancelled", error=True)

        def begin():
            CURRENT.set(call)
            call.task = self.loop.create_task(self.run_task(call, start))

        contextvars.copy_context().run(begin)

    async def run_task(self, call, start):
        # Everything is caught: SystemExit would end the event loop and with it all other calls.
        try:
            result = start()
            if inspect.isawaitable(result):
                result = await result
            if inspect.isasyncgen(result) or hasattr(result, "__anext__"):
                gathered = Gathered(self, call)
                try:
                    async for item in result:
                        gathered.add(item)
                finally:
                    close = getattr(result, "aclose", None)
                    if close is not None:
                        await close()
                return call.end(*gathered.all())
            if inspect.isgenerator(result):
                # From a coroutine that returns a generator: its steps may block, so it gets a thread.
                return await self.loop.run_in_executor(None, contextvars.copy_context().run, self.drain, call, result)
            return call.end(*self.rendered(call, result))
        except asyncio.CancelledError:
            call.end("cancelled", error=True)
        except BaseException as error:
            call.end(short_traceback(error), error=True)

    def run_in_thread(self, call, function, positional, named):
        CURRENT.set(call)
        try:
            result = function(*positional, **named)
            if inspect.isawaitable(result) or inspect.isasyncgen(result):
                return self.loop.call_soon_threadsafe(self.start_task, call, lambda: result)
            if inspect.isgenerator(result):
                return self.drain(call, result)
            call.end(*self.rendered(call, result))
        except BaseException as error:
            call.end(short_traceback(error), error=True)

    def drain(self, call, generator):
        CURRENT.set(call)
        gathered = Gathered(self, call)
        try:
            for item in generator:
                gathered.add(item)
                if call.cancelled:
                    generator.close()
                    return call.end("cancelled", error=True)
            call.end(*gathered.all())
        except BaseException as error:
            call.end(short_traceback(error), error=True)

    # Results

    def rendered(self, call, result):
        """The text of a result, and whether it is a failure."""
        blocks = getattr(result, "output_blocks", None)
        if blocks is not None:
            text = "".join(self.rendered_block(call, block) for block in blocks)
            interrupted = bool(getattr(result, "was_interrupted", False))
            return text or ("interrupted" if interrupted else "done"), interrupted
        if result is None:
            return "done", False
        if isinstance(result, str):
            return result, False
        if isinstance(result, bytes):
            return result.decode("utf-8", "replace"), False
        dump = getattr(result, "model_dump", None)
        try:
            return json.dumps(dump() if callable(dump) else result, ensure_ascii=False, default=str), False
        except (TypeError, ValueError):
            return str(result), False

    def rendered_block(self, call, block):
        kind = getattr(block, "block_type", None) or (block.get("type") if isinstance(block, dict) else None) or "text"
        data = getattr(block, "data", None)
        if data is None and isinstance(block, dict):
            data = block.get("data", block.get("text"))
        if kind == "text" or data is None:
            return str(data if data is not None else block)
        raw, media_type = decoded(data, kind)
        if raw is None:
            return "[%s: %s]" % (kind, bounded(str(data), 2000))
        name = self.settings.get("media_folder")
        if not name or not call.workspace:
            return "[%s: %s, %d bytes; not shown]" % (kind, media_type, len(raw))
        folder = os.path.join(call.workspace, name)
        try:
            if os.path.islink(folder):
                raise OSError("%s is a link" % name)
            os.makedirs(folder, exist_ok=True)
            extension = mimetypes.guess_extension(media_type) or ".bin"
            while True:
                self.media += 1
                path = os.path.join(folder, "%s-%d%s" % (kind, self.media, extension))
                try:
                    # Never over a file that is there, never through a link.
                    with open(path, "xb") as file:
                        file.write(raw)
                    break
                except FileExistsError:
                    continue
            return "[%s: %s, %d bytes, saved as %s]" % (kind, media_type, len(raw), os.path.join(name, os.path.basename(path)))
        except OSError as error:
            return "[%s: %s, %d bytes; could not be saved: %s]" % (kind, media_type, len(raw), error)


class Gathered:
    """What a generator yields. Parts that are not for the log make up the result, one after the other."""

    def __init__(self, sidecar, call):
        self.sidecar = sidecar
        self.call = call
        self.parts = []
        self.size = 0
        self.failed = False

    def add(self, item):
        text, failed = self.sidecar.rendered(self.call, item)
        self.call.flush()
        self.call.tell("note", text)
        if getattr(item, "is_log", False):
            return
        self.failed = self.failed or failed
        # The end matters as much as the beginning: keep enough of both for the bound that is applied later.
        bound = self.sidecar.settings["output_bytes_max"] * 2
        self.parts.append(bounded(text, bound))
        self.size += len(self.parts[-1])
        if self.size > bound * 2:
            self.parts = [bounded("".join(self.parts), bound)]
            self.size = len(self.parts[0])

    def all(self):
        return "".join(self.parts) or "done", self.failed


def pick_function(module, name):
    if name:
        function = getattr(module, name, None)
        if function is None or not callable(function):
            known = [key for key, _ in own_functions(module)]
            raise Problem(
                "there is no function `%s` in it (there are: %s)" % (name, ", ".join(known[:20]) or "none that is public")
            )
        return function
    function = getattr(module, "main", None)
    if callable(function):
        return function
    known = own_functions(module)
    if not known:
        raise Problem("there is no public function in it")
    return known[0][1]


def own_functions(module):
    return [
        (key, value)
        for key, value in vars(module).items()
        if not key.startswith("_")
        and callable(value)
        and not inspect.isclass(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
    ]


def decoded(data, kind):
    """The bytes of a block in base64, bare or as a `data:` address; (None, None) for all else."""
    media_type = {"image": "image/png", "audio": "audio/mpeg"}.get(kind, "application/octet-stream")
    if isinstance(data, bytes):
        return data, media_type
    if not isinstance(data, str):
        return None, None
    if data.startswith("data:"):
        head, _, data = data.partition(",")
        media_type = head[len("data:") :].split(";")[0] or media_type
    elif len(data) < 64:
        return None, None
    try:
        raw = base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        return None, None
    for magic, known in ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif")):
        if raw.startswith(magic):
            media_type = known
    return raw, media_type


def bounded(text, bytes_max):
    raw = text.encode("utf-8", "replace")
    if len(raw) <= bytes_max:
        return text
    head, tail = raw[: bytes_max // 4 * 3], raw[len(raw) - bytes_max // 4 :]
    return "%s\n[... %d bytes left out ...]\n%s" % (
        head.decode("utf-8", "ignore"),
        len(raw) - len(head) - len(tail),
        tail.decode("utf-8", "ignore"),
    )


def short_traceback(error):
    """What went wrong, with the last places in the user's own code."""
    try:
        what = "".join(traceback.format_exception_only(type(error), error)).strip()
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.basename(frame.filename) not in ("massgen_sidecar.py", "massgen_schema.py")
            and not frame.filename.startswith("<frozen")
        ]
        lines = ["  %s:%s in %s: %s" % (f.filename, f.lineno, f.name, (f.line or "").strip()[:160]) for f in frames[-4:]]
        return bounded("\n".join([what] + lines), 4000)
    except BaseException:
        return type(error).__name__


def choose_massgen(shim):
    """A `massgen` that is really installed wins; where it cannot be imported, the stand-in serves."""
    try:
        spec = importlib.util.find_spec("massgen")
    except (ImportError, ValueError):
        spec = None
    # Folders named `massgen` without an `__init__.py` have no origin.
    if spec is not None and spec.origin:
        try:
            importlib.import_module("massgen.tool._result")
            return "installed"
        except BaseException as error:
            print("the installed package `massgen` cannot be imported:", short_traceback(error), file=sys.stderr)
            for name in [name for name in sys.modules if name == "massgen" or name.startswith("massgen.")]:
                del sys.modules[name]
            sys.path.insert(0, shim)
            importlib.invalidate_caches()
            return "stand-in"
    sys.path.append(shim)
    importlib.invalidate_caches()
    return "stand-in"


def after_fork_in_child():
    global FORKED
    FORKED = True


def end_group():
    """Ends this process and all that it started."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def read_orders(sidecar, descriptor):
    try:
        with os.fdopen(descriptor, "rb") as orders:
            for line in orders:
                try:
                    sidecar.obey(json.loads(line))
                except Exception as error:
                    print("order not understood:", short_traceback(error), file=sys.stderr)
    finally:
        # A moment for `atexit`, whatever the main thread is doing.
        try:
            sidecar.loop.call_soon_threadsafe(sidecar.loop.stop)
        except RuntimeError:
            pass
        time.sleep(1.0)
        end_group()


def main():
    settings = json.loads(sys.argv[1])
    sys.argv = ["massgen-tools"]
    # The folder of this file is not the user's; its other module is loaded by now.
    sys.path[:] = [entry for entry in sys.path if entry != settings["home"]]
    orders, events = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    log = io.TextIOWrapper(open(2, "wb", buffering=0, closefd=False), "utf-8", "replace", write_through=True)
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Printed(log)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=after_fork_in_child)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings["massgen"] = choose_massgen(settings["shim"])
    for entry in settings.get("search", []):
        if entry not in sys.path:
            sys.path.append(entry)
    sidecar = Sidecar(settings, Channel(events), loop)
    threading.Thread(target=read_orders, args=(sidecar, orders), daemon=True, name="orders").start()
    sidecar.channel.send({"ev": "ready", "python": "%d.%d.%d" % sys.version_info[:3], "massgen": settings["massgen"]})
    try:
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        import atexit

        atexit._run_exitfuncs()
        end_group()


if __name__ == "__main__":
    main()
