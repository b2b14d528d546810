"""Idempotency keys: one call per key and organisation, and when they are forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from app.store import calls, idempotency
from app.store.engine import Store
from tests.store.rows import add_call, add_org, at
from tests.store.together import draft, impatient, race


def values(org: str, call: str, digest: str = "d", age: float = 0) -> dict[str, Any]:
    row = {"org_id": org, "digest": digest, "call_id": call, "fingerprint": "f"}
    return row | {"secret": b"answer", "created_at": at(age)}


@pytest.fixture
def call(store: Store) -> tuple[str, str]:
    """An organisation and its call."""
    with store.write() as conn:
        org = add_org(conn)
        return org, add_call(conn, org)


def test_a_key_is_found_with_what_was_answered(store: Store, call: tuple[str, str]) -> None:
    with store.write() as conn:
        assert idempotency.find(conn, call[0], "d") is None
        assert idempotency.keep(conn, values(*call))
        assert idempotency.find(conn, call[0], "d") == values(*call)
        assert idempotency.find(conn, call[0], "e") is None
        assert idempotency.find(conn, "another", "d") is None


def test_a_key_is_kept_once(store: Store, call: tuple[str, str]) -> None:
    with store.write() as conn:
        assert idempotency.keep(conn, values(*call))
        assert not idempotency.keep(conn, values(*call) | {"secret": b"another"})
        kept = idempotency.find(conn, call[0], "d")
    assert kept
    assert kept["secret"] == b"answer"


def test_organisations_do_not_share_keys(store: Store, call: tuple[str, str]) -> None:
    with store.write() as conn:
        other = add_org(conn)
        assert idempotency.keep(conn, values(*call))
        assert idempotency.keep(conn, values(other, add_call(conn, other)))


def test_a_key_goes_with_its_call(store: Store, call: tuple[str, str]) -> None:
    with store.write() as conn:
        idempotency.keep(conn, values(*call))
        calls.delete(conn, call[1])
        assert idempotency.find(conn, call[0], "d") is None


def test_older_keys_are_forgotten_and_the_oldest_left_is_told(
    store: Store, call: tuple[str, str]
) -> None:
    with store.write() as conn:
        for age, digest in enumerate("abc"):
            idempotency.keep(conn, values(*call, digest, age))
        assert idempotency.forget(conn, at(0)) == at(0)
        assert idempotency.forget(conn, at(1)) == at(1)  # the time itself is not before it
        assert [bool(idempotency.find(conn, call[0], each)) for each in "abc"] == [
            False,
            True,
            True,
        ]
        assert idempotency.forget(conn, at(9)) is None


def test_the_oldest_are_forgotten_first_a_few_at_once(
    store: Store, call: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "FORGOTTEN_AT_ONCE", 2)
    with store.write() as conn:
        for digest, age in (("a", 2), ("b", 0), ("c", 1)):
            idempotency.keep(conn, values(*call, digest, age))
        assert idempotency.forget(conn, at(9)) == at(2)
        assert idempotency.forget(conn, at(9)) is None


def test_of_several_at_once_one_keeps_the_key(store: Store, call: tuple[str, str]) -> None:
    """Each makes its call in the transaction of its key: the others' calls are rolled back."""

    def create(conn: Connection, number: int) -> bool:
        id = add_call(conn, call[0])
        return idempotency.keep(conn, values(call[0], id))

    assert race(store, 8, create).count(True) == 1


def test_a_key_another_transaction_is_keeping_is_waited_for(
    store: Store, call: tuple[str, str]
) -> None:
    with store.write() as holder:
        assert idempotency.keep(holder, values(*call))
        with pytest.raises(OperationalError), impatient(store) as conn:
            idempotency.keep(conn, values(*call))
    with impatient(store) as conn:
        assert not idempotency.keep(conn, values(*call))


def test_a_key_whose_call_was_rolled_back_is_free(store: Store, call: tuple[str, str]) -> None:
    with draft(store) as conn:
        assert idempotency.keep(conn, values(*call))
    with store.write() as conn:
        assert idempotency.keep(conn, values(*call))
