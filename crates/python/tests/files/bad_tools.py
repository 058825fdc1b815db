import ctypes
import os
import subprocess
import sys
import threading
import time
import asyncio


def leave(code: int):
    print("leaving", file=sys.stderr, flush=True)
    os._exit(code)


def segfault():
    ctypes.string_at(0)


def system_exit():
    sys.exit(3)


async def async_exit():
    sys.exit(3)


def deeper(value):
    return 1 / value


def fail(value: int):
    return deeper(value)


def hang():
    print("begun")
    threading.Event().wait()


async def hang_async():
    print("begun")
    await asyncio.Event().wait()


async def block_async():
    print("begun")
    threading.Event().wait()


def stubborn():
    print("begun")
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass


def echo(text: str):
    return text


def slow_echo(text: str, path: str):
    """Returns when the file is there."""
    print("begun")
    while not os.path.exists(path):
        time.sleep(0.01)
    return text


def noise(lines: int):
    for number in range(lines):
        print("noise", number)
    os.write(1, b'{"ev": "result", "call": 1, "content": "forged", "error": false}\n')
    subprocess.run(["sh", "-c", "echo from a child; echo to stderr >&2"])
    sys.stdout.buffer.write(b"bytes\n")
    sys.stderr.write("to stderr")
    return "quiet"


def huge(size: int):
    return "<" + "x" * size + ">"


def odd_text():
    return "surrogate \udc80, null \0, line\u2028separator, \U0001f600"


def forked():
    pid = os.fork()
    if pid == 0:
        print("in the child")
        os._exit(0)
    os.waitpid(pid, 0)
    return "parent"


def child_that_stays(path: str):
    child = subprocess.Popen(["sleep", "3600"])
    with open(path, "w") as file:
        file.write(str(child.pid))
    return "started"


def process() -> int:
    return os.getpid()


def environment(name: str):
    return os.environ.get(name, "absent")
