"""The call ahead of the first one: it is a whole call, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.assistants.local import trial_call
from app.media.stream import MediaStream
from app.settings import Settings
from app.store import schema
from app.vendors.embedded import espeak
from app.wiring import Services
from tests.clock import on_loop

pytestmark = pytest.mark.any_store  # the subject: an assistant's pipeline


@pytest.fixture
def services(settings: Settings) -> Services:
    return Services(settings)


def test_it_speaks_and_hears_and_stores_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = list[int]()
    send = MediaStream.send

    async def counted(self: MediaStream, pcm: bytes) -> None:
        sent.append(len(pcm))
        await send(self, pcm)

    monkeypatch.setattr(MediaStream, "send", counted)

    @on_loop
    async def call() -> None:
        assert await trial_call.run(services.media)

    call()
    assert sent
    with services.store.read() as conn:
        for table in (schema.calls, schema.messages, schema.jobs):
            assert conn.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_without_a_voice_it_ends_all_the_same(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without espeak-ng: the calls that need it say so."""

    async def speechless(*_: Any, **__: Any) -> AsyncIterator[bytes]:
        raise espeak.SpeechFailed("there is no espeak-ng")
        yield b""

    monkeypatch.setattr(espeak, "speak", speechless)

    @on_loop
    async def call() -> None:
        assert not await trial_call.run(services.media)

    call()
