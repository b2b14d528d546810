"""Calls we dial: once, whatever the carrier's API does; and how their legs are ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest

from app import default_org
from app.domain.calls import record
from app.domain.errors import Invalid
from app.domain.legs import hangup, outbound, reconcile
from app.domain.legs.queue import sockets
from app.settings import Settings
from app.store.call_lists import CallFilter
from app.store.schema import credentials, phone_numbers
from app.store.vault import of_text
from providers.events import EndedReason, EventKind
from providers.simulation.api_server import ApiReply
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import CUSTOMER, SECRETS, TWILIO_NUMBER, VONAGE_NUMBER
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import BUSY, DOWN, UNKNOWN, RestApi
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE
from tests.store.rows import fernet_token

each_carrier = pytest.mark.parametrize("carrier", FAKES.values(), ids=lambda each: each.name)


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(settings) as made:
        yield made


def run(job: Any, ours: Domain, call: Any) -> float | None:
    """A job's handler, as the engine calls it."""
    wait: float | None = job.run(ours.context, {"callId": call["id"]})
    return wait


def dialled(ours: Domain, api: RestApi, carrier: CarrierFake, **fields: Any) -> dict[str, Any]:
    """A call whose leg the carrier has accepted."""
    api.replies["POST"] = [carrier.accepted]
    call = ours.create(carrier, **fields)
    assert run(outbound, ours, call) is None
    api.asked.clear()
    return call


def outcome(call: dict[str, Any]) -> tuple[str, str | None]:
    return call["status"], call.get("endedReason")


# ------------------------------------------------------------------ before


@each_carrier
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"customer": {}}, "customer.number"),
        ({"customer": {"name": "Ann"}}, "customer.number"),
        ({"type": "inboundPhoneCall"}, "phoneCallProviderBypassEnabled"),
        ({"customer": {"number": CUSTOMER, "extension": "ask Ann"}}, "xtension"),
        # what may not be forwarded to may not be dialled either
        ({"customer": {"number": "+252615550188"}}, "customer.number.* ALLOWED_COUNTRIES"),
        ({"customer": {"number": "+18765550188"}}, "JM.* ALLOWED_COUNTRIES"),
        ({"customer": {"number": "+19005550188"}}, "customer.number.* premium"),
        ({"customer": {"number": "4155550188"}}, "customer.number.* E.164"),
        ({"customer": {"number": TWILIO_NUMBER}}, "customer.number.* your own"),
        ({"customer": {"number": VONAGE_NUMBER}}, "customer.number.* your own"),
        ({"customer": {"sipUri": "sip:ann@example.com"}}, "customer.sipUri.* ALLOWED_SIP_HOSTS"),
    ],
)
def test_what_cannot_be_dialled_is_refused_at_once(
    both: tuple[Domain, RestApi], carrier: CarrierFake, fields: Any, text: str
) -> None:
    ours, api = both
    with pytest.raises(Invalid, match=text):
        ours.create(carrier, **fields)
    assert (api.asked, ours.later.waiting) == ([], {})


def test_an_account_without_access_to_the_api_is_refused_by_name(settings: Settings) -> None:
    with (
        domain(settings, rest=False) as (ours, _),
        pytest.raises(Invalid, match="vonageApplicationPrivateKey"),
    ):
        ours.create(VONAGE)


def test_a_sip_address_is_dialled_as_such(settings: Settings) -> None:
    allowed = replace(settings, allowed_sip_hosts=frozenset({"example.com"}))
    with domain(allowed) as (ours, api):
        api.replies["POST"] = [TWILIO.accepted]
        call = ours.create(TWILIO, customer={"sipUri": "sip:ann@example.com"})
        run(outbound, ours, call)
    assert call["phoneCallTransport"] == "sip"
    assert b"To=sip%3Aann%40example.com" in api.asked[0].raw


@each_carrier
def test_a_country_that_is_listed_is_dialled(settings: Settings, carrier: CarrierFake) -> None:
    with domain(replace(settings, allowed_countries=frozenset({"GB"}))) as (ours, _):
        assert ours.create(carrier, customer={"number": "+442079460018"})["status"] == "queued"
        with pytest.raises(Invalid, match=r"US.* ALLOWED_COUNTRIES"):
            ours.create(carrier)


@each_carrier
def test_whom_a_flow_calls_is_the_flows_business(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    abroad = {"customer": {"number": "+252615550188"}, "phoneCallProviderBypassEnabled": True}
    assert both[0].create(carrier, **abroad)["status"] == "queued"


# ------------------------------------------------------------------ once


@each_carrier
def test_a_call_is_committed_then_dialled_once(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    api.replies["POST"] = [carrier.accepted]
    call = ours.create(carrier)
    assert (api.asked, outcome(call)) == ([], ("queued", None))
    assert "phoneCallProviderDetails" not in call
    assert ours.later.waiting[f"dial:{call['id']}"] == ("dial", 0.0)
    assert [run(outbound, ours, call) for _ in range(2)] == [None, None]
    assert len(api.asked) == 1
    assert ours.get(call)["phoneCallProviderId"] == carrier.dialled.call_ref


@each_carrier
def test_after_a_crash_in_between_nobody_dials_again(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    """The process died after it had committed that it would ask, and before it knew the answer."""
    ours, api = both
    call = ours.create(carrier)
    assert outbound._begin(ours.context, call["id"]) is not None
    assert run(outbound, ours, call) is None
    assert api.asked == []


@each_carrier
def test_a_refusal_ends_the_call_in_the_carriers_words(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    api.replies["POST"] = [carrier.refused]
    call = ours.create(carrier)
    assert run(outbound, ours, call) is None
    ended = ours.get(call)
    assert outcome(ended) == ("ended", carrier.failed)
    assert carrier.code in ended["endedMessage"]
    assert len(api.asked) == 1


@each_carrier
def test_without_an_answer_the_call_waits_and_then_fails(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    api.replies["POST"] = [DOWN]
    call = ours.create(carrier)
    assert run(outbound, ours, call) is None
    assert run(outbound, ours, call) is None
    assert (len(api.asked), outcome(ours.get(call))) == (1, ("queued", None))
    api.replies["GET"] = [carrier.placed([], "", ours.clock())]
    ours.clock.pass_(40)
    assert run(reconcile, ours, call) == pytest.approx(20)
    ours.clock.pass_(21)
    assert run(reconcile, ours, call) is None
    ended = ours.get(call)
    assert outcome(ended) == ("ended", carrier.failed)
    assert "broken" in ended["endedMessage"]


@each_carrier
def test_a_callback_adopts_the_leg_nobody_confirmed(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    api.replies["POST"] = [DOWN]
    call = ours.create(carrier)
    run(outbound, ours, call)
    ours.hear(call, carrier, EventKind.LEG_RINGING)
    found = ours.get(call)
    assert (found["status"], found["phoneCallProviderId"]) == ("ringing", carrier.dialled.call_ref)
    ours.clock.pass_(61)
    api.replies["GET"] = [carrier.state("ringing")]
    assert run(reconcile, ours, call) == 60
    assert ours.get(call)["status"] == "ringing"


@each_carrier
def test_a_carrier_without_time_is_asked_later(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    api.replies["POST"] = [BUSY, BUSY, carrier.accepted]
    call = ours.create(carrier)
    assert [run(outbound, ours, call) for _ in range(4)] == [1.0, 2.0, None, None]
    assert len(api.asked) == 3
    assert ours.get(call)["phoneCallProviderId"] == carrier.dialled.call_ref


@each_carrier
def test_a_carrier_that_never_has_time_fails_the_call(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    api.replies["POST"] = [BUSY]
    call = ours.create(carrier)
    waits = [run(outbound, ours, call) for _ in range(7)]
    assert waits == [*outbound.BUSY_SECONDS, None, None]
    assert outcome(ours.get(call)) == ("ended", carrier.failed)
    assert len(api.asked) == 1 + len(outbound.BUSY_SECONDS)


def test_a_dialled_call_is_in_progress_and_timed_from_the_answer(
    both: tuple[Domain, RestApi],
) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO, maxDurationSeconds=77)
    assert "max-duration" not in ours.timers(call)
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
    assert ours.get(call)["status"] == "in-progress"
    assert ours.timers(call)["max-duration"] == 77


@each_carrier
def test_the_carriers_own_limit_leaves_room_for_a_forward(
    settings: Settings, carrier: CarrierFake
) -> None:
    with domain(replace(settings, max_forward_seconds=1000)) as (ours, api):
        api.replies["POST"] = [carrier.accepted]
        run(outbound, ours, ours.create(carrier, maxDurationSeconds=77))
    assert re.search(rb'TimeLimit=1077\b|"length_timer":\s*1077\b', api.asked[0].raw)


# ------------------------------------------------------------------ its seat


@pytest.fixture
def one_seat(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(replace(settings, max_concurrent_calls=1)) as made:
        yield made


@each_carrier
def test_a_dialled_call_has_its_seat_before_the_phone_rings(
    one_seat: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    """Whoever picks it up finds the assistant there; the next call finds no room until the end."""
    ours, _ = one_seat
    call = ours.create(carrier)
    for fields in ({}, {"phoneCallProviderBypassEnabled": True}):
        with pytest.raises(Invalid, match="MAX_CONCURRENT_CALLS"):
            ours.create(carrier, **fields)
    with ours.context.store.write() as conn:
        found = record.get(conn, call["id"])
        assert found is not None
        assert sockets.has_slot(ours.context, conn, found, "stream")
    ours.end(call)
    assert ours.create(carrier)["status"] == "queued"


def test_of_many_dialled_at_once_one_gets_the_seat(one_seat: tuple[Domain, RestApi]) -> None:
    ours, _ = one_seat
    together = Barrier(6)

    def one(_: int) -> bool:
        together.wait()
        try:
            ours.create(VONAGE)
        except Invalid:
            return False
        return True

    with ThreadPoolExecutor(together.parties) as pool:
        assert sum(pool.map(one, range(together.parties))) == 1
    assert len(ours.calls.list(default_org.ORG_ID, CallFilter())) == 1


# ------------------------------------------------------------------ the end


def test_a_call_ended_before_it_was_dialled_is_not(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = ours.create(TWILIO)
    ours.end(call)
    assert run(outbound, ours, call) is None
    assert run(hangup, ours, call) is None
    assert api.asked == []
    assert outcome(ours.get(call)) == ("ended", "manually-canceled")


@each_carrier
def test_a_call_ended_while_the_carrier_is_asked_has_its_leg_hung_up(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    api.replies["POST"] = [carrier.accepted]
    api.replies["PUT"] = [ApiReply(204)]
    call = ours.create(carrier)

    def end_once() -> None:
        api.meanwhile = lambda: None
        ours.end(call)
        ours.later.waiting.clear()

    api.meanwhile = end_once
    run(outbound, ours, call)
    assert ours.later.waiting[f"hang-up:{call['id']}"] == ("hang-up", 0.0)
    assert run(hangup, ours, call) is None
    assert len(api.asked) == 2
    assert carrier.dialled.leg_ref in api.asked[1].path
    assert outcome(ours.get(call)) == ("ended", "manually-canceled")


def test_a_leg_that_appears_after_its_calls_end_is_hung_up(both: tuple[Domain, RestApi]) -> None:
    """The API answered nothing, the call was ended, and then the phone rings after all."""
    ours, api = both
    api.replies["POST"] = [DOWN]
    call = ours.create(VONAGE)
    run(outbound, ours, call)
    ours.end(call)
    ours.later.waiting.clear()
    ours.hear(call, VONAGE, EventKind.LEG_RINGING)
    assert f"hang-up:{call['id']}" in ours.later.waiting
    api.replies["PUT"] = [ApiReply(204)]
    assert run(hangup, ours, call) is None
    assert [each.method for each in api.asked] == ["POST", "PUT"]


@pytest.mark.parametrize(
    ("reply", "later", "again"),
    [
        (TWILIO.state("completed"), 0, None),  # done
        (UNKNOWN, 0, None),  # over already: done as well
        (TWILIO.refused, 0, None),  # no use
        (DOWN, 0, hangup.RETRY_SECONDS),
        (BUSY, 0, hangup.RETRY_SECONDS),
        (DOWN, hangup.PATIENCE_SECONDS + 1, None),  # enough
    ],
)
def test_hanging_up_is_tried_again_while_it_may_help(
    both: tuple[Domain, RestApi], reply: ApiReply, later: float, again: float | None
) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.end(call)
    ours.clock.pass_(later)
    api.replies["POST"] = [reply]
    assert run(hangup, ours, call) == again
    assert len(api.asked) == 1


def test_a_leg_that_is_known_to_be_over_is_left_alone(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.end(call)
    ours.hear(call, TWILIO, EventKind.LEG_ENDED, reason=EndedReason.MANUALLY_CANCELED)
    assert run(hangup, ours, call) is None
    assert api.asked == []


def test_a_leg_of_a_flow_is_never_hung_up(both: tuple[Domain, RestApi]) -> None:
    ours, _ = both
    call = ours.create(TWILIO, phoneCallProviderBypassEnabled=True)
    ours.end(call)
    assert f"hang-up:{call['id']}" not in ours.later.waiting


# ------------------------------------------------------------------ deletion


def hang_up_deleted(ours: Domain, call: dict[str, Any]) -> float | None:
    """The job that outlives its call, as the store has kept it."""
    payload = ours.later.payloads[f"hang-up:{call['id']}"]
    assert not [secret for secret in (*SECRETS, "PRIVATE KEY") if secret in payload]
    return hangup.run(ours.context, json.loads(payload))


@each_carrier
def test_a_deleted_calls_leg_is_hung_up(both: tuple[Domain, RestApi], carrier: CarrierFake) -> None:
    """Though neither the call nor its account is there any more."""
    ours, api = both
    call = dialled(ours, api, carrier)
    ours.hear(call, carrier, EventKind.LEG_ANSWERED)
    ours.delete(call)
    with ours.context.store.write() as conn:
        conn.execute(phone_numbers.delete())
        conn.execute(credentials.delete())
    api.replies["POST"], api.replies["PUT"] = [carrier.state("completed")], [ApiReply(204)]
    assert ours.later.waiting[f"hang-up:{call['id']}"] == ("hang-up", 0.0)
    assert hang_up_deleted(ours, call) is None
    assert [carrier.dialled.leg_ref in each.path for each in api.asked] == [True]


def test_a_leg_that_the_version_before_queued_to_be_hung_up(
    both: tuple[Domain, RestApi],
) -> None:
    """Its job has the account's secret as a Fernet token."""
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.delete(call)
    payload = json.loads(ours.later.payloads[f"hang-up:{call['id']}"])
    secret = ours.context.vault.open(of_text(payload["leg"]["sealed"]))
    payload["leg"]["sealed"] = fernet_token(ours.context.settings.secret_keys[0], secret).decode()
    api.replies["POST"] = [TWILIO.state("completed")]
    assert hangup.run(ours.context, payload) is None
    assert [TWILIO.dialled.leg_ref in each.path for each in api.asked] == [True]


@each_carrier
def test_a_call_deleted_while_the_carrier_is_asked(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    api.replies["POST"], api.replies["PUT"] = [carrier.accepted], [ApiReply(204)]
    call = ours.create(carrier)

    def delete_once() -> None:
        api.meanwhile = lambda: None
        ours.delete(call)
        assert f"hang-up:{call['id']}" not in ours.later.waiting

    api.meanwhile = delete_once
    assert run(outbound, ours, call) is None
    assert hang_up_deleted(ours, call) is None
    assert carrier.dialled.leg_ref in api.asked[1].path


def test_hanging_up_what_was_deleted_is_given_up_in_time(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.delete(call)
    api.replies["POST"] = [DOWN]
    assert hang_up_deleted(ours, call) == hangup.RETRY_SECONDS
    ours.clock.pass_(hangup.PATIENCE_SECONDS + 1)
    assert hang_up_deleted(ours, call) is None


def test_a_call_deleted_in_its_last_words(both: tuple[Domain, RestApi]) -> None:
    """Its leg was to be hung up a moment later, by a job that would have found no call."""
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.end(call)
    ours.delete(call)
    api.replies["POST"] = [TWILIO.state("completed")]
    assert hang_up_deleted(ours, call) is None
    assert len(api.asked) == 1


def test_a_deleted_calls_leg_that_is_over(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = dialled(ours, api, TWILIO)
    ours.hear(call, TWILIO, EventKind.LEG_ENDED, reason=EndedReason.CUSTOMER_ENDED_CALL)
    ours.later.waiting.clear()
    ours.delete(call)
    assert f"hang-up:{call['id']}" not in ours.later.waiting


def test_a_deleted_calls_leg_that_went_on_to_its_flow(both: tuple[Domain, RestApi]) -> None:
    """The call was over, and its leg is in the flow's hands: tidying up hangs nobody up."""
    ours, api = both
    flow = "https://webhooks.twilio.com/v1/Accounts/AC1/Flows/FW1"
    call = dialled(ours, api, TWILIO, phoneCallProviderReturnUrl=flow)
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
    ours.hear(call, TWILIO, EventKind.MEDIA_CONNECTED)
    ours.end(call)
    assert f"hang-up:{call['id']}" not in ours.later.waiting
    ours.delete(call)
    assert f"hang-up:{call['id']}" not in ours.later.waiting


def test_a_deleted_calls_leg_that_a_flow_brought(both: tuple[Domain, RestApi]) -> None:
    """It runs out of markup: the URLs in there lead nowhere any more."""
    ours, _ = both
    call = ours.create(TWILIO, phoneCallProviderBypassEnabled=True)
    callback = urlsplit(call["phoneCallProviderDetails"]["statusCallback"]).path
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED, token=callback.rpartition("/")[2])
    assert ours.get(call)["phoneCallProviderId"] == TWILIO.dialled.call_ref
    ours.delete(call)
    assert f"hang-up:{call['id']}" not in ours.later.waiting
