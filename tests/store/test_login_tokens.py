"""Login tokens: each is used once, before it expires."""

from __future__ import annotations

import pytest

from app.store import login_tokens
from app.store.engine import Store
from tests.store.rows import add_org, at


@pytest.mark.database
def test_a_token_is_used_once_and_expires(store: Store) -> None:
    with store.write() as conn:
        org = add_org(conn)
        for name, expires in (("first", 10), ("second", 20)):
            row = {"digest": name, "org_id": org, "role": "act", "created_at": at(0)}
            login_tokens.insert(conn, row | {"expires_at": at(expires)})
        assert login_tokens.use(conn, "first", at(10)) is None
        assert login_tokens.use(conn, "unknown", at(0)) is None
        assert login_tokens.use(conn, "first", at(9)) == {"org_id": org, "role": "act"}
        assert login_tokens.use(conn, "first", at(9)) is None
        login_tokens.drop_expired(conn, at(20))
        assert login_tokens.use(conn, "second", at(0)) is None
