"""A call of one tool, without a conversation: for tools that only ask a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from app.assistants.local.control import PipelineControl
from app.assistants.local.tools.reading import read_tools
from app.assistants.local.tools.run import Run
from app.domain.assistant.config import AssistantConfig
from app.domain.context import Reply
from app.domain.services.media import MediaService, StreamClaim
from app.media.call_context import CallContext
from app.net.authentication import Signer
from tests.media.domain import Domain


def run_of(
    tool: Any,
    values: Any = None,
    signers: Mapping[str, Signer] | None = None,
    replies: Sequence[Reply] = (),
    **arguments: Any,
) -> Run:
    """The tool, called by the model with these arguments.

    ``signers``: by their credential. ``replies``: of the call's server.
    """
    [read] = read_tools(AssistantConfig({"model": {"provider": "openai", "tools": [tool]}}))
    domain = Domain()
    domain.signers.update(signers or {})
    domain.replies += replies
    claim = SimpleNamespace(call_id="call", assistant=AssistantConfig({}))
    context = CallContext(cast("MediaService", domain), cast("StreamClaim", claim))
    nothing = cast("PipelineControl", None)
    return Run(read, "call_1", arguments, nothing, context, dict(values or {}))
