"""How a number is set up at Vonage, as ``patchbay doctor`` reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from providers.base.rest import CarrierClient, NumberSetting
from providers.base.webhook import HookKind
from providers.errors import CarrierError
from providers.vonage import VONAGE, number_settings
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.vonage.api import account
from tests.providers.vonage.cases import APPLICATION, ORIGIN

NUMBER, DIGITS = "+14155550100", "14155550100"
URLS = {
    "answer_url": {"address": f"{ORIGIN}/vonage/answer", "http_method": "GET"},
    "event_url": {"address": f"{ORIGIN}/vonage/event", "http_method": "POST"},
    "fallback_answer_url": {"address": f"{ORIGIN}/vonage/fallback", "http_method": "GET"},
}
VOICE = {"webhooks": URLS, "signed_callbacks": True}
UNSIGNED = "switch on 'Use signed webhooks', or every request is refused here"


def owned(**changes: Any) -> dict[str, Any]:
    """https://developer.vonage.com/en/api/numbers#getOwnedNumbers"""
    number = {"country": "US", "msisdn": DIGITS, "type": "mobile-lvn", "app_id": APPLICATION}
    return {"count": 1, "numbers": [{**number, **changes}]}


@pytest.fixture
def settings(vonage: RestApi) -> Callable[..., list[NumberSetting]]:
    """What the client reads of these two answers, asked for in this order."""

    def read(
        numbers: Any, application: Any = None, secrets: dict[str, Any] | None = None
    ) -> list[NumberSetting]:
        vonage.reply("GET", (200, numbers), (200, application))
        client: CarrierClient = VONAGE.client(
            account(vonage.url, **{"apiSecret": "s3cret", **(secrets or {})})
        )
        return list(client.number(NUMBER))

    return read


Read = Callable[..., list[NumberSetting]]


def test_a_number_that_is_set_up(vonage: RestApi, settings: Read) -> None:
    assert settings(owned(), {"id": APPLICATION, "capabilities": {"voice": VOICE}}) == [
        NumberSetting("Linked application", APPLICATION),
        NumberSetting("Answer URL", f"{ORIGIN}/vonage/answer", HookKind.ARRIVE),
        NumberSetting("Event URL", f"{ORIGIN}/vonage/event", HookKind.STATUS),
        NumberSetting("Fallback URL", f"{ORIGIN}/vonage/fallback", HookKind.FALLBACK),
        NumberSetting("Use signed webhooks", "on"),
    ]
    assert [asked[:2] for asked in vonage.asked] == [
        ("GET", f"/account/numbers?pattern={DIGITS}&search_pattern=0"),  # digits, no plus
        ("GET", f"/v2/applications/{APPLICATION}"),
    ]


@pytest.mark.parametrize(
    "numbers",
    [
        {"count": 0, "numbers": []},
        {},  # how Vonage says none
        {"count": 0, "numbers": None},
        {"count": 1, "numbers": [{"msisdn": f"{DIGITS}9"}]},  # begins with ours, is another
        {"count": 1, "numbers": [{"country": "US"}, "x", None]},
        [],
    ],
)
def test_a_number_of_another_account(vonage: RestApi, settings: Read, numbers: Any) -> None:
    with pytest.raises(CarrierError, match=r"no number \+14155550100 in this account") as caught:
        settings(numbers)
    assert (caught.value.permanent, caught.value.gone) == (True, True)
    assert len(vonage.asked) == 1


def test_ours_is_found_among_longer_ones(settings: Read) -> None:
    numbers = owned()
    numbers["numbers"].insert(0, {"msisdn": f"{DIGITS}9", "app_id": "another"})
    assert settings(numbers, {})[0] == NumberSetting("Linked application", APPLICATION)


def test_a_number_that_is_not_linked(vonage: RestApi, settings: Read) -> None:
    """Our own application's URLs are shown all the same: linking is all that lacks."""
    link, *urls = settings(owned(app_id=None), {"capabilities": {"voice": VOICE}})
    assert (link.value, "link the number" in str(link.problem)) == (None, True)
    assert [each.problem for each in urls] == [None] * 4
    assert vonage.asked[1].path == f"/v2/applications/{APPLICATION}"


def test_a_number_of_another_application(vonage: RestApi, settings: Read) -> None:
    """Its URLs are none of ours, so they are not even read."""
    (link,) = settings(owned(app_id="another"))
    assert link.value == "another"
    assert link.problem == f"the number is linked to another application than ours, {APPLICATION}"
    assert len(vonage.asked) == 1


def test_an_account_that_names_no_application_takes_the_numbers(
    vonage: RestApi, settings: Read
) -> None:
    link, *urls = settings(
        owned(app_id="x/../y"), {"capabilities": {"voice": VOICE}}, {"applicationId": None}
    )
    assert (link.value, link.problem, len(urls)) == ("x/../y", None, 4)
    assert vonage.asked[1].path == "/v2/applications/x%2F..%2Fy"


def test_neither_names_an_application(vonage: RestApi, settings: Read) -> None:
    (link,) = settings(owned(app_id=None), None, {"applicationId": None})
    assert "link the number" in str(link.problem)
    assert len(vonage.asked) == 1


@pytest.mark.parametrize("signed", [False, None, "true", 1])
def test_unsigned_webhooks_are_a_problem(signed: Any) -> None:
    *_, last = number_settings.webhooks(
        {"capabilities": {"voice": {**VOICE, "signed_callbacks": signed}}}
    )
    assert last == NumberSetting("Use signed webhooks", "off", problem=UNSIGNED)


@pytest.mark.parametrize(
    "application",
    [
        {},
        {"capabilities": {}},  # no Voice
        {"capabilities": {"messages": {}}},
        {"capabilities": None},
        {"capabilities": {"voice": None}},
        {"capabilities": {"voice": {"webhooks": None}}},
        {"capabilities": {"voice": {"webhooks": {"answer_url": None, "event_url": "x"}}}},
        {"capabilities": {"voice": {"webhooks": {"answer_url": {"address": ""}}}}},
        {"capabilities": {"voice": {"webhooks": {"answer_url": {}}}}},
    ],
)
def test_an_application_without_urls(application: dict[str, Any]) -> None:
    *urls, signed = number_settings.webhooks(application)
    assert [each.name for each in urls] == ["Answer URL", "Event URL", "Fallback URL"]
    assert {each.value for each in urls} == {None}
    assert signed.problem == UNSIGNED
