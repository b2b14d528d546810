"""``transferPlan.sipVerb``: what is done with a caller's leg that is SIP, and with any other."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.settings import Settings
from providers.base.instructions import Connect, Forward, HangUp, Instruction, Refer, Return
from providers.base.webhook import HookKind
from providers.events import EventKind
from tests.domain.legs.warm_transfer import NUMBER, WarmTransfer
from tests.domain.use_cases import domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import CarrierFake

HOST, FLOW = "pbx.example", "https://flow.example/back"


@pytest.fixture(params=FAKES.values(), ids=list(FAKES))
def call(settings: Settings, request: pytest.FixtureRequest) -> Iterator[WarmTransfer]:
    carrier: CarrierFake = request.param
    with domain(replace(settings, allowed_sip_hosts=frozenset({HOST}))) as (ours, api):
        yield WarmTransfer(ours, api, carrier)


def by_sip(call: WarmTransfer) -> WarmTransfer:
    call.leg = replace(call.leg, sip=True)
    return call


def there(verb: str | None, mode: str = "blind-transfer", **more: Any) -> dict[str, Any]:
    plan = {"mode": mode, **({"sipVerb": verb} if verb else {})}
    return {"type": "sip", "sipUri": f"sip:desk@{HOST}", "transferPlan": plan, **more}


def only(answer: list[Instruction]) -> Instruction:
    (found,) = answer
    return found


def test_a_sip_leg_is_referred_where_the_carrier_can(call: WarmTransfer) -> None:
    found = only(by_sip(call).begin(there("refer", sipHeaders={"Desk": "billing"})))
    if call.carrier.name == "twilio":
        assert isinstance(found, Refer)
        assert (found.destination, found.sip_headers) == (f"sip:desk@{HOST}", {"X-Desk": "billing"})
        assert only(call.room_left(EventKind.FORWARD_ENDED)) == HangUp()
        assert call.ended == "assistant-forwarded-call"
        assert call.now["destination"]["sipUri"] == f"sip:desk@{HOST}"
    else:
        assert isinstance(found, Forward)


def test_a_device_that_does_not_reach_the_destination_keeps_the_caller(call: WarmTransfer) -> None:
    by_sip(call).begin(there("refer"))
    answer = call.tell(HookKind.FORWARD, EventKind.FORWARD_FAILED, token=call.token())
    assert isinstance(only(answer), Connect)
    assert call.outcome == ("in-progress", None)
    assert [each["status"] for each in call.now["artifact"]["transfers"]] == ["failed"]


def test_a_bye_ends_the_leg(call: WarmTransfer) -> None:
    """The caller's own side goes on."""
    assert only(by_sip(call).begin(there("bye"))) == HangUp()
    assert call.ended == "assistant-forwarded-call"
    assert call.now["destination"]["sipUri"] == f"sip:desk@{HOST}"
    assert [each["status"] for each in call.now["artifact"]["transfers"]] == ["completed"]


def test_a_bye_gives_a_flow_its_leg_back(settings: Settings) -> None:
    allowed = replace(
        settings,
        allowed_sip_hosts=frozenset({HOST}),
        allowed_return_hosts=frozenset({"flow.example"}),
    )
    with domain(allowed) as (ours, api):
        flow = {"phoneCallProviderReturnUrl": FLOW}
        found = only(by_sip(WarmTransfer(ours, api, FAKES["twilio"], **flow)).begin(there("bye")))
        assert isinstance(found, Return)
        assert found.params["vapiEndedReason"] == "assistant-forwarded-call"


@pytest.mark.parametrize(
    ("verb", "sip", "destination", "told"),
    [
        ("dial", True, {}, None),
        (None, True, {}, None),
        ("refer", False, {}, "is not SIP"),
        ("bye", False, {}, "is not SIP"),
        ("refer", True, {"type": "number", "number": NUMBER}, "a number is dialled"),
    ],
)
def test_otherwise_the_destination_is_dialled_and_the_log_says_why(
    call: WarmTransfer,
    caplog: pytest.LogCaptureFixture,
    verb: str | None,
    sip: bool,
    destination: dict[str, Any],
    told: str | None,
) -> None:
    caplog.set_level(logging.WARNING, "app.domain.legs.sip_verbs")
    call.leg = replace(call.leg, sip=sip)
    assert isinstance(only(call.begin(there(verb, **destination))), Forward)
    lines = [each.getMessage() for each in caplog.records]
    if call.carrier.name != "twilio" and verb == "refer" and not destination:
        told = "sends no REFER"
    assert [told in line for line in lines if told] == ([True] if told else [])
