"""PostgreSQL undoes a request's transaction for the sake of another: the request is done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from logging import WARNING
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from app.delivery.dispatcher import Dispatcher
from app.store import again, outbox
from app.store.engine import Store
from app.store.faults import Deadlocked
from app.store.messages import PENDING, RELEASE, Attempt
from app.store.outbox import Tried
from app.store.prepared import Prepared
from app.wiring import Services
from tests.delivery.rows import LONG_AGO, put_message, record, rows_of
from tests.routes.api import TWILIO_NUMBER, Api, refused

WAITS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND wait_event_type = 'Lock' AND clock_timestamp() - state_change > cast(%s AS interval)
"""

Request = Callable[[Api, dict[str, Any]], Any]


def undo(patch: pytest.MonkeyPatch, store: Store, times: int) -> list[None]:
    """Undo so many transactions, each at its end. The list has those that are left."""
    write, left = store.write, [None] * times

    @contextmanager
    def undone() -> Iterator[Connection]:
        with write() as conn:
            yield conn
            if left:
                left.pop()
                raise Deadlocked

    patch.setattr(store, "write", undone)
    return left


def create(api: Api, made: dict[str, Any]) -> Any:
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": made["phoneNumberId"],
        "assistant": {"name": "Reception"},
        "customer": {"number": "+14155550111"},
    }
    return api.post("/call", body, headers={"Idempotency-Key": "a key"})


def upload(api: Api, made: dict[str, Any]) -> Any:
    return api.post("/file", data={"file": (BytesIO(b"open from 9 to 5"), "shop.md")})


REQUESTS: dict[str, Request] = {
    "create": create,
    "patch": lambda api, made: api.patch(f"/call/{made['id']}", {"name": "changed"}),
    "control": lambda api, made: api.post(f"/call/{made['id']}/control", {"type": "end-call"}),
    "delete": lambda api, made: api.delete(f"/call/{made['id']}"),
    "assistant": lambda api, made: api.post("/assistant", {"name": "Reception"}),
    "number": lambda api, made: api.patch(f"/phone-number/{made['phoneNumberId']}", {"name": "a"}),
    "file": upload,
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_client_learns_nothing_of_it(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = api.call()
    left = undo(monkeypatch, services.store, 2)
    answer = REQUESTS[name](api, made)
    assert answer.status_code in {200, 201}, answer.text
    assert not left
    assert len(api.get("/call").json) == {"create": 2, "delete": 0}.get(name, 1)


def test_one_that_is_undone_too_often_is_told_to_come_later(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The database itself can be used: the log tells of no failure, and other requests go on."""
    left = undo(monkeypatch, services.store, again.MOST + 1)
    refused(api.post("/phone-number", TWILIO_NUMBER), 503)
    assert not left
    assert services.store.outage.why == ""
    assert [each.getMessage() for each in caplog.records if each.levelno >= WARNING] == [
        "a transaction was undone: two transactions waited for each other"
    ]
    assert api.post("/phone-number", TWILIO_NUMBER).status_code == 201


def held_behind(store: Store, ids: tuple[str, str]) -> Tried:
    """An attempt that delivers the older of two messages, and so releases the other."""
    soon, later = LONG_AGO + timedelta(seconds=5), LONG_AGO + timedelta(days=36500)
    for key in ("status-update:ended", "end-of-call-report"):
        put_message(store, ids, key, "https://client.example/hook")
    record(store, ids, "status-update:ended", Attempt(LONG_AGO, 1, 500), state=PENDING, until=soon)
    with store.write() as conn:
        outbox.hold(conn, outbox.held(conn, LONG_AGO, 10), LONG_AGO, later)
    (row,) = (each for each in rows_of(store, ids) if each["key"].startswith("status"))
    return Tried(row, text="{}", attempt=Attempt(soon, 1, 200), state="delivered", until=soon)


def wait_for_a_waiter(store: Store, seconds: float) -> None:
    """Until a transaction has waited so long for another's row."""
    with store.read() as conn:
        while not conn.exec_driver_sql(WAITS, (f"{seconds} s",)).scalar():
            continue


@pytest.mark.parametrize("seconds", [0.0, 1.2])
def test_a_deletion_and_a_delivery_that_wait_for_each_other_are_both_made(
    api: Api,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: float,
) -> None:
    """A result of one message releases another, which the deletion of their call has deleted.

    Who has waited for a second looks whether there is a circle, and is undone: the deletion, or the
    delivery if the deletion has looked before.
    """
    if services.store.is_sqlite:
        return  # it has one writer at a time
    id = api.call()["id"]
    tried = held_behind(services.store, (api.org_id, id))
    deletions, many = list[Future[Any]](), Prepared.many

    def release(self: Prepared, conn: Any, rows: Any) -> None:
        if self is RELEASE and not deletions:
            conn.settle()
            deletions.append(pool.submit(api.delete, f"/call/{id}"))
            wait_for_a_waiter(services.store, seconds)
        many(self, conn, rows)

    monkeypatch.setattr(Prepared, "many", release)
    with ThreadPoolExecutor(1) as pool:
        Dispatcher(services.context)._store_results([tried], again=False)
        (deletion,) = deletions
        assert deletion.result().status_code == 200
    assert api.get("/call").json == []
    warnings = [each.getMessage() for each in caplog.records if each.levelno >= WARNING]
    assert (services.store.outage.why, warnings) == ("", [])
