"""Every transcriber against its vendor's stand-in: two sentences, and the end of a turn."""

from __future__ import annotations

import pytest
from pipecat.frames.frames import MetricsFrame, TranscriptionFrame
from pipecat.metrics.metrics import STTUsageMetricsData

from app.vendors.registry import local_programs, stt_parts
from tests.clock import on_loop
from tests.speech import seconds, speech
from tests.vendors.hearing import hearing
from tests.vendors.test_http_transcribers import CASES as UTTERANCES
from tests.vendors.transcriber_cases import CASES, RATES, SCRIPT, each_vendor, made

each_rate = pytest.mark.parametrize("rate", RATES)


def test_every_vendor_has_a_case() -> None:
    found = {case.provider or name for name, case in CASES.items()}
    assert found | set(UTTERANCES) == set(stt_parts()) - {"embedded", *local_programs()}


@each_vendor
@each_rate
@on_loop
async def test_two_sentences_are_heard(name: str, rate: int) -> None:
    case = CASES[name]
    async with case.stand_in(*SCRIPT) as vendor:
        async with hearing(made(name, vendor, rate), rate) as room:
            for count, sentence in enumerate(("book", "two"), start=1):
                await room.say(sentence)
                if case.waits:
                    await room.stop_speaking()
                await room.until(lambda count=count: len(room.finals) == count)
        case.asked(vendor, rate)
        spoken = sum(seconds(speech(each, rate), rate) + 0.3 for each in ("book", "two"))
        assert case.sounds(vendor, rate) == pytest.approx(spoken, abs=0.1)
    assert room.finals == list(SCRIPT)
    assert room.interims
    assert room.interims[0] in SCRIPT[0]
    assert room.errors == []
    metered = [
        metric.value.audio_seconds
        for frame in room.all(MetricsFrame)
        for metric in frame.data
        if isinstance(metric, STTUsageMetricsData)
    ]
    assert sum(metered) == pytest.approx(spoken, abs=0.05)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].finalizes])
@on_loop
async def test_the_end_of_a_turn_brings_a_finalized_text(name: str) -> None:
    async with (
        CASES[name].stand_in(*SCRIPT) as vendor,
        hearing(made(name, vendor, 8000), 8000) as room,
    ):
        await room.say("book", pause=0.06)  # too short for the vendor to end it itself
        await room.until(lambda: bool(room.interims))
        assert room.finals == []
        await room.stop_speaking()
        await room.until(lambda: bool(room.finals))
    (frame,) = room.all(TranscriptionFrame)
    assert (frame.text, frame.finalized) == (SCRIPT[0], True)
