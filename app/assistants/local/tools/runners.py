"""Which function runs a tool of each kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.assistants.local.tools import (
    api_request,
    dtmf,
    end_call,
    functions,
    handoff,
    mcp_tools,
    operator_transfer,
    query,
    sms,
    transfer_call,
    voicemail,
)
from app.assistants.local.tools.definitions import Kind
from app.assistants.local.tools.run import Outcome, Run
from providers.events import EndedReason

OF_A_SERVER = EndedReason.PIPELINE_ERROR_FUNCTION_FAILED


@dataclass(frozen=True, slots=True)
class Runner:
    """How a kind of tool is run. ``run`` raises ``ToolFailed``."""

    run: Callable[[Run], Awaitable[Outcome]]
    has_own_words: bool = False
    """It speaks the tool's messages itself."""
    failed: EndedReason = EndedReason.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED
    """Why the call ends after failures in a row."""


RUNNERS: Mapping[Kind, Runner] = {
    Kind.FUNCTION: Runner(functions.ask, failed=OF_A_SERVER),
    Kind.API_REQUEST: Runner(api_request.request, failed=OF_A_SERVER),
    Kind.MCP: Runner(mcp_tools.call, failed=OF_A_SERVER),
    Kind.END_CALL: Runner(end_call.end, has_own_words=True),
    Kind.TRANSFER_CALL: Runner(transfer_call.transfer, has_own_words=True),
    Kind.DTMF: Runner(dtmf.press),
    Kind.VOICEMAIL: Runner(voicemail.leave, has_own_words=True),
    Kind.SMS: Runner(sms.send),
    Kind.HANDOFF: Runner(handoff.hand_over, has_own_words=True),
    Kind.TRANSFER_SUCCESSFUL: Runner(operator_transfer.connect, has_own_words=True),
    Kind.TRANSFER_CANCEL: Runner(operator_transfer.cancel, has_own_words=True),
    Kind.QUERY: Runner(query.search, failed=OF_A_SERVER),
}
