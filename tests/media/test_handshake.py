"""Who is let in: the claim before the handshake, the carrier's start after it."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy.exc import OperationalError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from providers.errors import NotConfigured, Refused
from providers.events import EndedReason
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media.domain import Domain
from tests.media.server import BY_NAME, CALLERS, QUICK, calling, listen, loud, serving

TWILIO = TwilioCaller()


def store_down() -> Exception:
    return OperationalError("select", {}, Exception("gone"))


@on_loop
async def test_claim_gets_the_handshake_as_it_was_sent() -> None:
    domain = Domain()
    async with serving(domain) as served:
        headers = [("X-Twilio-Signature", "a+b="), ("X-Twice", "1"), ("X-Twice", "2")]
        url = served.url("twilio", "tok%2Den") + "?x=%20"
        async with connect(url, proxy=None, additional_headers=headers):
            _, name, token, target, seen = await domain.hears("claim")
    assert (name, token, target) == ("twilio", "tok%2Den", "/media/twilio/tok%2Den?x=%20")
    assert ("x-twilio-signature", "a+b=") in seen
    assert [value for key, value in seen if key == "x-twice"] == ["1", "2"]


@on_loop
async def test_offered_subprotocol_and_compression_are_not_taken() -> None:
    async with serving(Domain()) as served:
        url = served.url("vonage")
        async with connect(url, proxy=None, subprotocols=["WSBRIDGE"]) as carrier:  # type: ignore[list-item]
            assert carrier.subprotocol is None
            assert carrier.protocol.extensions == []
            assert "server" not in carrier.response.headers


@pytest.mark.parametrize(
    "path",
    [
        "/media/twilio/",  # no token
        "/media/twilio",
        "/media/nobody/token",  # no such carrier
        "/medium/twilio/token",
        "/media",
        "/",
    ],
)
@on_loop
async def test_other_paths_are_refused_unasked(path: str) -> None:
    domain = Domain()
    async with serving(domain) as served:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(f"ws://{served.address}{path}", proxy=None)
    assert refusal.value.response.status_code == 403
    assert domain.told == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("used before"), 403),
        (NotConfigured("no signature secret"), 403),
        (store_down(), 503),  # nothing can be known: come again
    ],
)
@on_loop
async def test_failed_claim_refuses_the_handshake(error: Exception, status: int) -> None:
    domain = Domain()
    domain.raises["claim"] = [error]
    async with serving(domain) as served:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(served.url("twilio"), proxy=None)
    assert refusal.value.response.status_code == status
    assert domain.words() == ["claim"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("another account"), 1008),
        (store_down(), 1011),  # a call that cannot be recorded is not begun
    ],
)
@on_loop
async def test_start_that_is_not_taken_closes(error: Exception, code: int) -> None:
    domain = Domain()
    domain.raises["joined"] = [error]
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        with pytest.raises(ConnectionClosed):
            await carrier.recv()
        assert carrier.close_code == code
    assert domain.words()[:2] == ["claim", "joined"]
    assert ("unstored" in domain.words()) is (code == 1011)


@BY_NAME
@on_loop
async def test_no_start_closes_and_reports_nothing(caller: Caller) -> None:
    domain, refused = Domain(), list[str]()
    async with serving(domain) as served, calling(served, caller, opened=False) as carrier:
        served.application.connections.count = refused.append
        with pytest.raises(ConnectionClosed):
            await carrier.recv()
        assert (carrier.close_code, carrier.close_reason) == (1008, "no start")
    assert domain.words() == ["claim"]
    assert refused == ["no_start"]


@on_loop
async def test_start_carries_the_carriers_names() -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, TWILIO):
        _, call_id, start = await domain.hears("joined")
    assert call_id == "token-1"
    assert (start.call_ref, start.account_ref) == (TWILIO.call, TWILIO.account)
    assert start.parameters == {"callId": "token-1"}


@on_loop
async def test_odd_messages_before_the_start_are_passed_over() -> None:
    caller = CALLERS[1]
    async with serving(Domain()) as served, calling(served, caller, opened=False) as carrier:
        await carrier.send(loud(caller))  # sound before the first word was seen in the field
        await carrier.send(json.dumps({"event": "websocket:media:novelty"}))
        for message in caller.opening():
            await carrier.send(message)
        await carrier.send(caller.sound(loud(caller)))
        assert await listen(caller, carrier, 640) == loud(caller)


@pytest.mark.parametrize(
    "message",
    [
        b"\x00\x01",  # binary: this carrier speaks text only
        "{",  # no JSON
        TWILIO.sound(loud(TWILIO)),  # sound before its start
    ],
)
@on_loop
async def test_impossible_first_message_closes(message: str | bytes) -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, TWILIO, opened=False) as carrier:
        await carrier.send(message)
        with pytest.raises(ConnectionClosed):
            await carrier.recv()
        assert carrier.close_code == 1008
    assert domain.words() == ["claim"]


@on_loop
async def test_carrier_that_leaves_before_its_start_never_joined() -> None:
    domain = Domain()
    async with serving(domain, QUICK) as served:
        async with calling(served, TWILIO, opened=False):
            await domain.hears("claim")
        await served.application.hub.drain()
    assert domain.words() == ["claim"]


@on_loop
async def test_unknown_backend_is_the_assistants_fault() -> None:
    domain = Domain(backend="nobody")
    async with serving(domain) as served, calling(served, TWILIO):
        _, _, reason, message = await domain.hears("intend")
    assert reason == EndedReason.ASSISTANT_ERROR
    assert "nobody" not in message


@on_loop
async def test_twenty_calls_at_once_do_not_mix() -> None:
    async with serving(Domain()) as served:

        async def one(number: int) -> None:
            caller = CALLERS[number % 2]
            mine = loud(caller, level=500 * (number + 1))
            async with calling(served, caller, f"token-{number}") as carrier:
                await carrier.send(caller.sound(mine))
                assert await listen(caller, carrier, len(mine)) == mine

        await asyncio.gather(*(one(number) for number in range(20)))
