"""A call of one tool, without a conversation: for tools that only ask a server."""

from __future__ import annotations

from typing import Any, cast

from app.assistants.local.control import PipelineControl
from app.assistants.local.tools.reading import read_tools
from app.assistants.local.tools.run import Run
from app.domain.assistant.config import AssistantConfig
from app.domain.services.media import MediaService, StreamClaim
from app.media.call_context import CallContext
from tests.media.domain import Domain


def run_of(tool: Any, values: Any = None, **arguments: Any) -> Run:
    """The tool, called by the model with these arguments."""
    [read] = read_tools(AssistantConfig({"model": {"provider": "openai", "tools": [tool]}}))
    context = CallContext(cast("MediaService", Domain()), cast("StreamClaim", None))
    nothing = cast("PipelineControl", None)
    return Run(read, "call_1", arguments, nothing, context, dict(values or {}))
