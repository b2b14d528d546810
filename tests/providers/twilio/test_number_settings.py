"""How a number is set up at Twilio, as ``patchbay doctor`` reads it."""

from __future__ import annotations

from typing import Any

import pytest

from providers.base.rest import NumberSetting
from providers.base.webhook import HookKind
from providers.errors import CarrierError
from providers.testing.contract import ORIGIN
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.twilio.api import client_of
from tests.providers.twilio.case import ACCOUNT_SID

NUMBER = "+12125550100"
ARRIVES, STATUSES = f"{ORIGIN}/twilio/inbound_call", f"{ORIGIN}/twilio/status"
RESOURCE = {
    "sid": "PN" + "2468ace0" * 4,
    "account_sid": ACCOUNT_SID,
    "phone_number": NUMBER,
    "voice_url": ARRIVES,
    "voice_method": "POST",
    "status_callback": STATUSES,
    "status_callback_method": "POST",
    "trunk_sid": None,
    "voice_application_sid": "",
}
"""https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource"""
TRUNK, APP = "TK" + "0f1e2d3c" * 4, "AP" + "3c2d1e0f" * 4


def settings(api: RestApi, **changes: Any) -> tuple[NumberSetting, NumberSetting]:
    api.says(200, {"incoming_phone_numbers": [{**RESOURCE, **changes}]})
    calls, statuses = client_of(api).number(NUMBER)
    return calls, statuses


def test_a_number_that_is_set_up(api: RestApi) -> None:
    assert settings(api) == (
        NumberSetting("A call comes in", ARRIVES, HookKind.ARRIVE),
        NumberSetting("Call status changes", STATUSES, HookKind.STATUS),
    )
    ((method, path, *_),) = api.asked
    assert method == "GET"
    assert path.startswith(f"/2010-04-01/Accounts/{ACCOUNT_SID}/IncomingPhoneNumbers.json?")
    assert "PhoneNumber=%2B12125550100" in path  # the plus, not a space
    assert "PageSize=1" in path


@pytest.mark.parametrize("empty", [None, ""])
def test_an_url_that_is_not_set(api: RestApi, empty: str | None) -> None:
    calls, statuses = settings(api, voice_url=empty, status_callback=empty)
    assert (calls.value, calls.problem) == (None, None)
    assert (statuses.value, statuses.problem) == (None, None)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"trunk_sid": TRUNK}, f"SIP trunk {TRUNK} takes its calls: choose Webhook instead"),
        (
            {"voice_application_sid": APP},
            f"TwiML app {APP} takes its calls: choose Webhook instead",
        ),
        # The trunk wins at Twilio, so it is the one to name.
        (
            {"trunk_sid": TRUNK, "voice_application_sid": APP},
            f"SIP trunk {TRUNK} takes its calls: choose Webhook instead",
        ),
        ({"trunk_sid": "", "voice_application_sid": None}, None),
    ],
)
def test_calls_that_something_else_takes(
    api: RestApi, changes: dict[str, Any], problem: str | None
) -> None:
    calls, statuses = settings(api, **changes)
    assert (calls.value, calls.problem) == (ARRIVES, problem)
    assert statuses.problem is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status_callback_method": "GET"}, "it is sent by GET: choose HTTP POST"),
        ({"status_callback_method": "POST"}, None),
        ({"status_callback_method": None}, None),  # Twilio's default is POST
        ({"status_callback_method": "GET", "status_callback": ""}, None),  # sent to no address
        ({"voice_method": "GET"}, None),  # calls may come by either
    ],
)
def test_statuses_are_taken_by_post_only(
    api: RestApi, changes: dict[str, Any], problem: str | None
) -> None:
    calls, statuses = settings(api, **changes)
    assert (calls.problem, statuses.problem) == (None, problem)


def test_a_number_of_another_account(api: RestApi) -> None:
    api.says(200, {"incoming_phone_numbers": []})
    with pytest.raises(CarrierError, match=r"no number \+12125550100 in this account") as caught:
        client_of(api).number(NUMBER)
    assert (caught.value.permanent, caught.value.gone) == (True, True)
