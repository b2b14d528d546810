"""What a call's legs cost: told by a webhook, or by the carrier's API when it is asked later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from app import default_org
from app.domain.legs import carrier_price
from app.domain.legs.carrier_price import JOB as PRICE
from app.settings import Settings
from app.store.schema import messages
from providers.events import EndedReason, EventKind
from providers.simulation.api_server import ApiReply
from tests.domain.legs.test_outbound import dialled, run
from tests.fakes.carriers.rest import DOWN, SID, TWILIO, UNKNOWN, UUID, VONAGE, Api, Domain, domain

DENIED = ApiReply(401, {"code": 20003, "message": "Authenticate", "status": 401})
ENDED = {"start_time": "Mon, 23 Nov 2026 12:00:05 +0000", "duration": "90"}
NULL = TWILIO.state("completed", **ENDED, price=None, price_unit="USD")
PRICED = TWILIO.state("completed", **ENDED, price="-0.01400", price_unit="USD")
IN_DOLLARS = {"amount": "0.01400", "currency": "USD", "leg": SID}
IN_EUROS = {"amount": "0.00315000", "currency": "EUR", "leg": UUID}
CHILD = "CA" + "f" * 32


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, Api]]:
    with domain(replace(settings, currency_rates={"EUR": Decimal("1.25")})) as made:
        yield made


def ended(ours: Domain, api: Api, carrier: Any = TWILIO, **data: Any) -> dict[str, Any]:
    """A dialled call whose leg is over and whose reason is settled; ``data`` of its end."""
    call = dialled(ours, api, carrier, assistant={"server": {"url": "http://127.0.0.1:9/"}})
    ours.hear(call, carrier, EventKind.LEG_ANSWERED)
    reason = EndedReason.CUSTOMER_ENDED_CALL
    ours.hear(call, carrier, EventKind.LEG_ENDED, reason=reason, data=data)
    return call


def reports(ours: Domain, call: dict[str, Any]) -> int:
    query = sa.select(sa.func.count()).where(
        messages.c.call_id == call["id"], messages.c.type == "end-of-call-report"
    )
    with ours.context.store.read() as conn:
        return int(conn.execute(query).scalar_one())


def test_a_price_told_with_the_end_is_in_the_call(both: tuple[Domain, Api]) -> None:
    ours, api = both
    call = ended(ours, api, VONAGE, price=IN_EUROS, durationSeconds=42)
    seen = ours.get(call)
    assert seen["cost"] == 0.0039375
    assert seen["costBreakdown"] == {"transport": 0.0039375, "total": 0.0039375}
    (item,) = seen["costs"]
    assert (item["provider"], item["minutes"], item["told"]) == ("vonage", 0.7, IN_EUROS)
    assert f"price:{call['id']}" not in ours.later.waiting
    assert run(carrier_price, ours, call) is None
    assert api.asked == []


def test_a_price_is_asked_for_until_it_is_told(both: tuple[Domain, Api]) -> None:
    ours, api = both
    call = ended(ours, api)
    assert ours.later.waiting[f"price:{call['id']}"] == (PRICE, 30)
    before = ours.get(call)
    assert (before["cost"], before["costBreakdown"]) == (0, {"total": 0})
    api.replies["GET"] = [NULL, PRICED]
    ours.clock.pass_(30)
    assert run(carrier_price, ours, call) == 270
    assert ours.get(call)["updatedAt"] == before["updatedAt"]
    ours.clock.pass_(270)
    assert run(carrier_price, ours, call) is None
    seen = ours.get(call)
    assert (seen["cost"], seen["costBreakdown"]["transport"]) == (0.014, 0.014)
    assert [(i["minutes"], i["told"]) for i in seen["costs"]] == [(1.5, IN_DOLLARS)]
    assert seen["updatedAt"] > before["updatedAt"]
    assert (seen["status"], seen["endedReason"]) == ("ended", before["endedReason"])
    assert reports(ours, call) == 1
    assert run(carrier_price, ours, call) is None
    assert len(api.asked) == 2


@pytest.mark.parametrize("reply", [NULL, DOWN])
def test_it_is_asked_five_times_within_a_day(both: tuple[Domain, Api], reply: ApiReply) -> None:
    ours, api = both
    call = ended(ours, api)
    api.replies["GET"] = [reply]
    waits: list[float | None] = [30.0]
    while (wait := waits[-1]) is not None:
        ours.clock.pass_(wait)
        waits.append(run(carrier_price, ours, call))
    assert waits == [30, 270, 3300, 18_000, 64_800, None]
    assert ours.get(call)["cost"] == 0


@pytest.mark.parametrize(
    "reply",
    [UNKNOWN, DENIED],
    ids=["no such leg", "no access"],
)
def test_nobody_insists(both: tuple[Domain, Api], reply: ApiReply) -> None:
    ours, api = both
    call = ended(ours, api)
    api.replies["GET"] = [reply]
    assert run(carrier_price, ours, call) is None


def test_an_account_without_the_api_is_not_asked(settings: Settings) -> None:
    with domain(settings, rest=False) as (ours, api):
        call = ours.create(VONAGE, phoneCallProviderBypassEnabled=True)
        token = call["phoneCallProviderDetails"]["eventUrl"][0].rpartition("/")[2]
        for kind in (EventKind.LEG_RINGING, EventKind.LEG_ENDED):
            reason = EndedReason.CUSTOMER_BUSY if kind is EventKind.LEG_ENDED else None
            ours.hear(call, VONAGE, kind, token=token, reason=reason)
        assert f"price:{call['id']}" in ours.later.waiting
        assert run(carrier_price, ours, call) is None
        assert api.asked == []


def test_nothing_is_asked_of_a_deleted_call(both: tuple[Domain, Api]) -> None:
    ours, api = both
    call = ended(ours, api)
    ours.calls.delete(default_org.ORG_ID, call["id"])
    assert f"price:{call['id']}" not in ours.later.waiting
    assert run(carrier_price, ours, call) is None  # as one that was under way
    assert api.asked == []


def test_a_call_deleted_while_the_api_is_asked(both: tuple[Domain, Api]) -> None:
    ours, api = both
    call = ended(ours, api)
    api.replies["GET"] = [PRICED]
    api.meanwhile = lambda: ours.calls.delete(default_org.ORG_ID, call["id"])
    assert run(carrier_price, ours, call) is None
    assert len(api.asked) == 1


def test_a_call_that_goes_on_has_no_price(both: tuple[Domain, Api]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    assert run(carrier_price, ours, call) is None
    assert api.asked == []


def test_zero_seconds_ask_nobody(settings: Settings) -> None:
    with domain(replace(settings, price_seconds=0)) as (ours, api):
        call = ended(ours, api)
        assert f"price:{call['id']}" not in ours.later.waiting


def test_a_forwards_leg_is_asked_for_too(both: tuple[Domain, Api]) -> None:
    ours, api = both
    call = ended(ours, api, forwardLegRef=CHILD)
    forward = {**PRICED.body, "sid": CHILD, "price": "-0.02"}  # type: ignore[dict-item]
    api.replies["GET"] = [PRICED, ApiReply(200, forward)]
    assert run(carrier_price, ours, call) is None
    assert [CHILD in request.path for request in api.asked] == [False, True]
    assert (ours.get(call)["cost"], len(ours.get(call)["costs"])) == (0.034, 2)


def test_told_twice_it_counts_once(both: tuple[Domain, Api]) -> None:
    """By the API first, and by the event that was late."""
    ours, api = both
    call = ended(ours, api, VONAGE)
    told = {"price": "0.00315000", "duration": "42", "start_time": "2026-11-23 12:00:05"}
    api.replies["GET"] = [VONAGE.state("completed", **told)]
    assert run(carrier_price, ours, call) is None
    assert ours.get(call)["cost"] == 0.0039375
    ours.hear(call, VONAGE, EventKind.NOTE, data={"price": IN_EUROS, "durationSeconds": 42})
    assert (ours.get(call)["cost"], len(ours.get(call)["costs"])) == (0.0039375, 1)
    assert reports(ours, call) == 1


def test_without_a_rate_the_log_says_so(settings: Settings) -> None:
    with domain(settings) as (ours, api):
        call = ended(ours, api, VONAGE, price=IN_EUROS)
        seen = ours.get(call)
        assert (seen["cost"], seen["costs"][0]["told"]) == (0, IN_EUROS)
        log = ours.calls.events(default_org.ORG_ID, call["id"])
        (note,) = [event for event in log if event["key"] == "no-rate:EUR"]
        assert "CURRENCY_RATES" in note["data"]["error"]


def test_a_change_by_the_client_keeps_the_costs(both: tuple[Domain, Api]) -> None:
    ours, api = both
    call = ended(ours, api, VONAGE, price=IN_EUROS)
    ours.calls.patch(default_org.ORG_ID, call["id"], {"name": "kept"})
    assert ours.get(call)["cost"] == 0.0039375
