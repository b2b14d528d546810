"""How each voice fails: what its error says, how soon, and that the next sentence may be spoken."""

from __future__ import annotations

import asyncio
import functools

import pytest

from app.vendors.common import tts_http
from app.vendors.failures import voice_failure
from tests.clock import on_loop
from tests.fakes.vendors.custom_voice import CustomVoice
from tests.fakes.vendors.eleven_labs import ElevenLabs
from tests.fakes.vendors.standin import SECONDS
from tests.vendors.cases import (
    BY_PROVIDER,
    BYE,
    HELLO,
    QUIET,
    Voice,
    each_http,
    each_json,
    each_socket,
    each_way,
)
from tests.vendors.speaking import Spoken, speak


def reasons(voice: Voice, spoken: Spoken) -> set[str]:
    return {voice_failure(voice.provider, *error) for error in spoken.errors}


@each_way
@pytest.mark.parametrize(
    ("status", "category"),
    [
        (401, "authentication"),
        (404, "invalid_request"),  # an unknown voice
        (429, "rate_limit"),
        (500, "server"),
    ],
)
@on_loop
async def test_a_refusal_says_what_the_vendor_says(
    voice: Voice, status: int, category: str
) -> None:
    async with voice.standin(status=status, says="not you") as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    text, found = spoken.errors[0]
    assert f"HTTP {status}" in text
    assert "not you" in text
    assert found == category
    assert spoken.pcm == b""


@each_socket
@on_loop
async def test_a_refusal_on_the_open_socket_says_what_the_vendor_says(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin(refuses="code", says="no voice luna") as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    assert "no voice luna" in spoken.errors[0][0]
    assert spoken.pcm == b""


@pytest.mark.parametrize(
    ("code", "says", "reason"),
    [
        (
            "voice_id_does_not_exist",
            "A voice with the voice_id luna does not exist.",
            "pipeline-error-eleven-labs-voice-not-found",
        ),
        (
            "quota_exceeded",
            "This request exceeds your quota of 10000. You have 0 credits remaining.",
            "pipeline-error-eleven-labs-quota-exceeded",
        ),
        # the code alone tells: it is in the message, and not in the close that follows
        ("quota_exceeded", "Sorry.", "pipeline-error-eleven-labs-quota-exceeded"),
        ("internal", "Something went wrong.", "pipeline-error-eleven-labs-voice-failed"),
    ],
)
@on_loop
async def test_eleven_labs_refusals_are_told_apart(code: str, says: str, reason: str) -> None:
    voice = BY_PROVIDER["11labs"]
    async with ElevenLabs(refuses=code, says=says) as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    assert voice_failure("11labs", *spoken.errors[0]) == reason


@each_way
@on_loop
async def test_a_sentence_that_breaks_off_is_an_error(voice: Voice) -> None:
    """With what was heard of it; the next sentence is spoken on a connection of its own."""
    async with voice.standin(cut=True) as standin:
        spoken = await speak(voice.made(standin, 16000), [HELLO], 16000, patience=QUIET)
    heard = len(spoken.pcm)
    if voice.provider == "google":  # whose sentence comes as a whole
        assert heard == 0
    else:
        assert 0 < heard < int(16000 * SECONDS) * 2
    text, _ = spoken.errors[0]
    assert "broke off" in text or "connection closed" in text
    assert len(reasons(voice, spoken)) == 1


@each_socket
@on_loop
async def test_speaks_again_after_a_break(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin(cut=True) as standin:
        made = voice.made(standin, 8000)
        mend = functools.partial(setattr, standin, "cut", False)
        spoken = await speak(made, [HELLO, BYE], 8000, after_error=mend)
    assert len(spoken.errors) == 1
    assert len(standin.asked) == 2
    assert len(spoken.pcm) > int(8000 * SECONDS) * 2


@each_socket
@on_loop
async def test_a_connection_lost_between_sentences_is_no_error(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin() as standin:
        made = voice.made(standin, 8000)
        lost = asyncio.Event()
        made.add_event_handler("on_disconnected", lambda _: lost.set())

        async def drop() -> None:
            await standin.drop()
            await lost.wait()

        spoken = await speak(made, [HELLO, BYE], 8000, between=drop)
    assert spoken.errors == []
    assert len(standin.asked) == 2
    assert len(spoken.pcm) == 2 * int(8000 * SECONDS) * 2


@each_socket
@on_loop
async def test_a_socket_that_is_closed_in_order_is_an_error(provider: str) -> None:
    """Without a sound, and with what the vendor says about it."""
    voice = BY_PROVIDER[provider]
    async with voice.standin(closes=True) as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    assert spoken.pcm == b""
    assert "1000 no credit left" in spoken.errors[0][0]


@each_socket
@on_loop
async def test_a_socket_that_stays_silent_is_an_error(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin(silent=True) as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    assert "completed with no audio" in spoken.errors[0][0]


@each_http
@on_loop
async def test_an_answer_that_does_not_come_is_an_error(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tts_http, "ANSWER_SECONDS", QUIET)
    voice = BY_PROVIDER[provider]
    config = {"server": {"timeoutSeconds": QUIET}} if provider == "custom-voice" else {}
    async with voice.standin(silent=True) as standin:
        spoken = await speak(voice.made(standin, 8000, **config), [HELLO], 8000)
    assert spoken.errors[0] == (f"no sound within {QUIET:g} s", "connectivity")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/octet-stream"),  # nothing
        (b'{"message": "later"}', "application/json"),  # would be noise
        (b'{"message": "later"}', "application/problem+json"),
        (b'{"message": "later"}', "audio/pcm"),  # whatever it says
        (b"{}", "application/octet-stream"),
        (b"<!DOCTYPE html>\n<h1>Sign in</h1>", "application/octet-stream"),
        (b"<html/>", "application/xhtml+xml"),
    ],
)
@on_loop
async def test_an_answer_that_is_no_sound_is_an_error(body: bytes, kind: str) -> None:
    async with CustomVoice(instead=(body, kind)) as standin:
        spoken = await speak(BY_PROVIDER["custom-voice"].made(standin, 8000), [HELLO], 8000)
    assert spoken.pcm == b""
    assert "no sound" in spoken.errors[0][0]


@each_json
@on_loop
async def test_a_refusal_within_an_answer_says_what_the_vendor_says(provider: str) -> None:
    voice = BY_PROVIDER[provider]
    async with voice.standin(refuses="code", says="no voice luna") as standin:
        spoken = await speak(voice.made(standin, 8000), [HELLO], 8000, patience=QUIET)
    assert spoken.pcm == b""
    assert "no sound" in spoken.errors[0][0]
    assert "no voice luna" in spoken.errors[0][0]


@each_way
@on_loop
async def test_a_port_nobody_listens_on_is_an_error(voice: Voice) -> None:
    async with voice.standin() as standin:
        made = voice.made(standin, 8000)
    spoken = await speak(made, [HELLO], 8000, patience=QUIET)
    assert spoken.errors[0][1] == "connectivity"
