"""Migration 0020: what the version before stored in clear of a hook's tool is sealed."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.assistant.secrets import split_secrets
from app.domain.overlay import merge
from app.store import migrate
from app.store.engine import Store
from app.store.schema import assistants, calls, messages, squads
from app.store.vault import Vault, WrongKey
from tests.store.rows import START, add_call, add_org, times

KEY = "c4n4ry of a hook"
VAULT = Vault(["the secret key of the tests"])
ASSISTANT: dict[str, Any] = {
    "name": "x",
    "model": {"tools": [{"type": "apiRequest"}]},
    "hooks": [
        {"on": "call.ending", "do": [{"type": "say", "exact": "Bye."}]},
        {
            "on": "call.ending",
            "do": [{"type": "tool", "tool": {"type": "apiRequest", "headers": {"X": KEY}}}],
        },
    ],
}
SQUAD = {"members": [{"assistant": ASSISTANT}]}
SERVER = {"server": {"secret": "s"}, "model": {"tools": {"#0": {"headers": {"Y": "other"}}}}}


@pytest.fixture
def org(store: Store) -> str:
    """Of a database of the version before."""
    with store.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '0019'"))
        return add_org(conn)


def one(store: Store, table: sa.Table, id: str) -> Any:
    with store.read() as conn:
        return conn.execute(sa.select(table).where(table.c.id == id)).one()


def put(store: Store, table: sa.Table, org: str, id: str, body: Any, secret: Any = None) -> None:
    row = {"id": id, "org_id": org, "body": body, "secret": VAULT.seal(secret or {}), **times()}
    with store.write() as conn:
        conn.execute(table.insert(), row)


@pytest.mark.database
def test_resources_keep_them_sealed(store: Store, org: str) -> None:
    """Beside the secrets that they had, and in the form of a body stored today."""
    put(store, assistants, org, "a", ASSISTANT, SERVER)
    put(store, assistants, org, "plain", {"name": "y"})
    put(store, squads, org, "s", SQUAD)
    migrate.upgrade(store, VAULT)
    assert migrate.is_current(store)
    for table, id, body in ((assistants, "a", ASSISTANT), (squads, "s", SQUAD)):
        row, (public, secret) = one(store, table, id), split_secrets(body)
        assert row.body == public
        assert KEY not in str(row.body)
        assert VAULT.open(row.secret) == merge(SERVER if id == "a" else {}, secret)
        assert merge(row.body, secret) == body
        assert row.updated_at == START
    assert one(store, assistants, "plain").secret is None


@pytest.mark.database
def test_calls_and_their_messages_show_none(store: Store, org: str) -> None:
    """A call in progress needs them, one that is over does not."""
    body = {"assistant": ASSISTANT}
    resolved = {"assistant": ASSISTANT, "squad": SQUAD, "number": "+14155550100"}
    foreign = Vault(["a key that was lost"]).seal({"server": {}})
    text = '{"message":{"type":"x","hooks":[{"do":[{"tool":{"headers":{"X":"' + KEY + '"}}}]}]}}'
    with store.write() as conn:
        secret = VAULT.seal({"server": {"secret": "s"}})
        add_call(conn, org, "on", body=body, resolved=resolved, secret=secret)
        add_call(conn, org, "over", body=body, resolved=resolved, secret=foreign, settled_at=START)
        row: dict[str, Any] = {
            "id": "m",
            "org_id": org,
            "call_id": "on",
            "key": "x",
            "type": "x",
            "url": "u",
        }
        row |= {"receiver": "r", "body": text, "facts": body, "state": "delivered", "seq": 1}
        row |= {"attempts": 1, "refused": False, "next_at": START, **times()}
        conn.execute(messages.insert(), row)
    migrate.upgrade(store, VAULT)
    with store.read() as conn:
        found = [*conn.execute(sa.select(calls)), *conn.execute(sa.select(messages))]
    assert len(found) == 3
    assert KEY not in str(found)
    _, hidden = split_secrets(resolved)
    opened = VAULT.open(one(store, calls, "on").secret)
    assert opened == {"server": {"secret": "s"}, **hidden}
    assert one(store, calls, "over").secret == foreign


@pytest.mark.database
def test_a_wrong_key_changes_nothing(store: Store, org: str) -> None:
    put(store, assistants, org, "a", ASSISTANT, SERVER)
    with pytest.raises(WrongKey, match="set it back"):
        migrate.upgrade(store, Vault(["another"]))
    assert one(store, assistants, "a").body == ASSISTANT
    assert not migrate.is_current(store)
