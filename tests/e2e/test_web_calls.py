"""Calls without a phone through a whole bridge: a browser's requests, and a program's websocket."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from providers.common.audio import mulaw_to_pcm, pcm_to_mulaw
from tests.bridge import Bridge
from tests.clock import in_real_time
from tests.databases import fresh_database
from tests.fakes.client_server import Receiver
from tests.spawner import WarmBridge

pytestmark = pytest.mark.any_store  # the subject: sockets and pages

ECHO = {"name": "echo", "transport": {"provider": "echo"}}
FRAME = (1200).to_bytes(2, "little", signed=True) * 320
"""20 ms at 16 kHz."""
TRANSPORT = {"provider": "vapi.websocket"}
MULAW = {"format": "mulaw", "container": "raw", "sampleRate": 8000}


def web_call(bridge: Bridge, **fields: Any) -> Any:
    return bridge.api("POST", "/call/web", {"assistant": ECHO, **fields}, expect=201)


def post(bridge: Bridge, call: Any, what: str, body: Any) -> tuple[int, Any]:
    """A request of the call's page, which has no key."""
    url = f"{call['webCallUrl']}/{what}"
    answer = bridge.http.request("POST", url, body=json.dumps(body))
    assert answer.status >= 400 or answer.headers["Access-Control-Allow-Origin"] == "*"
    return answer.status, json.loads(answer.data)


def join(bridge: Bridge, call: Any, how: str = "join") -> str:
    """The URL of a media socket of this call."""
    status, said = post(bridge, call, how, {"request": str(uuid.uuid4())})
    assert (status, said["action"]) == (200, "connect"), said
    return str(said["websocketUrl"])


@asynccontextmanager
async def joined(url: str) -> AsyncIterator[ClientConnection]:
    async with connect(url, proxy=None) as socket:
        yield socket


async def heard(socket: ClientConnection, size: int) -> bytes:
    """So many bytes of sound. Marks are answered."""
    sound = b""
    while len(sound) < size:
        message = await socket.recv()
        if isinstance(message, bytes):
            sound += message
        elif json.loads(message)["type"] == "mark":
            await socket.send(message)
    return sound


async def close_code(socket: ClientConnection) -> int | None:
    try:
        async for _ in socket:
            pass
    except ConnectionClosed:
        pass
    return socket.close_code


@in_real_time
async def test_a_browser_talks_and_hangs_up(bridge: Bridge, receiver: Receiver) -> None:
    assistant = {**ECHO, "server": {"url": receiver.url}}
    call = await asyncio.to_thread(web_call, bridge, assistant=assistant, metadata={"page": "1"})
    assert (call["type"], call["status"]) == ("webCall", "queued")
    assert not {"phoneCallProvider", "phoneCallProviderBypassEnabled"} & call.keys()
    async with joined(await asyncio.to_thread(join, bridge, call)) as socket:
        await socket.send(FRAME)
        assert await heard(socket, len(FRAME)) == FRAME
        seen = await asyncio.to_thread(bridge.until, call["id"], "in-progress")
        assert seen["startedAt"]
        await socket.send(json.dumps({"type": "end-call"}))
        assert await close_code(socket) == 1000
    over = await asyncio.to_thread(bridge.until, call["id"], "ended")
    assert over["endedReason"] == "customer-ended-call"
    request = await asyncio.to_thread(receiver.wait_for, _has_report)
    report = json.loads(request[-1].body)["message"]
    assert (report["endedReason"], report["call"]["metadata"]) == (
        "customer-ended-call",
        {"page": "1"},
    )
    assert report["phoneNumber"] == {}


def _has_report(came: Any) -> bool:
    return any(b'"end-of-call-report"' in each.body for each in came)


@in_real_time
async def test_a_program_talks_in_the_format_that_it_asks_for(bridge: Bridge) -> None:
    body = {"assistant": ECHO, "transport": {**TRANSPORT, "audioFormat": MULAW}}
    call = await asyncio.to_thread(bridge.api, "POST", "/call", body, 201)
    assert call["type"] == "vapi.websocketCall"
    assert call["transport"]["audioFormat"] == MULAW
    sound = pcm_to_mulaw(FRAME[:320])
    async with joined(call["transport"]["websocketCallUrl"]) as socket:
        await socket.send(sound)
        assert mulaw_to_pcm(await heard(socket, len(sound))) == mulaw_to_pcm(sound)
    over = await asyncio.to_thread(bridge.until, call["id"], "ended")  # it closed its socket
    assert over["endedReason"] == "customer-ended-call"


@in_real_time
async def test_the_usual_format_is_pcm_at_16_khz(bridge: Bridge) -> None:
    body = {"assistant": ECHO, "transport": TRANSPORT}
    call = await asyncio.to_thread(bridge.api, "POST", "/call", body, 201)
    assert call["transport"]["audioFormat"]["sampleRate"] == 16000
    url = call["transport"]["websocketCallUrl"]
    async with joined(url) as socket:
        await socket.send(FRAME)
        assert await heard(socket, len(FRAME)) == FRAME
        with pytest.raises(Exception, match="403"):  # the URL opens one socket
            async with joined(url):
                pass
        await asyncio.to_thread(
            bridge.api, "POST", f"/call/{call['id']}/control", {"type": "end-call"}, 200
        )
        assert await close_code(socket) == 1000
    over = await asyncio.to_thread(bridge.until, call["id"], "ended")
    assert over["endedReason"] == "manually-canceled"


@in_real_time
async def test_a_lost_socket_is_replaced_and_a_second_page_takes_over(bridge: Bridge) -> None:
    call = await asyncio.to_thread(web_call, bridge)
    async with joined(await asyncio.to_thread(join, bridge, call)) as first:
        await first.send(FRAME)
        await heard(first, len(FRAME))
        first.transport.abort()
    async with joined(await asyncio.to_thread(join, bridge, call, "continue")) as second:
        await second.send(FRAME)
        assert await heard(second, len(FRAME)) == FRAME
        async with joined(await asyncio.to_thread(join, bridge, call)) as third:
            await third.send(FRAME)
            assert await heard(third, len(FRAME)) == FRAME
            assert await close_code(second) == 1000
            await third.close(1000)
    over = await asyncio.to_thread(bridge.until, call["id"], "ended")
    assert over["endedReason"] == "customer-ended-call"
    kinds = [e["kind"] for e in bridge.api("GET", f"/call/{call['id']}/events")]
    assert "media.reattached" in kinds


def test_a_refused_microphone_is_the_reason(bridge: Bridge) -> None:
    call = web_call(bridge)
    assert post(bridge, call, "status", {"type": "microphone-refused"}) == (200, {})
    over = bridge.until(call["id"], "ended")
    assert over["endedReason"] == "customer-did-not-give-microphone-permission"
    status, said = post(bridge, call, "join", {"request": str(uuid.uuid4())})
    assert (status, said) == (200, {"action": "hang-up"})


def test_a_page_that_is_closed_ends_its_call(bridge: Bridge) -> None:
    call = web_call(bridge)
    join(bridge, call)
    post(bridge, call, "status", {"type": "left"})
    assert bridge.until(call["id"], "ended")["endedReason"] == "customer-ended-call"


def test_a_repeated_request_has_one_answer(bridge: Bridge) -> None:
    call, same = web_call(bridge), {"request": str(uuid.uuid4())}
    assert post(bridge, call, "join", same) == post(bridge, call, "join", same)
    post(bridge, call, "status", {"type": "left"})


def test_no_other_token_and_no_rubbish_is_let_in(bridge: Bridge) -> None:
    call = web_call(bridge)
    other = {"webCallUrl": call["webCallUrl"][:-2] + "AA"}
    assert post(bridge, other, "status", {"type": "left"})[0] == 403
    for body in (None, [], {}, {"request": "short"}, {"request": 5}, {"type": ""}):
        assert post(bridge, call, "join", body)[0] == 400, body
    assert post(bridge, call, "status", {"type": "levitating"}) == (200, {})
    assert bridge.call(call["id"])["status"] == "queued"
    assert bridge.until(call["id"], "queued")["id"] == call["id"]
    bridge.api("DELETE", f"/call/{call['id']}", expect=200)
    assert post(bridge, call, "status", {"type": "left"})[0] == 403


@pytest.fixture(scope="module")
def other_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge with the assistant that speaks, with SIP domains, and with little patience."""
    directory = tmp_path_factory.mktemp("bridge")
    with (
        fresh_database(directory) as url,
        WarmBridge(
            url,
            directory,
            ASSISTANT_BACKEND="local",
            BYPASS_TTL_SECONDS="1",
            RECORDINGS_DIR=str(directory / "recordings"),
            TWILIO_SIP_DOMAIN="patchbay.sip.twilio.com",
        ) as bridge,
    ):
        yield bridge


@in_real_time
async def test_the_assistant_speaks_and_obeys_the_page(
    other_bridge: Bridge, receiver: Receiver
) -> None:
    bridge = other_bridge
    assistant = {
        "firstMessage": "Hello.",
        "model": {"provider": "embedded"},
        "voice": {"provider": "embedded"},
        "transcriber": {"provider": "embedded"},
        "server": {"url": receiver.url},
    }
    call = await asyncio.to_thread(web_call, bridge, assistant=assistant)
    async with joined(await asyncio.to_thread(join, bridge, call)) as socket:
        await socket.send(FRAME)
        await told(socket, "Hello.")
        await socket.send(
            json.dumps({"type": "say", "content": "Goodbye.", "endCallAfterSpoken": True})
        )
        await told(socket, "Goodbye.")
        assert await close_code(socket) == 1000
    report = await asyncio.to_thread(receiver.wait_for, _has_report)
    message = next(
        m for r in report if (m := json.loads(r.body)["message"])["type"] == "end-of-call-report"
    )
    assert message["endedReason"] == "assistant-ended-call"
    assert message["stereoRecordingUrl"]
    assert "phoneCallProvider" not in message["call"]


async def told(socket: ClientConnection, words: str) -> None:
    """Until the assistant's transcript has these words; sound comes meanwhile."""
    sound = 0
    while True:
        message = await socket.recv()
        if isinstance(message, bytes):
            sound += len(message)
            continue
        said = json.loads(message)
        assert said["type"] != "conversation-update"  # it has the system prompt
        if said["type"] == "mark":
            await socket.send(message)
        if said["type"] == "transcript" and words in said["transcript"]:
            assert sound > 0
            return


def test_nobody_came(other_bridge: Bridge) -> None:
    call = web_call(other_bridge)
    assert other_bridge.until(call["id"], "ended")["endedReason"] == "customer-did-not-answer"
