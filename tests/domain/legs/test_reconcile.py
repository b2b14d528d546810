"""Open calls that went quiet, and what the store did not take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app import default_org
from app.domain.assistant.config import AssistantConfig
from app.domain.calls import instructions, record, timers
from app.domain.calls.record import CallTx
from app.domain.calls.schedule import FORWARD_GRACE_SECONDS
from app.domain.legs import reconcile
from app.domain.services.media import StreamClaim
from app.settings import Settings
from providers.base.instructions import stream_id
from providers.base.media import StreamStart
from providers.events import EventKind
from providers.simulation.api_server import ApiReply
from tests.domain.legs.test_outbound import dialled, outcome, run
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import DOWN, UNKNOWN, RestApi
from tests.fakes.carriers.twilio import SID, TWILIO
from tests.fakes.carriers.vonage import VONAGE

START, END = "Mon, 23 Nov 2026 12:00:05 +0000", "Mon, 23 Nov 2026 12:00:45 +0000"


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(settings) as made:
        yield made


@pytest.mark.parametrize(
    ("carrier", "reply", "reason"),
    [
        (TWILIO, TWILIO.state("busy"), "customer-busy"),
        (TWILIO, TWILIO.state("no-answer"), "customer-did-not-answer"),
        (TWILIO, TWILIO.state("failed"), "twilio-failed-to-connect-call"),
        (TWILIO, TWILIO.state("canceled"), "manually-canceled"),
        (
            TWILIO,  # said of answered calls only
            TWILIO.state("completed", start_time=START, end_time=END, duration="40"),
            "customer-ended-call",
        ),
        (
            TWILIO,  # by the limit the carrier was given
            TWILIO.state("completed", start_time=START, end_time=END, duration="600"),
            "exceeded-max-duration",
        ),
        (VONAGE, VONAGE.state("busy"), "customer-busy"),
        (VONAGE, VONAGE.state("unanswered"), "customer-did-not-answer"),
        (VONAGE, VONAGE.state("timeout"), "customer-did-not-answer"),
        (VONAGE, VONAGE.state("rejected"), "vonage-rejected"),
        (VONAGE, VONAGE.state("failed"), "vonage-failed-to-connect-call"),
        (VONAGE, VONAGE.state("cancelled"), "manually-canceled"),
        (VONAGE, VONAGE.state("completed"), "customer-did-not-answer"),  # no start: no answer
        (
            VONAGE,
            VONAGE.state("completed", start_time="2026-11-23 12:00:05", duration="40"),
            "customer-ended-call",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, CarrierFake) else None,
)
def test_an_end_nobody_told_is_found(
    both: tuple[Domain, RestApi], carrier: CarrierFake, reply: ApiReply, reason: str
) -> None:
    ours, api = both
    call = dialled(ours, api, carrier)
    api.replies["GET"] = [reply]
    ours.clock.pass_(61)
    assert run(reconcile, ours, call) is None
    assert outcome(ours.get(call)) == ("ended", reason)
    assert carrier.dialled.leg_ref in api.asked[0].path
    assert run(reconcile, ours, call) is None
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("carrier", "reply", "status"),
    [
        (TWILIO, TWILIO.state("queued"), "queued"),
        (TWILIO, TWILIO.state("ringing"), "ringing"),
        (TWILIO, TWILIO.state("in-progress", start_time=START), "in-progress"),
        (TWILIO, TWILIO.state("dreaming"), "queued"),  # a word nobody knows
        (TWILIO, UNKNOWN, "queued"),
        (TWILIO, DOWN, "queued"),
        (VONAGE, VONAGE.state("ringing"), "ringing"),
        (VONAGE, VONAGE.state("answered"), "in-progress"),
        (VONAGE, VONAGE.state("machine"), "in-progress"),
        (VONAGE, ApiReply(200, {}), "queued"),  # no leg in it
        (VONAGE, UNKNOWN, "queued"),
    ],
)
def test_a_call_that_may_live_stays_open(
    both: tuple[Domain, RestApi], carrier: CarrierFake, reply: ApiReply, status: str
) -> None:
    ours, api = both
    call = dialled(ours, api, carrier)
    api.replies["GET"] = [reply]
    ours.clock.pass_(61)
    assert run(reconcile, ours, call) == 60
    assert outcome(ours.get(call)) == (status, None)


def test_the_same_news_is_recorded_once(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.hear(call, TWILIO, EventKind.LEG_RINGING)
    api.replies["GET"] = [TWILIO.state("ringing")]
    for _ in range(3):
        ours.clock.pass_(61)
        run(reconcile, ours, call)
    assert len(api.asked) == 3
    assert ours.kinds(call).count("leg.ringing") == 1


@pytest.mark.parametrize("reply", [UNKNOWN, DOWN])
def test_a_call_nobody_can_explain_ends(both: tuple[Domain, RestApi], reply: ApiReply) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO, maxDurationSeconds=100)
    api.replies["GET"] = [reply]
    ours.clock.pass_(159)
    assert run(reconcile, ours, call) == 60
    ours.clock.pass_(2)
    assert run(reconcile, ours, call) is None
    assert outcome(ours.get(call)) == ("ended", "unknown-error")


def test_a_bypass_call_is_watched_once_its_leg_is_known(settings: Settings) -> None:
    """Also of an account that may not use the API: then nobody is asked."""
    with domain(settings, rest=False) as (ours, api):
        call = ours.create(VONAGE, phoneCallProviderBypassEnabled=True, maxDurationSeconds=100)
        assert "watchdog" not in ours.timers(call)
        events_url = call["phoneCallProviderDetails"]["eventUrl"][0]
        ours.hear(call, VONAGE, EventKind.LEG_RINGING, token=events_url.rpartition("/")[2])
        assert ours.timers(call)["watchdog"] == 60
        ours.clock.pass_(61)
        assert run(reconcile, ours, call) == 60
        ours.clock.pass_(100)
        assert run(reconcile, ours, call) is None
        assert outcome(ours.get(call)) == ("ended", "unknown-error")
        assert api.asked == []


def test_the_carrier_is_asked_by_a_job_and_not_by_the_timer(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.clock.pass_(60)
    assert timers.fire_due(ours.context, call["id"])
    assert ours.later.waiting[f"watchdog:{call['id']}"] == ("watchdog", 0.0)
    assert "watchdog" not in ours.timers(call)
    assert api.asked == api.asked[:1]  # the one that dialled


def test_a_call_with_news_is_looked_at_later(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.clock.pass_(40)
    ours.hear(call, TWILIO, EventKind.LEG_RINGING)
    ours.clock.pass_(20)
    assert timers.fire_due(ours.context, call["id"])
    assert f"watchdog:{call['id']}" not in ours.later.waiting
    assert ours.timers(call) == {"watchdog": 40}


# ------------------------------------------------------------------ db-error


def seat_of(ours: Domain, call: Any) -> StreamClaim:
    """The call's media socket, let in."""
    with ours.context.store.write() as conn:
        found = record.get(conn, call["id"])
        assert found is not None
        tokens = instructions.tokens_for(CallTx(ours.context, conn, found), None)
        stream = stream_id(instructions.connect(ours.context, found, tokens).media_url)
    provider = ours.context.providers[TWILIO.name]
    return StreamClaim(
        call["id"], found.org_id, stream, provider, "echo", None, AssistantConfig({}), {}
    )


def join(ours: Domain, claim: StreamClaim) -> None:
    ours.media.joined(claim, StreamStart("MZ1", SID, None, 8000))


@pytest.mark.parametrize("joined", [False, True])
def test_what_the_store_did_not_take_ends_the_call(
    both: tuple[Domain, RestApi], joined: bool
) -> None:
    """Its join was not stored, or its end was not."""
    ours, api = both
    call = dialled(ours, api, TWILIO)
    claim = seat_of(ours, call)
    if joined:
        join(ours, claim)
    ours.media.pending_db_errors(claim)
    assert ours.media.has_pending_db_errors
    ours.media.flush_db_errors()
    assert outcome(ours.get(call)) == ("ended", "db-error")
    assert not ours.media.has_pending_db_errors


def test_a_call_that_goes_on_with_another_socket_lost_nothing(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    claim = seat_of(ours, call)
    join(ours, claim)
    ours.clock.pass_(1)
    join(ours, replace(claim, stream="another"))
    ours.media.pending_db_errors(claim)
    ours.media.flush_db_errors()
    assert outcome(ours.get(call)) == ("in-progress", None)


def test_a_call_that_ended_meanwhile_keeps_its_reason(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.media.pending_db_errors(seat_of(ours, call))
    ours.end(call)
    ours.media.flush_db_errors()
    assert outcome(ours.get(call)) == ("ended", "manually-canceled")


def test_a_quiet_forward_is_as_long_as_a_forward_may_be(both: tuple[Domain, RestApi]) -> None:
    """People talk there, and the carrier tells nothing until they have done."""
    ours, api = both
    call = dialled(ours, api, TWILIO, maxDurationSeconds=100)
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
    destination = {"type": "number", "number": "+14155550188"}
    ours.calls.control(
        default_org.ORG_ID, call["id"], None, {"type": "transfer", "destination": destination}
    )
    api.replies["GET"] = [UNKNOWN]
    ours.clock.pass_(ours.context.settings.max_forward_seconds)
    assert run(reconcile, ours, call) == 60
    assert outcome(ours.get(call)) == ("forwarding", None)
    ours.clock.pass_(FORWARD_GRACE_SECONDS + reconcile.GRACE_SECONDS)
    assert run(reconcile, ours, call) is None
    assert outcome(ours.get(call)) == ("ended", "unknown-error")
