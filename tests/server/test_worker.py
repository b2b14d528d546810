"""Gunicorn's worker: what it tells the master."""

from __future__ import annotations

import asyncio
import time

import pytest
from uvicorn import Config, Server

from app.server.worker import SETTINGS, Worker


def test_it_tells_every_second_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or less than the master's whole patience would be left for a machine that stands still."""
    told = list[float]()

    async def note() -> None:
        told.append(time.time())

    async def three_seconds() -> None:
        for second in (100.0, 101.0, 102.0):
            monkeypatch.setattr(time, "time", lambda at=second: at)
            await server.on_tick(0)

    server = Server(Config("app", **{**SETTINGS, "callback_notify": note}))
    asyncio.run(three_seconds())
    assert told == [100.0, 101.0, 102.0]
    assert Worker.CONFIG_KWARGS is SETTINGS
