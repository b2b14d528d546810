"""What is loaded ahead of the first call, and what the process says and does meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app import create_app
from app.domain.cluster import ProcessRegistry
from app.server import asgi, warm_up
from app.server.asgi import Application
from app.settings import Settings
from tests.assistants.local.talk import talking
from tests.clock import idle, in_real_time, on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media import server
from tests.media.domain import Domain
from tests.media.server import hosting, listening


class Loading:
    """Stands for pipecat, which takes until the test lets it go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.end = threading.Event()

    def __call__(self, *_: object) -> None:
        self.begun.set()
        with idle():
            self.end.wait()


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loading]:
    made = Loading()
    monkeypatch.setattr(asgi.preload, "warm_up", made)
    yield made
    made.end.set()


async def ask(application: Any, path: str) -> tuple[int, Any]:
    answer = await asyncio.to_thread(application.test_client().get, path)
    return answer.status_code, answer.json


@in_real_time
async def whole_start(settings: Settings, loading: Loading) -> None:
    flask = create_app(replace(settings, assistant_backend="local", run_jobs=False))
    application = Application(flask)
    async with listening(application):
        assert await ask(flask, "/healthz") == (200, {"status": "ok"})
        status, said = await ask(flask, "/readyz")
        assert (status, said["process"]) == (503, "warming")
        loading.end.set()
        assert application.warming is not None
        await application.warming
        assert (await ask(flask, "/readyz"))[0] == 200


def test_ready_once_pipecat_is_loaded(settings: Settings, loading: Loading) -> None:
    whole_start(settings, loading)


def test_without_pipecat_ready_at_once(settings: Settings, loading: Loading) -> None:
    @in_real_time
    async def start() -> None:
        flask = create_app(replace(settings, assistant_backend="echo", run_jobs=False))
        async with listening(Application(flask)):
            assert (await ask(flask, "/readyz"))[0] == 200
        assert not loading.begun.is_set()

    start()


@on_loop
async def test_not_ready_for_20_seconds_at_most(caplog: pytest.LogCaptureFixture) -> None:
    loading, presence = Loading(), process()
    began = asyncio.get_running_loop().time()
    waiting = warm_up.begin(presence, loading)
    assert presence.warming
    await waiting
    assert not presence.warming
    assert 20 <= asyncio.get_running_loop().time() - began < 21
    loading.end.set()
    assert "not all is loaded after 20 s: ready all the same" in caplog.text


@on_loop
async def test_ready_if_pipecat_cannot_be_loaded(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ImportError("no such module")

    presence = process()
    await warm_up.begin(presence, fail)
    assert not presence.warming
    assert [each.levelno for each in caplog.records] == [logging.ERROR]


@on_loop
async def test_a_stop_does_not_wait_for_pipecat() -> None:
    loading, presence = Loading(), process()
    waiting = warm_up.begin(presence, loading)
    await asyncio.to_thread(loading.begun.wait)
    waiting.cancel()
    await asyncio.wait([waiting])
    loading.end.set()
    assert waiting.cancelled()


def test_a_call_that_comes_before_is_served(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    presences = list[ProcessRegistry]()

    def warming(domain: Domain) -> Any:
        """A process with pipecat, which is still being loaded."""
        flask = hosting(domain)
        services = flask.extensions["patchbay"]
        services.context.presence, services.talks = domain.presence, True
        services.context.settings = Settings(secret_keys=("k",))
        presences.append(domain.presence)
        return flask

    monkeypatch.setattr(server, "hosting", warming)
    monkeypatch.setattr(asgi.vendor_accounts, "reachable", lambda context: set())

    @on_loop
    async def call() -> None:
        async with talking(TwilioCaller(), {"firstMessage": "Good morning."}) as caller:
            await caller.said("AI: Good morning.")
            assert caller.sounds()
            assert loading.begun.is_set()
            assert presences[0].warming

    call()


def process() -> ProcessRegistry:
    return ProcessRegistry(Settings(secret_keys=("a secret key of the tests",)))
