"""A voice for scenarios whose voice fails: ``voice-request``, answered by espeak-ng.

https://docs.vapi.ai/customization/custom-voices/custom-tts
"""

from __future__ import annotations

from app.cli.scenarios.asgi import Send, respond
from app.cli.scenarios.faults import Needs
from app.cli.scenarios.script import Script
from app.cli.scenarios.vendor_faults import meets_fault
from providers.common.json_types import JsonObject

SOUND = "application/octet-stream"


async def answer(script: Script, asked: JsonObject, send: Send) -> None:
    """Answer one request: 16-bit mono PCM at the rate that it names."""
    from app.vendors.embedded.espeak import speak

    if await meets_fault(script, Needs.VOICE, send):
        return
    message = asked["message"]
    pcm = [piece async for piece in speak(str(message["text"]), int(message["sampleRate"]))]
    await respond(send, 200, b"".join(pcm), SOUND)
