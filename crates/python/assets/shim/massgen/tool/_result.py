"""What tools return."""

import uuid
from dataclasses import dataclass, field
from typing import List, Optional


@dataclass
class ContentBlock:
    """A piece of output: a kind, and text, base64 or an address."""

    block_type: str
    data: str


@dataclass
class TextContent(ContentBlock):
    """Text."""

    def __init__(self, data: str):
        super().__init__("text", data)


@dataclass
class ImageContent(ContentBlock):
    """An image."""

    def __init__(self, data: str):
        super().__init__("image", data)


@dataclass
class AudioContent(ContentBlock):
    """Sound."""

    def __init__(self, data: str):
        super().__init__("audio", data)


@dataclass
class ExecutionResult:
    """What a call came to, or a part of it when a tool yields several."""

    output_blocks: List[ContentBlock]
    meta_info: Optional[dict] = None
    is_streaming: bool = False
    is_final: bool = True
    is_log: bool = False
    was_interrupted: bool = False
    result_id: str = field(default_factory=lambda: uuid.uuid4().hex)
