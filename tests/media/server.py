"""The media plane under the worker's own server, and carriers that call it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from flask import Flask
from websockets.asyncio.client import ClientConnection, connect

from app.assistants import BACKENDS
from app.jobs.foreground import Foreground
from app.media.limits import Limits
from app.server.asgi import Application, build
from app.server.connection import Bounds
from app.server.connections import Connections
from app.server.worker import SETTINGS, DrainingServer
from app.settings import Settings
from app.store.outage import Outage
from providers.common import audio
from providers.registry import PROVIDERS
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import Caller
from tests.media.domain import Domain

QUICK = Limits(start_seconds=0.3, drain_seconds=0.5, grace_seconds=0.3, watch_seconds=0.05)
SHORT = Bounds(leaving_seconds=0)
"""A stop that waits for no idle connection."""
CALLERS: list[Caller] = [fake.caller("token-1") for fake in FAKES.values()]
BY_NAME = pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
"""A test for a caller at each carrier."""


def hosting(domain: Domain) -> Flask:
    """An application that has everything real but the domain."""
    flask = Flask("tests")
    own = {
        "media": domain,
        "providers": PROVIDERS,
        "backends": BACKENDS,
        "context": SimpleNamespace(media_wakers=domain.media_wakers),
        "operator_media": domain.operators,
        "start": lambda: domain.lived.append("start"),
        "stop": lambda: domain.lived.append("stop"),
        "talks": False,
        "relays": False,
        "foreground": Foreground(),
        "metrics": SimpleNamespace(
            count_refusal=lambda: None,
            count_connection=lambda reason: None,
            show_connections=lambda counts: None,
        ),
        "store": SimpleNamespace(outage=Outage(), damage=SimpleNamespace()),
        "settings": Settings(("the secret key of the tests",)),
    }
    flask.extensions["patchbay"] = SimpleNamespace(**own)
    return flask


@asynccontextmanager
async def listening(
    app: Any, bounds: Bounds = SHORT, **settings: Any
) -> AsyncIterator[tuple[DrainingServer, str]]:
    """Any ASGI application under the worker's server and settings; yields it and ``host:port``."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, **{**SETTINGS, **settings})
    config.load()
    server = DrainingServer(config, getattr(app, "connections", None) or Connections(bounds))
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    try:
        yield server, f"127.0.0.1:{sock.getsockname()[1]}"
    finally:
        await server.shutdown([sock])


@dataclass
class Served:
    """One running application."""

    domain: Domain
    application: Application
    server: DrainingServer
    address: str

    def url(self, provider: str, token: str = "token-1") -> str:
        return f"ws://{self.address}/media/{provider}/{token}"


@asynccontextmanager
async def serving(domain: Domain, limits: Limits = QUICK) -> AsyncIterator[Served]:
    application = build(hosting(domain), limits, SHORT)
    async with listening(application) as (server, address):
        yield Served(domain, application, server, address)


def loud(caller: Caller, milliseconds: int = 20, level: int = 12000) -> bytes:
    """PCM at one level: recognisable, and the same after mu-law and back (within its step)."""
    samples = caller.rate * milliseconds // 1000
    pcm = level.to_bytes(2, "little", signed=True) * samples
    return audio.mulaw_to_pcm(audio.pcm_to_mulaw(pcm))


@asynccontextmanager
async def calling(
    served: Served, caller: Caller, token: str = "token-1", *, opened: bool = True, **options: Any
) -> AsyncIterator[ClientConnection]:
    """The carrier's socket, its opening messages sent."""
    url = served.url(caller.name, token)
    async with connect(url, proxy=None, max_size=None, max_queue=None, **options) as carrier:
        for message in caller.opening() if opened else []:
            await carrier.send(message)
        yield carrier


async def listen(caller: Caller, carrier: ClientConnection, size: int) -> bytes:
    """At least so many bytes of the PCM sent to the carrier; marks are answered meanwhile."""
    pcm = b""
    while len(pcm) < size:
        message = await carrier.recv()
        pcm += caller.heard(message) or b""
        await answer_mark(caller, carrier, message)
    return pcm


async def listen_to_the_end(caller: Caller, carrier: ClientConnection) -> bytes:
    """All the PCM until the socket is closed."""
    pcm = b""
    async for message in carrier:
        pcm += caller.heard(message) or b""
        await answer_mark(caller, carrier, message)
    return pcm


async def answer_mark(caller: Caller, carrier: ClientConnection, message: str | bytes) -> None:
    reply = caller.mark_reply(message)
    if reply is not None:
        await carrier.send(reply)
