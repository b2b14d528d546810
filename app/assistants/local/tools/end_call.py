"""The built-in tool that ends the call. https://docs.vapi.ai/tools/default-tools"""

from __future__ import annotations

from app.assistants.local.tools.definitions import ToolMessageType
from app.assistants.local.tools.run import Outcome, Run
from providers.events import EndedReason


async def end(run: Run) -> Outcome:
    """End the call after the tool's words, or the assistant's last words."""
    started = run.words(ToolMessageType.START)
    last_words = started.content if started else run.engine.config.last_words
    await run.engine.finish(EndedReason.ASSISTANT_ENDED_CALL, last_words)
    return Outcome("The call ends.", spoken=True)
