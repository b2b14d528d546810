"""Tools. Only the fields that this program uses are checked; all others are kept as they came.

https://docs.vapi.ai/api-reference/tools/create
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.domain.assistant.tool_types import KNOWN, SERVED
from app.routes.schemas.assistants import Server
from app.routes.schemas.base import LEFT_OUT, OpenModel
from app.routes.schemas.wording import wrong
from providers.common.json_types import JsonDict


def _type(value: str) -> str:
    if value not in KNOWN:
        allowed = ", ".join(sorted(SERVED))
        raise wrong(f"$property must be one of the following values: {allowed}")
    return value


ToolType = Annotated[str, AfterValidator(_type)]
ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class UpdateTool(OpenModel):
    """Fields to replace in a tool."""

    type: ToolType = LEFT_OUT
    name: ToolName | None = Field(None, description="Of an apiRequest.")
    function: JsonDict | None = Field(None, description="`name`, `description`, `parameters`.")
    messages: list[JsonDict] | None = Field(None, description="What is said while it runs.")
    server: Server | None = None
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    url: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="Of an apiRequest; may hold templates."
    )
    timeout_seconds: float | None = Field(None, ge=1, le=300)


class CreateTool(UpdateTool):
    """A tool of any of Vapi's types."""

    type: ToolType
