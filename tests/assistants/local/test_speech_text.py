"""What the voice is given of the model's text."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.assistants.local.speech_text import ChunkAggregator, formatted
from app.domain.assistant.speech_text import parse
from app.vendors.common.account import VendorAccount
from tests.assistants.local.talk import talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.vendors.cases import BY_PROVIDER

TEXT = "Hello, dear caller. It costs 3.50, or so: fine! Well."


@pytest.mark.parametrize(
    ("plan", "chunks"),
    [
        (
            {"minCharacters": 1},
            ["Hello, dear caller.", "It costs 3.50, or so: fine!", "Well."],
        ),
        ({"minCharacters": 30}, ["Hello, dear caller. It costs 3.50, or so: fine!", "Well."]),
        (
            {"minCharacters": 5, "punctuationBoundaries": [",", ":"]},
            ["Hello,", "dear caller.", "It costs 3.50,", "or so:", "fine!", "Well."],
        ),
    ],
)
def test_chunks(plan: dict[str, Any], chunks: list[str]) -> None:
    async def cut() -> list[str]:
        aggregator = ChunkAggregator(parse({"chunkPlan": plan}))
        found = [each.text for piece in TEXT async for each in aggregator.aggregate(piece)]
        rest = await aggregator.flush()
        return [*found, *([rest.text] if rest else [])]

    assert asyncio.run(cut()) == chunks


@pytest.mark.parametrize(
    ("formatters", "language", "text", "spoken"),
    [
        (["dollarAmount"], "en", "It is $42.50.", "It is forty-two dollars and fifty cents."),
        (["percentage"], "en-US", "50% off", "fifty percent off"),
        (["phoneNumber"], "", "Call 415-555-0100", "Call 4 1 5 5 5 5 0 1 0 0"),
        (["number"], "en", "12 of 12345", "twelve of 1 2 3 4 5"),
        (["email"], "en", "ann@example.com", "ann at example dot com"),
        (["markdown"], "en", "**bold**", "bold"),
        (["stripAsterisk"], "de", "*laut*", "laut"),
        (["newline", "dash", "quote"], "de", 'a\nb - "c"', "a b, c"),
        (["number"], "de", "12", "12"),  # pipecat's writing out is English
        ([], "en", "<b>$1</b>", "<b>$1</b>"),
        (None, "en", "<break/>At 5km.", "At five kilometers."),
    ],
)
def test_formatters(formatters: list[str] | None, language: str, text: str, spoken: str) -> None:
    plan = {} if formatters is None else {"formattersEnabled": formatters}
    made = parse({"chunkPlan": {"formatPlan": {"enabled": True, **plan}}})
    assert asyncio.run(formatted(made, language)(text, "sentence")) == spoken


@on_loop
async def test_the_voice_is_given_chunks_as_the_plan_writes_them() -> None:
    """And the transcript has the model's text."""
    voice = BY_PROVIDER["openai"]
    chunk_plan = {
        "minCharacters": 60,
        "formatPlan": {
            "formattersEnabled": ["percentage"],
            "replacements": [{"type": "exact", "key": "Hi.", "value": "Hello."}],
        },
    }
    assistant = {
        "firstMessage": "Hi.",
        "voice": {"provider": "openai", "voiceId": "luna", "chunkPlan": chunk_plan},
        "model": {"provider": "groq", "model": "a"},
    }
    async with voice.standin() as standin, vendors("Yes.", replies="All. Is 5% off.") as theirs:
        keys = {
            "openai": VendorAccount("key", standin.url + voice.path),
            "groq": VendorAccount("key", f"{theirs.chat.url}/v1"),
        }
        async with talking(TwilioCaller(), assistant, theirs, keys=keys) as call:
            await call.said("AI: Hi.")
            call.say("yes")
            await call.said("AI: All. Is 5% off.")
        said = [each.body["input"] for each in standin.asked]
        assert said == ["Hello.", "All. Is five percent off."]
