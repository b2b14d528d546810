"""The built-in tool that presses keys. https://docs.vapi.ai/tools/default-tools"""

from __future__ import annotations

import re

from app.assistants.local.tools.run import Outcome, Run, ToolFailed
from providers.common.audio import silence
from providers.common.dtmf import tone

KEYS = re.compile(r"[0-9*#A-Dw, ]{1,50}", re.ASCII)
# A ``w`` among the keys.
PAUSE_MS = 500
GAP_MS = 80


async def press(run: Run) -> Outcome:
    """Play the keys' tones. Raises ``ToolFailed``."""
    keys = str(run.arguments.get("dtmf", "")).strip()
    if not KEYS.fullmatch(keys):
        raise ToolFailed(f"{keys[:50]!r} are no keys: 0-9, * and # are")
    rate = run.engine.stream.sample_rate
    sound = b"".join(
        silence(PAUSE_MS, rate) if key in "w, " else tone(key, rate) + silence(GAP_MS, rate)
        for key in keys
    )
    await run.engine.play(sound)
    return Outcome(f"The keys {keys} were pressed.")
