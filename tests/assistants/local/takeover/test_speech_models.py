"""A supervisor on a call whose model hears and speaks by itself: silent, and without their words."""

from __future__ import annotations

from app.assistants.local.takeover.take_over import BACK_TEXT, UNHEARD_TEXT
from tests.assistants.local.takeover.supervisor import supervising
from tests.assistants.local.test_speech_to_speech import EACH, LONG, talk
from tests.clock import on_loop


@EACH
@on_loop
async def test_it_is_silent_and_told(name: str) -> None:
    async with talk(name, "First.", "Second.", firstMessage=LONG) as (call, vendor):
        await call.until(call.sounds)
        async with supervising(call) as supervisor:
            await supervisor.take_over()
            await call.until(lambda: call.clears == 1)
            call.say("book")
            await call.said("User: First.")
            call.heard.clear()
            call.pause(2.0)
            await supervisor.say("person")
            assert call.sounds()  # it is their voice
            assert "Surely." not in call.transcript
            assert supervisor.start["transcribed"] is False
            await supervisor.give_back()  # and the caller spoke last
            await call.said("AI: Surely.")
        told = [each["message"] for each in call.domain.kept["messages"]]
        assert f"{BACK_TEXT} {UNHEARD_TEXT}" in told
        assert vendor.complaints == []
