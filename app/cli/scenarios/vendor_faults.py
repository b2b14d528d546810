"""The faults of the stand-ins that answer over HTTP: late, an error, or nothing."""

from __future__ import annotations

import asyncio

from app.cli.scenarios.asgi import Send, respond
from app.cli.scenarios.faults import FAILING, SILENT, Needs
from app.cli.scenarios.script import Script

# Longer than any deadline of a bridge for a vendor's answer.
SILENT_SECONDS = 600.0
# An answer that every vendor may give. Of this status a client tries no other model.
FAILED = 500
BODY = b'{"error": {"message": "This failure is part of the test."}}'


async def meets_fault(script: Script, part: Needs, send: Send) -> bool:
    """Do what the present fault of this part does. True: the request is done with."""
    fault = script.fault(part)
    if fault is None:
        return False
    kind, seconds = fault
    if kind == FAILING:
        await respond(send, FAILED, BODY)
        return True
    await asyncio.sleep(SILENT_SECONDS if kind == SILENT else seconds)
    return False
