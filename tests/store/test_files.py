"""The search in files' texts, on both databases alike."""

from __future__ import annotations

from typing import Any

import pytest

from app.store import files
from app.store.engine import Store
from app.store.schema import files as table
from tests.store.rows import START, add_org

pytestmark = pytest.mark.database

ORG, FILE = "1" * 36, "2" * 36
TEXTS = ["The shop opens at nine.", "A haircut costs thirty dollars.", "Shop, shop, shop."]


@pytest.fixture(autouse=True)
def _one_file(store: Store) -> None:
    row: dict[str, Any] = {"id": FILE, "org_id": ORG, "body": {"name": "a"}, "blob": "b.c"}
    with store.write() as conn:
        add_org(conn, ORG)
        conn.execute(table.insert(), {**row, "created_at": START, "updated_at": START})
        files.add_chunks(conn, FILE, TEXTS)


def search(store: Store, *words: str, ids: Any = (FILE,), org: str = ORG) -> list[str]:
    with store.read() as conn:
        return [each.text for each in files.search(conn, org, ids, words, 5)]


def test_beginnings_of_words_are_found(store: Store) -> None:
    assert search(store, "hairc", "nothing") == [TEXTS[1]]
    assert search(store, "SHOP"[:4].lower())[0] == TEXTS[2]  # the best one first
    assert search(store, "aircut") == []
    assert search(store) == []


def test_only_these_files_of_this_organisation_are_searched(store: Store) -> None:
    assert search(store, "shop", ids=("3" * 36,)) == []
    assert search(store, "shop", org="3" * 36) == []


def test_a_deleted_file_is_not_found(store: Store) -> None:
    with store.write() as conn:
        files.delete_chunks(conn, FILE)
    assert search(store, "shop") == []
    with store.write() as conn:
        files.add_chunks(conn, FILE, TEXTS[:1])
        conn.execute(table.delete())  # the chunks go with it
    assert search(store, "shop") == []
