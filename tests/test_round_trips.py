"""How often a request waits for PostgreSQL, held as it was measured.

A wait costs more than the work of both sides: the processor goes to others meanwhile. SQLite has none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from app.store.pipeline import Answer, Pipeline
from bench.paths import Caller, Requests, caller

MOST = {
    "create": 3,  # the revision of the operators' rows for the key, and again; the changes
    "fetch": 4,  # the revision; lock and log; the leg's id, and who waits for it; the changes
    "ringing": 3,  # the revision; lock and log; the changes
    "repeat": 3,
    "end": 3,
}


@pytest.fixture
def client(database_url: str) -> Iterator[Caller]:
    with caller(database_url) as found:
        yield found


def test_no_request_waits_more_often(client: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, run, here = list[int](), Pipeline.run, threading.get_ident()

    def counted(self: Pipeline, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[Answer]:
        if threading.get_ident() == here:
            sent.append(len(statements))
        return run(self, statements)

    for requests in (Requests(client), Requests(client)):
        monkeypatch.setattr(Pipeline, "run", counted)
        found = {name: waits(sent, request) for name, request in paths(requests)}
    if found["create"]:  # on PostgreSQL, with what the process keeps from its first requests
        assert found == MOST


def paths(requests: Requests) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "create", requests.create
    yield "fetch", requests.fetch()
    yield "ringing", requests.ringing()
    yield "repeat", requests.repeat()
    yield "end", requests.end()


def waits(sent: list[int], request: Callable[[], object]) -> int:
    sent.clear()
    request()
    return len(sent)
