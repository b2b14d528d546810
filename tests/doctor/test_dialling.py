"""What the doctor says of the limits of what is dialled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.doctor import dialling
from app.domain.legs.dial_limit import HOUR
from app.settings import Settings
from app.store import dial_limits
from app.store.dial_limits import Cost
from app.store.engine import Store
from app.wiring import Services
from tests.store.rows import add_key, add_org

pytestmark = pytest.mark.any_store  # the subject: what the doctor says


def said(settings: Settings) -> list[str]:
    services = Services(settings)
    try:
        return [str(finding) for finding in dialling.check(services.context)]
    finally:
        services.store.close()


def test_a_missing_limit_is_named(settings: Settings) -> None:
    assert said(settings) == []
    [line] = said(replace(settings, dial_minutes_per_hour=0))
    assert "DIAL_MINUTES_PER_HOUR is 0" in line


def test_a_key_that_is_close_to_a_limit_is_named(settings: Settings, store: Store) -> None:
    services = Services(settings)
    with store.write() as conn:
        org = add_org(conn)
        busy, quiet = add_key(conn, org, "busy key"), add_key(conn, org, "quiet key")
        now = services.context.now()
        dial_limits.take(conn, busy, now, Cost(HOUR * 0.95, timedelta()), HOUR)
        dial_limits.take(conn, quiet, now, Cost(HOUR * 0.5, HOUR * 0.5), HOUR)
    services.store.close()
    [line] = said(settings)
    assert "busy key" in line
    assert "% of DIAL_LIMIT_PER_HOUR is used" in line
