import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Dict, List, Optional, Union

if TYPE_CHECKING:
    from nowhere import Nothing


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    """A point.

    Args:
        x: to the right
    """

    x: int
    y: int = 0
    tags: List[str] = field(default_factory=list)


def paint(points: List[Point], color: Color = Color.RED, by_name: Optional[Dict[str, Point]] = None) -> dict:
    """Paint points."""
    named = {name: point.x for name, point in (by_name or {}).items()}
    return {"sum": sum(point.x + point.y for point in points), "color": color.name, "named": named}


def odd(a, b: "Nothing" = None, *rest, c: Union[int, str] = 1, **more):
    return {"a": a, "c": c, "more": more}


def plain_text(text: str) -> str:
    return text


def nothing() -> None:
    pass
