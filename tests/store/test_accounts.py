"""Organisations, API keys, credentials and phone numbers: found by what, and brought up to date."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from app.store import accounts
from app.store.accounts import ApiKey
from app.store.engine import Store
from app.store.schema import orgs
from tests.store.rows import (
    START,
    add_key,
    add_org,
    at,
    credential_row,
    key_row,
    number_row,
    times,
)
from tests.store.together import race

FIRST, SECOND = "first", "second"


@pytest.fixture
def both(store: Store) -> Store:
    with store.write() as conn:
        add_org(conn, FIRST)
        add_org(conn, SECOND)
    return store


# ------------------------------------------------------------------ organisations


def test_an_organisation_is_brought_up_to_date(store: Store) -> None:
    new = {"name": "A new name", "server_url": "https://a.example", "secret": b"s"}
    with store.write() as conn:
        add_org(conn, FIRST)
        accounts.put_org(conn, {"id": FIRST, **new, **times(60)})
        found = accounts.get_org(conn, FIRST)
        assert accounts.get_org(conn, SECOND) is None
    unset = {"owner_callback_url": None}
    assert found == {"id": FIRST, **new, **unset, "created_at": START, "updated_at": at(60)}


def test_an_update_leaves_other_organisations_alone(both: Store) -> None:
    with both.write() as conn:
        before = accounts.get_org(conn, SECOND)
        add_org(conn, FIRST, name="changed")
        assert accounts.get_org(conn, SECOND) == before


def test_processes_that_put_one_organisation_at_once_make_one(store: Store) -> None:
    race(store, 8, lambda conn, _: add_org(conn, FIRST))
    with store.read() as conn:
        assert conn.execute(orgs.select()).scalars().all() == [FIRST]


# ------------------------------------------------------------------ API keys


def test_a_key_is_found_by_its_digest(both: Store) -> None:
    with both.write() as conn:
        assert accounts.insert_key(conn, key_row(FIRST, "k", digest="d"))
        assert accounts.find_key(conn, "d") == ApiKey("k", FIRST)
        assert accounts.find_key(conn, "e") is None


@pytest.mark.parametrize("name", ["k", "prefix"])
def test_a_revoked_key_is_not_found(both: Store, name: str) -> None:
    with both.write() as conn:
        accounts.insert_key(conn, key_row(FIRST, "k", digest="d", prefix="prefix"))
        accounts.insert_key(
            conn, key_row(FIRST, "l", digest="e", prefix="another", created_at=at(1))
        )
        assert accounts.revoke_key(conn, name, at(5))
        assert accounts.find_key(conn, "d") is None
        assert accounts.find_key(conn, "e") == ApiKey("l", FIRST)
        assert not accounts.revoke_key(conn, name, at(6))  # it is no longer in force
        assert [row["revoked_at"] for row in accounts.list_keys(conn)] == [at(5), None]


def test_what_names_no_key_revokes_none(both: Store) -> None:
    with both.write() as conn:
        add_key(conn, FIRST, "k")
        assert not accounts.revoke_key(conn, "unknown", START)
        assert accounts.list_keys(conn)[0]["revoked_at"] is None


@pytest.mark.parametrize("same", [{"id": "k"}, {"digest": "d"}])
def test_a_key_is_inserted_once(both: Store, same: dict[str, str]) -> None:
    with both.write() as conn:
        assert accounts.insert_key(conn, key_row(FIRST, "k", digest="d"))
        assert not accounts.insert_key(conn, key_row(SECOND, "l", digest="e") | same)
        assert accounts.find_key(conn, "d") == ApiKey("k", FIRST)
        assert len(accounts.list_keys(conn)) == 1


def test_keys_are_listed_oldest_first(both: Store) -> None:
    with both.write() as conn:
        for id, age in (("b", 2), ("a", 1), ("c", 3)):
            accounts.insert_key(conn, key_row(FIRST, id, created_at=at(age)))
        assert [row["id"] for row in accounts.list_keys(conn)] == ["a", "b", "c"]


def test_a_key_needs_an_organisation(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as conn:
        add_key(conn, "unknown")


# ------------------------------------------------------------------ credentials


def test_a_credential_is_brought_up_to_date_and_stays_where_it_is(both: Store) -> None:
    with both.write() as conn:
        accounts.put_credential(conn, credential_row(FIRST, "c", secret=b"old"))
        changed = {"body": {"region": "eu"}, "secret": b"new", "account_ref": "another"}
        accounts.put_credential(conn, credential_row(SECOND, "c", 60, **changed))
        found = accounts.get_credential(conn, "c")
        assert accounts.get_credential(conn, "d") is None
    assert found == credential_row(FIRST, "c", **changed) | {"updated_at": at(60)}


def test_credentials_of_an_account_are_every_organisations(both: Store) -> None:
    with both.write() as conn:
        rows = (
            credential_row(FIRST, "b", 2),
            credential_row(SECOND, "a", 1),
            credential_row(SECOND, "c", 2),
            credential_row(FIRST, "d", account_ref="another"),
            credential_row(FIRST, "e", provider="another"),
        )
        for row in rows:
            accounts.put_credential(conn, row)
        found = accounts.credentials_of_account(conn, "carrier", "account")
        assert [row["id"] for row in found] == ["a", "b", "c"]  # oldest first, then by id
        assert accounts.credentials_of_account(conn, "carrier", "unknown") == []


def test_an_organisations_credentials_of_some_providers(both: Store) -> None:
    with both.write() as conn:
        for number, provider in enumerate(("one", "two", "three", "one")):
            row = credential_row(FIRST, f"c{number}", 9 - number, provider=provider)
            accounts.put_credential(conn, row)
        accounts.put_credential(conn, credential_row(SECOND, "theirs", provider="one"))

        def named(*providers: str) -> list[str]:
            return [row["id"] for row in accounts.org_credentials(conn, FIRST, providers)]

        assert named("one", "two") == ["c3", "c1", "c0"]
        assert named("three") == ["c2"]
        assert named() == []


# ------------------------------------------------------------------ phone numbers


def put_numbers(store: Store, *rows: dict[str, object]) -> None:
    with store.write() as conn:
        for id in ("c", "another"):
            accounts.put_credential(conn, credential_row(FIRST, id))
        for row in rows:
            accounts.put_number(conn, row)


def test_one_number_may_be_of_several_organisations(both: Store) -> None:
    put_numbers(
        both,
        number_row(FIRST, "b", 1),
        number_row(SECOND, "a", 1),
        number_row(SECOND, "c"),
        number_row(FIRST, "d", number="+14155550101"),
        number_row(FIRST, "e", provider="another"),
    )
    with both.read() as conn:
        found = accounts.numbers(conn, "carrier", "+14155550100")
        assert [row["id"] for row in found] == ["c", "a", "b"]  # oldest first, then by id
        assert accounts.org_numbers(conn, FIRST) == {"+14155550100", "+14155550101"}
        assert accounts.org_numbers(conn, "unknown") == set()


@pytest.mark.parametrize(("named", "kept"), [(None, "old"), ("new", "new")])
def test_a_number_keeps_its_assistant_unless_another_is_named(
    both: Store, named: str | None, kept: str
) -> None:
    put_numbers(
        both,
        number_row(FIRST, "n", assistant_id="old", body={"name": "kept"}),
        number_row(FIRST, "n", 60, credential_id="another", assistant_id=named, body={}),
    )
    with both.read() as conn:
        (found,) = accounts.numbers(conn, "carrier", "+14155550100")
    expected = number_row(FIRST, "n", credential_id="another", assistant_id=kept)
    assert found == expected | {"body": {"name": "kept"}, "updated_at": at(60)}


def test_a_number_needs_its_credential(both: Store) -> None:
    with pytest.raises(IntegrityError), both.write() as conn:
        accounts.put_number(conn, number_row(FIRST, "n", credential_id="unknown"))
