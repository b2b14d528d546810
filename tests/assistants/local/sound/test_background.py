"""The background sound: on the line, under the voice, and in no record of the call."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from app.assistants.local.sound import background
from app.assistants.local.sound.background import BackgroundSound, decode
from app.assistants.local.sound.office import LEVEL_DB, LOOP_SECONDS, office
from providers.common.audio import level
from tests.assistants.local.talk import LOUD, Call, talking
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.client_server import Receiver, Reply
from tests.media.server import BY_NAME

EMBEDDED = {"model": {"provider": "embedded", "menu": {"1": {"say": "One."}}}}


def tone(seconds: float, rate: int, form: str = "WAV", channels: int = 1) -> bytes:
    at = np.arange(int(seconds * rate)) / rate
    samples = 0.5 * np.sin(2 * np.pi * 440 * at)
    file = io.BytesIO()
    soundfile.write(file, np.stack([samples] * channels, axis=1), rate, format=form)
    return file.getvalue()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_office_is_quiet_and_has_no_seam(rate: int) -> None:
    samples = np.frombuffer(office(rate), np.int16).astype(float)
    assert len(samples) == LOOP_SECONDS * rate
    assert 20 * np.log10(np.sqrt(np.mean(samples**2)) / 32768) == pytest.approx(LEVEL_DB, abs=0.1)
    assert np.abs(samples).max() < 4000  # a key, -18 dB
    assert abs(samples[0] - samples[-1]) < 4 * np.abs(np.diff(samples)).std()
    assert office(rate) == office(rate)


def test_the_loop_goes_on_at_its_beginning() -> None:
    sound = BackgroundSound(b"abcdef")
    assert [sound.take(size) for size in (4, 4, 0, 14)] == [
        b"abcd",
        b"efab",
        b"",
        b"cdefabcdefabcd",
    ]


def test_a_loud_voice_does_not_overflow() -> None:
    loud = np.full(2, 32000, "<i2").tobytes()
    assert np.frombuffer(BackgroundSound(loud).under(loud), "<i2").tolist() == [32767, 32767]


@pytest.mark.parametrize(
    ("form", "rate", "channels"),
    [("WAV", 8000, 1), ("WAV", 44100, 2), ("MP3", 44100, 1), ("OGG", 48000, 2), ("FLAC", 16000, 1)],
)
def test_a_file_is_brought_to_the_lines_rate_and_level(form: str, rate: int, channels: int) -> None:
    samples = np.frombuffer(decode(tone(1.0, rate, form, channels), 8000), "<i2")
    assert len(samples) == pytest.approx(8000, abs=600)  # an MP3 has whole frames
    assert 20 * np.log10(np.sqrt(np.mean((samples / 32768) ** 2))) == pytest.approx(-30, abs=0.5)


@pytest.mark.parametrize("body", [b"", b"<html>", tone(0, 8000)])
def test_a_file_without_sound(body: bytes) -> None:
    with pytest.raises((soundfile.LibsndfileError, ValueError)):
        decode(body, 8000)


def last(call: Call, seconds: float = 1.0) -> bytes:
    return bytes(call.heard[-int(seconds * call.caller.rate) * 2 :])


async def until_it_is_alone(call: Call) -> None:
    """The last second was heard, and is the background alone."""
    await call.said("AI: Hi.")
    size = len(call.heard) + 2 * 2 * call.caller.rate
    await call.until(lambda: len(call.heard) >= size)
    assert 20 < level(last(call)) < LOUD


@BY_NAME
@on_loop
async def test_the_office_is_heard_while_the_assistant_is_silent(caller: Caller) -> None:
    assistant = {**EMBEDDED, "firstMessage": "Hi.", "backgroundSound": "office"}
    async with talking(caller, assistant) as call:
        await until_it_is_alone(call)
        await call.press("1")
        await call.said("AI: One.")
        assert call.transcript == "AI: Hi.\nUser: DTMF: 1\nAI: One.\n"
        spoken = [
            extra["status"]
            for kind, extra in call.domain.messages
            if kind == "speech-update" and extra["role"] == "assistant"
        ]
        assert spoken == ["started", "stopped"] * 2  # it is no speech


@on_loop
async def test_a_clients_file_is_heard() -> None:
    with Receiver(reply=Reply(body=tone(1.0, 44100, "MP3"))) as server:
        assistant = {**EMBEDDED, "firstMessage": "Hi.", "backgroundSound": server.url}
        async with talking(TwilioCaller(), assistant) as call:
            await call.said("AI: Hi.")
            size = len(call.heard) + 2 * 2 * call.caller.rate
            await call.until(lambda: len(call.heard) >= size)
            assert level(last(call)) > 300
    assert [request.body for request in server.requests] == [b""]  # it is fetched once


FAILURES = {
    "an error": Reply(404),
    "a redirect": Reply(302, {"Location": "https://example.com/office.mp3"}),
    "a page": Reply(body=b"<html>"),
    "too long": Reply(body=bytes(background.FILE_BYTES + 1)),
}


@pytest.mark.parametrize("name", FAILURES)
@on_loop
async def test_a_file_that_fails_is_silence(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with Receiver(reply=FAILURES[name]) as server:
        assistant = {**EMBEDDED, "firstMessage": "Hi.", "backgroundSound": server.url}
        async with talking(TwilioCaller(), assistant) as call:
            await call.until(lambda: "backgroundSound is not played" in caplog.text)
            await call.said("AI: Hi.")
