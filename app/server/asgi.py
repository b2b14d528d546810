"""The one ASGI application: HTTP goes to Flask, websockets to the media hub.

``gunicorn -k app.server.worker.Worker app.server.asgi:application``. The application is made at its
first use, so that an import of this module opens neither files nor connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Flask

from app import create_app
from app.assistants.local import preload
from app.domain.assistant.installation import operators
from app.domain.resources import vendor_accounts
from app.media.hub import Hub
from app.media.limits import Limits
from app.routes import health
from app.server import descriptors, warm_up
from app.server.connection import Bounds
from app.server.connections import Connections
from app.server.environ import Scope
from app.server.leave import leave
from app.server.live_streams import PATH as LIVE
from app.server.live_streams import LiveStreams
from app.server.wsgi_bridge import RETRY_AFTER, Bridge, Paths, Receive, Reply, Send
from app.settings import Settings
from app.store.outage import Outage
from app.vendors.vapi import calls
from app.wiring import Services
from providers.base.carrier import Carrier
from providers.common import json_text

log = logging.getLogger(__name__)


class Application:
    """Flask, the media hub, and the process's start and stop, behind one callable."""

    def __init__(
        self, app: Flask, limits: Limits | None = None, bounds: Bounds | None = None
    ) -> None:
        self._services: Services = app.extensions["patchbay"]
        services = self._services
        self.connections = Connections(
            bounds or bounds_of(services.settings), services.metrics.count_connection
        )
        services.metrics.show_connections(self.connections.counts)
        self._bridge = Bridge(
            app,
            paths=paths_of(services.providers),
            while_busy={health.READY: partial(_unready, services.store.outage)},
            refused=services.metrics.count_refusal,
            foreground=services.foreground,
        )
        self.live = LiveStreams(services.context)
        self.hub = Hub(
            services.media,
            services.providers,
            services.backends,
            limits,
            operators=services.operator_media,
            no_start=self.connections.note_no_start,
        )
        self.warming: asyncio.Task[None] | None = None
        """Done once all is loaded that a first call needs."""
        services.context.media_wakers.append(self.hub.wake)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http" if scope["path"] == LIVE:
                await self.live(scope, receive, send)
            case "http":
                await self._bridge(scope, receive, send)
            case "websocket":
                await self.hub(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)

    async def drain(self, stop_listening: Callable[[], None] = lambda: None) -> None:
        """Let the calls end before uvicorn closes their sockets."""
        await self.hub.drain(stop_listening)
        self.live.close()

    def force_drain(self) -> None:
        """End a drain's wait."""
        self.hub.force_drain()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        try:
            await self._start()
        except Exception as error:
            log.exception("the start failed")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        self.connections.fit(descriptors.room(descriptors.raise_limit()))
        await asyncio.to_thread(self._services.start)
        self._services.store.damage.stop = partial(leave, self._services.foreground)
        await self.hub.start()
        if self._services.talks or self._services.relays:
            self.warming = warm_up.begin(self._services.context.presence, self._load)

    def _load(self) -> None:
        if self._services.relays:
            calls.preload()
        if self._services.talks:
            context = self._services.context
            vendors = vendor_accounts.reachable(context)
            preload.warm_up(self._services.media, vendors, operators(context.settings))

    async def _stop(self) -> None:
        if self.warming is not None:
            self.warming.cancel()
        await self.hub.stop()
        await asyncio.to_thread(self._bridge.close)
        await asyncio.to_thread(self._services.stop)


def paths_of(carriers: Mapping[str, Carrier]) -> Paths:
    """Carriers and an operator's probes go first."""
    hooks = {hook.path.split("/")[1] for carrier in carriers.values() for hook in carrier.hooks}
    return Paths(at_once=frozenset(health.AT_ONCE), first=frozenset(hooks | health.PROBES))


def _unready(outage: Outage) -> Reply | None:
    """The answer to ``/readyz`` while no thread is free."""
    if (why := health.unready(outage)) is None:
        return None
    headers = [("content-type", "application/json"), RETRY_AFTER]
    return Reply(HTTPStatus.SERVICE_UNAVAILABLE, headers, json_text.dumps(why).encode())


def bounds_of(settings: Settings) -> Bounds:
    """What a client may take, by the settings."""
    return Bounds(
        most=settings.max_connections or descriptors.ENOUGH,
        unfinished_per_address=settings.max_unfinished_per_address,
        keep_alive_seconds=settings.keep_alive_seconds,
    )


def build(app: Flask, limits: Limits | None = None, bounds: Bounds | None = None) -> Application:
    """The ASGI application of a Flask application that ``create_app`` made."""
    return Application(app, limits, bounds)


def __getattr__(name: str) -> Any:
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, build(create_app()))
