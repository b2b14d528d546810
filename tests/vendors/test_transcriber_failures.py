"""How each transcriber's failures show themselves in the media engine (pipecat 1.14).

What whoever runs the pipeline may rely on:

- A failure is an ``ErrorFrame``, upstream, of the service. It is for good when the service is not
  ``is_usable`` any more; errors before that are attempts, whatever their category.
- A refusal (401, and most others) is for good at once. Gladia's has no category, Deepgram's 429 is
  for good and the others' is not.
- A server that fails (500) is asked again: by Deepgram every 4 s until 5 s are over, by the others,
  Gladia excepted, after 0, 4 and 8 s; for good after 12 s.
- A socket that breaks: Deepgram reports it (no category) and waits 4 s, in which nothing is heard.
  The others open another at once and report nothing. For good when three in a row lasted less
  than 5 s each.
- A server that answers nothing at all: 5 s, then for good (``prompt``; the engine's own services would
  wait 38 s and more, with the pipeline not started). One that answers but never with a text: nothing,
  ever; a deadline of one's own has to find out.

The waits are taken out of these tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pipecat.frames.frames import ErrorFrame
from pipecat.utils.errors import ErrorCategory as Category

from app.vendors.common import connect_timeout
from tests.clock import on_loop
from tests.fakes.vendors import assembly_ai, soniox, speechmatics, talkscriber
from tests.fakes.vendors.ears import Ears
from tests.vendors.hearing import hearing
from tests.vendors.transcriber_cases import CASES, SCRIPT, each_vendor, made

SOUND = bytes(640 * 20)
KEY = "sk-0123456789"
SOME = 3200
"""Bytes of sound after which a socket is cut."""


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("deepgram.stt", "websocket_service"):
        where = f"pipecat.services.{module}.exponential_backoff_time"
        monkeypatch.setattr(where, lambda *_, **__: 0.0)


async def failures(
    name: str, vendor: Ears, *, talks: bool = False, **config: Any
) -> list[ErrorFrame]:
    """The errors of a call, up to the one that is for good; and nothing works behind it."""
    service = made(name, vendor, 8000, **config)
    async with hearing(service, 8000) as room:
        while talks and service.is_usable:
            await room.sound(SOUND)
        await room.until(lambda: bool(room.errors) and not service.is_usable)
        asked = len(vendor.asked)
        await room.sound(SOUND)
    assert len(vendor.asked) == asked
    assert all(error.processor is service for error in room.errors)
    return room.errors


@dataclass(frozen=True)
class Outcome:
    """Of a server that fails: how often it is asked, and the errors' categories in order."""

    asked: int
    categories: list[Category | None]


REFUSED = {
    401: Category.AUTHENTICATION,
    403: Category.AUTHORIZATION,
    400: Category.INVALID_REQUEST,  # a model that is none, keywords for one that has none
}


@each_vendor
@pytest.mark.parametrize("status", REFUSED)
@on_loop
async def test_a_refusal_is_for_good(name: str, status: int) -> None:
    """And its error does not hold the key, which was sent."""
    config = {"server": {"secret": KEY}} if name == "custom-transcriber" else {}
    async with CASES[name].stand_in() as vendor:
        vendor.status = status
        (error,) = await failures(name, vendor, key=KEY, **config)
    sent = str([*vendor.asked[0].headers.values(), *vendor.said])
    assert KEY in sent or name == "talkscriber"  # its greeting follows the handshake
    assert KEY not in error.error
    assert error.category is (Category.UNKNOWN if name == "gladia" else REFUSED[status])
    assert len(vendor.asked) == 1
    assert str(status) in error.error


AGAIN = Outcome(
    4, [Category.SERVER, *[Category.SERVER, Category.CONNECTIVITY] * 3, Category.CONNECTIVITY]
)
BROKEN = {
    "deepgram": Outcome(3, [Category.SERVER] * 3 + [Category.UNKNOWN]),
    "gladia": Outcome(1, [Category.UNKNOWN]),
    "assembly-ai": AGAIN,
    "talkscriber": AGAIN,
    "custom-transcriber": AGAIN,
    **dict.fromkeys(("soniox", "cartesia", "11labs", "openai", "speechmatics", "xai"), AGAIN),
    "deepgram-flux": AGAIN,
}


@each_vendor
@on_loop
async def test_a_server_that_fails_is_asked_again(name: str) -> None:
    async with CASES[name].stand_in() as vendor:
        vendor.status = 500
        errors = await failures(name, vendor)
    assert (len(vendor.asked), [error.category for error in errors]) == (
        BROKEN[name].asked,
        BROKEN[name].categories,
    )


@each_vendor
@on_loop
async def test_a_server_that_answers_nothing_is_not_waited_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect_timeout, "CONNECT_SECONDS", 0.3)
    async with CASES[name].stand_in() as vendor:
        vendor.hangs = True
        (error,) = await failures(name, vendor)
    assert error.category is Category.CONNECTIVITY
    assert error.error == "not connected within 0.3 s"


@each_vendor
@on_loop
async def test_a_socket_that_breaks_once_is_replaced(name: str) -> None:
    async with CASES[name].stand_in(*SCRIPT) as vendor:
        vendor.cut_after, vendor.cuts = SOME, 1
        service = made(name, vendor, 8000)
        async with hearing(service, 8000) as room:
            while not room.finals:
                await room.say("book")
                if CASES[name].waits:
                    await room.stop_speaking()
        assert service.is_usable
        assert vendor.cuts == 0
    assert [error.category for error in room.errors] == (
        [Category.UNKNOWN] if name == "deepgram" else []
    )


@each_vendor
@on_loop
async def test_sockets_that_break_again_and_again_are_given_up(name: str) -> None:
    async with CASES[name].stand_in(*SCRIPT) as vendor:
        vendor.cut_after = SOME
        errors = await failures(name, vendor, talks=True)
    assert vendor.cuts == 1000 - 3
    assert {error.category for error in errors} == {Category.UNKNOWN}
    assert len(errors) == (4 if name == "deepgram" else 1)


@each_vendor
@on_loop
async def test_sockets_that_are_closed_in_order_are_told(name: str) -> None:
    """Success is not the end of a stream: its words are, and here are none."""
    async with CASES[name].stand_in(*SCRIPT) as vendor:
        vendor.mute, vendor.close_after = True, SOME
        errors = await failures(name, vendor, talks=True)
    assert "1000 no credit left" in errors[-1].error


@each_vendor
@on_loop
async def test_a_reserve_connects_when_it_takes_over(name: str) -> None:
    async with CASES[name].stand_in(*SCRIPT) as vendor:
        service: Any = made(name, vendor, 8000)
        service.standby = True
        async with hearing(service, 8000) as room:
            await room.say("book")
            assert vendor.asked == []
            await service.take_over()
            await room.say("book")
            await room.stop_speaking()
            await room.until(lambda: bool(room.finals))
    assert room.errors == []


@each_vendor
@on_loop
async def test_a_server_that_hears_nothing_is_not_noticed(name: str) -> None:
    async with CASES[name].stand_in(*SCRIPT) as vendor:
        vendor.mute = True
        service = made(name, vendor, 8000)
        async with hearing(service, 8000) as room:
            await room.say("book")
            await room.stop_speaking()
            await room.sound(SOUND)
        assert service.is_usable
    assert (room.finals, room.interims, room.errors) == ([], [], [])


# ------------------------------------------------------------------ vendors' own words


@pytest.mark.parametrize(
    ("code", "text", "category"),
    [
        (1008, "Unauthorized Connection: Invalid API token", Category.AUTHORIZATION),
        (3009, "Too many concurrent sessions", Category.RATE_LIMIT),
        # a code of tomorrow
        (3999, "The moon is full", Category.UNKNOWN),
    ],
)
@on_loop
async def test_what_assembly_ai_says_is_told(code: int, text: str, category: Category) -> None:
    async with assembly_ai.AssemblyAI() as vendor:
        vendor.error = (code, text)
        errors = await failures("assembly-ai", vendor)
    assert (errors[0].category, errors[0].error) == (category, f"AssemblyAI: {text} ({code})")


@on_loop
async def test_talkscriber_knows_the_key_or_not() -> None:
    async with talkscriber.Talkscriber() as vendor:
        vendor.key = "another"
        (error,) = await failures("talkscriber", vendor)
    assert error.category is Category.AUTHENTICATION
    assert error.error == "cannot connect: Talkscriber does not know the key"


@on_loop
async def test_talkscriber_without_room_is_asked_again() -> None:
    async with talkscriber.Talkscriber() as vendor:
        vendor.full = True
        errors = await failures("talkscriber", vendor)
    assert errors[0].error == "cannot connect: Talkscriber has no room"
    assert len(vendor.asked) == 4


@pytest.mark.parametrize(
    ("code", "category"), [(401, Category.AUTHENTICATION), (402, Category.AUTHORIZATION)]
)
@on_loop
async def test_what_soniox_says_is_told(code: int, category: Category) -> None:
    async with soniox.Soniox() as vendor:
        vendor.error = (code, "Not today.")
        errors = await failures("soniox", vendor)
    assert (errors[0].category, errors[0].error) == (category, f"Soniox: Not today. ({code})")


@pytest.mark.parametrize(("kind", "asked"), [("not_authorised", 1), ("quota_exceeded", 4)])
@on_loop
async def test_speechmatics_without_room_is_asked_again(kind: str, asked: int) -> None:
    async with speechmatics.Speechmatics() as vendor:
        vendor.error = kind
        errors = await failures("speechmatics", vendor)
    assert errors[0].error == f"cannot connect: Speechmatics: {kind}: no"
    assert len(vendor.asked) == asked


@on_loop
async def test_an_own_transcriber_that_sends_elsewhere_is_not_followed() -> None:
    """Its first address was vetted, and no other."""
    from aiohttp import web

    async with CASES["custom-transcriber"].stand_in() as other:

        async def send_on(request: web.BaseRequest) -> web.StreamResponse:
            raise web.HTTPFound(f"{other.url}/elsewhere")

        runner = web.ServerRunner(web.Server(send_on))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        first = CASES["custom-transcriber"].stand_in()
        first.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        errors = await failures("custom-transcriber", first)
        await runner.cleanup()
    assert other.asked == []
    assert "302" in errors[0].error
