"""A process is killed while it sends: another one sends the message after the lease."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.delivery.dispatcher import Dispatcher
from app.settings import Settings
from app.store.engine import Store
from app.store.vault import Vault
from tests.delivery.rows import new_call, put_message, rows_of
from tests.delivery.test_dispatcher import context_of
from tests.fakes.client_server import Receiver, Reply

PROGRAM = """
import threading
from app.delivery.dispatcher import Dispatcher
from app.settings import load
from app.wiring import Services

Dispatcher(Services(load()).context, lease=0.5).start()
threading.Event().wait()
"""
CALLS = 3


@contextmanager
def process(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """One that delivers. It is killed at the end."""
    environ = {"DATABASE_URL": database_url, "SECRET_KEY": "another key of the tests"}
    environ |= {"ALLOW_PRIVATE_SERVER_URLS": "1"}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env=os.environ | environ) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("starts", ["before", "after"])
def test_another_process_sends_them(
    store: Store,
    database_url: str,
    vault: Vault,
    settings: Settings,
    receiver: Receiver,
    starts: str,
) -> None:
    """Whether it ran ``before`` the other was killed or is started ``after`` it."""
    receiver.script(*[Reply(silent=True)] * CALLS)
    every = [new_call(store) for _ in range(CALLS)]
    dispatcher = Dispatcher(context_of(store, vault, settings))
    try:
        with process(database_url):
            for ids in every:
                put_message(store, ids, ids[1], receiver.url)
                put_message(store, ids, f"{ids[1]} later", receiver.url)
            held = receiver.wait(CALLS)
            if starts == "before":
                dispatcher.start()
        dispatcher.start()
        came = receiver.wait(3 * CALLS)
    finally:
        dispatcher.stop()
    keys = [json.loads(each.body)["message"]["key"] for each in came]
    for ids in every:
        assert [key for key in keys if key.startswith(ids[1])] == [
            ids[1],
            ids[1],
            f"{ids[1]} later",
        ]
        assert [row["state"] for row in rows_of(store, ids)] == ["delivered"] * 2
    again = [each.headers["webhook-id"] for each in came[CALLS:]]
    assert {each.headers["webhook-id"] for each in held} < set(again)
    assert len(set(again)) == len(again)
