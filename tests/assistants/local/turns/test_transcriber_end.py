"""A transcriber that decides itself when a turn is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.vendors.common.account import VendorAccount
from tests.assistants.local.talk import talking, vendors
from tests.assistants.local.turns.test_eager_request import asked
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.vendors.deepgram_flux import DeepgramFlux

FLUX = {"provider": "deepgram", "model": "flux-general-en"}
RULE = {"type": "customer", "regex": "yes", "regexOptions": [], "timeoutSeconds": 2}
PLANS: Mapping[str, tuple[dict[str, Any], bool]] = {
    "nothing else": ({"waitSeconds": 2}, False),
    "a rule": ({"waitSeconds": 0.3, "customEndpointingRules": [RULE]}, True),
    "a plan by the transcript": (
        {"transcriptionEndpointingPlan": {"onPunctuationSeconds": 2}},
        True,
    ),
}
"""The assistant's plan, and whether it decides in the transcriber's place."""


@pytest.mark.parametrize("name", PLANS)
@on_loop
async def test_its_end_is_the_turns_end(name: str) -> None:
    """The model is asked at once; the assistant's voice still waits for ``waitSeconds``."""
    start, waits = PLANS[name]
    assistant = {
        "firstMessageMode": "assistant-waits-for-user",
        "startSpeakingPlan": start,
        "transcriber": FLUX,
    }
    async with DeepgramFlux("yes.") as ears, vendors() as theirs:
        keys = {"deepgram": VendorAccount("key", ears.url)}
        async with talking(TwilioCaller(), assistant, theirs, keys=keys) as call:
            await ears.until(1)
            call.pause(0.5)
            call.say("yes")
            begun = call.clock
            await asked(theirs, 1)
            assert (call.clock - begun > 2.5) is waits
            await call.until(call.sounds)
            assert call.clock - begun > 2.5
            await call.said("AI: Good morning to you.")
