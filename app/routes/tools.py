"""/tool: tools that assistants name by id. https://docs.vapi.ai/api-reference/tools/create"""

from __future__ import annotations

from app.routes.crud import Kind, crud
from app.routes.schemas.responses import ToolResource
from app.routes.schemas.tools import CreateTool, UpdateTool
from app.routes.validation import services

blueprint = crud(
    Kind("tool", "/tool", CreateTool, UpdateTool, ToolResource, lambda: services().resources.tools),
    "What a model may ask for; assistants name tools in `model.toolIds`.",
)
