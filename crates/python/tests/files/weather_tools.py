# -*- coding: utf-8 -*-
"""Tools of a user, as they were written for the reference."""

import asyncio
import json
from typing import Any, AsyncGenerator, Dict, List, Literal, Optional

from massgen.logger_config import logger
from massgen.tool import ExecutionResult, context_params
from massgen.tool._result import ImageContent, TextContent

import weather_units

print("weather tools are imported")


def to_fahrenheit(celsius: float, digits: int = 1) -> ExecutionResult:
    """Convert degrees Celsius to Fahrenheit.

    Rounds half to even.

    Args:
        celsius: Degrees Celsius
        digits: Digits after the point

    Returns:
        Degrees Fahrenheit
    """
    return ExecutionResult(
        output_blocks=[TextContent(data=str(weather_units.fahrenheit(celsius, digits)))],
    )


async def weather(
    city: str,
    units: Literal["metric", "imperial"] = "metric",
    days: Optional[List[int]] = None,
    api_key: str = "",
    agent_cwd: Optional[str] = None,
) -> ExecutionResult:
    """Get the weather of a city.

    Parameters
    ----------
    city : str
        Name of the city, such as "Zürich"
    units : str
        Which units
    days : list of int
        Days from now
    """
    await asyncio.sleep(0)
    logger.info("asked for %s", city)
    result = {"city": city, "units": units, "days": days, "key": api_key, "cwd": agent_cwd}
    return ExecutionResult(output_blocks=[TextContent(data=json.dumps(result, ensure_ascii=False))])


@context_params("prompt", "agent_id")
async def forecast(prompt: List[Dict[str, Any]], agent_id: str) -> AsyncGenerator[ExecutionResult, None]:
    """Stream a forecast for what was asked.

    :param prompt: filled from the context
    """
    for step in range(3):
        yield ExecutionResult(output_blocks=[TextContent(data=f"step {step}")], is_log=True)
    yield ExecutionResult(output_blocks=[TextContent(data=f"{agent_id}: ")], is_streaming=True, is_final=False)
    yield ExecutionResult(output_blocks=[TextContent(data=prompt[0]["content"])], is_streaming=True, is_final=True)


def counting(limit: int):
    """Count, slowly or not."""
    print("counting begins")
    for number in range(limit):
        yield ExecutionResult(output_blocks=[TextContent(data=f"{number} ")], is_final=number == limit - 1)


def picture() -> ExecutionResult:
    """Draw a point."""
    point = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    return ExecutionResult(output_blocks=[TextContent(data="here: "), ImageContent(data=point)])
