"""/tool: tools that assistants name by id. https://docs.vapi.ai/api-reference/tools/create"""

from __future__ import annotations

from flask import Response

from app.domain.assistant.field_check import check_tool
from app.routes.crud import Kind, crud
from app.routes.schemas.responses import ToolResource
from app.routes.schemas.tools import CreateTool, UpdateTool
from app.routes.validation import services
from app.routes.warnings import warned
from providers.common.json_types import JsonDict


def _with_warnings(response: Response, tool: JsonDict) -> Response:
    return warned(response, f"tool {tool['id']}", check_tool(tool))


blueprint = crud(
    Kind(
        "tool",
        "/tool",
        CreateTool,
        UpdateTool,
        ToolResource,
        lambda: services().resources.tools,
        _with_warnings,
    ),
    "What a model may ask for; assistants name tools in `model.toolIds`.",
)
