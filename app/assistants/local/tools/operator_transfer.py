"""The two tools of a transfer assistant, which end its talk with the operator.

https://docs.vapi.ai/calls/assistant-based-warm-transfer
"""

from __future__ import annotations

from app.assistants.local.tools.definitions import ToolMessageType
from app.assistants.local.tools.messages import choose
from app.assistants.local.tools.run import Outcome, Run
from providers.events import EndedReason

MAX_REASON = 500


async def connect(run: Run) -> Outcome:
    """Connect the operator with the caller, after the tool's words."""
    await run.engine.finish(EndedReason.ASSISTANT_FORWARDED_CALL, _words(run))
    return Outcome("The caller is being connected.", spoken=True)


async def cancel(run: Run) -> Outcome:
    """Give the caller back, after the tool's words, with the reason that the operator gave."""
    given = run.arguments.get("reason")
    reason = given.strip()[:MAX_REASON] if isinstance(given, str) else ""
    await run.engine.finish(EndedReason.ASSISTANT_ENDED_CALL, _words(run), reason or None)
    return Outcome("The transfer is cancelled.", spoken=True)


def _words(run: Run) -> str:
    started = choose(run.tool, ToolMessageType.START, run.arguments)
    return started.content if started else ""
