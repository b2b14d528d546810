"""A transcriber of one's own: what it is sent, and which of its answers count."""

from __future__ import annotations

import numpy as np
import pytest
from pipecat.frames.frames import InterruptionFrame

from app.net.authentication import Bearer
from app.vendors.custom.stt import CustomTranscriber, parse, stereo
from tests.clock import on_loop
from tests.fakes.vendors import custom_transcriber
from tests.speech import seconds, speech
from tests.vendors.hearing import hearing
from tests.vendors.transcriber_cases import SCRIPT, made


@on_loop
async def test_own_transcriber_gets_the_assistant_on_the_right() -> None:
    async with custom_transcriber.CustomTranscriber(*SCRIPT) as vendor:
        service = made("custom-transcriber", vendor, 8000)
        assert isinstance(service, CustomTranscriber)
        async with hearing(service, 8000) as room:
            service.assistant_said(speech("open"))
            await room.say("book")
            await room.until(lambda: bool(room.finals))
        left, right = vendor.channel(0), vendor.channel(1)
    assert level(left, 0, 1) > 1000
    assert level(right, 0, 1) > 1000
    assert level(right, seconds(speech("open")) + 0.1, 9) < 50  # it had said all
    assert room.finals == [SCRIPT[0]]  # and what it said is not taken for the caller's


@on_loop
async def test_own_transcriber_does_not_hear_what_an_interruption_cut() -> None:
    async with custom_transcriber.CustomTranscriber(*SCRIPT) as vendor:
        service = made("custom-transcriber", vendor, 8000)
        assert isinstance(service, CustomTranscriber)
        async with hearing(service, 8000) as room:
            service.assistant_said(speech("open"))
            await room.worker.queue_frame(InterruptionFrame())
            await room.until(lambda: bool(room.all(InterruptionFrame)))
            await room.say("book")
            await room.until(lambda: bool(room.finals))
        assert level(vendor.channel(1), 0, 9) < 2  # the resampler's dither


@on_loop
async def test_own_transcriber_that_knows_no_partial_texts() -> None:
    async with (
        custom_transcriber.CustomTranscriber(*SCRIPT, typed=False) as vendor,
        hearing(made("custom-transcriber", vendor, 8000), 8000) as room,
    ):
        await room.say("book")
        await room.until(lambda: bool(room.finals))
    assert (room.finals, room.interims) == ([SCRIPT[0]], [])


def test_sound_of_an_assistant_is_not_held_for_ever() -> None:
    service = CustomTranscriber("ws://127.0.0.1:1", {}, 8000)
    service.assistant_said(bytes(16000 * 60))
    assert len(service._said) == 16000 * 10


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        (
            '{"type": "transcriber-response", "transcription": "Hi", "channel": "customer"}',
            ("Hi", True),
        ),
        # some servers leave the channel out
        ('{"type": "transcriber-response", "transcription": "Hi"}', ("Hi", True)),
        (
            '{"type": "transcriber-response", "transcription": "H", "channel": "customer", "transcriptType": "partial"}',
            ("H", False),
        ),
        ('{"type": "transcriber-response", "transcription": "Hi", "channel": "assistant"}', None),
        ('{"type": "hello"}', None),
        ("[]", None),
        ("not JSON", None),
        (b"\xff", None),
    ],
)
def test_answers_of_an_own_transcriber(
    message: str | bytes, heard: tuple[str, bool] | None
) -> None:
    assert parse(message) == heard


def test_stereo_is_interleaved() -> None:
    assert stereo(b"\1\0\2\0", b"\3\0\4\0") == b"\1\0\3\0\2\0\4\0"


def level(pcm: bytes, start: float, end: float) -> float:
    """Mean level of a part, in seconds, at 16 kHz."""
    samples = np.frombuffer(pcm, dtype="<i2")[int(start * 16000) : int(end * 16000)]
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


@on_loop
async def test_own_transcriber_gets_the_headers_of_its_credential() -> None:
    async with custom_transcriber.CustomTranscriber(*SCRIPT) as vendor:
        service = made("custom-transcriber", vendor, 8000)
        assert isinstance(service, CustomTranscriber)
        service.signer = Bearer({"type": "bearer", "token": "t"})
        async with hearing(service, 8000) as room:
            await room.say("book")
            await room.until(lambda: bool(room.finals))
    assert vendor.asked[0].headers["Authorization"] == "Bearer t"
