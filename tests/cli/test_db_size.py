"""``patchbay db size``: what is kept, and what retention would delete."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.cli import db_size
from app.settings import Settings
from app.store import sizes
from app.store.engine import Store
from app.wiring import Services
from tests.store.rows import START, add_call, add_org, times


@pytest.fixture
def filled(settings: Settings, store: Store) -> Services:
    services = Services(settings)
    with store.write() as conn:
        org = add_org(conn)
        for number in range(3):
            add_call(conn, org, f"c{number}", settled_at=START, **times(number))
    return services


def test_every_table_and_setting_has_a_line(filled: Services) -> None:
    year = replace(filled.settings, call_retention_days=365, message_retention_days=0)
    context = replace(filled.context, settings=year, now=lambda: START + timedelta(days=366))
    lines = list(db_size.report(context))
    calls = next(line.split() for line in lines if line.startswith("calls "))
    assert (calls[1], calls[4]) == ("3", "2024-09-10")
    assert int(calls[2].replace(",", "")) > 0
    assert "over 3 calls" in next(line for line in lines if "bytes a call" in line)
    assert lines[-4:] == [
        "EVENT_BODY_RETENTION_DAYS=90: to clear in 3 calls",
        "MESSAGE_RETENTION_DAYS=0: kept for ever",
        "CALL_RETENTION_DAYS=365: to delete: 3 calls",
        "RECORDING_RETENTION_DAYS=0: kept for ever",
    ]


def test_an_sqlite_library_without_dbstat(
    filled: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "_SQLITE", sa.text("SELECT * FROM a_table_that_is_not_there"))
    if filled.store.is_sqlite:
        calls = next(line for line in db_size.report(filled.context) if line.startswith("calls "))
        assert calls.split()[2] == "unknown"
