"""Rows of one organisation: another one's are absent to every statement."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from app.store import accounts, resources
from app.store.engine import Store
from app.store.resources import NumberPage, Window
from app.store.schema import assistants, calls, credentials, customers, phone_numbers
from tests.store.rows import add_call
from tests.store.together import impatient

FIRST, SECOND = "1" * 36, "2" * 36
START = datetime(2024, 9, 10, 11, 14, 12, 339456, tzinfo=UTC)


@pytest.fixture
def orgs(store: Store) -> Store:
    with store.write() as conn:
        for id in (FIRST, SECOND):
            org = {"id": id, "name": id, "server_url": None, "secret": None}
            accounts.put_org(conn, {**org, "created_at": START, "updated_at": START})
    return store


def row(id: str, org_id: str = FIRST, age: int = 0, **columns: Any) -> dict[str, Any]:
    at = START + timedelta(seconds=age)
    common = {"id": id, "org_id": org_id, "created_at": at, "updated_at": at, "body": {"n": id}}
    return common | columns


def credential(id: str, org_id: str = FIRST, age: int = 0) -> dict[str, Any]:
    account = {"provider": "carrier", "account_ref": "ref", "secret": b"s", "managed": True}
    return row(id, org_id, age, **account)


def number(id: str, org_id: str = FIRST) -> dict[str, Any]:
    return row(id, org_id, provider="carrier", number="+14155550100", credential_id="c1")


@pytest.mark.parametrize("table", [assistants, customers], ids=lambda table: table.name)
def test_one_row(orgs: Store, table: sa.Table) -> None:
    with orgs.write() as conn:
        resources.insert(conn, table, row("a"))
    with orgs.write() as conn:
        resources.update(conn, table, FIRST, "a", {"body": {"n": "changed"}})
        found = resources.get(conn, table, FIRST, "a")
        assert found is not None
        assert (found["body"], found["created_at"]) == ({"n": "changed"}, START)
        resources.delete(conn, table, FIRST, "a")
        assert resources.get(conn, table, FIRST, "a") is None


def test_another_organisations_row_is_absent(orgs: Store) -> None:
    with orgs.write() as conn:
        resources.insert(conn, assistants, row("a"))
        assert resources.get(conn, assistants, SECOND, "a") is None
        resources.update(conn, assistants, SECOND, "a", {"body": {}})
        resources.delete(conn, assistants, SECOND, "a")
        assert resources.listing(conn, assistants, SECOND, Window()) == []
        found = resources.get(conn, assistants, FIRST, "a")
        assert found is not None
        assert found["body"] == {"n": "a"}


WINDOWS: list[tuple[Window, str]] = [
    (Window(), "dcba"),  # newest first; of two of one time the greater id
    (Window(limit=2), "dc"),
    (Window(limit=0), ""),
    (Window(times=[("created_at", "gt", START)]), "dc"),
    (Window(times=[("created_at", "ge", START)]), "dcba"),
    (Window(times=[("created_at", "lt", START + timedelta(seconds=2))]), "cba"),
    (Window(times=[("updated_at", "le", START)]), "ba"),
    (
        Window(
            times=[("created_at", "gt", START), ("created_at", "lt", START + timedelta(seconds=2))]
        ),
        "c",
    ),
]


@pytest.mark.parametrize(("window", "ids"), WINDOWS)
def test_listing(orgs: Store, window: Window, ids: str) -> None:
    with orgs.write() as conn:
        for id, age in (("a", 0), ("b", 0), ("c", 1), ("d", 2)):
            resources.insert(conn, customers, row(id, age=age))
        resources.insert(conn, customers, row("e", SECOND))
    with orgs.read() as conn:
        found = resources.listing(conn, customers, FIRST, window)
    assert "".join(row["id"] for row in found) == ids


def test_what_stands_on_a_credential(orgs: Store) -> None:
    with orgs.write() as conn:
        resources.insert(conn, credentials, credential("c1"))
        resources.insert(conn, credentials, credential("c2", age=1))
        resources.insert(conn, credentials, credential("c3", SECOND))
        known = resources.find_account(conn, FIRST, "carrier", "ref")
        assert [row["id"] for row in known] == ["c2", "c1"]
        assert resources.number_with(conn, "c1") is None
        resources.insert(conn, phone_numbers, number("n1"))
        used = resources.number_with(conn, "c1")
        assert used is not None
        assert used["id"] == "n1"
        found = resources.find_number(conn, FIRST, "carrier", "+14155550100")
        assert found is not None
        assert resources.find_number(conn, SECOND, "carrier", "+14155550100") is None
        assert resources.find_number(conn, FIRST, "another", "+14155550100") is None


def test_a_call_stands_on_its_credential_until_it_is_settled(orgs: Store) -> None:
    call = row("k", type="inboundPhoneCall", provider="carrier", status="ended", bypass=True)
    call |= {"max_duration": 600, "resolved": {}, "credential_id": "c1"}
    with orgs.write() as conn:
        conn.execute(calls.insert(), call)
        assert resources.unfinished_call_with(conn, FIRST, "c1") == "k"
        assert resources.unfinished_call_with(conn, FIRST, "c2") is None
        conn.execute(calls.update().values(settled_at=START))
        assert resources.unfinished_call_with(conn, FIRST, "c1") is None


def test_writers_of_one_organisation_take_turns(orgs: Store) -> None:
    """What is read after ``hold_org`` is not changed by another before it is written."""

    def count_up() -> None:
        for _ in range(10):
            with orgs.write() as conn:
                resources.hold_org(conn, FIRST)
                found = resources.get(conn, assistants, FIRST, "a")
                assert found is not None
                body = {"n": found["body"]["n"] + 1}
                resources.update(conn, assistants, FIRST, "a", {"body": body})

    with orgs.write() as conn:
        resources.insert(conn, assistants, row("a", body={"n": 0}))
    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with orgs.read() as conn:
        found = resources.get(conn, assistants, FIRST, "a")
    assert found is not None
    assert found["body"] == {"n": 40}


# ------------------------------------------------------------------ pages of phone numbers

NUMBERS = {
    "a": ("+14155550101", "Front desk"),
    "b": ("+14155550102", "100% off_ice"),
    "c": ("+442079460003", "front door"),
    "d": ("+442079460004", None),
}

SEARCHES = [
    (NumberPage(), "dcba"),  # newest first
    (NumberPage(ascending=True), "abcd"),
    (NumberPage(search="front"), "ca"),  # part of a name, whatever its case
    (NumberPage(search="+4420"), "dc"),  # part of a number
    (NumberPage(search="0% off_"), "b"),  # no wildcards
    (NumberPage(search="%"), "b"),
    (NumberPage(search="_"), "b"),
    (NumberPage(search="nothing"), ""),
    (NumberPage(search=""), "dcba"),
]


def put_numbers(conn: Connection) -> None:
    resources.insert(conn, credentials, credential("c1"))
    for age, (id, (number, name)) in enumerate(NUMBERS.items()):
        body = {"name": name} if name else {}
        columns = {"provider": "carrier", "number": number, "credential_id": "c1", "body": body}
        resources.insert(conn, phone_numbers, row(id, age=age, **columns))
    columns = {"provider": "carrier", "number": "+14155550101", "credential_id": "c1"}
    resources.insert(conn, phone_numbers, row("e", SECOND, **columns))


@pytest.mark.parametrize(("page", "ids"), SEARCHES)
def test_phone_numbers_are_searched(orgs: Store, page: NumberPage, ids: str) -> None:
    with orgs.write() as conn:
        put_numbers(conn)
        found, total = resources.page(conn, phone_numbers, FIRST, Window(), page)
    assert "".join(row["id"] for row in found) == ids
    assert total == len(ids)


@pytest.mark.parametrize(("number", "ids"), [(1, "dcb"), (2, "a"), (3, "")])
def test_a_page_of_phone_numbers_tells_how_many_there_are(
    orgs: Store, number: int, ids: str
) -> None:
    with orgs.write() as conn:
        put_numbers(conn)
        window, page = Window(limit=3), NumberPage(number=number)
        found, total = resources.page(conn, phone_numbers, FIRST, window, page)
    assert ("".join(row["id"] for row in found), total) == (ids, 4)


def test_a_page_of_phone_numbers_of_a_time(orgs: Store) -> None:
    window = Window(times=[("created_at", "gt", START), ("created_at", "le", START)])
    later = Window(times=[("created_at", "ge", START + timedelta(seconds=2))])
    with orgs.write() as conn:
        put_numbers(conn)
        assert resources.page(conn, phone_numbers, FIRST, window, NumberPage()) == ([], 0)
        found, total = resources.page(conn, phone_numbers, FIRST, later, NumberPage())
    assert ("".join(row["id"] for row in found), total) == ("dc", 2)


# ------------------------------------------------------------------ one at a time


def test_an_organisation_that_is_held_is_waited_for(orgs: Store) -> None:
    with orgs.write() as holder:
        resources.hold_org(holder, FIRST)
        with pytest.raises(OperationalError), impatient(orgs) as conn:
            resources.hold_org(conn, FIRST)
    with impatient(orgs) as conn:
        resources.hold_org(conn, FIRST)


def test_a_held_organisation_holds_up_its_calls_and_others_on_sqlite_only(orgs: Store) -> None:
    held_up = pytest.raises(OperationalError) if orgs.is_sqlite else nullcontext()
    with orgs.write() as holder:
        resources.hold_org(holder, FIRST)
        with held_up, impatient(orgs) as conn:
            resources.hold_org(conn, SECOND)
            add_call(conn, FIRST)  # it only refers to the organisation
