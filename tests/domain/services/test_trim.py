"""Parts of old calls are cleared in short steps; the calls, and what follows from them, stay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.default_org import ORG_ID
from app.domain.calls.state import fold
from app.domain.services import trim
from app.domain.services.retention import PAUSE_SECONDS, SWEEP_SECONDS
from app.settings import Settings
from app.store import calls, events, messages, retention
from app.store.messages import Attempt
from app.store.outbox import Tried, record
from app.store.schema import message_attempts
from providers.events import CallEvent, EndedReason, EventKind
from providers.registry import PROVIDERS
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO

DAY = 86_400.0
OLD = 90 * DAY + trim.MARGIN.total_seconds() + 1
BODY = {"CallStatus": "completed", "From": "+14155550123"}


@pytest.fixture
def ours(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Domain]:
    """A step takes all calls, however slow the machine is, unless the test says otherwise."""
    monkeypatch.setattr(trim, "STEP_SECONDS", math.inf)
    with domain(replace(settings, server_url="http://127.0.0.1:9/"), rest=False) as (made, _):
        yield made


def ended(ours: Domain, *, settled: bool = True, delivered: bool = True) -> str:
    """A call with a carrier's words, and with a message whose one attempt was made."""
    call_id = str(ours.create(TWILIO, phoneCallProviderBypassEnabled=True)["id"])
    event = CallEvent(
        EventKind.LEG_ENDED,
        ours.clock(),
        "callback",
        source=TWILIO.name,
        reason=EndedReason.CUSTOMER_BUSY,
        raw=BODY,
    )
    with ours.context.store.write() as conn:
        events.append(conn, call_id, event, ours.clock())
        if settled:
            values: dict[str, Any] = {"status": "ended", "settled_at": ours.clock()}
            calls.update(conn, call_id, values)
        for row in messages.pending(conn, call_id):
            state = messages.DELIVERED if delivered else messages.PENDING
            attempt = Attempt(ours.clock(), 5, 200)
            record(conn, [Tried(row, '{"sent": 1}', attempt, state, ours.clock())], ours.clock())
    return call_id


def kept(ours: Domain, call_id: str) -> tuple[bool, bool, bool]:
    """Whether it has the carrier's words, a text as it was sent, and attempts."""
    told = ours.calls.messages(ORG_ID, call_id)
    assert told
    raw = any("raw" in event for event in ours.calls.events(ORG_ID, call_id))
    return raw, told[0]["body"] == {"sent": 1}, bool(told[0]["attempts"])


def swept(ours: Domain) -> float | None:
    return trim.sweep(ours.context, {})


def test_the_parts_of_old_calls_are_cleared(ours: Domain) -> None:
    old, open_, undelivered = (
        ended(ours),
        ended(ours, settled=False),
        ended(ours, delivered=False),
    )
    state = folded(ours, old)
    ours.clock.pass_(OLD / 2)
    young = ended(ours)
    ours.clock.pass_(OLD / 2)
    assert swept(ours) == PAUSE_SECONDS
    assert kept(ours, old) == (False, False, False)
    assert kept(ours, undelivered) == (False, True, True)
    assert kept(ours, open_) == kept(ours, young) == (True, True, True)
    assert folded(ours, old) == state
    assert swept(ours) == SWEEP_SECONDS


def folded(ours: Domain, call_id: str) -> object:
    with ours.context.store.read() as conn:
        return fold(events.of_call(conn, call_id), PROVIDERS[TWILIO.name].never_answered)


def test_a_text_is_made_again(ours: Domain) -> None:
    call_id = ended(ours)
    ours.clock.pass_(OLD)
    swept(ours)
    told = ours.calls.messages(ORG_ID, call_id)[0]
    assert told["body"]["message"]["call"]["id"] == call_id
    again = ours.calls.resend(ORG_ID, call_id, told["id"])
    assert again["state"] == messages.PENDING
    assert again["body"] == told["body"]


def test_a_step_is_short_and_the_next_one_goes_on(
    ours: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trim, "STEP_SECONDS", -math.inf)
    ids = [ended(ours) for _ in range(3)]
    ours.clock.pass_(OLD)
    for done in range(1, 4):
        assert swept(ours) == PAUSE_SECONDS
        assert [kept(ours, id)[0] for id in ids] == [False] * done + [True] * (3 - done)
    assert swept(ours) == SWEEP_SECONDS


def test_each_call_is_read_once(ours: Domain) -> None:
    ids = [ended(ours) for _ in range(2)]
    ours.clock.pass_(OLD)
    swept(ours)
    with ours.context.store.read() as conn:
        for part in trim.PARTS:
            before = trim.before(ours.context, part)
            assert before
            assert retention.untrimmed(conn, part.name, before, 100) == []
            assert retention.count_untrimmed(conn, part.name, before) == 0
            assert retention.count_untrimmed(conn, "another part", before) == len(ids)


def test_without_the_settings_nothing_is_cleared(ours: Domain) -> None:
    call_id = ended(ours)
    ours.clock.pass_(OLD)
    settings = replace(ours.context.settings, event_body_retention_days=0, message_retention_days=0)
    ours.context = replace(ours.context, settings=settings)
    assert swept(ours) is None
    assert kept(ours, call_id) == (True, True, True)
    ours.later.waiting.clear()
    trim.schedule_sweep(ours.context)
    assert ours.later.waiting == {}


def test_a_message_of_the_version_before_keeps_its_text(ours: Domain) -> None:
    """It has no facts to make it of."""
    call_id = ended(ours)
    with ours.context.store.write() as conn:
        conn.execute(sa.text("UPDATE messages SET facts = NULL"))
        retention.clear_messages(conn, call_id)
        assert conn.execute(message_attempts.select()).all() == []
    assert kept(ours, call_id) == (True, True, False)
