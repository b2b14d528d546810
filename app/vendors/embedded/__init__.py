"""The services without an account: a voice, a keypad menu, and a transcriber.

The menu replaces a model, and is not part of the registry: it needs the assistant's transcriber too
(``app/assistants/local/agent.py``).
"""

from __future__ import annotations

from app.vendors.common.vendor import SttPart, TtsPart, Vendor

VENDOR = Vendor(
    name="embedded",
    stt=SttPart(make=f"{__name__}.stt:make"),
    tts=TtsPart(
        make=f"{__name__}.tts:make", needs_account=False, similar=f"{__name__}.similar:similar"
    ),
)
