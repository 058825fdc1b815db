"""A server made with FastMCP, over streamable HTTP or SSE: `add_server.py TRANSPORT PORT`."""
import sys

from fastmcp import Context, FastMCP

server = FastMCP("add", instructions="Adds numbers.")


@server.tool(annotations={"readOnlyHint": True})
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool
async def count(to: int, context: Context) -> str:
    """Counts, telling of it."""
    for number in range(1, to + 1):
        await context.report_progress(number, to, f"at {number}")
    return f"counted to {to}"


server.run(transport=sys.argv[1], host="127.0.0.1", port=int(sys.argv[2]), show_banner=False)
