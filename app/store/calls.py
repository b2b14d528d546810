"""Calls, the carriers' ids that lead to them, and their tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store import engine
from app.store.engine import Columns, Row, insert_once
from app.store.lists import any_of, by_size, values_of
from app.store.prepared import Prepared
from app.store.schema import call_events, call_refs, call_tokens, calls
from providers.common.json_types import JsonObject

STREAM = 16
"""Characters of a random token's digest that name its stream."""

_by_id = sa.select(calls).where(calls.c.id == sa.bindparam("id"))
_BY_ID, _BY_ID_LOCKED = Prepared(_by_id), Prepared(_by_id.with_for_update())
_BY_IDS = by_size(lambda size: sa.select(calls).where(any_of(calls.c.id, "ids", size)))
_BY_ID_UNLOCKED = Prepared(_by_id.with_for_update(skip_locked=True))
_by_ref = (
    sa.select(calls)
    .join(call_refs, call_refs.c.call_id == calls.c.id)
    .where(
        call_refs.c.provider == sa.bindparam("provider"),
        call_refs.c.ref == sa.bindparam("ref"),
        call_refs.c.org_id == sa.bindparam("org"),
    )
    .order_by(calls.c.created_at)
    .limit(1)
)
_BY_REF, _BY_REF_LOCKED = Prepared(_by_ref), Prepared(_by_ref.with_for_update(of=calls))
_CALL_OF_REF = Prepared(_by_ref.with_only_columns(calls.c.id))
_by_token = (
    sa.select(
        calls,
        call_tokens.c.data.label("token_data"),
        call_tokens.c.used_at.label("token_used_at"),
        call_tokens.c.expires_at.label("token_expires_at"),
    )
    .join(call_tokens, call_tokens.c.call_id == calls.c.id)
    .where(
        call_tokens.c.digest == sa.bindparam("digest"),
        call_tokens.c.purpose == sa.bindparam("purpose"),
    )
)
_BY_TOKEN, _BY_TOKEN_LOCKED = Prepared(_by_token), Prepared(_by_token.with_for_update(of=calls))
_MOVE_REF = Prepared(
    call_refs.update()
    .where(
        call_refs.c.provider == sa.bindparam("its"),
        call_refs.c.org_id == sa.bindparam("org"),
        call_refs.c.ref == sa.bindparam("id"),
    )
    .values(call_id=sa.bindparam("call"))
)
_HAS_STREAM = Prepared(
    sa.select(call_tokens.c.digest).where(
        call_tokens.c.call_id == sa.bindparam("call"),
        sa.func.substr(call_tokens.c.digest, 1, STREAM) == sa.bindparam("stream"),
    )
)
_USED_AT = Prepared(
    sa.select(call_tokens.c.used_at).where(call_tokens.c.digest == sa.bindparam("token"))
)
_THIS_TOKEN = call_tokens.c.digest == sa.bindparam("token")
_TOKEN = Prepared(sa.select(call_tokens.c.created_at, call_tokens.c.data).where(_THIS_TOKEN))
_DATA = call_tokens.c.data.type
_SET_DATA = Prepared(
    call_tokens.update().where(_THIS_TOKEN).values(data=sa.bindparam("data", type_=_DATA))
)
_CLEAR_DATA = Prepared(
    call_tokens.update()
    .where(
        call_tokens.c.call_id == sa.bindparam("call"),
        call_tokens.c.purpose == sa.bindparam("purpose"),
    )
    .values(data=sa.null())
)
_OF_LEG = Prepared(
    sa.select(calls.c.id)
    .join(call_events, call_events.c.call_id == calls.c.id)
    .where(
        calls.c.org_id == sa.bindparam("org"),
        calls.c.provider_call_id == sa.bindparam("ref"),
        call_events.c.key == sa.bindparam("key"),
    )
    .order_by(calls.c.created_at.desc())
    .limit(1)
)
_UPDATE = calls.update().where(calls.c.id == sa.bindparam("call"))
_CLAIM = Prepared(
    call_tokens.update()
    .where(call_tokens.c.digest == sa.bindparam("token"), call_tokens.c.used_at.is_(None))
    .values(used_at=sa.bindparam("at", type_=call_tokens.c.used_at.type))
)


class Moved(Exception):
    """A carrier's id leads to another call since the statement began that locked this one."""


def insert(conn: Connection, values: Columns) -> None:
    engine.insert(conn, calls, values)


def get(conn: Connection, call_id: str, *, lock: bool = False) -> Row | None:
    """Get a call. ``lock``: no other transaction changes it before this one ends.

    SQLite needs no lock: it has one writer at a time.
    """
    statement = _BY_ID_LOCKED if lock else _BY_ID
    return statement.one(conn, {"id": call_id})


def get_several(conn: Connection, call_ids: Collection[str]) -> Sequence[Row]:
    """Those of these calls that exist. They are at most ``lists.MOST``."""
    return _BY_IDS(call_ids).every(conn, values_of("ids", call_ids))


def foresee_several(conn: Connection, call_ids: Collection[str]) -> None:
    """Ask for ``get_several`` along with the next question."""
    _BY_IDS(call_ids).foresee(conn, values_of("ids", call_ids))


def lock_free(conn: Connection, call_id: str) -> Row | None:
    """Get and lock a call. None when it is deleted or another transaction has locked it."""
    return _BY_ID_UNLOCKED.one(conn, {"id": call_id})


def find_by_ref(
    conn: Connection, provider: str, ref: str, orgs: Collection[str], *, lock: bool = False
) -> Row | None:
    """The oldest call of these organisations to which the carrier's id leads.

    ``lock``: as of ``get``. Raises ``Moved`` if the id led elsewhere by the end of the wait.
    """
    find = _locked_by_ref if lock and conn.dialect.name == "postgresql" else _BY_REF.one
    found = (find(conn, {"provider": provider, "ref": ref, "org": org}) for org in orgs)
    known = [row for row in found if row is not None]
    return min(known, key=itemgetter("created_at"), default=None)


def _locked_by_ref(conn: Connection, asked: JsonObject) -> Row | None:
    """PostgreSQL looks again at the call that it locks, but not at the row that led to it."""
    _CALL_OF_REF.foresee(conn, asked)
    row = _BY_REF_LOCKED.one(conn, asked)
    if row is not None and _CALL_OF_REF.scalar(conn, asked) != row["id"]:
        raise Moved
    return row


def of_leg(conn: Connection, org_id: str, ref: str, key: str) -> str | None:
    """The newest call with the carrier's id ``ref`` that has an event of this key."""
    found: str | None = _OF_LEG.scalar(conn, {"org": org_id, "ref": ref, "key": key})
    return found


def find_by_token(conn: Connection, digest: str, purpose: str, *, lock: bool = False) -> Row | None:
    """Find a call by a token's digest, with the token's ``token_...`` columns.

    They are ``token_data``, ``token_used_at`` and ``token_expires_at``.
    """
    statement = _BY_TOKEN_LOCKED if lock else _BY_TOKEN
    return statement.one(conn, {"digest": digest, "purpose": purpose})


def update(conn: Connection, call_id: str, values: Columns) -> None:
    new = {f"new_{name}": value for name, value in values.items()}
    _update(tuple(values)).put(conn, {"call": call_id, **new})


@lru_cache(maxsize=64)
def _update(names: tuple[str, ...]) -> Prepared:
    """Build the statement once per set of columns: building it costs more than running it."""
    new = {name: sa.bindparam(f"new_{name}", type_=calls.c[name].type) for name in names}
    return Prepared(_UPDATE.values(**new))


def delete(conn: Connection, call_id: str) -> None:
    """Delete the call and all rows that refer to it."""
    conn.execute(calls.delete().where(calls.c.id == call_id))


def streams(conn: Connection, call_ids: Collection[str]) -> dict[str, str | None]:
    """The present stream of each of these calls, without those that need no media.

    Those are ended, deleted or forwarding.
    """
    talking = calls.c.status.not_in(("ended", "forwarding"))
    query = sa.select(calls.c.id, calls.c.stream).where(calls.c.id.in_(call_ids), talking)
    return {row.id: row.stream for row in conn.execute(query)}


def claim_ref(conn: Connection, provider: str, org_id: str, ref: str, call_id: str) -> bool:
    """Make a carrier's id lead to this call. False when it leads to a call already."""
    return insert_once(
        conn, call_refs, {"provider": provider, "org_id": org_id, "ref": ref, "call_id": call_id}
    )


def move_ref(conn: Connection, provider: str, org_id: str, ref: str, call_id: str) -> None:
    """Make a carrier's id lead to another call: the same leg has come again."""
    _MOVE_REF.put(conn, {"its": provider, "org": org_id, "id": ref, "call": call_id})


def has_stream(conn: Connection, call_id: str, stream: str) -> bool:
    """Whether a stream of a random token belongs to this call.

    Its name is the beginning of the token's digest.
    """
    asked = {"call": call_id, "stream": stream}
    return _HAS_STREAM.scalar(conn, asked) is not None


def is_token_used(conn: Connection, digest: str) -> bool:
    return _USED_AT.scalar(conn, {"token": digest}) is not None


def get_token(conn: Connection, digest: str) -> Row | None:
    """When a token of this digest came first, and its data."""
    return _TOKEN.one(conn, {"token": digest})


def set_token_data(conn: Connection, digest: str, data: JsonObject) -> None:
    _SET_DATA.run(conn, {"token": digest, "data": data})


def clear_token_data(conn: Connection, call_id: str, purpose: str) -> None:
    """Clear the data of a call's tokens of one purpose."""
    _CLEAR_DATA.run(conn, {"call": call_id, "purpose": purpose})


def use_token(conn: Connection, used: Columns) -> bool:
    """Use a single-use token: ``used`` is its row. Only a random token has a row before.

    Of several attempts at once exactly one returns True.
    """
    if insert_once(conn, call_tokens, used):
        return True
    return _CLAIM.run(conn, {"token": used["digest"], "at": used["used_at"]}) == 1
