"""A carrier that vanishes without a word: no FIN comes, no frame, and no answer to a ping."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from app.server.protocols import NO_PONG
from app.server.worker import SETTINGS
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.media.domain import Domain
from tests.media.server import BY_NAME, CALLERS, QUICK, Served, calling, loud, serving

NOTICED_SECONDS = 15.0
SMALL = 4096
"""Bytes of the buffers on the way to the carrier, so that little sound fills them."""


def small_buffers(served: Served, client: asyncio.Transport) -> None:
    [connection] = served.server.server_state.connections
    ends = ((connection.transport, socket.SO_SNDBUF), (client, socket.SO_RCVBUF))
    for transport, option in ends:
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, option, SMALL)


@pytest.mark.parametrize("talking", [False, True], ids=["silent", "talking"])
@BY_NAME
@on_loop
async def test_it_is_noticed_within_15_seconds(caller: Caller, talking: bool) -> None:
    domain, loop = Domain(), asyncio.get_running_loop()
    limits = replace(QUICK, stall_seconds=600, watch_seconds=5)
    async with serving(domain, limits) as served, calling(served, caller) as carrier:
        await domain.hears("joined")
        small_buffers(served, carrier.transport)
        carrier.transport.pause_reading()
        gone_at = loop.time()
        if talking:  # the echo: more than the buffers hold
            for _ in range(20):
                await carrier.send(caller.sound(loud(caller, 1000)))
        await domain.hears("lost")
        assert loop.time() - gone_at <= NOTICED_SECONDS
        await domain.until(lambda: domain.presence.sockets == 0)
        assert domain.lost_by == [NO_PONG]
        assert not served.server.server_state.connections
        carrier.transport.abort()
    assert domain.presence.slots == 0


@on_loop
async def test_a_carrier_that_is_silent_and_there_is_left_alone() -> None:
    """It may pause the sound for minutes: the library answers the pings."""
    domain = Domain()
    async with (
        serving(domain, replace(QUICK, watch_seconds=5)) as served,
        calling(served, CALLERS[0]) as carrier,
    ):
        await domain.hears("joined")
        await asyncio.sleep(25)
        assert domain.words() == ["claim", "joined"]
        await carrier.close()


def test_the_settings_leave_room() -> None:
    assert SETTINGS["ws_ping_interval"] + SETTINGS["ws_ping_timeout"] < NOTICED_SECONDS
