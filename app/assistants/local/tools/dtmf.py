"""The built-in tool that presses keys. https://docs.vapi.ai/tools/default-tools

The carrier's API plays them where it can, and so does a carrier that speaks by itself. Elsewhere their tones are in the sound that we send,
behind what is being said.
"""

from __future__ import annotations

import re

from app.assistants.local.tools.run import Outcome, Run, ToolFailed
from app.media.text_stream import TextStream
from providers.common.audio import silence
from providers.common.dtmf import tone
from providers.errors import CarrierError

KEYS = re.compile(r"[0-9*#A-Dw, ]{1,50}", re.ASCII)
# A ``w`` among the keys.
PAUSE_MS = 500
GAP_MS = 80


async def press(run: Run) -> Outcome:
    """Press the keys. Raises ``ToolFailed``."""
    keys = str(run.arguments.get("dtmf") or run.arguments.get("digits") or "").strip()
    if not KEYS.fullmatch(keys):
        raise ToolFailed(f"{keys[:50]!r} are no keys: 0-9, * and # are")
    plain = keys.replace(",", "w").replace(" ", "w")
    try:
        played = await run.call_context.press_keys(plain)
    except CarrierError as error:
        raise ToolFailed(f"it is not known whether the keys were pressed: {error}") from error
    if not played and isinstance(run.engine.stream, TextStream):
        await run.engine.stream.press(plain)
    elif not played:
        await run.engine.play(_tones(plain, run.engine.stream.sample_rate))
    return Outcome(f"The keys {keys} were pressed.")


def _tones(keys: str, rate: int) -> bytes:
    return b"".join(
        silence(PAUSE_MS, rate) if key == "w" else tone(key, rate) + silence(GAP_MS, rate)
        for key in keys
    )
