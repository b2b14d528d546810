"""The joined ASGI application: its start and stop, and the worker gunicorn runs it in."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app import create_app
from app.routes.application import API
from app.server import asgi
from app.settings import Settings, VendorSettings
from app.store import clock
from app.store.faults import NO_ANSWER, TimedOut
from app.wiring import Services
from providers.errors import Refused
from tests.clock import in_real_time, on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.media.domain import Domain
from tests.media.server import calling, listen, loud, serving

ROOT = Path(__file__).parents[2]


@on_loop
async def test_start_and_stop_follow_the_server() -> None:
    domain = Domain()
    async with serving(domain):
        assert domain.lived == ["start"]
    assert domain.lived == ["start", "stop"]


@on_loop
async def test_failed_start_stops_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = Domain()
    monkeypatch.setattr(domain, "lived", None)
    with pytest.raises(SystemExit):
        async with serving(domain):
            pass


def test_import_opens_nothing() -> None:
    assert "application" not in vars(asgi)
    with pytest.raises(AttributeError, match="nothing_else"):
        asgi.nothing_else  # noqa: B018


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


def test_clients_alone_may_be_refused(app: Flask) -> None:
    """By the first segment of a path; no section of the API begins like a carrier's webhooks."""
    services: Services = app.extensions["patchbay"]
    paths = asgi.paths_of(services.providers)
    hooks = [hook.path for each in services.providers.values() for hook in each.hooks]
    assert all(paths.is_first(path) for path in (*hooks, "/readyz", "/metrics"))
    operations = [operation.rule for section in API for operation in section.operations]
    assert operations
    assert not any(paths.is_first(path) for path in operations)
    assert paths.at_once == {"/healthz"}


def test_a_refusal_is_counted(app: Flask) -> None:
    asgi.build(app)._bridge._refused()
    text = app.test_client().get("/metrics").text
    assert "patchbay_requests_refused_total 1.0" in text


def test_the_probe_has_the_reason_while_no_thread_is_free(app: Flask) -> None:
    """As it has with a thread."""
    bridge, services = asgi.build(app)._bridge, app.extensions["patchbay"]
    assert bridge._while_busy["/readyz"]() is None
    services.store.outage.note(TimedOut())
    reply = bridge._while_busy["/readyz"]()
    assert reply is not None
    assert (reply.status, dict(reply.headers)["retry-after"]) == (503, "1")
    assert json.loads(reply.body) == {"status": "unavailable", "database": NO_ANSWER}
    services.store.outage.end()
    assert bridge._while_busy["/readyz"]() is None


def test_connections_are_shown(app: Flask) -> None:
    connections = asgi.build(app).connections
    connections.count("full")
    text = app.test_client().get("/metrics").text
    assert 'patchbay_connections{state="idle"} 0.0' in text
    assert 'patchbay_connections_refused_total{reason="full"} 1.0' in text


def test_bounds_come_from_the_settings(settings: Settings) -> None:
    chosen = replace(
        settings, keep_alive_seconds=7, max_connections=9, max_unfinished_per_address=3
    )
    bounds = asgi.bounds_of(chosen)
    assert (bounds.keep_alive_seconds, bounds.most, bounds.unfinished_per_address) == (7, 9, 3)
    assert asgi.bounds_of(settings).keep_alive_seconds > 90  # routers' own


@in_real_time
async def test_gunicorn_serves_and_lets_calls_go_on_term() -> None:
    """One real worker on the test's own listening socket, an echo behind it, and a TERM."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gunicorn", "-k", "app.server.worker.Worker"),
            *("-b", f"fd://{listener.fileno()}", "tests.media.served:application"),
            cwd=ROOT,
            pass_fds=[listener.fileno()],
            stderr=asyncio.subprocess.PIPE,
        )
    caller = VonageCaller()
    url = f"ws://{address}/media/vonage/the-token"
    async with connect(url, proxy=None, open_timeout=25) as carrier:  # waits for the worker
        for message in caller.opening():
            await carrier.send(message)
        await carrier.send(caller.sound(loud(caller)))
        assert await listen(caller, carrier, 640) == loud(caller)
        process.send_signal(signal.SIGTERM)
        await carrier.wait_closed()
        assert carrier.close_code == 1001
    _, log = await process.communicate()
    assert process.returncode == 0
    assert b"the-token" not in log


@pytest.mark.parametrize(
    ("changes", "talks"),
    [
        ({"assistant_backend": "local"}, True),
        ({"assistant_backend": "echo"}, False),
        ({"assistant_backend": "local", "serve_media": False}, False),  # others have the sound
        ({"assistant_backend": "local", "media_urls": ("https://sound.example",)}, True),
    ],
)
def test_who_warms_the_engine_up(settings: Settings, changes: Any, talks: bool) -> None:
    assert Services(replace(settings, **changes)).talks is talks


@pytest.mark.parametrize(
    ("changes", "relays"),
    [
        ({"assistant_backend": "vapi"}, True),
        ({"assistant_backend": "vapi", "serve_media": False}, False),
        ({"vendors": (VendorSettings("vapi", "key"),)}, True),
        ({"vendors": (VendorSettings("openai", "key"),)}, False),
    ],
)
def test_who_loads_the_sdk_of_an_upstream(settings: Settings, changes: Any, relays: bool) -> None:
    assert Services(replace(settings, **changes)).relays is relays


def test_on_postgresql_time_is_the_databases(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine two minutes ahead would end the others' calls, and send their messages again."""
    off, uptime = timedelta(minutes=2), clock.uptime()
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + off)
    services = Services(replace(settings, run_jobs=False))
    services.start()
    context, ahead = services.context, off if services.store.is_sqlite else timedelta()
    try:
        assert abs(context.now() - datetime.now(UTC) - ahead) < off / 2
        monkeypatch.setattr(clock, "uptime", lambda: uptime + 3600)  # the database's has gone back
        services.media.heartbeat()
        assert abs(context.now() - datetime.now(UTC) - ahead) < off / 2
    finally:
        services.stop()


@on_loop
async def test_a_second_socket_with_the_same_token_is_the_domains_to_refuse() -> None:
    """The hub keeps nothing of its own about tokens: every handshake is claimed."""
    domain, caller = Domain(), TwilioCaller()
    async with serving(domain) as served, calling(served, caller):
        await domain.hears("joined")
        domain.raises["claim"] = [Refused("used before")]
        with pytest.raises(InvalidStatus) as refusal:
            await connect(served.url("twilio"), proxy=None)
        assert refusal.value.response.status_code == 403
    assert domain.words().count("claim") == 2
