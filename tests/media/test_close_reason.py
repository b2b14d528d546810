"""How a call's socket ends, and who is told what, in which order."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.assistants import BACKENDS
from app.domain.timings import Timing
from app.media import event_writer
from app.media.backend import AssistantFailed
from app.media.limits import Limits
from app.media.stream import MediaStream
from providers.events import EndedReason
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.media.domain import Domain
from tests.media.server import BY_NAME, QUICK, calling, listen, loud, serving

TWILIO, VONAGE = TwilioCaller(), VonageCaller()


async def closed(carrier: ClientConnection) -> int | None:
    """The code of the server's close frame."""
    with suppress(ConnectionClosed):
        async for _ in carrier:
            pass
    return carrier.close_code


async def talk_a_little(caller: Caller, carrier: ClientConnection) -> None:
    await carrier.send(caller.sound(loud(caller)))
    await listen(caller, carrier, len(loud(caller)))


# ------------------------------------------------------------------ the carrier's ends


@on_loop
async def test_stop_is_reported_as_stopped() -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        await talk_a_little(TWILIO, carrier)
        await carrier.send(TWILIO.stop())
        assert await closed(carrier) == 1000
    assert domain.words() == ["claim", "joined", "stopped"]


@BY_NAME
@on_loop
async def test_close_without_stop_is_reported_as_lost(caller: Caller) -> None:
    domain = Domain()
    async with serving(domain) as served:
        async with calling(served, caller) as carrier:
            await talk_a_little(caller, carrier)
        await domain.hears("lost")
    assert domain.words() == ["claim", "joined", "lost"]
    assert [timing for timing, _ in domain.observed] == [Timing.FIRST_SOUND]


@on_loop
async def test_broken_connection_is_reported_as_lost() -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        await talk_a_little(TWILIO, carrier)
        carrier.transport.abort()
        await domain.hears("lost")
    assert domain.words() == ["claim", "joined", "lost"]


@pytest.mark.parametrize(
    ("caller", "message", "code"),
    [
        (TWILIO, b"\0\0", 1007),  # binary where only text is spoken
        (TWILIO, "[]", 1007),  # JSON, but no object
        (TWILIO, TWILIO.messages.message("media", {"payload": "*"}), 1007),  # bad base64
        (TWILIO, replace(TWILIO, sid="MZ" + "9" * 32).stop(), 1007),  # another stream's stop
        (VONAGE, b"\0", 1007),  # half a sample
        (VONAGE, "no json", 1007),
        (TWILIO, "x" * 70_000, 1009),  # over 64 kB: the server refuses it unread
        (VONAGE, b"x" * 70_000, 1009),
    ],
)
@on_loop
async def test_impossible_message_breaks_off(
    caller: Caller, message: str | bytes, code: int
) -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, caller) as carrier:
        await talk_a_little(caller, carrier)
        await carrier.send(message)
        assert await closed(carrier) == code
        await domain.hears("lost")
    assert domain.words() == ["claim", "joined", "lost"]
    assert [name for name, _ in domain.notes()] == (["media.refused"] if code == 1007 else [])


@on_loop
async def test_flood_breaks_off() -> None:
    domain = Domain()
    limits = replace(QUICK, messages_per_second=10, burst_seconds=3)
    async with serving(domain, limits) as served, calling(served, VONAGE) as carrier:
        for _ in range(40):
            await carrier.send(json.dumps({"event": "more"}))
        assert await closed(carrier) == 1008
    assert domain.words() == ["claim", "joined", "lost"]
    assert ("media.refused", {"word": "too many messages"}) in domain.notes()


@on_loop
async def test_unknown_words_are_noted_once_and_keys_each_time() -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, VONAGE) as carrier:
        for word in ("new", "newer", "new"):
            await carrier.send(json.dumps({"event": word}))
        for key in "118":
            await carrier.send(VONAGE.digit(key))
        await domain.until(lambda: len(domain.notes()) == 5)
    words = [data["word"] for name, data in domain.notes() if name == "media.unknown"]
    digits = [data for name, data in domain.notes() if name == "digit"]
    assert (words, digits) == (["new", "newer"], [{}, {}, {}])  # which key may be part of a PIN


# ------------------------------------------------------------------ our ends


class Scripted:
    """An assistant that does as the test says, once its line is there."""

    def __init__(self, script: Any) -> None:
        self.script = script
        self.stream: asyncio.Future[MediaStream] = asyncio.get_running_loop().create_future()
        self.cancelled = asyncio.Event()

    async def run(self, stream: MediaStream) -> EndedReason | None:
        self.stream.set_result(stream)
        try:
            return await self.script(stream)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Any:
    def play(script: Any) -> Scripted:
        assistant = Scripted(script)
        monkeypatch.setitem(BACKENDS, "echo", lambda claim: assistant)
        return assistant

    return play


async def forever(stream: MediaStream) -> None:
    await asyncio.Event().wait()


@BY_NAME
@on_loop
async def test_result_is_the_intent_committed_before_the_close(caller: Caller, play: Any) -> None:
    domain = Domain()
    release = asyncio.Event()

    async def script(stream: MediaStream) -> EndedReason:
        await release.wait()
        return EndedReason.SILENCE_TIMED_OUT

    async with serving(domain) as served, calling(served, caller) as carrier:
        play(script)
        reading = asyncio.create_task(closed(carrier))
        release.set()
        assert await reading == 1000
        assert domain.told[-1][:3] == ("intend", "token-1", EndedReason.SILENCE_TIMED_OUT)
    assert domain.words() == ["claim", "joined", "intend"]  # neither stopped nor lost


class SlowStore(Domain):
    """Takes its time for what the assistant writes down."""

    def flush(self, *told: Any) -> None:
        time.sleep(0.1)
        super().flush(*told)


@on_loop
async def test_the_last_words_are_written_before_the_end(play: Any) -> None:
    domain = SlowStore()

    async def script(stream: MediaStream) -> None:
        stream.call_context.update_call({"transcript": "AI: Goodbye.\n"})
        stream.call_context.send_message("transcript", {"transcript": "Goodbye."})

    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        play(script)
        assert await closed(carrier) == 1000
    told = [word for word, *_ in domain.told if word in ("written", "intend")]
    assert told == ["written", "intend"]  # whose report holds them


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AssistantFailed("the model is gone"), "the model is gone"),
        # an exception's own text may hold anything
        (RuntimeError("sk-secret"), "The assistant failed; the log says how."),
    ],
)
@on_loop
async def test_failed_assistant_is_an_assistant_error(
    error: Exception, message: str, play: Any
) -> None:
    domain = Domain()

    async def script(stream: MediaStream) -> None:
        raise error

    play(script)
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        assert await closed(carrier) == 1000
    assert domain.told[-1] == ("intend", "token-1", EndedReason.ASSISTANT_ERROR, message)


@on_loop
async def test_hang_up_does_not_return(play: Any) -> None:
    domain = Domain()
    after = list[str]()

    async def script(stream: MediaStream) -> None:
        await stream.hang_up(EndedReason.VOICEMAIL, "beep")
        after.append("went on")

    assistant = play(script)
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        assert await closed(carrier) == 1000
        await assistant.cancelled.wait()
    assert domain.told[-1] == ("intend", "token-1", EndedReason.VOICEMAIL, "beep")
    assert after == []


@BY_NAME
@on_loop
async def test_last_words_are_heard_before_the_close(caller: Caller, play: Any) -> None:
    domain = Domain()
    words = loud(caller, milliseconds=1000)

    async def script(stream: MediaStream) -> EndedReason:
        await stream.send(words)
        return EndedReason.ASSISTANT_ENDED_CALL

    play(script)
    patient = replace(QUICK, drain_seconds=20, grace_seconds=20)
    async with serving(domain, patient) as served, calling(served, caller) as carrier:
        assert await listen(caller, carrier, len(words)) == words
        reply = None
        while reply is None:
            reply = caller.mark_reply(await carrier.recv())
        assert domain.words()[-1] == "intend"  # known to be over while it still sounds
        await carrier.send(reply)
        assert await closed(carrier) == 1000


@on_loop
async def test_carrier_that_answers_no_mark_does_not_hold_the_end(play: Any) -> None:
    async def script(stream: MediaStream) -> None:
        await stream.send(loud(TWILIO))

    play(script)
    async with serving(Domain()) as served, calling(served, TWILIO) as carrier:
        assert await closed(carrier) == 1000


@on_loop
async def test_carrier_that_leaves_during_the_last_words_ends_the_wait(play: Any) -> None:
    domain = Domain()

    async def script(stream: MediaStream) -> None:
        await stream.send(loud(TWILIO))

    play(script)
    patient = replace(QUICK, drain_seconds=3600, grace_seconds=3600)
    async with serving(domain, patient) as served, calling(served, TWILIO) as carrier:
        await domain.hears("intend")
        await carrier.send(TWILIO.stop())
        assert await closed(carrier) == 1000
    assert domain.words() == ["claim", "joined", "intend"]


@on_loop
async def test_assistant_may_finish_when_the_carrier_has_gone(play: Any) -> None:
    finished = list[str]()

    async def script(stream: MediaStream) -> EndedReason:
        async for _ in stream:
            pass
        finished.append("yes")
        return EndedReason.ASSISTANT_ENDED_CALL

    domain = Domain()
    play(script)
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        await carrier.send(TWILIO.stop())
        assert await closed(carrier) == 1000
    assert finished == ["yes"]
    assert domain.words() == ["claim", "joined", "stopped"]  # its reason no longer counts


@on_loop
async def test_assistant_that_does_not_finish_is_cancelled(play: Any) -> None:
    assistant = play(forever)
    async with serving(Domain()) as served, calling(served, TWILIO) as carrier:
        await carrier.send(TWILIO.stop())
        assert await closed(carrier) == 1000
        await assistant.cancelled.wait()


@on_loop
async def test_report_is_tried_again_while_the_store_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_writer, "RETRY_SECONDS", (0.0, 0.0))
    domain = Domain()
    domain.raises["lost"] = [OperationalError("x", {}, Exception()) for _ in range(2)]
    async with serving(domain) as served:
        async with calling(served, TWILIO) as carrier:
            await talk_a_little(TWILIO, carrier)
        await domain.until(lambda: domain.words().count("lost") == 3)
    assert domain.raises["lost"] == []


@on_loop
async def test_store_that_stays_down_does_not_keep_the_call_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_writer, "RETRY_SECONDS", (0.0,))
    domain = Domain()
    domain.raises["intend"] = [OperationalError("x", {}, Exception()) for _ in range(2)]
    domain.raises["confess"] = [OperationalError("x", {}, Exception())]  # not back yet
    with caplog.at_level(logging.ERROR):
        async with serving(domain, QUICK) as served, calling(served, TWILIO) as carrier:
            await carrier.send(TWILIO.digit("#"))
            assert await closed(carrier) == 1000
            await domain.until(lambda: not domain.has_pending_db_errors)
    assert "a report of its media is lost" in caplog.text
    assert domain.words()[-3:] == ["unstored", "confess", "confess"]


# ------------------------------------------------------------------ other causes


@pytest.mark.parametrize("nudged", [True, False])
@on_loop
async def test_call_that_is_over_is_closed_without_a_report(nudged: bool, play: Any) -> None:
    """With a nudge at once, else at the watcher's next look."""
    domain = Domain()
    assistant = play(forever)
    limits = replace(QUICK, watch_seconds=3600 if nudged else 0.05)
    async with serving(domain, limits) as served:
        async with calling(served, TWILIO) as ended, calling(served, VONAGE, "other") as other:
            await assistant.stream
            assistant.stream = asyncio.get_running_loop().create_future()
            await domain.until(lambda: domain.words().count("joined") == 2)
            domain.ended.add("token-1")
            if nudged:
                [nudge] = domain.media_wakers
                await asyncio.to_thread(nudge, "token-1")
            assert await closed(ended) == 1000
            await assistant.cancelled.wait()
            assert other.close_code is None
        assert [told for told in domain.told if told[1] == "token-1"][-1][0] == "joined"


@on_loop
async def test_a_socket_that_another_has_replaced_is_lost_and_closed() -> None:
    """Also when the other one is in another process: the store tells which one counts."""
    domain = Domain()
    async with (
        serving(domain) as served,
        calling(served, TWILIO) as stale,
        calling(served, VONAGE, "token-2") as other,
    ):
        await talk_a_little(TWILIO, stale)
        domain.current["token-1"] = None  # the carrier has asked for the next document
        assert await closed(stale) == 1000
        await talk_a_little(VONAGE, other)
    assert [told[0] for told in domain.told if told[1] == "token-1"].count("lost") == 1


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("x", {}, Exception()),  # the database's
        OSError("no locks available"),  # of the file beside it
    ],
)
@on_loop
async def test_watcher_survives_a_store_failure(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = Domain()
    asked = list[str]()

    def over(call_ids: Any) -> dict[str, str | None]:
        asked.extend(call_ids)
        if len(asked) < 3:
            raise error
        return {}

    monkeypatch.setattr(domain, "streams", over)
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        assert await closed(carrier) == 1000
    assert len(asked) == 3


@on_loop
async def test_process_that_stops_reports_its_calls_lost_and_closes_1001() -> None:
    domain = Domain()
    async with (
        serving(domain) as served,
        calling(served, TWILIO) as one,
        calling(served, VONAGE, "token-2") as two,
    ):
        await talk_a_little(TWILIO, one)
        await talk_a_little(VONAGE, two)
        stopping = asyncio.create_task(served.application.drain())
        assert [await closed(one), await closed(two)] == [1001, 1001]
        await stopping
        assert domain.words().count("lost") == 2
        with pytest.raises(InvalidStatus) as refusal:  # no new calls meanwhile
            await connect(served.url("twilio", "token-3"), proxy=None)
    assert refusal.value.response.status_code == 503


@on_loop
async def test_server_drains_before_it_closes_sockets_its_own_way() -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        await talk_a_little(TWILIO, carrier)
        reading = asyncio.create_task(closed(carrier))
        await served.server.shutdown()
        assert await reading == 1001
    assert domain.words() == ["claim", "joined", "lost"]


def test_limits_leave_a_host_time_to_stop() -> None:
    """A stop, with its last words, fits into the 30 s that hosts give."""
    limits = Limits()
    assert limits.drain_seconds + limits.grace_seconds < 30
