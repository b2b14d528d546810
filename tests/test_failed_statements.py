"""Each statement of a call's requests, timer and delivery fails once, before it ran or after.

A failure changes nothing, and what is repeated afterwards is done once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from app import create_app
from app.delivery.dispatcher import Dispatcher
from app.domain.calls.timers import fire_due
from app.settings import load
from app.store.connection import Statement
from app.store.engine import Store
from app.store.pipeline import Pipeline
from app.store.schema import call_events, calls, messages
from bench.paths import PORT, Caller, Requests
from bench.serving import environment
from tests.fakes.client_server import Receiver
from tests.store.test_faults import broken

EVENTS = ["call.created", "leg.fetched", "leg.ringing", "leg.ended", "call.settled"]
MESSAGES = [
    *("status-update:queued", "status-update:ringing", "status-update:ended"),
    "end-of-call-report",
]
IO_ERROR = broken(10)
WRONG = "SELECT 1 / 0"


@dataclass
class Fault:
    """Fails one statement. ``is_late``: after it ran, so that only its answer is lost."""

    is_late: bool
    at: int = 0
    seen: int = 0

    def begin(self, at: int) -> None:
        self.at, self.seen = at, 0

    def strikes(self) -> bool:
        self.seen += 1
        return self.seen == self.at

    def end(self) -> bool:
        """Whether there was so late a statement."""
        struck, self.at = self.seen >= self.at, 0
        return struck


def on_sqlite(fault: Fault, store: Store) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, text: str, *values: Any) -> Any:
            if text.startswith("PRAGMA"):  # of a new connection
                return super().execute(text, *values)
            return self._unless_struck(super().execute, text, *values)

        def executemany(self, text: str, *values: Any) -> Any:
            return self._unless_struck(super().executemany, text, *values)

        def _unless_struck(self, run: Callable[..., Any], *values: Any) -> Any:
            strikes = fault.strikes()
            found = None if strikes and not fault.is_late else run(*values)
            if strikes:
                raise IO_ERROR()
            return found

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, text: str, *values: Any) -> Any:
            return self.cursor().execute(text, *values)

    @event.listens_for(store.engine, "do_connect")
    def _(_dialect: Any, _record: Any, _arguments: Any, parameters: Any) -> None:
        parameters["factory"] = Connection

    store.close()  # the next connections are such


def on_postgresql(fault: Fault, patch: pytest.MonkeyPatch) -> None:
    together, alone = Pipeline.run, psycopg.Cursor.execute

    def run(self: Pipeline, statements: Sequence[tuple[str, Sequence[Any]]]) -> Any:
        struck = [fault.strikes() for _ in statements]
        if not any(struck):
            return together(self, statements)
        if not fault.is_late:
            wrong = Statement(WRONG)
            return together(
                self, [wrong if s else o for s, o in zip(struck, statements, strict=True)]
            )
        together(self, statements)
        self.is_lost = True
        raise psycopg.OperationalError

    def execute(self: Any, query: Any, *values: Any, **options: Any) -> Any:
        if not fault.strikes():
            return alone(self, query, *values, **options)
        alone(self, query if fault.is_late else WRONG, *values, **options)
        self.connection.close()
        raise psycopg.OperationalError

    patch.setattr(Pipeline, "run", run)
    patch.setattr(psycopg.Cursor, "execute", execute)


def steps(client: Caller, context: Any) -> Iterator[Callable[[], object]]:
    """The work of one call, in its order; each may be repeated."""
    requests = Requests(client)
    client.http.environ_base["HTTP_IDEMPOTENCY_KEY"] = "one"
    yield requests.create
    yield requests.fetch()
    yield requests.ringing()
    yield requests.end()
    yield lambda: fire_due(context, requests.call_id)
    dispatcher = Dispatcher(context, lambda work: work())
    for _ in MESSAGES:
        yield dispatcher.turn
    yield dispatcher.turn  # stores the last


def stored(store: Store) -> list[tuple[Any, ...]]:
    """What the call has: its state, events and messages."""
    with store.read() as conn:
        state = conn.execute(sa.select(calls.c.status, calls.c.settled_at.is_(None))).all()
        log = conn.execute(sa.select(call_events.c.kind).order_by(call_events.c.id)).all()
        sent = sa.select(messages.c.key, messages.c.state, messages.c.attempts)
        return [tuple(row) for row in (*state, *log, *conn.execute(sent.order_by(messages.c.seq)))]


@pytest.mark.parametrize("is_late", [False, True])
def test_a_statement_that_fails_leaves_nothing_half_done(
    store: Store, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    url = store.url.render_as_string(hide_password=False)
    named = {**environment(PORT, str(tmp_path), url), "SERVER_URL": receiver.url}
    app, fault = create_app(load(named)), Fault(is_late)
    services = app.extensions["patchbay"]
    services.start()
    client = Caller(app.test_client(), services.settings.public_url)
    client.setup()
    later = services.context.now() + timedelta(days=1)
    context = replace(services.context, now=lambda: later)
    if store.is_sqlite:
        on_sqlite(fault, services.store)
    else:
        on_postgresql(fault, monkeypatch)
    for step in steps(client, context):
        before = stored(store)
        for number in count(1):
            fault.begin(number)
            with suppress(SystemExit, SQLAlchemyError):  # of the answer 503
                step()
            if not fault.end():
                break
            assert is_late or step.__name__ == "turn" or stored(store) == before
        assert number > 1
    services.stop()
    found = [("ended", False), *((kind,) for kind in EVENTS)]
    assert stored(store) == [*found, *((key, "delivered", 1) for key in MESSAGES)]
    sent = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(sent) == len(set(sent)) == len(MESSAGES)
