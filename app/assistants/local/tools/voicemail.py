"""The built-in tool that leaves the voicemail message and ends the call.

https://docs.vapi.ai/tools/voicemail-tool
"""

from __future__ import annotations

from app.assistants.local.tools.definitions import ToolMessageType
from app.assistants.local.tools.run import Outcome, Run
from providers.events import EndedReason


async def leave(run: Run) -> Outcome:
    """End the call as voicemail, after the tool's words or the voicemail message.

    The greeting must not interrupt them, and earlier speech is dropped.
    """
    engine = run.engine
    started = run.words(ToolMessageType.START)
    engine.input.muted = True
    engine.caller_mute.begin()
    await engine.interrupt()
    words = started.content if started else engine.config.words_for_voicemail
    await engine.finish(EndedReason.VOICEMAIL, words)
    return Outcome("The voicemail message is being left.", spoken=True)
