"""The relay: what the upstream sees, what the carrier gets, and both sides' ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from providers.events import EndedReason
from tests.bridge import free_port
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media.domain import Domain
from tests.media.server import BY_NAME, CALLERS, calling, loud, serving

TWILIO = TwilioCaller()
SECRET = "Bearer sk-upstream"


class Upstream:
    """Somebody's media server, run by the test."""

    def __init__(self) -> None:
        self.url = ""
        self.connections: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self.requests = list[str]()

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.put_nowait(connection)
        await connection.wait_closed()


@asynccontextmanager
async def upstream(**options: Any) -> AsyncIterator[Upstream]:
    server = Upstream()
    async with serve(server.handle, "127.0.0.1", 0, **options) as listening:
        server.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/their/path?and=query"
        yield server


def streamed(url: str | None, **transport: Any) -> Domain:
    return Domain(
        backend="stream",
        stream_url=url,
        assistant={"transport": {"provider": "stream", "url": url, **transport}},
    )


@BY_NAME
@on_loop
async def test_upstream_sees_what_the_carrier_sends(caller: Caller) -> None:
    messages = [caller.sound(loud(caller)), caller.digit("7"), json.dumps({"event": "new"})]
    async with (
        upstream() as theirs,
        serving(streamed(theirs.url)) as served,
        calling(served, caller) as carrier,
    ):
        for message in messages:
            await carrier.send(message)
        connection = await theirs.connections.get()
        expected = [*caller.opening(), *messages]
        assert [await connection.recv() for _ in expected] == expected
        assert connection.request is not None
        assert connection.request.path == "/their/path?and=query"
        assert connection.protocol.extensions == []


@BY_NAME
@on_loop
async def test_carrier_gets_what_the_upstream_sends(caller: Caller) -> None:
    messages = ['{"event": "anything"}', b"\0\1" * 320, "ünicode", b"", "x" * 200_000]
    async with (
        upstream() as theirs,
        serving(streamed(theirs.url)) as served,
        calling(served, caller) as carrier,
    ):
        connection = await theirs.connections.get()
        for message in messages:
            await connection.send(message)
        assert [await carrier.recv() for _ in messages] == messages


@on_loop
async def test_headers_of_the_transport_are_sent() -> None:
    headers = {"Authorization": SECRET, "X-Tenant": "7"}
    async with (
        upstream() as theirs,
        serving(streamed(theirs.url, headers=headers)) as served,
        calling(served, TWILIO),
    ):
        connection = await theirs.connections.get()
    assert connection.request is not None
    assert connection.request.headers["Authorization"] == SECRET
    assert connection.request.headers["X-Tenant"] == "7"


@on_loop
async def test_an_assistants_stream_is_reached_where_its_name_was_found_to_lead() -> None:
    asked = list[str]()
    async with upstream() as theirs:
        url = theirs.url.replace("127.0.0.1", "stream.example")  # a name that does not resolve
        domain = streamed(url)
        domain.context.addresses = lambda url: asked.append(url) or ["127.0.0.1"]
        async with serving(domain) as served, calling(served, TWILIO):
            connection = await theirs.connections.get()
    assert connection.request is not None
    assert connection.request.headers["Host"].startswith("stream.example:")
    assert asked == [url.replace("ws:", "http:")]


@on_loop
async def test_an_assistants_stream_is_not_reached_where_it_may_not_be() -> None:
    def addresses(url: str) -> list[str]:
        raise ValueError("127.0.0.1 is not a public address")

    async with upstream() as theirs:
        domain = streamed(theirs.url)
        domain.context.addresses = addresses
        async with serving(domain) as served, calling(served, TWILIO):
            _, _, reason, message = await domain.hears("intend")
        assert theirs.connections.empty()
    assert reason == EndedReason.ASSISTANT_ERROR
    assert "not a public address" in message


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nY: b"},  # a second header in the first
        {"X\r\nY": "b"},
        {"X Y": "b"},  # not a name
        {"": "b"},
        {"X": 7},  # not text
        ["X"],  # not an object
    ],
)
@on_loop
async def test_impossible_headers_are_refused_by_name(headers: Any) -> None:
    async with upstream() as theirs:
        domain = streamed(theirs.url, headers=headers)
        async with serving(domain) as served, calling(served, TWILIO):
            _, _, reason, message = await domain.hears("intend")
        assert theirs.connections.empty()
    assert reason == EndedReason.ASSISTANT_ERROR
    assert "transport.headers" in message


@BY_NAME
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, EndedReason.ASSISTANT_ENDED_CALL),
        (1011, EndedReason.ASSISTANT_ERROR),  # it failed
        (1001, EndedReason.ASSISTANT_ERROR),  # it went away: not the assistant's wish
        (4000, EndedReason.ASSISTANT_ERROR),  # its own code
    ],
)
@on_loop
async def test_upstream_that_closes_ends_the_call(
    caller: Caller, code: int, reason: EndedReason
) -> None:
    async with upstream() as theirs:
        domain = streamed(theirs.url)
        async with serving(domain) as served, calling(served, caller) as carrier:
            connection = await theirs.connections.get()
            await connection.send("bye")
            await connection.close(code)
            assert await carrier.recv() == "bye"
            _, _, ended, message = await domain.hears("intend")
            await carrier.wait_closed()
            assert carrier.close_code == 1000
    assert ended == reason
    assert message is None if code == 1000 else str(code) in message
    assert domain.words() == ["claim", "joined", "intend"]


@on_loop
async def test_upstream_that_breaks_is_an_assistant_error() -> None:
    async with upstream() as theirs:
        domain = streamed(theirs.url)
        async with serving(domain) as served, calling(served, TWILIO):
            connection = await theirs.connections.get()
            connection.transport.abort()
            _, _, reason, message = await domain.hears("intend")
    assert (reason, message) == (
        EndedReason.ASSISTANT_ERROR,
        "The stream URL's server closed with 1006.",
    )


@on_loop
async def test_stop_reaches_the_upstream_which_is_then_closed() -> None:
    async with upstream() as theirs:
        domain = streamed(theirs.url)
        async with serving(domain) as served, calling(served, TWILIO) as carrier:
            connection = await theirs.connections.get()
            await carrier.send(TWILIO.stop())
            received = [message async for message in connection]
            assert received == [*TWILIO.opening(), TWILIO.stop()]
            assert connection.close_code == 1000
            await carrier.wait_closed()
    assert domain.words() == ["claim", "joined", "stopped"]


@on_loop
async def test_lost_carrier_closes_the_upstream() -> None:
    async with upstream() as theirs:
        domain = streamed(theirs.url)
        async with serving(domain) as served:
            async with calling(served, TWILIO):
                connection = await theirs.connections.get()
            await connection.wait_closed()
            assert connection.close_code == 1000
            await domain.hears("lost")
    assert domain.words() == ["claim", "joined", "lost"]


@on_loop
async def test_call_that_is_over_closes_the_upstream() -> None:
    async with upstream() as theirs:
        domain = streamed(theirs.url)
        async with serving(domain) as served, calling(served, TWILIO) as carrier:
            connection = await theirs.connections.get()
            domain.ended.add("token-1")
            await connection.wait_closed()
            await carrier.wait_closed()
    assert domain.words() == ["claim", "joined"]


@pytest.mark.parametrize(
    ("url", "word"),
    [
        (None, "STREAM_URL"),  # chosen, but no address anywhere
        ("ws://user:hunter2@127.0.0.1:{port}/x", "could not be opened"),  # nobody listens
        ("http://127.0.0.1:{port}/", "could not be opened"),  # not a websocket's scheme
        ("ws://", "could not be opened"),
    ],
)
@on_loop
async def test_upstream_that_cannot_be_opened_is_named_without_its_address(
    url: str | None, word: str
) -> None:
    domain = streamed(url and url.format(port=free_port()))
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        _, _, reason, message = await domain.hears("intend")
        await carrier.wait_closed()
        assert carrier.close_code == 1000
    assert reason == EndedReason.ASSISTANT_ERROR
    assert word in message
    assert "hunter2" not in message


@on_loop
async def test_redirect_is_not_followed() -> None:
    async with upstream() as inner:

        def redirect(connection: ServerConnection, request: Request) -> Response:
            response = connection.respond(HTTPStatus.FOUND, "")
            response.headers["Location"] = inner.url
            return response

        async with upstream(process_request=redirect) as outer:
            domain = streamed(outer.url)
            async with serving(domain) as served, calling(served, TWILIO):
                _, _, reason, _ = await domain.hears("intend")
        assert reason == EndedReason.ASSISTANT_ERROR
        assert inner.connections.empty()


@pytest.mark.parametrize("talking", [False, True], ids=["silent", "talking"])
@on_loop
async def test_an_upstream_that_has_vanished_is_noticed_within_15_seconds(talking: bool) -> None:
    now = asyncio.get_running_loop().time
    async with upstream(max_queue=1, ping_interval=None, close_timeout=0.1) as theirs:
        domain = streamed(theirs.url)
        async with serving(domain) as served, calling(served, CALLERS[1]) as carrier:
            (await theirs.connections.get()).transport.pause_reading()
            began = now()
            if talking:  # more than the buffers on the way hold: no ping comes through
                for _ in range(200):
                    await carrier.send(bytes(64000))
            _, _, reason, _ = await domain.hears("intend")
            seconds = now() - began
    assert reason == EndedReason.ASSISTANT_ERROR
    assert seconds < 15.5, "of the loop's own time"


@on_loop
async def test_upstream_that_reads_nothing_costs_old_sound_only() -> None:
    """Its socket fills up; the carrier is still read, keys and stop are kept."""
    async with upstream(max_queue=1, ping_interval=None, close_timeout=0.1) as theirs:
        domain = streamed(theirs.url)
        async with serving(domain) as served, calling(served, CALLERS[1]) as carrier:
            await theirs.connections.get()
            pcm = bytes(64000)  # two seconds of sound each; 50 MB fill any socket's buffers
            for _ in range(800):
                await carrier.send(pcm)
            await carrier.send(CALLERS[1].digit("5"))
            await domain.until(lambda: ("digit", {}) in domain.notes())
        await domain.hears("lost")
        await domain.until(lambda: any(name == "media.dropped" for name, _ in domain.notes()))
