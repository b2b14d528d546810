"""Organisations, their API keys, and their credentials (accounts at carriers, sealed)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Columns, Row, every, insert_once
from app.store.kept import changes_kept_rows, kept
from app.store.prepared import Prepared
from app.store.schema import api_keys, assistants, credentials, orgs, phone_numbers


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that is not revoked."""

    id: str
    org_id: str


_FIND_KEY = Prepared(
    sa.select(api_keys.c.id, api_keys.c.org_id).where(
        api_keys.c.digest == sa.bindparam("digest"), api_keys.c.revoked_at.is_(None)
    )
)
_CREDENTIAL = Prepared(sa.select(credentials).where(credentials.c.id == sa.bindparam("id")))
_BY_ACCOUNT = Prepared(
    sa.select(credentials)
    .where(
        credentials.c.provider == sa.bindparam("provider"),
        credentials.c.account_ref == sa.bindparam("ref"),
    )
    .order_by(credentials.c.created_at, credentials.c.id)
)
_CREDENTIAL_PROVIDERS = Prepared(sa.select(credentials.c.provider).distinct())
_ORG = Prepared(sa.select(orgs).where(orgs.c.id == sa.bindparam("id")))


def find_key(conn: Connection, digest: str) -> ApiKey | None:
    row = kept(conn, ("key", digest), lambda: _FIND_KEY.one(conn, {"digest": digest}))
    return ApiKey(row["id"], row["org_id"]) if row else None


def insert_key(conn: Connection, values: Columns) -> bool:
    """Insert a key. False when the same key exists."""
    changes_kept_rows(conn)
    return insert_once(conn, api_keys, values)


def list_keys(conn: Connection) -> Sequence[Row]:
    return every(conn.execute(sa.select(api_keys).order_by(api_keys.c.created_at)))


def org_keys(conn: Connection, org_id: str) -> Sequence[Row]:
    """One organisation's keys, newest first."""
    columns = api_keys.c
    query = sa.select(api_keys).where(columns.org_id == org_id)
    return every(conn.execute(query.order_by(columns.created_at.desc(), columns.id)))


def revoke_key(conn: Connection, key_id: str, at: datetime) -> bool:
    """Revoke a key. False when no valid key has that id or that prefix."""
    changes_kept_rows(conn)
    found = api_keys.update().where(
        sa.or_(api_keys.c.id == key_id, api_keys.c.prefix == key_id),
        api_keys.c.revoked_at.is_(None),
    )
    return conn.execute(found.values(revoked_at=at)).rowcount > 0


def get_org(conn: Connection, org_id: str) -> Row | None:
    return kept(conn, ("org", org_id), lambda: _ORG.one(conn, {"id": org_id}))


def put_org(conn: Connection, values: Columns) -> None:
    """Insert an organisation, or update its name, server and secret."""
    changes_kept_rows(conn)
    if not insert_once(conn, orgs, values):
        changed = {k: v for k, v in values.items() if k not in {"id", "created_at"}}
        conn.execute(orgs.update().where(orgs.c.id == values["id"]).values(**changed))


def put_credential(conn: Connection, values: Columns) -> None:
    """Insert a credential, or update its body and secret."""
    changes_kept_rows(conn)
    if not insert_once(conn, credentials, values):
        changed = {k: v for k, v in values.items() if k not in {"id", "org_id", "created_at"}}
        conn.execute(credentials.update().where(credentials.c.id == values["id"]).values(**changed))


def get_credential(conn: Connection, credential_id: str | None) -> Row | None:
    return kept(
        conn, ("credential", credential_id), lambda: _CREDENTIAL.one(conn, {"id": credential_id})
    )


def credentials_of_account(conn: Connection, provider: str, ref: str) -> Sequence[Row]:
    """Every organisation's credential for one account at a carrier, oldest first."""
    return kept(
        conn,
        ("account", provider, ref),
        lambda: _BY_ACCOUNT.every(conn, {"provider": provider, "ref": ref}),
    )


def credential_providers(conn: Connection) -> set[str]:
    """The providers of which anyone has a credential."""
    return {str(row["provider"]) for row in _CREDENTIAL_PROVIDERS.every(conn, {})}


def org_credentials(conn: Connection, org_id: str, providers: Iterable[str]) -> Sequence[Row]:
    """One organisation's credentials of these providers, oldest first."""
    columns = credentials.c
    query = sa.select(credentials).where(
        columns.org_id == org_id, columns.provider.in_(sorted(providers))
    )
    return every(conn.execute(query.order_by(columns.created_at, columns.id)))


def org_of_assistant(conn: Connection, assistant_id: str) -> str | None:
    """The organisation that has this assistant, for the operator's commands."""
    query = sa.select(assistants.c.org_id).where(assistants.c.id == assistant_id)
    found = conn.execute(query).scalar()
    return None if found is None else str(found)


# A row of ``phone_numbers``.
Number = Row

_NUMBERS = Prepared(
    sa.select(phone_numbers)
    .where(
        phone_numbers.c.provider == sa.bindparam("provider"),
        phone_numbers.c.number == sa.bindparam("number"),
    )
    .order_by(phone_numbers.c.created_at, phone_numbers.c.id)
)


def numbers(conn: Connection, provider: str, number: str) -> Sequence[Number]:
    """Every organisation's phone number of that carrier with that E.164 number, oldest first."""
    return kept(
        conn,
        ("number", provider, number),
        lambda: _NUMBERS.every(conn, {"provider": provider, "number": number}),
    )


def org_numbers(conn: Connection, org_id: str) -> set[str]:
    """The E.164 numbers of one organisation."""
    query = sa.select(phone_numbers.c.number).where(phone_numbers.c.org_id == org_id)
    return set(conn.execute(query).scalars())


def put_number(conn: Connection, values: Columns) -> None:
    """Insert a number, or update its credential, and its assistant where one is given.

    A row that has both already is not touched.
    """
    changes_kept_rows(conn)
    if insert_once(conn, phone_numbers, values):
        return
    columns = phone_numbers.c
    changed = {"credential_id": values["credential_id"]}
    if values["assistant_id"]:
        changed["assistant_id"] = values["assistant_id"]
    is_other = sa.or_(*(columns[name].is_distinct_from(new) for name, new in changed.items()))
    update = phone_numbers.update().where(columns.id == values["id"], is_other)
    conn.execute(update.values(**changed, updated_at=values["updated_at"]))
